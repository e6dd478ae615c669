"""What a plan would do, now: its reads run for real, nothing is changed."""

import asyncio
from typing import Any

from firedoor.engine.incidents import Engine
from firedoor.errors import UnreachableError
from firedoor.incident import Decision, IncidentView, Mode, Responder
from firedoor.plan import Plan


async def read(engine: Engine, plan: Plan, inputs: dict[str, Any], planner: Responder, timeout: int) -> IncidentView:
    """What a plan would do, now. Raises `UnreachableError` when that takes longer than `timeout` seconds."""
    started = await engine.start(plan, inputs, starter=planner, mode=Mode.PLAN)
    try:
        async with asyncio.timeout(timeout):
            return await engine.result(started.incident)
    except TimeoutError:
        pass
    # It must not go on unseen. Raises where no worker answers: then that is the reason.
    reason = Decision(responder=planner, reason="nobody waits for this plan any longer")
    await engine.decide(started.incident, "abort", reason)
    raise UnreachableError(
        f"The plan was not ready after {timeout} s: what it reads takes longer.",
        changed="Nothing was changed.",
        next="Wait longer with --timeout.",
    )
