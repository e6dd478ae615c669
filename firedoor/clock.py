"""Legal and contractual clocks of a running incident: moments, where each clock stands, what people say of it. Pure.

What a clock is and when it runs out is `firedoor.plan.Clock`; the data of the regimes is in `firedoor.deadlines`.
"""

from collections.abc import Iterable
from enum import StrEnum

from firedoor.plan import Clock, Frozen, Limit
from firedoor.words import plural

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
    """When a clock is due (RFC 3339 UTC; empty: no time is given), which moment counts, and how it was counted."""

    due: str
    after: str
    how: str


class ContractsCall(Frozen):
    """Ask how far the customers of a campaign are whose contracts give hours. `start`: when these began, RFC 3339."""

    campaign: str
    start: str


class ContractGroup(Frozen):
    """The customers of a campaign that have the same hours in their contracts.

    `reached` of `customers` have been reached, `late` of these after their hours; `last` is when the last one was.
    """

    hours: int
    customers: int
    reached: int = 0
    late: int = 0
    last: str = ""

    def title(self, given: str) -> str:
        """What their clock is called."""
        return f"{given or 'Contracts'}: {self.hours} h, {plural(self.customers, 'customers')}"

    def sentence(self) -> str:
        """For a person."""
        late = f", {self.late:,} of them late" if self.late else ""
        return f"{self.reached:,} of {self.customers:,} customers with {self.hours} h in their contracts reached{late}"


class ContractsReport(Frozen):
    """The customers of a campaign by the hours in their contracts; not `begun`: it may still be other customers."""

    begun: bool
    groups: tuple[ContractGroup, ...] = ()


class ClockView(Frozen):
    """What a front door shows of one clock. Times are RFC 3339 UTC; an empty `due` with a `started` is no given time.

    `starts` are the moments that it waits for, in words. `by`, `reason` and `at` say who met or waived it, why, when.
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

    @property
    def stands_for_many(self) -> bool:
        """Is it about the contracts of a campaign's customers, before it is known which hours they have?"""
        return bool(self.clock.campaign) and not self.clock.limits[0].amount


class ClocksInput(Frozen):
    """What the workflow that outlives an incident with open clocks starts with."""

    incident: str
    title: str = ""
    moments: tuple[Moment, ...] = ()
    clocks: tuple[ClockStanding, ...] = ()


def words_of(after: str) -> str:
    """What starts a clock, for a person."""
    if after.endswith(MET):
        return f"`{after.removesuffix(MET)}` was met"
    return MOMENTS.get(after, after)


def view_of(one: ClockStanding, incident: str, started: str) -> ClockView:
    """What a front door shows of a clock; `started` is when what starts it happened, empty where it has not."""
    clock, due = one.clock, one.due
    starts = " or ".join(dict.fromkeys(words_of(limit.after) for limit in clock.limits))
    return ClockView(
        incident=incident,
        name=clock.name,
        title=clock.title,
        state=one.state,
        starts=f"{starts}, and `{clock.campaign}` begins" if one.stands_for_many else starts,
        started=started,
        due=due.due if due else "",
        how=due.how if due else "",
        at=one.at,
        by=one.by,
        reason=one.reason,
        to=clock.to,
        regime=clock.regime,
        stage=clock.stage,
        jurisdiction=clock.jurisdiction,
        says=clock.says,
        source=clock.source,
        reviewed=clock.reviewed,
        confidence=clock.confidence,
        data=clock.data,
    )


def nearest_first(clocks: Iterable[ClockView]) -> list[ClockView]:
    """By when they are due; then those that run without a time; then those that wait; what is over comes last."""
    order = {ClockState.MISSED: 0, ClockState.RUNNING: 0, ClockState.WAITING: 1}
    return sorted(clocks, key=lambda one: (order.get(one.state, 2), not one.due, one.due, one.incident, one.name))
