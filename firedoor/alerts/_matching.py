"""Which runbook does an alert start? The triggers of the plans decide; the reasons against are kept."""

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
#: The same with what lies in it: `alert.labels.team`, `alert.raw.repository.id`. And where it must not be empty.
PATH = re.compile(r"\b(alert(?:\.[A-Za-z_]\w*)+)\b(?!\()")
NOT_EMPTY = re.compile(PATH.pattern + r"""\s*!=\s*(?:""|'')""")
MOST_SHOWN = 60


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


def _inputs(alert: Alert, plan: Plan) -> tuple[dict[str, Any] | None, list[str], list[str]]:
    """The inputs of the first trigger that fits; else the reasons, and those of them that are failures."""
    triggers = [one for one in enumerate(plan.triggers, 1) if one[1].alert == alert.source]
    if not triggers:
        return None, [f"it has no trigger for {alert.source}"], []
    reasons: list[str] = []
    failures: list[str] = []
    scope = {"alert": alert.model_dump(mode="json")}
    for number, trigger in triggers:
        try:
            if not _holds(trigger, scope):
                why = f"its condition does not hold: {trigger.when}{_seen(trigger.when, scope['alert'])}"
                reasons.append(_lacking(number, _demanded(trigger, scope), scope) or why)
                continue
            return resolve_inputs(plan, _rendered(plan, trigger, scope)), [], []
        except _Failed as error:
            reason = str(error)
        except UsageError as error:
            empty = _seen(" ".join(str(value) for value in trigger.inputs.values()), scope["alert"])
            reason = f"its trigger fits, but its inputs do not: {error}{empty}"
        reason = _lacking(number, _read(trigger), scope) or reason
        reasons.append(reason)
        failures.append(reason)
    return None, reasons, failures


def _demanded(trigger: Trigger, scope: Mapping[str, Any]) -> list[str]:
    """What a condition demands not to be empty, if it would hold with these."""
    names = [name for name in dict.fromkeys(NOT_EMPTY.findall(trigger.when)) if _value(scope, name) in ("", None)]
    filled: Any = scope
    for name in names:
        filled = _filled(filled, name.split("."))
    try:
        return names if evaluate(trigger.when, filled) is True else []
    except ExpressionError:
        return []


def _read(trigger: Trigger) -> list[str]:
    """What the inputs of a trigger read, and what its condition reads of what an alert may not have at all."""
    found = [name for expression in expressions_in(trigger.inputs) for name in PATH.findall(expression)]
    return [*found, *(name for name in PATH.findall(trigger.when) if name.count(".") > 1)]


def _lacking(number: int, names: Iterable[str], scope: Mapping[str, Any]) -> str:
    """Which of the fields that trigger `number` needs the alert has not; an empty text if it has all of them."""
    absent = [name for name in dict.fromkeys(names) if _value(scope, name) in ("", None)]
    return f"trigger {number} needs {' and '.join(absent)}, and this alert has none" if absent else ""


def _filled(value: Any, path: list[str]) -> Any:
    """The same with some text at a path."""
    if not path:
        return "-"
    members = dict(value) if isinstance(value, Mapping) else {}
    return members | {path[0]: _filled(members.get(path[0]), path[1:])}


def _value(scope: Mapping[str, Any], name: str) -> Any:
    value: Any = scope
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _holds(trigger: Trigger, scope: dict[str, Any]) -> bool:
    """Raises `_Failed` for a condition that cannot be judged on this alert."""
    try:
        return not trigger.when or evaluate(trigger.when, scope) is True
    except ExpressionError as error:
        raise _Failed(f"its condition cannot be judged on this alert: {error}") from None


def _rendered(plan: Plan, trigger: Trigger, scope: dict[str, Any]) -> dict[str, Any]:
    """Raises `_Failed` for inputs that cannot be made of this alert, or a needed one of which nothing would be left."""
    try:
        values: dict[str, Any] = render(trigger.inputs, scope)
    except ExpressionError as error:
        raise _Failed(f"its trigger fits, but its inputs do not: {error}") from None
    for name, value in values.items():
        if value == "" and name in plan.inputs and plan.inputs[name].required:
            raise _Failed(f"its trigger fits, but its input {name} would be empty")
    return values


def _seen(expression: str, alert: dict[str, Any]) -> str:
    """What the alert has in the fields that an expression reads, so that nobody has to look it up."""
    names = dict.fromkeys(name for name in MENTION.findall(expression) if name in alert)
    says = [f"alert.{name} is {_shown(alert[name])}" for name in names if isinstance(alert[name], str | int | float)]
    return f" ({', '.join(says)})" if says else ""


def _shown(value: Any) -> str:
    if value == "":
        return "empty"
    text = f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"
