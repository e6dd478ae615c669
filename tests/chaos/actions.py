"""Switches in a file, for kills at random moments: what was done stays when the worker that did it is killed.

`chaos.switch_off` is careless on purpose: it looks whether the switch is off only where an earlier attempt is in doubt.
So whatever has a recorded outcome and is done again shows as a second effect.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from activities._action import Action, Context, performs
from firedoor.incident import Evidence, Outcome, Preview
from firedoor.plan import Effect, Verdict
from firedoor.steps._step import Result, Step
from tests.chaos.faults import Fuse

#: How long a switch takes, in seconds, as a call to a provider would.
TAKES = 0.05


class SwitchedOff(Result):
    """A switch that is off."""

    name: str


class SwitchOff(Step):
    """Switch one off."""

    action: ClassVar[str] = "chaos.switch_off"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    containment: ClassVar[bool] = True
    result: ClassVar[type[Result]] = SwitchedOff
    name: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """The file of effects, one line each: the switch, and the monotonic clock in nanoseconds."""

    path: Path

    def add(self, name: str) -> None:
        """One effect: a single write, whole or not there."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, f"{name} {time.monotonic_ns()}\n".encode())
        finally:
            os.close(descriptor)

    def effects(self) -> dict[str, list[float]]:
        """When each switch was switched off, in seconds of the monotonic clock."""
        found: dict[str, list[float]] = {}
        for line in self.path.read_text().splitlines() if self.path.exists() else ():
            name, at = line.split()
            found.setdefault(name, []).append(int(at) / 1e9)
        return found


def switch_off(ledger: Ledger, fuse: Fuse) -> Action:
    """The action on the switches of a ledger."""

    @performs(SwitchOff)
    async def perform(step: SwitchOff, context: Context) -> AsyncIterator[Preview | Outcome]:
        yield Preview(change=f"{step.name}: on → off", before={"on": True}, blast={"services": 1})
        await asyncio.sleep(TAKES)
        fuse.reach("effect.before")
        if context.earlier is None or step.name not in ledger.effects():
            ledger.add(step.name)
        fuse.reach("effect.after")
        read = Evidence(source="chaos:ReadLedger", says="off")
        yield Outcome(
            summary=f"{step.name} is off",
            result={"name": step.name},
            verdict=Verdict.CONTAINED,
            changed=True,
            evidence=(read,),
        )

    return perform
