"""What was said and done in Slack during a drill, as lines for people: messages, and acts.

In the order of time, but that a message which was edited stands where it was posted: with what it says last, or in a
thread with all that it ever said.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from firedoor.drill.slack.transcript import MARGIN, Said, clock, heading, messages
from firedoor.drill.slack.workspace import Workspace

WIDTH: Final = 100
#: How many channels are shown that are shared with other teams.
SHARED: Final = 2
#: The first line of a message or an act.
TIMED: Final = re.compile(r" *\d\d:\d\d:\d\d  ")
#: What stands before the name of somebody who does something.
DOES: Final = "▸ "


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did, at a time (seconds since 1970, of Slack's clock), and what they read or typed meanwhile."""

    at: float
    who: str
    what: str
    more: tuple[str, ...] = ()


def conversation(workspace: Workspace, acts: Iterable[Act], width: int = WIDTH) -> tuple[str, ...]:
    """The lines of all channels in which something was said; none is wider than `width`.

    Of those that are shared with other teams two are enough: there may be thousands, and they all say the same.
    """
    lines: list[str] = []
    with workspace.lock:
        spoken = {one: said for one in workspace.channels if (said := messages(workspace, one, threads=True))}
        theirs = [one for one in spoken if workspace.channels[one].shared_with]
        for one in theirs[SHARED:]:
            del spoken[one]
        # What people do stands in the channel in which most was said: they look at one thing at a time.
        busiest = max(spoken, key=lambda one: len(spoken[one]), default="")
        for channel, said in spoken.items():
            done = [_done(act) for act in acts] if channel == busiest else []
            lines += ["", *heading(workspace, channel)] if lines else heading(workspace, channel)
            lines += [line for one in _in_order(said, done) for line in one.lines]
    if more := len(theirs[SHARED:]):
        lines += ["", f"And {more:,} more channels that are shared with customers."]
    return tuple(wrapped for line in lines for wrapped in _wrapped(line, width))


def _in_order(said: Sequence[Said], done: Sequence[Said]) -> Iterator[Said]:
    """All by time."""
    yield from sorted([*said, *done], key=lambda one: one.at)


def _done(act: Act) -> Said:
    return Said(act.at, [f"{clock(act.at)}  {DOES}{act.who} {act.what}", *(f"{MARGIN}{line}" for line in act.more)])


def _wrapped(line: str, width: int) -> list[str]:
    """A line, and under it what does not fit, as far from the edge as its words."""
    if len(line) <= width:
        return [line]
    begin = len(line) - len(line.lstrip())
    under = " " * (begin + (len(MARGIN) if TIMED.match(line) else 2))
    return textwrap.wrap(line, width, subsequent_indent=under, break_long_words=True, break_on_hyphens=False)
