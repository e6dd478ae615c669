"""How often an incident is looked at: what moves often, what stands still less and less."""

import asyncio
from pathlib import Path

from firedoor.drill.slack.local import LocalSlack
from firedoor.incident import StepState, StepView
from firedoor.slack.outbound.reconciler import Reconciler
from tests.slack.telling import QUICK, Incidents, client_at, reconciling, settings_of

MOVING = StepView(id="go", kind="uses", title="Shut it", state=StepState.RUNNING)


async def becomes(reconciler: Reconciler, *, still: bool) -> None:
    """Wait until the pause of the only incident is that of one that stands still, or that of one that moves."""
    async with asyncio.timeout(20):
        while True:
            await asyncio.sleep(0.005)
            pauses = [due.pause for due in reconciler._due.values() if due.view]
            if pauses and (pauses[0] > QUICK.poll) == still:
                return


async def test_what_moves_is_looked_at_often(slack: LocalSlack, tmp_path: Path) -> None:
    """A step that asks after a long wait is shown soon, and so is what comes of the answer."""
    settings, engine = settings_of(slack, tmp_path), Incidents()
    async with client_at(slack, settings) as client, reconciling(engine, client, settings) as reconciler:
        engine.put(steps=(MOVING,))
        await becomes(reconciler, still=True)
        moving = asyncio.create_task(becomes(reconciler, still=False))
        while not moving.done():
            attempts = engine.views["gate-1"].steps[0].attempts + 1
            engine.put(steps=(MOVING.model_copy(update={"attempts": attempts}),))
            await asyncio.sleep(0.005)
        await moving
