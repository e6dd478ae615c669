"""Which runbook does an alert start? The triggers of the plans decide; the reasons against are kept."""

import re
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from firedoor.alerts._alert import Alert
from firedoor.errors import UsageError
from firedoor.expressions import ExpressionError, evaluate, expressions_in, render
from firedoor.inputs import resolve_inputs
from firedoor.plan import Plan, Trigger

#: A field of the alert that an expression reads.
MENTION = re.compile(r"\balert\.([a-z_]+)")
MOST_SHOWN = 60

#: A field of an alert in an expression; one that must not be empty.
FIELD = re.compile(r"\balert(?:\.[a-z_]\w*)+\b(?!\()")
NOT_EMPTY = re.compile(r"""\b(alert(?:\.[a-z_]\w*)+)\s*!=\s*(?:""|'')""")


@dataclass(frozen=True, slots=True)
class Matches:
    """The plans that an alert starts, each with its inputs; and why the others do not start.

    `failures` are those of the reasons that are nobody's wish: an expression that fails on this alert, or a trigger
    that fits although the alert has not what the runbook needs.
    """

    found: tuple[tuple[Plan, dict[str, Any]], ...]
    reasons: tuple[str, ...]
    failures: tuple[str, ...] = ()


class _Failed(Exception):
    """A trigger could not be judged, or has no use for what fits it."""


def matches(alert: Alert, plans: Iterable[Plan]) -> Matches:
    """Every plan with a trigger that takes this alert. A plan counts once: its first trigger that fits."""
    found: list[tuple[Plan, dict[str, Any]]] = []
    reasons: list[str] = []
    failures: list[str] = []
    for plan in plans:
        inputs, against, failed = _inputs(alert, plan)
        if inputs is not None:
            found.append((plan, inputs))
            continue
        reasons += [f"{plan.name}: {reason}" for reason in against]
        failures += [f"{plan.name}: {reason}" for reason in failed]
    return Matches(tuple(found), tuple(reasons), tuple(failures))


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
    triggers = [one for one in enumerate(plan.triggers, 1) if one[1].alert == alert.source]
    if not triggers:
        return None, [f"it has no trigger for {alert.source}"]
    scope = {"alert": alert.model_dump(mode="json")}
    for number, trigger in triggers:
        inputs, reason = _fit(scope, plan, trigger)
        if inputs is not None:
            return inputs, []
        absent = _absent(scope, trigger)
        lacking = f"trigger {number} needs {' and '.join(absent)}, and this alert has none"
        reasons.append(lacking if absent else reason)
    return None, reasons


def _fit(scope: Mapping[str, Any], plan: Plan, trigger: Trigger) -> tuple[dict[str, Any] | None, str]:
    """The inputs that a trigger makes of an alert; None and why not."""
    try:
        if trigger.when and evaluate(trigger.when, scope) is not True:
            return None, f"its condition does not hold: {trigger.when}"
        given = render(trigger.inputs, scope)
        empty = [name for name, value in given.items() if value == "" and plan.inputs[name].required]
        if empty:
            return None, f"its trigger fits, but it gives nothing for {', '.join(empty)}"
        return resolve_inputs(plan, given), ""
    except (ExpressionError, UsageError) as error:
        return None, f"its trigger fits, but its inputs do not: {error}"


def _absent(scope: Mapping[str, Any], trigger: Trigger) -> list[str]:
    """The fields that a trigger which does not fit needs, and the alert has not: those that must not be empty, or else,
    where nothing but the inputs can be the reason, those that the inputs read.
    """
    needed = [] if "||" in trigger.when or "?" in trigger.when else NOT_EMPTY.findall(trigger.when)
    absent = [name for name in dict.fromkeys(needed) if _value(scope, name) in ("", None)]
    if absent or (trigger.when and not _holds(scope, trigger)):
        return absent
    read = [name for expression in expressions_in(trigger.inputs) for name in FIELD.findall(expression)]
    return [name for name in dict.fromkeys(read) if _value(scope, name) in ("", None)]


def _holds(scope: Mapping[str, Any], trigger: Trigger) -> bool:
    try:
        return evaluate(trigger.when, scope) is True
    except ExpressionError:
        return False


def _value(scope: Mapping[str, Any], name: str) -> Any:
    """What `alert.labels.team` is; None where there is nothing."""
    value: Any = scope
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
