"""The list of incidents. Pure."""

import datetime
from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from firedoor.cli.views.signs import INCIDENTS, VERDICTS, Sign
from firedoor.engine import Summary
from firedoor.words import clock, duration

#: Ends that Temporal itself knows of: terminated, failed, timed out from outside.
ENDED_FROM_OUTSIDE = "red"

#: What stands between the id of an incident and, of its undo, the step that is undone.
UNDO = ".undo"


def incidents(found: Sequence[Summary], now: datetime.datetime) -> Table:
    """One line an incident, those that its steps started below it. The id comes last: it is long, and may be folded."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(4):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(*(Text(title, style="dim") for title in ("STATE", "VERDICT", "STARTED UTC", "TOOK", "INCIDENT")))
    for one, depth in _families(found):
        signs: dict[str, Sign] = {state.value: sign for state, sign in INCIDENTS.items()}
        state = signs.get(one.state, Sign("✗", one.state, ENDED_FROM_OUTSIDE))
        verdicts = {verdict.value: sign for verdict, sign in VERDICTS.items()}
        verdict = verdicts[one.verdict].text() if one.verdict in verdicts else Text("-", style="dim")
        took = duration(((one.ended or now) - one.started).total_seconds())
        table.add_row(state.text(), verdict, clock(one.started.isoformat(), now), took, "  " * depth + one.id)
    return table


def _families(found: Sequence[Summary]) -> Iterator[tuple[Summary, int]]:
    """Each incident and how deep it stands. One whose parent is not in the list stands by itself."""
    runs = {one.run for one in found}
    latest = {one.id: one.run for one in reversed(found)}
    children: dict[str, list[Summary]] = {}
    for one in found:
        above = one.parent_run if one.parent_run in runs else latest.get(_undone_by(one), "")
        children.setdefault(above, []).append(one)
    waiting = [(one, 0) for one in reversed(children.get("", []))]
    while waiting:
        one, depth = waiting.pop()
        yield one, depth
        waiting += [(child, depth + 1) for child in reversed(children.get(one.run, []))]


def _undone_by(one: Summary) -> str:
    """The id of the incident that this one takes back; nothing where it is no undo. The engine names undos so."""
    return one.id.partition(UNDO)[0] if one.runbook.startswith("undo-") and UNDO in one.id else ""
