"""How the people of a drill reach firedoor: by which door an incident is reported, and decided upon.

The script says what somebody does at a step, a door how they do it. At the terminal it takes no time.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from firedoor.alerts import SOURCES, match
from firedoor.config import Settings
from firedoor.drill.pasting import pasted
from firedoor.drill.scenario import Reply, Scenario
from firedoor.engine import Engine
from firedoor.errors import RefusedError, UsageError
from firedoor.incident import Decision, IncidentView, Responder, StepView
from firedoor.inputs import resolve_inputs
from firedoor.plan import Plan
from firedoor.supervisor import Supervisor

#: Whoever starts an incident that no alert reports.
FINDER = "user:finder"


@dataclass(frozen=True, slots=True)
class Stage:
    """What a door stands on: the drill's own settings, its processes, and the whole environment of its worker."""

    scenario: Scenario
    plan: Plan
    settings: Settings
    supervisor: Supervisor
    environment: Mapping[str, str]
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Turn:
    """What the script has people do at a step that waits for them."""

    incident: str
    step: StepView
    reply: Reply
    people: Sequence[Responder]


class Door(Protocol):
    """One way in. Its methods are called in the order in which they stand here."""

    def configured(self, scenario: Scenario, plan: Plan, settings: Settings) -> Mapping[str, Any]:
        """The drill's firedoor.toml, a table by its name, with what the door needs; `settings` are the engineer's."""
        ...

    def worker_environment(self) -> Mapping[str, str]:
        """The variables that the worker needs for it, besides those of the scenario."""
        ...

    async def open(self, stage: Stage) -> None:
        """Begin to open it."""
        ...

    async def ready(self) -> None:
        """Returns when it is open. Raises `UsageError` if that takes too long."""
        ...

    async def start(self, engine: Engine) -> str:
        """Report it as the scenario says, by an alert or by a person; the incident that was started."""
        ...

    def busy(self, step: str) -> bool:
        """Is somebody at this step, at this moment?"""
        ...

    async def take(self, engine: Engine, turn: Turn) -> None:
        """Have people do it, and the stage hear of it (`Scenario.heard`). It may take a while after this returns."""
        ...

    async def ended(self, view: IncidentView) -> tuple[str, ...]:
        """What was said at this door, in lines, now that the incident has ended."""
        ...

    async def close(self) -> None:
        """Close it, however far it was opened."""
        ...


class Terminal:
    """Nobody has to go anywhere: everything is asked of the engine."""

    _stage: Stage

    def configured(self, scenario: Scenario, plan: Plan, settings: Settings) -> Mapping[str, Any]:
        """What the scenario needs."""
        return scenario.configuration()

    def worker_environment(self) -> Mapping[str, str]:
        """None."""
        return {}

    async def open(self, stage: Stage) -> None:
        """Only looks around."""
        self._stage = stage

    async def ready(self) -> None:
        """It always is."""

    async def start(self, engine: Engine) -> str:
        """Start it with what the scenario's alert says, or what its person types."""
        scenario, plan = self._stage.scenario, self._stage.plan
        reported = scenario.alert()
        if reported is None:
            self._stage.tell(f"Somebody starts {plan.name}.")
            starter = Responder(principal=FINDER, auth="drill")
            inputs = resolve_inputs(plan, dict(scenario.inputs()))
            return (await engine.start(plan, inputs, starter=starter, drill=True)).incident
        source, body = reported
        [alert] = SOURCES[source].parse({}, body).alerts
        matched, found = match(alert, [plan])
        self._stage.tell(f"{source} reports: {alert.title} It starts {matched.name}.")
        starter = Responder(principal=f"alert:{source}", auth="alert")
        return (await engine.start(matched, found, starter=starter, alert=alert, drill=True)).incident

    def busy(self, step: str) -> bool:
        """Nobody takes any time."""
        return False

    async def take(self, engine: Engine, turn: Turn) -> None:
        """Decide, one after the other."""
        step, reply = turn.step, turn.reply
        for who in turn.people:
            answers = dict(reply.answers)
            if reply.verb == "answer":
                values = self._stage.scenario.pasted(step.id)
                answers |= await pasted(turn.incident, step, who, values, self._stage.environment)
            decision = Decision(
                responder=who,
                step=step.id,
                reason=reply.reason,
                answers=answers,
                digest=step.request.digest if step.request else "",
            )
            # Refused: the step has moved on since it was looked at, or the incident has ended.
            with contextlib.suppress(RefusedError, UsageError):
                await engine.decide(turn.incident, reply.verb, decision)
        await self._stage.scenario.heard(step.id)

    async def ended(self, view: IncidentView) -> tuple[str, ...]:
        """Nobody said anything."""
        return ()

    async def close(self) -> None:
        """Nothing was opened."""
