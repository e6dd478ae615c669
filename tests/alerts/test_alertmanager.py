"""Groups of alerts from Alertmanager."""

import pytest

from tests.alerts.messages import GROUP, KEY_ID, changed, only, parsed, shows_a_secret, wrong
from tests.shared import SHARED, needs_shared

PAYLOADS = SHARED / "payloads" / "alertmanager"


@needs_shared
def test_a_delivery_of_today() -> None:
    """Labels, annotations and the source's link become an alert."""
    alert = only("alertmanager", (PAYLOADS / "firing.json").read_bytes())
    assert (alert.type, alert.title) == ("CPUThrottlingHigh", "Processes experience elevated CPU throttling.")
    assert (alert.id, alert.severity, alert.resolved) == ("1e6df20d7ad22b17/2025-04-14T15:24:15Z", 2.0, False)
    assert alert.url.startswith("http://vmalert-")
    assert alert.labels["cluster"] == "cluster-name"
    assert alert.last_seen == ""


@needs_shared
def test_a_delivery_of_2017() -> None:
    """Without a fingerprint, the labels are one: the same alert has the same id, another has another."""
    body = (PAYLOADS / "firing_2017.json").read_bytes()
    alert = only("alertmanager", body)
    assert alert.id.endswith("/2017-08-03T15:17:37.804-04:00")
    assert alert.id == only("alertmanager", body).id
    assert alert.id != only("alertmanager", body.replace(b'"severity": "critical"', b'"severity": "high"')).id
    assert alert.severity == 9.0


def test_a_group() -> None:
    """Each alert of a group is one; what is resolved says so; what names say, fields hold."""
    firing, resolved = parsed("alertmanager", GROUP).alerts
    assert (firing.severity, firing.resolved, firing.last_seen) == (9.0, False, "")
    assert (firing.access_key_id, firing.credential, firing.provider) == (KEY_ID, KEY_ID, "aws")
    assert (firing.account, firing.description) == ("123456789012", "By user deploy.")
    assert (resolved.severity, resolved.resolved, resolved.last_seen) == (5.0, True, "2026-11-29T11:00:00Z")
    assert (resolved.resource, resolved.title, resolved.credential) == ("web-1", "KeyUsedFromTor", "")
    assert firing.raw["labels"] == GROUP["alerts"][0]["labels"]
    assert firing.raw["group"]["groupLabels"] == GROUP["groupLabels"]
    assert "alerts" not in firing.raw["group"]


def test_the_key() -> None:
    """What is repeated is the same; news is another: one more alert, one that is over, one that fires again."""
    key = parsed("alertmanager", GROUP).key
    assert key == parsed("alertmanager", changed(GROUP, "alerts", GROUP["alerts"][::-1])).key
    others = [
        changed(GROUP, "alerts", GROUP["alerts"][:1]),
        changed(GROUP, "alerts.0.status", "resolved"),
        changed(GROUP, "alerts.0.startsAt", "2026-11-29T12:30:00Z"),
        changed(GROUP, "groupKey", "{}:{}"),
        changed(GROUP, "status", "resolved"),
    ]
    assert len({key, *(parsed("alertmanager", one).key for one in others)}) == 6


def test_what_the_sender_left_out_is_said() -> None:
    """`max_alerts` cuts a group: nobody should believe that it was all."""
    assert parsed("alertmanager", GROUP).note == ""
    assert "1,200 more alerts" in parsed("alertmanager", changed(GROUP, "truncatedAlerts", 1200)).note
    assert parsed("alertmanager", changed(GROUP, "alerts", [])).note == "the group holds no alerts"


def test_what_is_strange_but_readable() -> None:
    """Labels that are no texts, and fields that are missing, do not lose an alert."""
    alert = only("alertmanager", {"alerts": [{"labels": {"severity": 7.5, "a": None, "b": True}, "annotations": []}]})
    assert (alert.severity, alert.labels) == (7.5, {"severity": "7.5", "b": "true"})


@pytest.mark.parametrize(
    ("labels", "severity"),
    [
        ({"priority": "1"}, 9.0),
        ({"priority": "P2", "severity": ""}, 7.0),
        ({"priority": "1", "severity": "info"}, 2.0),
        ({"level": "error"}, 7.0),
        ({"severity": "1"}, 1.0),
        ({}, 0.0),
    ],
)
def test_how_bad_it_is(labels: dict[str, str], severity: float) -> None:
    """A severity counts more than a priority, of which 1 is the highest."""
    assert only("alertmanager", {"alerts": [{"labels": labels}]}).severity == severity


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b"", "not JSON"),
        ([], "not a JSON object"),
        ({}, "no list `alerts`"),
        ({"alerts": {}}, "without a `payload` of its own"),
        ({"alerts": [1]}, "not an object"),
    ],
)
def test_what_is_no_group(message: object, says: str) -> None:
    """A sentence that says what is wrong."""
    assert says in wrong("alertmanager", message)


def test_the_lock() -> None:
    """A secret in a header."""
    shows_a_secret("alertmanager")
