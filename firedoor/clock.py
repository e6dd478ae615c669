"""Legal and contractual clocks of a running incident: moments, where each clock stands, what people say of it. Pure.

What a clock is and when it runs out is `firedoor.plan.Clock`; the data of the regimes is in `firedoor.deadlines`.
"""

from enum import StrEnum

from firedoor.plan import Clock, Frozen, Limit

#: Shown wherever clocks are listed.
NOT_ADVICE = "Not legal advice; confirm with counsel."

#: What starts clocks, and how a person says that it happened. The first two firedoor sees by itself.
MOMENTS = {
    "detected": "the incident was detected",
    "aware": "we became aware of it",
    "classified": "it was classified as one that must be reported",
    "materiality_decided": "it was decided that it is material",
    "fix_available": "a fix became available",
    "ransom_paid": "a ransom was paid",
}
#: `NAME.met`: a clock that starts when another one was met.
MET = ".met"


class ClockState(StrEnum):
    """`waiting`: what starts it has not happened. `missed` can still be met, late. `waived`: decided not to notify."""

    WAITING = "waiting"
    RUNNING = "running"
    MISSED = "missed"
    MET = "met"
    LATE = "late"
    WAIVED = "waived"


#: The states in which something is still owed.
OPEN = frozenset({ClockState.WAITING, ClockState.RUNNING, ClockState.MISSED})


class Moment(Frozen):
    """Something happened `at` (RFC 3339 UTC) that starts clocks; `by` whom it was said, `reason`: the facts known then.

    `entry` is the id of the timeline's entry about it.
    """

    name: str
    at: str
    by: str = ""
    reason: str = ""
    entry: str = ""


class DueCall(Frozen):
    """Ask when a clock is due. `moments` has what happened, by name, RFC 3339."""

    limits: tuple[Limit, ...]
    moments: dict[str, str]


class Due(Frozen):
    """When a clock is due: RFC 3339 UTC, empty where the law gives no time; which moment counts, and how it was counted."""

    due: str
    after: str
    how: str


class ClockView(Frozen):
    """What a front door shows of one clock. Times are RFC 3339 UTC; an empty `due` with a `started` is no given time.

    `starts` are the moments that it waits for, in words. `by` and `reason` say who met or waived it, and why; `at` when.
    """

    incident: str = ""
    name: str
    title: str = ""
    state: ClockState
    starts: str = ""
    started: str = ""
    due: str = ""
    how: str = ""
    at: str = ""
    by: str = ""
    reason: str = ""
    to: tuple[str, ...] = ()
    regime: str = ""
    stage: str = ""
    jurisdiction: str = ""
    says: str = ""
    source: str = ""
    reviewed: str = ""
    confidence: str = ""
    data: str = ""


class ClockStanding(Frozen):
    """Where a clock stands, as it is handed from the incident to the workflow that keeps its clocks afterwards.

    `told` are the reminders that were given, in seconds before it is due.
    """

    clock: Clock
    state: ClockState = ClockState.WAITING
    due: Due | None = None
    at: str = ""
    by: str = ""
    reason: str = ""
    told: tuple[int, ...] = ()


class ClocksInput(Frozen):
    """What the workflow that outlives an incident with open clocks starts with. `serial` goes on counting entries."""

    incident: str
    title: str = ""
    moments: tuple[Moment, ...] = ()
    clocks: tuple[ClockStanding, ...] = ()


def words_of(after: str) -> str:
    """What starts a clock, for a person."""
    if after.endswith(MET):
        return f"`{after.removesuffix(MET)}` was met"
    return MOMENTS.get(after, after)
