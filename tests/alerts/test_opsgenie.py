"""Actions on alerts of Opsgenie and Jira Service Management."""

import pytest

from tests.alerts.messages import KEY_ID, OPSGENIE, changed, only, parsed, shows_a_secret, wrong
from tests.shared import SHARED, needs_shared

PAYLOADS = SHARED / "payloads" / "opsgenie"


@needs_shared
def test_a_created_alert() -> None:
    """The priority is a number; nanoseconds stay exact beyond 2^53, in the key and in `raw`."""
    delivery = parsed("opsgenie", (PAYLOADS / "create.json").read_bytes())
    (alert,) = delivery.alerts
    assert delivery.key == "ec03dad6-62c8-4c94-b38b-d88f398e900f/Create/1502709956288000110"
    assert alert.raw["alert"]["updatedAt"] == 1502709956288000110
    assert (alert.id, alert.severity, alert.resource, alert.labels) == ("alert-alias", 5.0, "Server", {"vip": ""})
    assert (alert.first_seen, alert.last_seen) == ("2017-08-14T11:25:56.288Z", "2017-08-14T11:25:56.288Z")


@needs_shared
def test_a_closed_alert() -> None:
    """The alias joins it to the alert that was created."""
    alert = only("opsgenie", (PAYLOADS / "close.json").read_bytes())
    assert (alert.id, alert.type, alert.resolved, alert.severity) == ("aliastest", "Close", True, 0.0)


def test_details_and_tags_say_what_it_is_about() -> None:
    """By the names that are agreed; details count more than tags."""
    alert = only("opsgenie", OPSGENIE)
    assert (alert.severity, alert.access_key_id, alert.provider, alert.resource) == (7.0, KEY_ID, "aws", "payments")
    assert alert.labels == {
        "vip": "",
        "team": "payments",
        "aws_access_key_id": KEY_ID,
        "provider": "aws",
        "attempts": "3",
    }
    both = changed(changed(OPSGENIE, "alert.details", {"team": "detail"}), "alert.tags", ["team:tag"])
    assert only("opsgenie", both).labels == {"team": "detail"}
    named = changed(OPSGENIE, "alert.details", {"AWS Access-Key.ID": "AKIADETAIL"})
    assert only("opsgenie", named).credential == "AKIADETAIL"


@pytest.mark.parametrize(
    ("priority", "severity"), [(1, 9.0), ("P1", 9.0), (4, 2.0), ("P5", 1.0), (0, 0.0), (None, 0.0), ("", 0.0)]
)
def test_priorities(priority: object, severity: float) -> None:
    """Numbers in old webhooks, P1 to P5 in those of today."""
    assert only("opsgenie", changed(OPSGENIE, "alert.priority", priority)).severity == severity


def test_the_alert_without_an_alias() -> None:
    """Has its own id; times that are none are empty."""
    message = changed(changed(OPSGENIE, "alert.alias", ""), "alert.createdAt", "soon")
    alert = only("opsgenie", message)
    assert (alert.id, alert.first_seen) == ("00000000-0000-4000-8000-000000000001-1764417540000", "")


@pytest.mark.parametrize("action", ["Acknowledge", "AddNote", "AssignOwnership", "TestAction"])
def test_what_people_do_starts_nothing(action: str) -> None:
    """A note, and a key of its own."""
    delivery = parsed("opsgenie", changed(OPSGENIE, "action", action))
    assert delivery.alerts == ()
    assert action in delivery.note
    assert delivery.key != parsed("opsgenie", OPSGENIE).key


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b"\xff", "not JSON"),
        ({}, "no `action`"),
        ({"action": "Create"}, "no `alertId`"),
        ({"action": "Create", "alert": [1]}, "no `alertId`"),
        ({"action": 1}, "`action` is not a text"),
    ],
)
def test_what_is_no_alert(message: object, says: str) -> None:
    """A sentence that says what is missing."""
    assert says in wrong("opsgenie", message)


def test_the_lock() -> None:
    """A secret in a header."""
    shows_a_secret("opsgenie")
