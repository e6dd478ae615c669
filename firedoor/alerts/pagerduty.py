"""PagerDuty: webhook subscriptions, version 3.

Format: https://developer.pagerduty.com/docs/webhooks-overview. One delivery is one event of one incident. Events that
say that there is a problem become an alert (triggered, reopened, escalated, priority updated), `incident.resolved` one
that is resolved; what people do meanwhile, services, workflows and the ping of "Send Test Event" become a note.

Proof: `X-PagerDuty-Signature: v1=HEX[,v1=HEX…]`, HMAC-SHA256 of the body with the subscription's secret; one of the
list has to be right, which is how PagerDuty rotates. There is no timestamp: that an event is taken once rests on its
id.

Key: `event.id`. An alert's id is that of the incident, the same for all of its events.

Answers: PagerDuty does not say how long it waits and how often it tries again; receivers have seen ten tries after
anything but 2xx.

A webhook carries no details of the incident's alerts, so no credential: a runbook's trigger takes it from the title,
or the monitoring sends to firedoor itself.
"""

from typing import Any

from firedoor.alerts import _proofs
from firedoor.alerts._reading import Reader, part, word
from firedoor.alerts._severity import rank, severity
from firedoor.alerts._source import Headers, Lock, Parsed

NAME = "pagerduty"
SIGNATURE = "x-pagerduty-signature"
REPORTS = frozenset(
    {"incident.triggered", "incident.reopened", "incident.escalated", "incident.priority_updated", "incident.resolved"}
)
#: References of an incident of which the summary is a label.
REFERENCES = ("service", "priority", "escalation_policy")
READER = Reader(
    "an event of PagerDuty's webhooks, version 3", "Use a webhook subscription: Integrations, Generic Webhooks (v3)."
)


def authenticate(headers: Headers, body: bytes, lock: Lock) -> None:
    """Return if one of the signatures is that of the body with a secret of the lock. Raises `UnauthenticatedError`."""
    versions = (one.strip().partition("=") for one in headers.get(SIGNATURE, "").split(","))
    _proofs.signed(lock, [rest for version, _, rest in versions if version == "v1"], body)


def parse(headers: Headers, body: bytes) -> Parsed:
    """The alert of one event, or a note. Raises `UsageError` that says what is wrong with the body."""
    event = part(READER.object(body), "event")
    key, kind = READER.needed(event, "id"), READER.needed(event, "event_type")
    data = part(event, "data")
    if kind not in REPORTS:
        return Parsed(key=key, note=f"{kind} says nothing of a new problem")
    service = word(data, "service", "summary")
    alert = READER.alert(
        source=NAME,
        id=READER.needed(data, "id"),
        type=kind,
        title=word(data, "title"),
        severity=severity(rank(word(data, "priority", "summary")), word(data, "urgency")),
        resource=service,
        first_seen=word(data, "created_at"),
        last_seen=word(event, "occurred_at"),
        url=word(data, "html_url"),
        resolved=kind == "incident.resolved",
        labels=_labels(data),
        raw=event,
    )
    return Parsed(key=key, alerts=(alert,))


def _labels(data: dict[str, Any]) -> dict[str, str]:
    labels = {name: word(data, name, "summary") for name in REFERENCES}
    labels |= {name: word(data, name) for name in ("urgency", "status", "number", "incident_key")}
    return {name: value for name, value in labels.items() if value}
