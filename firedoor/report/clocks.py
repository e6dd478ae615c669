"""The clocks in a report: what was due when, and what became of it, as the timeline says. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from firedoor.clock import NOT_ADVICE, OPEN, ClockState
from firedoor.report.document import Cell, Mark, Section, Table, Text, Tone
from firedoor.timeline.entry import Entry, Kind

TONES: dict[ClockState, Tone] = {
    ClockState.MET: "good",
    ClockState.MISSED: "bad",
    ClockState.LATE: "bad",
    ClockState.WAIVED: "plain",
}


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock, as its last entry says. Times are RFC 3339; `due` is empty where the law gives none."""

    name: str
    title: str
    state: ClockState
    due: str = ""
    say: str = ""
    entry: int = 0


def clocks(entries: Sequence[Entry]) -> tuple[Clock, ...]:
    """The clocks of an incident, in the order in which they were set: what the last entry about each says."""
    found = dict[str, Clock]()
    for entry in entries:
        name = str(entry.body.get("deadline") or "")
        state = _state(entry)
        if not name or state is None:
            continue
        say = str(entry.body.get("say") or "")
        title, _, _ = say.partition(": due ")
        known = found.get(name, Clock(name, title if entry.kind == Kind.DEADLINE_SET else name, state))
        due = str(entry.body.get("due") or known.due)
        by, said = entry.part("actor"), say.removeprefix(f"{known.title}: ")
        said = f"{said} ({by.get('id')})" if by.get("kind") == "human" else said
        found[name] = replace(known, state=state, due=due, say=said, entry=entry.seq)
    return tuple(found.values())


def section(clocks: Sequence[Clock]) -> Iterator[Section]:
    """What was owed, and whether it was done in time; nothing where nothing was owed."""
    if not clocks:
        return
    rows = tuple(_row(clock) for clock in clocks)
    heads = ("clock", "state", "due", "what happened", "entry")
    yield Section("clocks", "Clocks", (Table("Clocks", heads, rows), Text(NOT_ADVICE)))


def _row(clock: Clock) -> tuple[Cell, ...]:
    state = Mark(clock.state.value, TONES.get(clock.state, "open" if clock.state in OPEN else "plain"))
    due = clock.due[:16].replace("T", " ") or "without undue delay"
    return f"{clock.title} ({clock.name})", state, due, clock.say, str(clock.entry)


def _state(entry: Entry) -> ClockState | None:
    """What an entry makes of its clock; None for one that makes nothing of it."""
    match entry.kind:
        case Kind.DEADLINE_SET:
            return ClockState.RUNNING
        case Kind.DEADLINE_MISSED:
            return ClockState.MISSED
        case Kind.DEADLINE_MET:
            return ClockState.LATE if entry.body.get("late") else ClockState.MET
        case Kind.DECISION if entry.body.get("verb") == "waive":
            return ClockState.WAIVED
        case _:
            return None
