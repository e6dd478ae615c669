"""Groups of alerts from Grafana, signed or not."""

import json

from tests.alerts.messages import (
    GROUP,
    NOW,
    OTHER,
    SECRET,
    changed,
    lock,
    only,
    opens,
    parsed,
    shows_a_secret,
    signature,
    wrong,
)
from tests.shared import SHARED, needs_shared

PAYLOADS = SHARED / "payloads" / "grafana"
BODY = json.dumps(GROUP).encode()
SECONDS = str(int(NOW.timestamp()))


@needs_shared
def test_a_firing_alert() -> None:
    """The panel is the link to read more at; what Grafana adds stays in `raw`."""
    alert = only("grafana", (PAYLOADS / "firing.json").read_bytes())
    assert (alert.type, alert.title, alert.sample) == ("Memory (copy)", "High memory usage", False)
    assert alert.url.endswith("&viewPanel=2")
    assert alert.raw["values"]["minute"] == 9
    assert alert.raw["group"]["orgId"] == 1


@needs_shared
def test_a_resolved_alert() -> None:
    """Times with nanoseconds stay as they are."""
    alert = only("grafana", (PAYLOADS / "resolved.json").read_bytes())
    assert (alert.resolved, alert.last_seen) == (True, "2022-06-17T00:51:24.067337833Z")
    assert alert.first_seen == "2022-06-17T00:41:00.782137894Z"


def test_a_mixed_group() -> None:
    """A group can hold what fires and what is over."""
    assert [one.resolved for one in parsed("grafana", GROUP).alerts] == [False, True]


def test_the_button_test() -> None:
    """What "Test" at the contact point sends is a sample."""
    message = changed(GROUP, "alerts.0.labels", {"alertname": "TestAlert", "instance": "Grafana"})
    assert [one.sample for one in parsed("grafana", message).alerts] == [True, False]


def test_the_alerting_before_version_9() -> None:
    """Another format: said, not guessed."""
    assert "not of the alerting before version 9" in wrong(
        "grafana", {"ruleName": "x", "state": "alerting", "evalMatches": []}
    )


def test_a_signature_of_the_body() -> None:
    """Hex HMAC-SHA256 of the body, with any secret of the door."""
    headers = {"x-grafana-alerting-signature": signature(SECRET, BODY)}
    assert opens("grafana", headers, BODY, lock(SECRET))
    assert opens("grafana", headers, BODY, lock(OTHER, SECRET))
    assert not opens("grafana", headers, BODY, lock(OTHER))
    assert not opens("grafana", headers, BODY + b" ", lock(SECRET))
    assert not opens("grafana", headers, BODY, lock())
    # HMAC-SHA256("secret", "test message"), the body and the secret of the tests of Grafana's signer, by openssl.
    known = "3bcebf43c85d20bba6e3b6ba278af1d2ba3ab0d57de271b0ad30b833e851c5a6"
    assert opens("grafana", {"x-grafana-alerting-signature": known}, b"test message", lock("secret"))


def test_a_signature_with_a_timestamp() -> None:
    """Timestamp, colon, body: right, and not old."""
    signed = signature(SECRET, SECONDS.encode() + b":" + BODY)
    headers = {"x-grafana-alerting-signature": signed, "x-grafana-alerting-timestamp": SECONDS}
    assert opens("grafana", headers, BODY, lock(SECRET))
    assert not opens("grafana", headers | {"x-grafana-alerting-timestamp": str(int(SECONDS) + 1)}, BODY, lock(SECRET))
    assert not opens("grafana", headers | {"x-grafana-alerting-timestamp": "soon"}, BODY, lock(SECRET))
    # Who takes the timestamp away to play an old delivery again has the wrong signature.
    assert not opens("grafana", {"x-grafana-alerting-signature": signed}, BODY, lock(SECRET))


def test_an_old_delivery() -> None:
    """A timestamp that is more than five minutes off proves nothing, however well it is signed."""
    for seconds in (int(SECONDS) - 301, int(SECONDS) + 301):
        signed = signature(SECRET, f"{seconds}:".encode() + BODY)
        headers = {"x-grafana-alerting-signature": signed, "x-grafana-alerting-timestamp": str(seconds)}
        assert not opens("grafana", headers, BODY, lock(SECRET))


def test_a_wrong_signature_is_not_mended_by_a_header() -> None:
    """What is signed must be signed right, even where the secret is shown as well."""
    headers = {"x-grafana-alerting-signature": "00", "authorization": f"Bearer {SECRET}"}
    assert not opens("grafana", headers, BODY, lock(SECRET))


def test_without_a_signature() -> None:
    """A secret in a header."""
    shows_a_secret("grafana")
