"""`response_url`: where an app answers a command or a press, five times within 30 minutes.

https://docs.slack.dev/interactivity/handling-user-interaction. The words of its refusals are not documented: `used_url`
and `expired_url` are what people report.
"""

from typing import Any, Final

from firedoor.drill.slack.blocks import check_message, with_ids
from firedoor.drill.slack.refusal import Refusal
from firedoor.drill.slack.state import JSON, Message, ResponseUrl
from firedoor.drill.slack.workspace import BOT, BOT_ID, Workspace

USES: Final = 5
SECONDS: Final = 30 * 60


def answer(workspace: Workspace, key: str, said: Any) -> None:
    """What an app posted to a response URL. Refuses with a status of HTTP of 404 or 400."""
    url = workspace.response_urls.get(key)
    if url is None or workspace.clock.now() - url.made > SECONDS:
        raise Refusal("expired_url", status=404)
    if url.uses >= USES:
        raise Refusal("used_url", status=404)
    if not isinstance(said, dict):
        raise Refusal("invalid_payload", status=400)
    url.uses += 1
    original = workspace.message(url.channel, url.ts) if url.ts else None
    if said.get("delete_original"):
        if original is not None:
            workspace.delete(original)
        return
    blocks = with_ids(check_message(said.get("blocks"), workspace.features), lambda: workspace.new_id("b"))
    text = str(said.get("text") or "")
    if not text and not blocks:
        raise Refusal("no_text", status=400)
    if said.get("replace_original") and original is not None:
        workspace.edit(original, text, blocks)
        return
    show(workspace, url, said | {"blocks": blocks, "text": text})


def show(workspace: Workspace, url: ResponseUrl, said: JSON) -> Message:
    """A new message of the app's: `in_channel` for everybody, else for whoever has done what it answers."""
    public = said.get("response_type") == "in_channel"
    return workspace.post(
        Message(
            channel=url.channel,
            ts=workspace.new_ts(),
            user=BOT,
            bot_id=BOT_ID,
            text=str(said.get("text") or ""),
            blocks=said.get("blocks") or [],
            thread_ts=str(said.get("thread_ts") or url.thread_ts),
            metadata=said.get("metadata"),
            ephemeral_to="" if public else url.user,
        )
    )
