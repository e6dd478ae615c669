"""Sentry: webhooks of an internal integration.

Format: https://docs.sentry.io/organization/integrations/integration-platform/webhooks/. Issue alerts, metric alerts,
new and reopened issues and errors become an alert; what is resolved or archived one that is resolved; comments,
assignments and the installation itself a note. What kind it is, the body tells: the header that says it is not signed.

Proof: `Sentry-Hook-Signature`, hex HMAC-SHA256 of the raw body with the integration's client secret; where the body is
empty, of nothing. `Sentry-Hook-Timestamp` is not signed and proves nothing.

Key: `Request-ID`, or a digest of the body where there is none. An alert's id is that of the issue, or of the metric
alert.

Answers: Sentry waits 1 second, and disables a hook after 1,000 time-outs in 24 hours.
"""

from collections.abc import Callable
from typing import Any

from firedoor.alerts import _proofs
from firedoor.alerts._alert import Alert
from firedoor.alerts._group import digest
from firedoor.alerts._reading import Reader, part, texts, word
from firedoor.alerts._severity import severity
from firedoor.alerts._source import Headers, Lock, Parsed
from firedoor.alerts._subject import subject

NAME = "sentry"
SIGNATURE = "sentry-hook-signature"
REQUEST = "request-id"
READER = Reader("a webhook of a Sentry integration", "Use an internal integration with the webhook URL of this door.")
OVER = frozenset({"resolved", "archived", "ignored"})


def authenticate(headers: Headers, body: bytes, lock: Lock) -> None:
    """Return if the raw body is signed with a secret of the lock. Raises `UnauthenticatedError`."""
    _proofs.signed(lock, (headers.get(SIGNATURE, ""),), body)


def parse(headers: Headers, body: bytes) -> Parsed:
    """The alert of one webhook, or a note. Raises `UsageError` that says what is wrong with the body."""
    if not body:
        return Parsed(key=headers.get(REQUEST) or "empty", note="an empty delivery")
    delivery = READER.object(body)
    action, data = READER.needed(delivery, "action"), part(delivery, "data")
    key = headers.get(REQUEST) or digest(delivery)
    for name, actions, read in KINDS:
        if isinstance(data.get(name), dict) and action in actions:
            return Parsed(key=key, alerts=(read(delivery, action, data),))
    return Parsed(key=key, note=f"{' and '.join(sorted(data)) or 'this'} {action}: nothing of a new problem")


def _event(delivery: dict[str, Any], action: str, data: dict[str, Any]) -> Alert:
    """An event: that of an issue alert, or an error."""
    event = part(data, "event") or part(data, "error")
    # `issue_url` ends with the id: events before 2020 have no `issue_id`, and numbers come as numbers.
    issue = word(event, "issue_id") or word(event, "issue_url").rstrip("/").rpartition("/")[2]
    labels = _tags(event.get("tags"))
    return READER.alert(
        source=NAME,
        id=issue or READER.needed(event, "event_id"),
        type=f"{'event_alert' if 'event' in data else 'error'}.{action}",
        title=word(event, "title") or word(event, "message"),
        description=word(data, "triggered_rule"),
        severity=severity(event.get("level")),
        first_seen=word(event, "datetime"),
        last_seen=word(event, "datetime"),
        url=word(event, "web_url"),
        labels=labels,
        raw=delivery,
        **subject(labels, texts(part(event, "contexts", "firedoor"))),
    )


def _issue(delivery: dict[str, Any], action: str, data: dict[str, Any]) -> Alert:
    issue = part(data, "issue")
    project = word(issue, "project", "slug")
    labels = {name: word(issue, name) for name in ("shortId", "platform", "level") if word(issue, name)}
    count = word(issue, "count")
    return READER.alert(
        source=NAME,
        id=word(issue, "id") or READER.needed(issue, "id"),
        type=f"issue.{action}",
        title=word(issue, "title"),
        description=word(issue, "metadata", "value") or word(issue, "culprit"),
        severity=severity(issue.get("level")),
        resource=project,
        first_seen=word(issue, "firstSeen"),
        last_seen=word(issue, "lastSeen"),
        count=int(count) if count.isdecimal() and len(count) < 10 else 1,
        url=word(issue, "web_url") or word(issue, "permalink"),
        resolved=action in OVER,
        labels=labels | ({"project": project} if project else {}),
        raw=delivery,
    )


def _metric(delivery: dict[str, Any], action: str, data: dict[str, Any]) -> Alert:
    metric = part(data, "metric_alert")
    return READER.alert(
        source=NAME,
        id=f"metric_alert/{word(metric, 'id') or READER.needed(metric, 'id')}",
        type=f"metric_alert.{action}",
        title=word(metric, "title") or word(metric, "alert_rule", "name"),
        description=word(data, "description_text"),
        severity=severity(action),
        first_seen=word(metric, "date_started"),
        last_seen=word(metric, "date_closed"),
        url=word(data, "web_url"),
        resolved=action == "resolved",
        labels={"rule": word(metric, "alert_rule", "name")},
        raw=delivery,
    )


def _tags(given: Any) -> dict[str, str]:
    """Tags are pairs in lists; in some versions objects with `key` and `value`."""
    members = given if isinstance(given, list) else []
    pairs = [(one.get("key"), one.get("value")) if isinstance(one, dict) else one for one in members]
    return {
        one[0]: one[1]
        for one in pairs
        if isinstance(one, list | tuple) and len(one) == 2 and isinstance(one[0], str) and isinstance(one[1], str)
    }


Read = Callable[[dict[str, Any], str, dict[str, Any]], Alert]
#: What the body holds, which actions on it say that something begins or ends, and how it is read.
KINDS: tuple[tuple[str, frozenset[str], Read], ...] = (
    ("metric_alert", frozenset({"critical", "warning", "resolved"}), _metric),
    ("event", frozenset({"triggered"}), _event),
    ("error", frozenset({"created"}), _event),
    ("issue", frozenset({"created", "unresolved"}) | OVER, _issue),
)
