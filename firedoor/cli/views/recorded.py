"""An incident as its timeline alone has it: for when Temporal cannot be asked. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from firedoor.cli.views.signs import VERDICTS, Sign
from firedoor.plan import Verdict
from firedoor.timeline.entry import OUTCOMES, Entry, Kind
from firedoor.timeline.render import Row, printable, rows, unresolved
from firedoor.words import plural

#: What the last entry of a step means, where it is no outcome.
WORDS = {
    Kind.ACTION_INTENT: Sign("▶", "begun", "cyan"),
    Kind.STEP_NEEDS_ATTENTION: Sign("!", "needed a person", "bold red"),
    Kind.STEP_SKIPPED: Sign("-", "skipped", "dim"),
}
DONE, FAILED = Sign("✓", "outcome recorded", "green"), Sign("✗", "failure recorded", "red")
DECIDED = Sign("?", "decided by a person", "yellow")


@dataclass(frozen=True, slots=True)
class Last:
    """The last entry of one step; of the incident itself where `step` is empty. `open` intents have no outcome."""

    step: str
    sign: Sign
    row: Row
    open: int


def last_entries(entries: Sequence[Entry]) -> list[Last]:
    """The last entry of each step of the latest run, in the order in which the steps appear."""
    opened = [entry.part("cause").get("run") for entry in entries if entry.kind == Kind.INCIDENT_OPENED]
    # The same identity may have been opened before; its entries stand in the same chain.
    entries = [entry for entry in entries if entry.part("cause").get("run") in (None, *opened[-1:])]
    latest: dict[str, tuple[Entry, Row]] = {}
    for entry, row in zip(entries, rows(entries), strict=True):
        latest[row.step] = (entry, row)
    pending = [printable(str(entry.part("cause").get("step", ""))) for entry in unresolved(entries)]
    return [Last(step, _sign(entry), row, pending.count(step)) for step, (entry, row) in latest.items()]


def _sign(entry: Entry) -> Sign:
    if entry.kind in OUTCOMES:
        result = entry.part("result")
        if result.get("verdict") in {verdict.value for verdict in Verdict}:
            return VERDICTS[Verdict(result["verdict"])]
        return DONE if result.get("status") in (None, "ok") else FAILED
    return WORDS.get(Kind(entry.kind), DECIDED) if entry.kind in set(Kind) else DECIDED


def recorded(entries: Sequence[Entry]) -> RenderableType:
    """The last that is known of each step, and up to when."""
    lasts = last_entries(entries)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold", ratio=1)
    for last in lasts:
        if last.step:
            said = Text(last.row.say.removeprefix(f"{last.step}: "))
            if last.open:
                said.append(f"\n! {last.open:,} begun, with no recorded end", style="bold yellow")
            table.add_row(Text(f"  {last.step}", style="bold"), last.sign.text(), last.row.time, said)
    about = [last for last in lasts if not last.step]
    incident = [Text(f"  incident: {last.row.say}  {last.row.time}") for last in about]
    name, until = printable(entries[0].incident), printable(entries[-1].recorded_at[:19].replace("T", " "))
    head = Text(f"What the timeline has of {name}: {plural(len(entries), 'entries')}, the last at {until} UTC")
    head.stylize("bold")
    foot = "This is the record, not the present: what has happened since, and what waits for people, Temporal knows."
    return Group(head, table, *incident, Text(foot, style="dim"))
