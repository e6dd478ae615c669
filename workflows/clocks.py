"""ClocksWorkflow: keeps the clocks that an incident leaves open when it ends. A final report may be due in a month.

It has the incident's id with `.clocks`, starts when the incident ends, and ends when nothing is owed any more
(docs/adr/0019). Until then the incident keeps its clocks itself.
"""

import difflib
from collections.abc import Iterable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError

from workflows import rules
from workflows.board import Board
from workflows.notebook import Notebook
from workflows.timekeeping import Clocks, moment

with workflow.unsafe.imports_passed_through():
    from firedoor.clock import MOMENTS, OPEN, ClocksInput, ClockState, ClockView
    from firedoor.incident import Decision
    from firedoor.words import parse

TYPE = "firedoor-clocks"
#: The clock of whoever declares may be this far before ours.
AHEAD = timedelta(minutes=2)
#: Nobody learns of a breach this late.
LONGEST_AGO = timedelta(days=3660)


@workflow.defn(name=TYPE)
class ClocksWorkflow:
    """The clocks of an incident that has ended."""

    @workflow.init
    def __init__(self, given: ClocksInput) -> None:
        self.book = Notebook(given.incident)
        self.clocks = Clocks(self.book, given)

    @workflow.run
    async def run(self, given: ClocksInput) -> ClocksInput:
        """Keep time until nothing is owed."""
        await self.clocks.keep()
        await self.book.told_all()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.clocks.handed_over()

    @workflow.query(description="Where the clocks stand")
    def view(self) -> list[ClockView]:
        """What every front door shows."""
        return list(self.clocks.views())

    @workflow.update(description="Something happened that starts clocks")
    async def declare(self, decision: Decision) -> str:
        """Record it, with the facts known then."""
        return await declare(self.clocks, decision)

    @declare.validator
    def _may_declare(self, decision: Decision) -> None:
        may_declare(decision)

    @workflow.update(description="A clock was met")
    async def meet(self, decision: Decision) -> str:
        """Record when and why a person says so."""
        return await self.clocks.meet(decision.clock, decision)

    @meet.validator
    def _may_meet(self, decision: Decision) -> None:
        may_meet(self.clocks, decision)

    @workflow.update(description="It was decided not to notify")
    async def waive(self, decision: Decision) -> str:
        """Record it."""
        return await self.clocks.waive(decision.clock, decision)

    @waive.validator
    def _may_waive(self, decision: Decision) -> None:
        may_waive(self.clocks, decision)


async def keep(board: Board) -> None:
    """Keep the clocks of an incident while it runs. It is detected when it is opened; by a person, we are aware."""
    if not board.clocks.standings:
        return
    starter = board.input.starter
    said = board.input.alert.get("title") or board.input.alert.get("type") or ""
    await board.clocks.happened("detected", moment(""), starter, str(said))
    if starter.principal.startswith("user:") and not board.input.alert:
        await board.clocks.happened("aware", moment(""), starter, "a person opened the incident")
    await board.clocks.keep()


async def declare(clocks: Clocks, decision: Decision) -> str:
    """Record that something happened, at the time that is given or now."""
    return await clocks.declare(decision.moment, moment(decision.at), decision.responder, decision.reason)


def may_declare(decision: Decision) -> None:
    """Is it a moment that starts clocks, with the facts, and not in the future?"""
    rules.known(decision.responder)
    if decision.moment not in MOMENTS:
        raise rules.refuse(f"{decision.moment or 'Nothing'} starts no clock.{_near(decision.moment, MOMENTS)}")
    rules.reasoned(decision, "What was known then is part of it: a declaration")
    _check_time(decision.at)


def may_meet(clocks: Clocks, decision: Decision) -> None:
    """Can this clock still be met, and is the time one that was?"""
    _check_clock(clocks, decision)
    rules.reasoned(decision, "Meeting a clock")
    _check_time(decision.at)


def may_waive(clocks: Clocks, decision: Decision) -> None:
    """Can it still be decided not to notify?"""
    _check_clock(clocks, decision)
    rules.reasoned(decision, "A decision not to notify")


def may_change(board: Board) -> None:
    """Does the incident keep its clocks itself?"""
    if board.ended:
        raise rules.refuse("The incident is ending at this moment, and hands its clocks over. Try again.")


async def hand_over(board: Board) -> None:
    """What is still owed outlives the incident. A drill's ends with it: nothing of it was real."""
    clocks = board.clocks
    if not clocks.open or board.planning or board.input.drill:
        return
    run = workflow.info().run_id
    # An earlier incident of the same identity may still have clocks open.
    for name in (f"{board.incident}.clocks", f"{board.incident}.clocks.{run[:8]}"):
        try:
            await workflow.start_child_workflow(
                TYPE,
                clocks.handed_over(),
                id=name,
                static_summary=f"Clocks of {board.incident}",
                memo={"incident": board.incident},
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            )
        except WorkflowAlreadyStartedError:
            continue
        board.timekeeper = name
        return


def _check_clock(clocks: Clocks, decision: Decision) -> None:
    rules.known(decision.responder)
    standing = clocks.standings.get(decision.clock)
    if standing is None:
        hint = _near(decision.clock, clocks.standings) if clocks.standings else " It has none."
        raise rules.refuse(f"This incident has no clock {decision.clock!r}.{hint}")
    if decision.clock in clocks.claimed:
        raise rules.refuse(
            f"Somebody is deciding about {decision.clock} at this moment. Look at what came of it first."
        )
    if standing.state not in OPEN:
        how = "waived" if standing.state is ClockState.WAIVED else "met"
        raise rules.refuse(f"{decision.clock} was {how} already, at {standing.at}: {standing.reason}")


def _check_time(text: str) -> None:
    try:
        at = parse(text)
    except ValueError:
        raise rules.refuse(f"{text} is no time. Write 2026-11-29T14:30:00Z.") from None
    if at is None:
        return
    if at.tzinfo is None:
        raise rules.refuse(f"{text} has no time zone. Write 2026-11-29T14:30:00Z, or +01:00 at its end.")
    now = workflow.now()
    if not now - LONGEST_AGO <= at <= now + AHEAD:
        raise rules.refuse(f"{text} is not a time at which that can have happened: it is {now:%Y-%m-%dT%H:%M:%SZ} now.")


def _near(given: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(given, names, n=1)
    return f" Did you mean {near[0]}?" if near else f" There are: {', '.join(names)}."
