"""The action that benchmarks perform: an API call of a given length, recorded like every other action."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from activities._action import Action, AsyncPerformance, Context, performs
from benchmarks.baseline import FIRST_BODY
from firedoor.incident import Outcome, Preview
from firedoor.plan import Effect
from firedoor.steps._step import Step

#: When the newest call began to act: its intent was durable. By `time.perf_counter`.
ACTED: list[float] = []


class Call(Step):
    """One API call that changes something."""

    action: ClassVar[str] = "bench.call"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    target: str
    milliseconds: int


def _calling(begins: Callable[[str], None], acts: Callable[[str], None]) -> Action:
    """The action; `begins` and `acts` are told the target at its first line, and at the first one after the intent."""

    @performs(Call)
    async def perform(step: Call, context: Context) -> AsyncPerformance:
        begins(step.target)
        yield Preview(change=f"{step.target}: on → off", before={"on": True})
        acts(step.target)
        await asyncio.sleep(step.milliseconds / 1000)
        yield Outcome(summary=f"{step.target} is off", changed=True)

    return perform


#: For workers in the process that measures.
call = _calling(
    lambda _: FIRST_BODY.append(time.perf_counter()),
    lambda _: ACTED.append(time.perf_counter()),
)


def marking(path: Path) -> Action:
    """For workers of their own: adds the target of each call that acts, and the moment, as a line to a file."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def mark(target: str) -> None:
        # A single write, whole or not there, whoever is killed.
        os.write(file, f"{target} {time.monotonic_ns()}\n".encode())

    return _calling(lambda _: None, mark)


@dataclass(frozen=True, slots=True)
class Mark:
    """One call that acted, and when, in nanoseconds of the machine's monotonic clock."""

    target: str
    at: int


def marks(path: Path, offset: int = 0) -> list[Mark]:
    """The marks in a file, from a byte on."""
    with path.open("rb") as file:
        file.seek(offset)
        lines = file.read().decode().splitlines()
    return [Mark(target, int(at)) for target, _, at in (line.partition(" ") for line in lines)]
