"""Splunk's webhook action: one row of a search, and an address that nobody else knows."""

import json

import pytest

from tests.alerts.messages import (
    KEY_ID,
    OTHER,
    SECRET,
    SPLUNK,
    changed,
    lock,
    only,
    opens,
    parsed,
    shows_a_secret,
    wrong,
)
from tests.shared import SHARED, needs_shared

PAYLOADS = SHARED / "payloads" / "splunk"


@needs_shared
def test_a_row() -> None:
    """All values are texts; Splunk's own fields are no labels."""
    alert = only("splunk", (PAYLOADS / "search_one_result.json").read_bytes())
    assert (alert.type, alert.title, alert.resource, alert.severity) == ("sudo", "sudo", "myserver", 0.0)
    assert alert.first_seen == "2017-01-04T19:14:32.000Z"
    assert alert.url.startswith("http://example.com:8000/")
    assert alert.labels["process"] == "sudo"
    assert "_raw" not in alert.labels
    assert "COMMAND" not in alert.labels


def test_what_a_search_says() -> None:
    """Fields with the agreed names fill the alert; the line of the log is nowhere but in `raw`."""
    alert = only("splunk", SPLUNK)
    assert (alert.severity, alert.account, alert.access_key_id) == (7.0, "123456789012", KEY_ID)
    assert (alert.user_name, alert.resource) == ("deploy", "web-1")
    assert "canary-in-a-log" not in json.dumps(alert.model_dump(exclude={"raw"}))
    assert alert.raw == SPLUNK


def test_each_row_of_a_job_is_one() -> None:
    """An alert "for each result" sends several rows with one sid."""
    first, again = parsed("splunk", SPLUNK), parsed("splunk", SPLUNK)
    other = parsed("splunk", changed(SPLUNK, "result.host", "web-2"))
    assert first.key == again.key != other.key
    assert first.alerts[0].id != other.alerts[0].id


@pytest.mark.parametrize("name", ["search_name", "results_link", "result", "app", "owner"])
def test_what_may_be_missing(name: str) -> None:
    """Splunk leaves out what it has not, or writes null."""
    assert only("splunk", changed(SPLUNK, name, None)).title
    assert only("splunk", {key: value for key, value in SPLUNK.items() if key != name}).title


@pytest.mark.parametrize(
    ("message", "says"), [(b"", "not JSON"), ([], "not a JSON object"), ({"result": {}}, "no `sid`")]
)
def test_what_is_no_delivery(message: object, says: str) -> None:
    """A sentence that says what is missing."""
    assert says in wrong("splunk", message)


def test_a_secret_in_the_address() -> None:
    """What follows `/hooks/NAME/` is one of the secrets, all of it."""
    assert opens("splunk", {"x-firedoor-path": SECRET}, b"", lock(SECRET))
    assert opens("splunk", {"x-firedoor-path": f"/{SECRET}/"}, b"", lock(OTHER, SECRET))
    for path in (OTHER, SECRET[:-1], f"{SECRET}/more", "/", "\udc80", "é"):
        assert not opens("splunk", {"x-firedoor-path": path}, b"", lock(SECRET))
    assert not opens("splunk", {"x-firedoor-path": SECRET}, b"", lock())
    assert not opens("splunk", {"x-firedoor-path": ""}, b"", lock(""))


def test_a_wrong_address_is_not_mended_by_a_header() -> None:
    """Whoever shows a secret in the address is judged by it."""
    headers = {"x-firedoor-path": "guessed", "authorization": f"Bearer {SECRET}"}
    assert not opens("splunk", headers, b"", lock(SECRET))


def test_a_header_of_a_proxy() -> None:
    """Without a secret in the address, a header shows it."""
    shows_a_secret("splunk")
