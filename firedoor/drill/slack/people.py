"""What people see: messages, modals, and what Slack itself tells them."""

from collections.abc import Iterator
from typing import Any

from firedoor.drill.slack.inputs import NotPossible
from firedoor.drill.slack.state import JSON, Message, View
from firedoor.drill.slack.workspace import Workspace


def seen_by(workspace: Workspace, user: str, channel: str, *, thread: str = "") -> list[Message]:
    """The messages of a channel, or of one of its threads, on somebody's screen: of the ephemeral ones only their own.

    Empty for a private channel that they are not in.
    """
    there = workspace.channels[channel]
    if there.is_private and user not in there.members:
        return []
    return [
        one
        for one in workspace.messages(channel)
        if one.ephemeral_to in {"", user} and (thread in {one.thread_ts, one.ts} if thread else not one.is_reply)
    ]


def must_see(workspace: Workspace, user: str, message: Message) -> None:
    """Raise `NotPossible` if somebody does not have a message on the screen (any more)."""
    channel = workspace.channels[message.channel]
    there = workspace.message(message.channel, message.ts) is message
    if not there or message.ephemeral_to not in {"", user} or (channel.is_private and user not in channel.members):
        raise NotPossible("They do not see that message.")
    if channel.is_archived:
        raise NotPossible("The channel is archived.")


def elements(blocks: list[JSON]) -> Iterator[tuple[JSON, JSON]]:
    """What can be pressed or chosen in blocks, each with its block."""
    for block in blocks:
        for one in (block.get("accessory"), *(block.get("elements") or ()), block.get("element")):
            if isinstance(one, dict) and "action_id" in one:
                yield block, one


def find_element(blocks: list[JSON], action_id: str, value: Any = None) -> tuple[JSON, JSON]:
    """The element with an action id, and its block. Of several buttons with one id, that with the `value`."""
    found = [pair for pair in elements(blocks) if pair[1]["action_id"] == action_id]
    if value is not None and len(found) > 1:
        found = [pair for pair in found if pair[1].get("value") == value] or found
    if not found:
        known = ", ".join(one["action_id"] for _, one in elements(blocks)) or "nothing"
        raise NotPossible(f"There is no {action_id} to press, only {known}.")
    return found[0]


def buttons(where: Message | View) -> dict[str, str]:
    """The words on the buttons of a message or a view, by action id."""
    blocks: list[JSON] = where.blocks if isinstance(where, Message) else where.said["blocks"]
    return {one["action_id"]: one["text"]["text"] for _, one in elements(blocks) if one["type"] == "button"}


def dialog_text(element: JSON) -> str:
    """The confirm dialog of an element, a line for each of title, text, yes and no; empty if it has none."""
    confirm = element.get("confirm")
    if not confirm:
        return ""
    return "\n".join(str(confirm[name]["text"]) for name in ("title", "text", "confirm", "deny"))
