"""Opsgenie, and Jira Service Management that has taken it over: the outgoing webhook integration.

Format: https://support.atlassian.com/jira-service-management-cloud/docs/alert-action-data-for-jira-edge-connector/ and
https://docs.opsgenie.com/docs/opsgenie-edge-connector-alert-action-data. One delivery is one action on one alert:
Create, Escalate and UpdatePriority become an alert, Close and Delete one that is resolved, anything else a note.

Proof: no signature. The integration's custom headers carry the door's secret.

Key: the alert's id, the action, and `updatedAt`, nanoseconds in a JSON integer. An alert's id is its alias, by which
the sender itself joins repetitions, or the alert's id where there is none.

Answers: what is tried again, and how often, is not documented; firedoor answers 2xx only for what it has stored.
"""

from firedoor.alerts import _proofs
from firedoor.alerts._reading import Reader, part, texts, word
from firedoor.alerts._severity import rank, severity
from firedoor.alerts._source import Headers, Lock, Parsed
from firedoor.alerts._subject import moment, subject, tags

NAME = "opsgenie"
REPORTS = frozenset({"Create", "Escalate", "UpdatePriority"})
ENDS = frozenset({"Close", "Delete"})
READER = Reader(
    "an alert of Opsgenie or Jira Service Management",
    "Use the integration `Webhook` with the alert payload that it has without changes.",
)


def authenticate(headers: Headers, body: bytes, lock: Lock) -> None:
    """Return if a header shows a secret of the lock. Raises `UnauthenticatedError`."""
    _proofs.shared(lock, headers)


def parse(headers: Headers, body: bytes) -> Parsed:
    """The alert of one action, or a note. Raises `UsageError` that says what is wrong with the body."""
    delivery = READER.object(body)
    alert, action = part(delivery, "alert"), READER.needed(delivery, "action")
    identity = READER.needed(alert, "alertId")
    key = f"{identity}/{action}/{word(alert, 'updatedAt') or word(alert, 'createdAt')}"
    if action not in REPORTS | ENDS:
        return Parsed(key=key, note=f"{action} says nothing of a new problem")
    details, tagged = texts(alert.get("details")), tags(alert.get("tags"))
    fields = subject(details, tagged)
    entity = fields.pop("resource") or word(alert, "entity")
    found = READER.alert(
        source=NAME,
        id=word(alert, "alias") or identity,
        type=action,
        title=word(alert, "message"),
        description=word(alert, "description"),
        # `3` in old webhooks, "P3" in those of today.
        severity=severity(rank(alert.get("priority"))),
        resource=entity,
        first_seen=moment(alert.get("createdAt"), a_second=1_000),
        last_seen=moment(alert.get("updatedAt"), a_second=1_000_000_000),
        resolved=action in ENDS,
        labels=tagged | details,
        raw=delivery,
        **fields,
    )
    return Parsed(key=key, alerts=(found,))
