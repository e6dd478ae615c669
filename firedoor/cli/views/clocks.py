"""Clocks on the terminal: one line each, nearest first, red when near or missed. Pure."""

import datetime
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firedoor.clock import NOT_ADVICE, OPEN, ClockState, ClockView, nearest_first
from firedoor.words import clock, duration, parse

#: Less than this is near.
NEAR = datetime.timedelta(hours=4)
SOON = datetime.timedelta(hours=24)
#: Of what `standing` says, in columns.
WIDTH = 23
DONE = {
    ClockState.MET: ("✓ met", "green"),
    ClockState.LATE: ("! met late", "yellow"),
    ClockState.WAIVED: ("- waived", ""),
}


def clocks(found: Sequence[ClockView], now: datetime.datetime, *, incidents: bool = False) -> RenderableType:
    """Each clock in a line, with what it is about below. `incidents`: also of which it is."""
    parts: list[RenderableType] = []
    for one in found:
        told, style = standing(one, now)
        due = clock(one.due, now) if one.due else "no time given" if one.started and one.state in OPEN else ""
        head = Text.assemble((f"{told:<{WIDTH}}", style), f"{due:<17}", (one.name, "bold"))
        head.append(f"  {one.title}" if one.title else "")
        about = [one.incident, *_about(one)] if incidents else _about(one)
        parts += [head, Padding(Text("\n".join(about), style="dim"), (0, 0, 0, 4))]
    return Group(*parts, Text(), Text(f"Times are UTC. {NOT_ADVICE}", style="bold yellow"))


def brief(found: Sequence[ClockView], now: datetime.datetime, most: int | None = None) -> RenderableType:
    """The clocks of one incident among the rest of it: a line each, or only the `most` nearest of those still owed."""
    owed = [one for one in nearest_first(found) if most is None or one.state in OPEN][:most]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, min_width=WIDTH)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True, overflow="ellipsis", style="dim")
    for one in owed:
        told, style = standing(one, now)
        due = f"due {clock(one.due, now)} UTC" if one.due and one.state in OPEN else ""
        waits = f"starts when {one.starts}" if one.state is ClockState.WAITING else ""
        facts = " · ".join(part for part in (due, waits, one.title) if part)
        table.add_row(Text(f"  {told}", style=style), one.name, facts)
    return Group(Text.assemble(("Clocks", "bold"), (f"  {NOT_ADVICE}", "yellow")), table)


def standing(one: ClockView, now: datetime.datetime) -> tuple[str, str]:
    """Where a clock stands in a few words, and in which style: `3 h 12 m left`, `MISSED 2 h 05 m ago`."""
    if one.state in DONE:
        return DONE[one.state]
    if one.state is ClockState.WAITING:
        return "○ waits", "dim"
    due = parse(one.due)
    if due is None:
        return "▶ at once", "bold yellow"
    left = due - now
    if one.state is ClockState.MISSED or left <= datetime.timedelta():
        return f"✗ MISSED {duration(-left.total_seconds())} ago", "bold red"
    style = "bold red" if left <= NEAR else "yellow" if left <= SOON else ""
    return f"◷ {duration(left.total_seconds())} left", style


def _about(one: ClockView) -> list[str]:
    """What a person has to know of it: how it is counted or what starts it, what to send, how sure that is."""
    if one.state is ClockState.WAITING:
        lines = [f"starts when {one.starts}"]
    elif one.state in OPEN:
        lines = [one.how, *([one.reason] if one.reason else [])]
    else:
        by = f" by {one.by}" if one.by else ""
        lines = [f"{one.at}{by}: {one.reason}"]
    if one.state in OPEN:
        lines += [one.says] if one.says else []
        sure = "" if one.confidence == "source" else "UNVERIFIED · "
        lines += [f"{sure}{one.source} · data of {one.data}"] if one.regime else []
    return lines
