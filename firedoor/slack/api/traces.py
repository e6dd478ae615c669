"""What became of a message whose answer was lost: its key is looked for in the channel's history."""

from collections.abc import AsyncIterator
from typing import Any

from firedoor.slack.api.faults import SlackUnreachableError
from firedoor.slack.api.pace import TIER_3
from firedoor.slack.api.web import Web
from firedoor.slack.store import Message

#: The type of the metadata of each message of ours; its payload has `key` and `incident`.
EVENT = "firedoor"
#: Slack's clock and ours may differ by so many seconds.
CLOCK_SECONDS = 3600.0
PAGE = 200
#: Pages that are read at most: 10,000 messages between the call and now.
MOST_PAGES = 50


async def trace(web: Web, message: Message) -> str:
    """The timestamp of a message, or nothing if it never arrived.

    Looks from an hour before its first attempt until now. Needs channels:history, and groups:history for private
    channels. Raises `SlackError`; then it is still in doubt.
    """
    async for one in _around(web, message):
        if key_of(one) == message.key:
            return str(one.get("ts", ""))
    return ""


async def is_attached(web: Web, message: Message, name: str) -> bool:
    """Is a file of that name there, which was being uploaded? Raises `SlackError`."""
    async for one in _around(web, message):
        if any(file.get("name") == name for file in one.get("files") or ()):
            return True
    return False


async def _around(web: Web, message: Message) -> AsyncIterator[dict[str, Any]]:
    """The messages of the place and time in which a message may be. Raises `SlackError`."""
    method = "conversations.replies" if message.thread else "conversations.history"
    arguments: dict[str, Any] = {
        "channel": message.channel,
        "limit": PAGE,
        "include_all_metadata": True,
        "oldest": f"{message.since - CLOCK_SECONDS:.6f}",
    }
    if message.thread:
        arguments["ts"] = message.thread
    for _ in range(MOST_PAGES):
        answer = await web.call(method, lane=TIER_3, about=message.channel, **arguments)
        for one in answer.get("messages") or ():
            yield one
        metadata = answer.get("response_metadata") or {}
        cursor = str(metadata.get("next_cursor") or "")
        if not cursor:
            return
        arguments["cursor"] = cursor
    raise SlackUnreachableError(f"{message.channel} has too many messages to look through.", doubtful=True)


def key_of(message: Any) -> str:
    """The key that a message of ours carries, or nothing."""
    metadata = message.get("metadata") if isinstance(message, dict) else None
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT:
        return ""
    payload = metadata.get("event_payload")
    return str(payload.get("key", "")) if isinstance(payload, dict) else ""
