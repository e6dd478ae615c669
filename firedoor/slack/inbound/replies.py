"""Answers to one person: where they go, and how an error reads.

By the URL that came with the press where there is one: it works in channels that the bot is not in. In a thread, by
the channel: only that shows in the thread. Where neither works (the channel is gone, the URL has expired), by a direct
message.
"""

import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from firedoor.errors import FiredoorError
from firedoor.slack.api.client import Slack
from firedoor.slack.api.faults import SlackError
from firedoor.slack.drawing.fields import Block, told
from firedoor.slack.drawing.markup import safe
from firedoor.slack.payload import part, word

#: Slack shows a message's text best up to here.
MOST_TEXT = 4000
#: Blocks that a message takes.
MOST_BLOCKS = 50

_LOG = logging.getLogger("firedoor.slack")


@dataclass(frozen=True, slots=True)
class Place:
    """Who is answered, and where. `ephemeral`: what was pressed is shown to them alone, so it can be replaced."""

    user: str
    channel: str = ""
    thread: str = ""
    response_url: str = ""
    ephemeral: bool = False


def place_of(payload: Mapping[str, Any]) -> Place:
    """Where the answer to a payload of any kind goes."""
    if event := part(payload, "event"):
        return Place(word(event, "user"), word(event, "channel"), word(event, "thread_ts"))
    message, container = part(payload, "message"), part(payload, "container")
    user = word(part(payload, "user"), "id") or word(payload, "user_id")
    if slip := _slip(part(payload, "view")):
        return Place(user, word(slip, "channel"), word(slip, "thread"))
    return Place(
        user=user,
        channel=word(part(payload, "channel"), "id") or word(container, "channel_id") or word(payload, "channel_id"),
        thread=word(message, "thread_ts") or word(container, "thread_ts"),
        response_url=word(payload, "response_url"),
        ephemeral=container.get("is_ephemeral") is True,
    )


def _slip(view: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a form carries of where it was opened (`forms.Slip`): its submission has no channel."""
    try:
        found = json.loads(word(view, "private_metadata") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def message_of(payload: Mapping[str, Any]) -> str:
    """The timestamp of the message that was pressed or chosen, or nothing."""
    return word(part(payload, "message"), "ts") or word(part(payload, "container"), "message_ts")


def paragraphs(*texts: str) -> list[Block]:
    """Paragraphs, shown as they are."""
    return [told(text) for text in texts if text]


def sentences(error: FiredoorError, more: str = "") -> tuple[str, ...]:
    """What happened, what was and was not changed, and what to do next."""
    return tuple(text for text in (error.what, more, error.changed, error.next) if text)


class Replies:
    """Says things to one person."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack

    async def say(
        self, place: Place, *texts: str, blocks: Sequence[Block] = (), brief: str = "", replace: bool = False
    ) -> None:
        """Say it to the person alone: `texts` as paragraphs, then `blocks`. What reaches nobody is logged, not raised.

        `brief` (mrkdwn) is for notifications and screen readers, where `texts` say nothing. With `replace` it stands in
        the place of what was pressed, where only they see that.
        """
        shown = [*paragraphs(*texts), *blocks][:MOST_BLOCKS]
        text = safe(" ".join(texts), MOST_TEXT) if texts else brief or "firedoor"
        last: FiredoorError | None = None
        for send in self._ways(place, replace=replace and place.ephemeral):
            try:
                await send(text, shown)
            except FiredoorError as error:
                last = error
                continue
            return
        _LOG.warning("an answer to %s reached nobody: %s", place.user, last.what if last else "there is no way to them")

    def _ways(self, place: Place, *, replace: bool) -> list[Any]:
        slack = self._slack

        async def respond(text: str, blocks: Sequence[Block]) -> None:
            await slack.respond(place.response_url, text, blocks, replace=replace)

        async def in_channel(text: str, blocks: Sequence[Block]) -> None:
            await slack.ephemeral(place.channel, place.user, text, blocks, thread=place.thread)

        async def alone(text: str, blocks: Sequence[Block]) -> None:
            await slack.post(place.user, text, blocks, key=f"answer/{secrets.token_hex(16)}")

        by_url = [respond] if place.response_url else []
        by_channel = [in_channel] if place.channel else []
        first = by_channel + by_url if place.thread and not replace else by_url + by_channel
        return [*first, *([alone] if place.user else [])]

    async def show(self, view_id: str, view: Mapping[str, Any]) -> bool:
        """Show a form in the one that is open. False where the person has closed it meanwhile."""
        try:
            await self._slack.update_view(view_id, view)
        except SlackError as error:
            _LOG.info("a form could not be shown: %s", error.what)
            return False
        return True
