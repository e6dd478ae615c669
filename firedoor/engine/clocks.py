"""The clocks of all incidents: of those that run, and of those that have ended with something still owed."""

import asyncio

from temporalio.client import WorkflowExecution

from firedoor.clock import OPEN, ClockView, nearest_first
from firedoor.engine.incidents import ENDED, Engine
from firedoor.engine.starting import CLOCKS
from firedoor.errors import UnreachableError, UsageError
from firedoor.incident import Decision, Timing

#: The workflow type of clocks that outlive their incident (`workflows/clocks.py`).
TYPE = "firedoor-clocks"
#: As many incidents are asked at a time.
AT_ONCE = 20


async def clocks_of(engine: Engine, incident: str) -> list[ClockView]:
    """The clocks of one incident, nearest first. Raises `UsageError` for one that does not exist."""
    return nearest_first((await engine.view(incident)).clocks)


async def all_clocks(engine: Engine) -> tuple[list[ClockView], list[str]]:
    """What is owed in all incidents, nearest first; and the incidents of which no worker told anything."""
    running = f"ExecutionStatus = 'Running' AND (FiredoorMode = 'run' OR WorkflowType = '{TYPE}')"
    gate = asyncio.Semaphore(AT_ONCE)
    silent: list[str] = []

    async def ask(one: WorkflowExecution) -> list[ClockView]:
        async with gate:
            try:
                if one.workflow_type == TYPE:
                    return await engine.ask(one.id, "view", list[ClockView])
                return list((await engine.view(one.id)).clocks)
            except UnreachableError:
                silent.append(one.id)
            except UsageError:  # It has ended meanwhile, and Temporal has forgotten it.
                pass
            return []

    those = await engine.executions(running)
    found = await asyncio.gather(*(ask(one) for one in those if one.workflow_type == TYPE or _has_clocks(one)))
    return nearest_first(clock for clocks in found for clock in clocks if clock.state in OPEN), sorted(silent)


async def decide_clock(engine: Engine, incident: str, verb: Timing, decision: Decision) -> str:
    """Act on the clocks of an incident, also of one that has ended. Raises as `Engine.decide`."""
    view = await engine.view(incident)
    if view.state not in ENDED:
        return await engine.decide(incident, verb, decision)
    if not view.timekeeper:
        raise UsageError(
            f"{incident} has ended, and none of its clocks is open.",
            changed="Nothing was changed.",
            next=f"firedoor clocks {incident} shows what became of them.",
        )
    return await engine.decide(view.timekeeper, verb, decision)


def _has_clocks(one: WorkflowExecution) -> bool:
    """Was the incident started with clocks? In a storm of alerts only these are asked."""
    return CLOCKS in one.raw_info.memo.fields
