"""A conversation as plain lines, as people saw it: `firedoor drill --slack` prints them, with what people did.

#incidents
09:14:02  firedoor: AWS access key leaked (edited 3 times)
          [Approve] [Deny]
  09:14:05  alice: looks real
09:14:09  firedoor, only to bob: You may not approve this.
"""

import datetime
import re
from dataclasses import dataclass
from typing import Final

from firedoor.drill.slack.lines import INDENT, block_lines
from firedoor.drill.slack.people import seen_by
from firedoor.drill.slack.state import Message, Version, View
from firedoor.drill.slack.workspace import Workspace

#: Where the second line of a message begins.
MARGIN: Final = " " * 10
#: A mention as `block_lines` leaves it.
MENTION: Final = re.compile(r"([@#])([UWSC][A-Z0-9]{8,})")


@dataclass(frozen=True, slots=True)
class Said:
    """A message in lines. `at` (seconds since 1970): when it was posted; of an ephemeral one, when it was edited."""

    at: float
    lines: list[str]


def transcript(workspace: Workspace, channel: str, *, viewer: str = "", history: bool = False) -> list[str]:
    """The lines of a channel and its threads, as `viewer` sees them; without one, all that was ever there.

    `history` shows what a message said before each edit, too; without it, how often it was edited.
    """
    with workspace.lock:
        there, lines = workspace.channels[channel], heading(workspace, channel)
        lines += [line for one in messages(workspace, channel, viewer=viewer, history=history) for line in one.lines]
        return [*lines, "(archived)"] if there.is_archived else lines


def heading(workspace: Workspace, channel: str) -> list[str]:
    """The name of a channel, its topic, its bookmarks."""
    there = workspace.channels[channel]
    name = f"@{workspace.users[there.members[0]].name}" if there.is_im else f"#{there.name}"
    name += f": {there.topic}" if there.topic else ""
    return [name, *(f"{INDENT}bookmark {one.title}: {one.link}" for one in there.bookmarks)]


def clock(at: float) -> str:
    """A time of day, UTC."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%H:%M:%S")


def messages(
    workspace: Workspace, channel: str, *, viewer: str = "", history: bool = False, threads: bool = False
) -> list[Said]:
    """The messages of a transcript, each followed by its thread; with `threads` those in threads with their history."""
    with workspace.lock:
        found: list[Said] = []
        for message in seen_by(workspace, viewer, channel) if viewer else _all(workspace, channel):
            found.append(_message(workspace, message, "", history=history))
            found += [
                _message(workspace, one, INDENT, history=history or (threads and not one.ephemeral_to))
                for one in _replies(workspace, message, viewer)
            ]
        return found


def modal_lines(view: View) -> list[str]:
    """A modal as lines: title, blocks, buttons."""
    said = view.said
    lines = [f"┌ {said['title']['text']}"] if "title" in said else []
    lines += [f"│ {line}" for line in block_lines(said["blocks"])]
    words = [said[name]["text"] for name in ("close", "submit") if said.get(name)]
    return [*lines, "└ " + " ".join(f"[{one}]" for one in words)]


def _all(workspace: Workspace, channel: str) -> list[Message]:
    return [one for one in workspace.messages(channel, deleted=True) if not one.is_reply]


def _replies(workspace: Workspace, message: Message, viewer: str) -> list[Message]:
    found = workspace.messages(message.channel, deleted=not viewer)
    return [
        one
        for one in found
        if one.is_reply and one.thread_ts == message.ts and (not viewer or one.ephemeral_to in {"", viewer})
    ]


def _message(workspace: Workspace, message: Message, indent: str, *, history: bool) -> Said:
    who = workspace.users[message.user].name
    if message.ephemeral_to:
        who += f", only to {workspace.users[message.ephemeral_to].name}"
    lines: list[str] = []
    at = float(message.ts)
    if history:
        for number, version in enumerate(message.versions):
            lines += _version(at, who, version, "edited" if number else "")
            at = version.until
    lines += _version(at, who, Version(at, message.text, message.blocks), _note(message, history=history))
    lines += [f"{MARGIN}file {workspace.uploads[one].title or workspace.uploads[one].name}" for one in message.files]
    if message.reactions:
        lines.append(MARGIN + " ".join(f":{name}: {len(people)}" for name, people in message.reactions.items()))
    # What only one person sees is replaced when they press something: that is when they read it.
    at = float(message.edited or message.ts) if message.ephemeral_to else float(message.ts)
    return Said(at, [f"{indent}{_named(workspace, line)}" for line in lines])


def _named(workspace: Workspace, line: str) -> str:
    """The line with names in place of the ids of people, groups and channels."""

    def name(match: re.Match[str]) -> str:
        sign, id = match[1], match[2]
        if user := workspace.users.get(id):
            return sign + user.name
        if group := workspace.groups.get(id):
            return sign + group.handle
        channel = workspace.channels.get(id)
        return sign + channel.name if channel else match[0]

    return MENTION.sub(name, line)


def _note(message: Message, *, history: bool) -> str:
    times = len(message.versions)
    if message.deleted:
        return "deleted"
    if not times:
        return ""
    return "edited" if history or times == 1 else f"edited {times} times"


def _version(at: float, who: str, version: Version, note: str) -> list[str]:
    # Blocks are what people see; the text is for notifications.
    lines = [line for line in block_lines(version.blocks) if line] or version.text.splitlines() or ["(nothing)"]
    first = lines[0] + (f" ({note})" if note else "")
    return [f"{clock(at)}  {who}: {first}", *(f"{MARGIN}{line}" for line in lines[1:])]
