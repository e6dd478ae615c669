"""What a delivery says, and which runbooks its alerts start. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from firedoor.alerts import SOURCES, Alert, Parsed, Source, generic, matches
from firedoor.deliveries.delivery import Delivery, Hit, Matched
from firedoor.deliveries.runbooks import Known
from firedoor.doors import AlertDoor
from firedoor.errors import UsageError
from firedoor.inputs import incident_id
from firedoor.plan import Plan

#: What a parser may stumble over besides what it refuses. One delivery must not stop all that come after it.
STUMBLES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
#: The reasons that a delivery keeps are of this many characters.
MOST_SAID = 4_000


def examined(delivery: Delivery, known: Known, doors: Mapping[str, AlertDoor]) -> Matched:
    """Parse and match a delivery with the runbooks as they are now."""
    what = f"The source {delivery.source} cannot read it"
    try:
        parsed = parsed_of(delivery, doors)
        what = "It cannot be matched with the runbooks"
        return _matched(delivery, parsed, known)
    except UsageError as error:
        return Matched(delivery.id, failed=error.what)
    except STUMBLES as error:
        return Matched(delivery.id, failed=f"{what} ({type(error).__name__}): a mistake of firedoor's.")


def _matched(delivery: Delivery, parsed: Parsed, known: Known) -> Matched:
    if not parsed.alerts:
        return Matched(delivery.id, reason=parsed.note or "It reports nothing.")
    hits: list[Hit] = []
    against: list[str] = []
    failures: list[str] = []
    for number, alert in enumerate(parsed.alerts):
        if alert.resolved:
            against.append("The source says that it is over.")
            continue
        found = matches(alert, candidates(alert, known))
        against += found.reasons
        failures += found.failures
        hits += [_hit(delivery, number, alert, plan, inputs) for plan, inputs in found.found]
    if not hits:
        suspects = known.suspects(parsed.alerts[0].source)
        failures += [f"{name}: it has mistakes, and may be the one: firedoor lint {name}" for name in suspects]
    titles = [alert.title or alert.type or alert.id for alert in parsed.alerts]
    more = f" and {len(titles) - 1} more" if len(titles) > 1 else ""
    reasons = against or [f"No runbook has a trigger for {parsed.alerts[0].source}."]
    return Matched(
        delivery=delivery.id,
        title=titles[0] + more,
        hits=tuple(hits),
        reason=_lines(reasons),
        against=_lines(against),
        failed=_lines(failures),
    )


def parsed_of(delivery: Delivery, doors: Mapping[str, AlertDoor]) -> Parsed:
    """The alerts of a delivery, with the name of its door. Raises `UsageError`."""
    parsed = _source(delivery, doors).parse(delivery.headers, delivery.body)
    alerts = tuple(alert.model_copy(update={"door": delivery.door}) for alert in parsed.alerts)
    return replace(parsed, alerts=alerts)


def _source(delivery: Delivery, doors: Mapping[str, AlertDoor]) -> Source:
    """Who reads it: of a door with a map, the map as the settings have it now. Raises `UsageError`."""
    if delivery.source == generic.NAME and (door := doors.get(delivery.door)):
        return generic.Mapped(door.map)
    if delivery.source not in SOURCES:
        raise UsageError(f"There is no alert source {delivery.source!r}.")
    return SOURCES[delivery.source]


def candidates(alert: Alert, known: Known) -> list[Plan]:
    """The plans with a trigger for this kind of alert."""
    return [plan for plan in known.plans.values() if any(one.alert == alert.source for one in plan.triggers)]


def _hit(delivery: Delivery, number: int, alert: Alert, plan: Plan, inputs: dict[str, object]) -> Hit:
    # Where a runbook has no identity, each alert is an incident of its own; the same delivery again is the same one.
    own = hashlib.sha256(f"{delivery.id}/{number}".encode()).hexdigest()[:8]
    return Hit(
        delivery=delivery.id,
        number=number,
        runbook=plan.name,
        incident=incident_id(plan, inputs, own),
        inputs=inputs,
        alert=alert,
    )


def _lines(said: list[str]) -> str:
    text = "\n".join(dict.fromkeys(said))
    return text if len(text) <= MOST_SAID else f"{text[: MOST_SAID - 1]}…"
