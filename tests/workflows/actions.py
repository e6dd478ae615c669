"""Actions of a small world of switches, for tests of the workflow: real contracts, real activities, no provider."""

import threading
import time
from dataclasses import dataclass, field
from typing import ClassVar

from activities._action import Action, Context, Performance, performs
from firedoor.errors import StepError
from firedoor.incident import Evidence, Inverse, Outcome, Preview
from firedoor.plan import Effect, Verdict
from firedoor.steps._step import Result, Step


@dataclass
class World:
    """The switches, what was done to them, and what is to go wrong."""

    on: dict[str, bool] = field(default_factory=dict)
    effects: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    #: name → reasons of failures to come, the next one first; `after` fails once the effect is done.
    failures: dict[str, list[str]] = field(default_factory=dict)
    lost_replies: dict[str, int] = field(default_factory=dict)
    verdicts: dict[str, list[Verdict]] = field(default_factory=dict)
    #: Switches that somebody took away.
    gone: set[str] = field(default_factory=set)
    #: How long the provider takes over each change, in seconds.
    takes: float = 0.0
    gate: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.gate.set()

    def fail_if_due(self, name: str) -> None:
        """Raise the next scripted failure of `name`."""
        with self.lock:
            due = self.failures.get(name)
            reason = due.pop(0) if due else ""
        if reason:
            raise StepError(reason, f"the provider said {reason} about {name}")


WORLD = World()


class Switch(Result):
    """A switch."""

    name: str
    on: bool


class ReadSwitch(Step):
    """Read a switch."""

    action: ClassVar[str] = "test.read_switch"
    effect: ClassVar[Effect] = Effect.READ
    result: ClassVar[type[Result]] = Switch
    name: str


class ListSwitches(Step):
    """All switches."""

    action: ClassVar[str] = "test.list_switches"
    effect: ClassVar[Effect] = Effect.READ
    room: str = ""


class SwitchOff(Step):
    """Switch one off."""

    action: ClassVar[str] = "test.switch_off"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    containment: ClassVar[bool] = True
    undo: ClassVar[str] = "test.switch_on"
    changeable: ClassVar[tuple[str, ...]] = ("room",)
    result: ClassVar[type[Result]] = Switch
    name: str
    room: str = ""


class SwitchOn(Step):
    """Switch one on again, unless it was taken away."""

    action: ClassVar[str] = "test.switch_on"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    result: ClassVar[type[Result]] = Switch
    name: str


@performs(ReadSwitch)
def read_switch(step: ReadSwitch, context: Context) -> Outcome:
    """One switch."""
    WORLD.reads.append(step.name)
    WORLD.fail_if_due(step.name)
    return Outcome(
        summary=f"{step.name} is {'on' if WORLD.on.get(step.name, True) else 'off'}",
        result={"name": step.name, "on": WORLD.on.get(step.name, True)},
    )


@performs(ListSwitches)
def list_switches(step: ListSwitches, context: Context) -> Outcome:
    """All switches."""
    WORLD.fail_if_due(f"list {step.room}")
    WORLD.reads.append(step.room)
    return Outcome(summary=f"{len(WORLD.on)} switches", result={"switches": sorted(WORLD.on)})


@performs(SwitchOff)
def switch_off(step: SwitchOff, context: Context) -> Performance:
    """Off, if it is not off already."""
    WORLD.fail_if_due(f"before {step.name}")
    before = WORLD.on.get(step.name, True)
    yield Preview(
        change=f"{step.name}: {before} → False",
        before={"on": before},
        after={"on": False},
        inverse=Inverse(action=step.undo, arguments={"name": step.name}) if before else None,
        blast={"switches": 1},
    )
    WORLD.gate.wait(10)
    time.sleep(WORLD.takes)
    if before:
        with WORLD.lock:
            WORLD.on[step.name] = False
            WORLD.effects.append(step.name)
    WORLD.fail_if_due(step.name)
    verdicts = WORLD.verdicts.get(step.name)
    verdict = verdicts.pop(0) if verdicts else Verdict.CONTAINED
    yield Outcome(
        summary=f"{step.name} is off",
        result={"name": step.name, "on": False},
        verdict=verdict,
        changed=before,
        evidence=(Evidence(source="test:ReadSwitch", says="off"),),
    )


@performs(SwitchOn)
def switch_on(step: SwitchOn, context: Context) -> Performance:
    """On, if it is off."""
    WORLD.fail_if_due(f"undo {step.name}")
    if step.name in WORLD.gone:
        raise StepError("changed_since", f"{step.name} was taken away since: it cannot be switched on.")
    before = WORLD.on.get(step.name, True)
    yield Preview(change=f"{step.name}: {before} → True", before={"on": before}, blast={"switches": 1})
    with WORLD.lock:
        WORLD.on[step.name] = True
        WORLD.effects.append(f"+{step.name}")
    evidence = (Evidence(source="test:ReadSwitch", says="on"),)
    yield Outcome(summary=f"{step.name} is on", result={"name": step.name, "on": True}, changed=True, evidence=evidence)


ACTIONS: tuple[Action, ...] = (read_switch, list_switches, switch_off, switch_on)
