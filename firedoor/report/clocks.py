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
STATES = {Kind.DEADLINE_SET: ClockState.RUNNING, Kind.DEADLINE_MISSED: ClockState.MISSED}
DEADLINES = frozenset({Kind.DEADLINE_SET, Kind.DEADLINE_MET, Kind.DEADLINE_MISSED})


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock, as its last entry says. Times are RFC 3339; `due` is empty where the law gives none."""

    name: str
    title: str
    state: ClockState
    due: str = ""
    at: str = ""
    say: str = ""
    entry: int = 0


def clocks(entries: Sequence[Entry]) -> tuple[Clock, ...]:
    """The clocks of an incident, in the order in which they were set."""
    found = dict[str, Clock]()
    for entry in entries:
        if entry.kind not in DEADLINES:
            continue
        told = entry.part("deadline") or entry.body
        name = str(told.get("name") or entry.body.get("name") or "")
        known = found.get(name, Clock(name, str(told.get("title") or name), ClockState.RUNNING))
        found[name] = replace(
            known,
            state=_state(entry, told.get("state")),
            due=str(told.get("due") or known.due),
            at=entry.recorded_at,
            say=str(entry.body.get("say") or ""),
            entry=entry.seq,
        )
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
    return clock.title or clock.name, state, due, clock.say, str(clock.entry)


def _state(entry: Entry, said: object) -> ClockState:
    if isinstance(said, str) and said in set(ClockState):
        return ClockState(said)
    return STATES.get(Kind(entry.kind), ClockState.MET)
