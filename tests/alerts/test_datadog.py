"""Deliveries of Datadog's webhooks: the operator's template, and the one that Datadog starts with."""

import json

import pytest

from tests.alerts.messages import DATADOG, KEY_ID, changed, of_the_page, only, parsed, shows_a_secret, wrong
from tests.shared import SHARED, needs_shared

PAYLOADS = SHARED / "payloads" / "datadog"


@needs_shared
def test_the_template_that_datadog_starts_with() -> None:
    """Id, title and text; the title's own words say how bad it is."""
    delivery = parsed("datadog", (PAYLOADS / "triggered.json").read_bytes())
    (alert,) = delivery.alerts
    assert delivery.key == "8179565223078592612/Triggered"
    assert (alert.id, alert.severity, alert.resolved) == ("8179565223078592612", 7.0, False)
    assert alert.first_seen == "2025-07-06T11:54:15.000Z"


@needs_shared
def test_a_recovery() -> None:
    """The captured request: its body is a text inside the recording."""
    recording = json.loads((PAYLOADS / "recovered_request.json").read_bytes())
    alert = only("datadog", recording["payload"].encode())
    assert (alert.resolved, alert.severity) == (True, 7.0)
    assert "Recovered" in alert.title


def test_the_template_of_the_page() -> None:
    """Fills everything; "null" is nothing; the id stays the same until it has recovered."""
    alert = only("datadog", DATADOG)
    assert (alert.id, alert.type, alert.severity) == ("4711", "query_alert_monitor", 9.0)
    assert (alert.access_key_id, alert.provider, alert.resource) == (KEY_ID, "aws", "web-1")
    assert alert.labels == {
        "env": "prod",
        "access_key_id": KEY_ID,
        "monitor": "1234",
        "host": "web-1",
        "provider": "aws",
    }
    recovered = parsed("datadog", changed(DATADOG, "alert_transition", "Recovered"))
    assert [(one.id, one.resolved) for one in recovered.alerts] == [("4711", True)]
    assert recovered.key != parsed("datadog", DATADOG).key


def test_the_page_has_this_template() -> None:
    """What people paste into Datadog is what these tests fill; Datadog leaves a variable that it does not know."""
    template = json.loads(of_the_page("json", "$ALERT_CYCLE_KEY"))
    assert set(template) == set(DATADOG)
    assert only("datadog", template).id == "$ALERT_CYCLE_KEY"


def test_a_security_signal() -> None:
    """Its severity counts more than the monitor's priority."""
    assert only("datadog", changed(DATADOG, "security_signal_severity", "medium")).severity == 5.0


@pytest.mark.parametrize(
    ("title", "severity", "resolved"),
    [
        ("[Triggered] Disk", 0.0, False),
        ("[P4] [Warn on {host:a}] Disk", 2.0, False),
        ("[P1] [Re-Triggered on {host:a}] Disk", 9.0, False),
        ("[Recovered] Disk", 0.0, True),
        ("Disk [Recovered]", 0.0, False),
    ],
)
def test_what_a_title_says(title: str, severity: float, resolved: bool) -> None:
    """Only the words in front are Datadog's; the rest is the operator's."""
    alert = only("datadog", {"title": title})
    assert (alert.severity, alert.resolved) == (severity, resolved)


def test_without_an_id() -> None:
    """The body's digest is one: the same delivery is the same."""
    first, again, other = (parsed("datadog", {"title": title}) for title in ("a", "a", "b"))
    assert first.key == again.key != other.key


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b'{"title": "a "quoted" word"}', "not JSON"),
        (b"title=a&body=b", "docs/how-to/alerts.md"),
        ({"title": "null"}, "no `title`"),
        ([{}], "not a JSON object"),
    ],
)
def test_what_is_no_delivery(message: object, says: str) -> None:
    """A sentence that names the template."""
    assert says in wrong("datadog", message)


def test_the_lock() -> None:
    """A secret in a header."""
    shows_a_secret("datadog")
