"""The timeline in short: what was decided and what was changed, and of thousands of the same one line. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from firedoor.campaign import Flow
from firedoor.report.document import Cell, Mark, Table
from firedoor.report.facts import is_proved
from firedoor.timeline.entry import OUTCOMES, Entry, Kind
from firedoor.timeline.render import Row, rows, unresolved
from firedoor.words import plural

#: Told one by one, however many there are.
TOLD: Final = frozenset(
    {
        Kind.INCIDENT_DETECTED,
        Kind.INCIDENT_OPENED,
        Kind.INCIDENT_AWARE,
        Kind.INCIDENT_CLASSIFIED,
        Kind.INCIDENT_MATERIALITY_DECIDED,
        Kind.INCIDENT_CLOSED,
        Kind.ALERT,
        Kind.STEP_NEEDS_ATTENTION,
        Kind.APPROVAL_REQUESTED,
        Kind.APPROVAL,
        Kind.APPROVAL_EXPIRED,
        Kind.APPROVAL_VOID,
        Kind.APPROVAL_BREAK_GLASS,
        Kind.ANSWER,
        Kind.DECISION,
        Kind.NOTE,
        Kind.REFUSAL,
        Kind.DEADLINE_SET,
        Kind.DEADLINE_MET,
        Kind.DEADLINE_MISSED,
        Kind.CORRECTION,
        Kind.REDACTION,
        Kind.GAP,
        Kind.CONFLICT,
    }
)
#: A step that acted on more targets than this is told in one line.
ONE_BY_ONE: Final = 3
#: Lines that a report can bear; the bundle has them all.
LINES: Final = 150


def story(entries: Sequence[Entry]) -> Table:
    """The lines, in their order."""
    days = sorted({entry.recorded_at[:10] for entry in entries})
    # The date stands in each line only where there are several.
    lines = [(str(line[0])[11:] if len(days) == 1 else line[0], *line[1:]) for line in _lines(entries)]
    shown, left = lines[:LINES], len(lines) - LINES
    total = f"{plural(len(entries), 'entries')} in all: firedoor timeline, and timeline.md in the bundle, have them."
    more = f"{plural(left, 'lines')} more are left out. {total}" if left > 0 else total
    when = f"In short, {days[0]}" if len(days) == 1 else "In short"
    return Table(f"{when}, UTC", ("time", "step", "what", "who", "entry"), tuple(shown), more)


def _lines(entries: Sequence[Entry]) -> Iterator[tuple[Cell, ...]]:
    counts = Counter(_group(entry) for entry in entries)
    verdicts = Counter((_group(entry), str(entry.part("result").get("verdict") or "")) for entry in entries)
    last = {_group(entry): entry.seq for entry in entries}
    for row, entry in zip(rows(entries), entries, strict=True):
        group = _group(entry)
        if (entry.kind in TOLD and not _of_many(entry)) or (group and counts[group] <= ONE_BY_ONE):
            yield _line(row, entry)
        elif group and last[group] == entry.seq:
            found = ", ".join(
                f"{count:,} {verdict}" for (of, verdict), count in verdicts.items() if of == group and verdict
            )
            said = f"{plural(counts[group], 'targets')} of {group[1]}{f': {found}' if found else ''}"
            yield row.time, row.step, said, _who(row, entry), str(row.seq)
    for row in rows(unresolved(entries)):
        yield row.time, row.step, Mark(f"begun, with no recorded end: {row.say}", "open"), row.who, str(row.seq)


def _of_many(entry: Entry) -> bool:
    """What the outbox tells of one customer. That a campaign as a whole stopped, or went on, is told."""
    return bool(entry.part("action")) and str(entry.body.get("decision") or "") not in {flow.value for flow in Flow}


def _group(entry: Entry) -> tuple[str, str] | None:
    """What an outcome of a change belongs to: step and action; None for the rest."""
    result, action = entry.part("result"), entry.part("action")
    if entry.kind not in OUTCOMES or not action:
        return None
    if not (result.get("verdict") or result.get("changed") or result.get("status") not in {None, "ok"}):
        return None
    return (str(entry.part("cause").get("step", "")), str(action.get("name", "")))


def _line(row: Row, entry: Entry) -> tuple[Cell, ...]:
    say: Cell = row.say.removeprefix(f"{row.step}: ")
    if row.verdict:
        say = f"{say} ({row.verdict})" if is_proved(row.verdict) else Mark(f"{say} ({row.verdict})", "bad")
    return row.time, row.step, say, _who(row, entry), str(row.seq)


def _who(row: Row, entry: Entry) -> str:
    """Whoever it was. The workflow's own decisions bear the incident's name, which everybody knows here."""
    return "" if row.who == entry.incident else row.who
