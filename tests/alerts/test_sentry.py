"""Webhooks of Sentry's integrations."""

import json
from typing import Any

import pytest

from tests.alerts.messages import (
    KEY_ID,
    OTHER,
    SECRET,
    SENTRY_ALERT,
    SENTRY_ISSUE,
    SENTRY_METRIC,
    changed,
    lock,
    only,
    opens,
    parsed,
    signature,
    wrong,
)
from tests.shared import SHARED, needs_shared

PAYLOADS = SHARED / "payloads" / "sentry"


@needs_shared
def test_a_new_issue() -> None:
    """Level, project and times of the issue."""
    alert = only("sentry", (PAYLOADS / "issue_created.json").read_bytes())
    assert (alert.id, alert.type, alert.severity, alert.resource) == ("123", "issue.created", 7.0, "ipe")
    assert alert.first_seen == "2022-04-04T18:17:18.320000Z"


@needs_shared
def test_a_metric_alert() -> None:
    """The action is the severity."""
    alert = only("sentry", (PAYLOADS / "metric_alert_critical.json").read_bytes())
    assert (alert.id, alert.type, alert.severity) == ("metric_alert/789", "metric_alert.critical", 9.0)


def test_an_issue_alert() -> None:
    """Tags and the context `firedoor` say what it is about; the id is that of the issue, also where it is a number."""
    alert = only("sentry", SENTRY_ALERT)
    assert (alert.id, alert.type, alert.severity) == ("1752473492868", "event_alert.triggered", 9.0)
    assert (alert.access_key_id, alert.account, alert.description) == (KEY_ID, "123456789012", "A key stopped working")
    assert alert.labels == {"level": "fatal", "access_key_id": KEY_ID}


@pytest.mark.parametrize(
    ("path", "value", "identity"),
    [
        ("data.event.issue_id", None, "1752473492868"),
        ("data.event.issue_id", "77", "77"),
        ("data.event", {"event_id": "abc", "tags": [{"key": "credential", "value": "c"}]}, "abc"),
    ],
)
def test_the_id_of_an_event(path: str, value: Any, identity: str) -> None:
    """From the issue's URL where there is no id of the issue; that of the event at last."""
    assert only("sentry", changed(SENTRY_ALERT, path, value)).id == identity


def test_tags_as_objects() -> None:
    """Some versions write tags as objects."""
    alert = only("sentry", changed(SENTRY_ALERT, "data.event.tags", [{"key": "credential", "value": "sk-id"}, {}]))
    assert (alert.credential, alert.access_key_id) == ("sk-id", "")


def test_an_error() -> None:
    """The resource `error` has the event under another name."""
    alert = only("sentry", {"action": "created", "data": {"error": SENTRY_ALERT["data"]["event"]}})
    assert (alert.type, alert.id) == ("error.created", "1752473492868")


@pytest.mark.parametrize(("action", "resolved"), [("unresolved", False), ("resolved", True), ("archived", True)])
def test_issues_begin_and_end(action: str, resolved: bool) -> None:
    """The id is the same."""
    alert = only("sentry", changed(SENTRY_ISSUE, "action", action))
    assert (alert.id, alert.resolved, alert.count) == ("1638800001", resolved, 3)


@pytest.mark.parametrize("count", ["", "-1", "many", "9" * 5000, "²"])
def test_a_count_that_is_none(count: str) -> None:
    """Is one."""
    assert only("sentry", changed(SENTRY_ISSUE, "data.issue.count", count)).count == 1


def test_a_resolved_metric_alert() -> None:
    """It is over, and nothing bad any more."""
    alert = only("sentry", changed(SENTRY_METRIC, "action", "resolved"))
    assert (alert.id, alert.resolved, alert.severity) == ("metric_alert/4", True, 0.0)


@pytest.mark.parametrize(
    "message",
    [
        changed(SENTRY_ISSUE, "action", "assigned"),
        {"action": "created", "data": {"installation": {"uuid": "1"}}},
        {"action": "created", "data": {"comment": "hello", "issue_id": 1}},
        {"action": "created"},
    ],
)
def test_what_starts_nothing(message: dict[str, Any]) -> None:
    """A note."""
    delivery = parsed("sentry", message)
    assert delivery.alerts == ()
    assert "nothing of a new problem" in delivery.note


def test_the_key() -> None:
    """`Request-ID`, or what the body is; the header that says the kind is not signed, and changes nothing."""
    assert parsed("sentry", SENTRY_ISSUE, {"request-id": "r1"}).key == "r1"
    assert parsed("sentry", SENTRY_ISSUE).key == parsed("sentry", SENTRY_ISSUE, {"sentry-hook-resource": "comment"}).key
    assert parsed("sentry", SENTRY_ISSUE).key != parsed("sentry", SENTRY_METRIC).key
    assert parsed("sentry", SENTRY_ISSUE, {"sentry-hook-resource": "comment"}).alerts


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b"[]", "not a JSON object"),
        ({}, "no `action`"),
        (changed(SENTRY_ISSUE, "data.issue.id", None), "no `id`"),
        (changed(SENTRY_METRIC, "data.metric_alert.id", ""), "no `id`"),
        (changed(SENTRY_ALERT, "data.event", {"level": "error"}), "no `event_id`"),
    ],
)
def test_what_is_no_webhook(message: object, says: str) -> None:
    """A sentence that says what is missing."""
    assert says in wrong("sentry", message)


def test_an_empty_body() -> None:
    """Is signed as nothing, and says nothing."""
    assert opens("sentry", {"sentry-hook-signature": signature(SECRET, b"")}, b"", lock(SECRET))
    assert parsed("sentry", b"", {"request-id": "r2"}).key == "r2"
    assert parsed("sentry", b"").note == "an empty delivery"


def test_the_signature() -> None:
    """Hex HMAC-SHA256 of the raw bytes: another writing of the same JSON has another."""
    body = json.dumps(SENTRY_ISSUE).encode()
    headers = {"sentry-hook-signature": signature(SECRET, body)}
    assert opens("sentry", headers, body, lock(SECRET))
    assert opens("sentry", headers, body, lock(OTHER, SECRET))
    assert not opens("sentry", headers, json.dumps(SENTRY_ISSUE, indent=1).encode(), lock(SECRET))
    assert not opens("sentry", headers, body, lock(OTHER))
    assert not opens("sentry", {}, body, lock(SECRET))
    assert not opens("sentry", headers, body, lock())
