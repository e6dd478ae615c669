"""The action that benchmarks perform: an API call of a given length, recorded like every other action."""

import asyncio
import time
from typing import ClassVar

from activities._action import AsyncPerformance, Context, performs
from benchmarks.baseline import FIRST_BODY
from firedoor.incident import Outcome, Preview
from firedoor.plan import Effect
from firedoor.steps._step import Step


class Call(Step):
    """One API call that changes something."""

    action: ClassVar[str] = "bench.call"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    target: str
    milliseconds: int


@performs(Call)
async def call(step: Call, context: Context) -> AsyncPerformance:
    """Wait as long as the call would take."""
    FIRST_BODY.append(time.perf_counter())
    yield Preview(change=f"{step.target}: on → off", before={"on": True})
    await asyncio.sleep(step.milliseconds / 1000)
    yield Outcome(summary=f"{step.target} is off", changed=True)
