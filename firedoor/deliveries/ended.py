"""An alert about an incident that has ended: is it handled already, or does the containment leak? Pure."""

from datetime import UTC, datetime, timedelta

from firedoor.deliveries.delivery import Hit
from firedoor.deliveries.ledger import alert_id

#: A sender that knows no `last_seen` may repeat itself for so long after the end.
REPEATS = timedelta(hours=24)


def handled(hit: Hit, ended: datetime, reported: set[str], now: datetime) -> str:
    """The sentence for an alert that the incident has handled; empty where it has to be started anew.

    `reported` are the alerts that this run was started with or told of. What was seen after the end is new, whatever
    else is true of it. Where the source does not say when it was last seen: what was delivered before the end, and what
    was reported to it already, for 24 hours.
    """
    name, end = hit.incident, f"{ended.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if last_seen := moment(hit.alert.last_seen):
        return "" if last_seen > ended else f"{name} ended at {end}, and nothing of this was seen since."
    received = moment(hit.received_at)
    if received and received <= ended:
        return f"{name} ended at {end}, and this was delivered before."
    if alert_id(hit.alert) in reported and now <= ended + REPEATS:
        return f"{name} ended at {end}, and has handled this alert, which says of no later time."
    return ""


def moment(text: str) -> datetime | None:
    """An RFC 3339 time; None for anything else, and for one without an offset that could not be read as UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
