"""Which runbook does an alert start? The triggers of the plans decide; the reasons against are kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from firedoor.alerts._alert import Alert
from firedoor.errors import UsageError
from firedoor.expressions import ExpressionError, evaluate, render
from firedoor.inputs import resolve_inputs
from firedoor.plan import Plan, Trigger


@dataclass(frozen=True, slots=True)
class Matches:
    """The plans that an alert starts, each with its inputs; and why the others do not start."""

    found: tuple[tuple[Plan, dict[str, Any]], ...]
    reasons: tuple[str, ...]


def matches(alert: Alert, plans: Iterable[Plan]) -> Matches:
    """Every plan with a trigger that takes this alert. A plan counts once: its first trigger that fits."""
    found: list[tuple[Plan, dict[str, Any]]] = []
    reasons: list[str] = []
    for plan in plans:
        inputs, against = _inputs(alert, plan)
        if inputs is not None:
            found.append((plan, inputs))
        else:
            reasons += [f"{plan.name}: {reason}" for reason in against]
    return Matches(tuple(found), tuple(reasons))


def match(alert: Alert, plans: Iterable[Plan]) -> tuple[Plan, dict[str, Any]]:
    """The one plan that an alert starts, and its inputs. Raises `UsageError` if it is none, or more than one."""
    result = matches(alert, plans)
    title = f"The {alert.source} alert {alert.id} ({alert.type or alert.title}, severity {alert.severity:g})"
    if len(result.found) == 1:
        return result.found[0]
    if result.found:
        names = ", ".join(plan.name for plan, _ in result.found)
        raise UsageError(
            f"{title} fits more than one runbook: {names}.",
            changed="Nothing was started.",
            next="Start the right one by name: firedoor run NAME input=value",
        )
    raise UsageError(
        "\n  ".join((f"{title} starts no runbook.", *result.reasons)),
        changed="Nothing was started.",
        next="If it should have: firedoor run NAME input=value. Then correct the runbook's trigger.",
    )


def _inputs(alert: Alert, plan: Plan) -> tuple[dict[str, Any] | None, list[str]]:
    reasons: list[str] = []
    triggers = [trigger for trigger in plan.triggers if trigger.alert == alert.source]
    if not triggers:
        return None, [f"it has no trigger for {alert.source}"]
    for trigger in triggers:
        try:
            inputs, reason = _fit(alert, plan, trigger)
        except (ExpressionError, UsageError) as error:
            inputs, reason = None, f"its trigger fits, but its inputs do not: {error}"
        if inputs is not None:
            return inputs, []
        reasons.append(reason)
    return None, reasons


def _fit(alert: Alert, plan: Plan, trigger: Trigger) -> tuple[dict[str, Any] | None, str]:
    scope = {"alert": alert.model_dump(mode="json")}
    if trigger.when and evaluate(trigger.when, scope) is not True:
        return None, f"its condition does not hold: {trigger.when}"
    return resolve_inputs(plan, render(trigger.inputs, scope)), ""
