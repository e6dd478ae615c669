"""What an alert would start, without starting it: which runbooks, with which inputs, and who would be asked. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from firedoor.alerts import Alert, matches
from firedoor.automation import supervised
from firedoor.deliveries.matching import candidates
from firedoor.deliveries.reporting import command_line
from firedoor.deliveries.runbooks import Known
from firedoor.inputs import incident_id
from firedoor.plan import Auto, Effect, Plan


@dataclass(frozen=True, slots=True)
class Would:
    """A runbook that the alert fits. `starts` is False where only people start it.

    `at_once` are the steps that change something without asking; `asks` those that wait for people, with whom they ask.
    """

    runbook: str
    starts: bool
    incident: str
    inputs: dict[str, Any]
    auto: Auto
    at_once: tuple[str, ...]
    asks: dict[str, str]
    command: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What one alert would do; `against` says of the other runbooks why they would not start."""

    alert: Alert
    would: tuple[Would, ...]
    against: tuple[str, ...]


def trial(alert: Alert, known: Known) -> Trial:
    """Match an alert with all runbooks that have a trigger for its source."""
    if alert.resolved:
        return Trial(alert, (), ("The source says that it is over: that starts nothing.",))
    plans = candidates(alert, known)
    found = matches(alert, plans)
    against = list(found.reasons)
    against += [f"{name}: it has mistakes: firedoor lint {name}" for name in known.suspects(alert.source)]
    if others := len(known.plans) - len(plans):
        runbooks = "1 runbook has" if others == 1 else f"{others} runbooks have"
        against.append(f"{runbooks} no trigger for {alert.source}.")
    return Trial(alert, tuple(_would(plan, inputs) for plan, inputs in found.found), tuple(against))


def _would(plan: Plan, inputs: dict[str, Any]) -> Would:
    watched = supervised(plan)
    asks = dict(_asks(watched))
    waiting = set(asks)
    for step in watched.steps:
        # What comes after a step that waits for people waits with it.
        if waiting & set(step.needs):
            waiting.add(step.id)
    at_once = tuple(step.id for step in watched.steps if step.effect is not Effect.READ and step.id not in waiting)
    return Would(
        runbook=plan.name,
        starts=plan.auto is not Auto.OFF,
        incident=incident_id(plan, inputs, "…"),
        inputs=inputs,
        auto=plan.auto,
        at_once=at_once,
        asks=asks,
        command=f"firedoor run {command_line(plan, inputs)}",
    )


def _asks(plan: Plan) -> Iterator[tuple[str, str]]:
    """The steps that wait for people, and the policies that say for whom."""
    for step in plan.steps:
        if step.approval:
            yield step.id, step.approval
        elif step.ask:
            yield step.id, step.ask.of or "anybody"
