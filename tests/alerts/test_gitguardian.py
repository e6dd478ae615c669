"""Incidents of GitGuardian."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firedoor.alerts import gitguardian
from firedoor.providers import providers
from tests.alerts.messages import NOW, OTHER, SECRET, changed, lock, only, opens, parsed, wrong
from tests.alerts.scanners import GITGUARDIAN
from tests.shared import SHARED, needs_shared

PAYLOADS = SHARED / "payloads" / "gitguardian"
BODY = json.dumps(GITGUARDIAN).encode()
SECONDS = str(int(NOW.timestamp()))


def headers(moment: str, secret: str = SECRET, body: bytes = BODY) -> dict[str, str]:
    """As GitGuardian signs: the key is time and token one after the other."""
    mac = hmac.new(f"{moment}{secret}".encode(), body, hashlib.sha256).hexdigest()
    return {"timestamp": moment, "gitguardian-signature": f"sha256={mac}"}


@pytest.mark.parametrize(
    ("seconds", "open_"), [(0, True), (59, True), (-59, True), (61, False), (-61, False), (-86_400, False)]
)
def test_a_minute_around_now(seconds: int, open_: bool) -> None:
    """Older deliveries, and those from the future, are refused however well they are signed; in either form of time."""
    moment = NOW + timedelta(seconds=seconds)
    for text in (str(int(moment.timestamp())), moment.isoformat(), moment.replace(tzinfo=None).isoformat()):
        assert opens("gitguardian", headers(text), BODY, lock(SECRET)) is open_


def test_what_opens() -> None:
    """Any secret of the door, and nothing else; the time cannot be changed, for it is part of the key."""
    good = headers(SECONDS)
    assert opens("gitguardian", good, BODY, lock(OTHER, SECRET))
    assert not opens("gitguardian", good, BODY, lock(OTHER))
    assert not opens("gitguardian", good, BODY + b" ", lock(SECRET))
    assert not opens("gitguardian", good | {"timestamp": str(int(SECONDS) + 1)}, BODY, lock(SECRET))
    assert not opens("gitguardian", {"timestamp": SECONDS}, BODY, lock(SECRET))
    assert not opens("gitguardian", good | {"gitguardian-signature": "sha256="}, BODY, lock(SECRET))
    assert not opens("gitguardian", headers(""), BODY, lock(SECRET))
    assert not opens("gitguardian", headers("soon"), BODY, lock(SECRET))


@needs_shared
def test_a_recorded_incident() -> None:
    """Without a validity check, and number 0."""
    found = parsed("gitguardian", (PAYLOADS / "incident_triggered.json").read_bytes())
    assert found.key == "0/incident_triggered/2023-12-29T17:38:06.788914Z"
    (alert,) = found.alerts
    assert (alert.id, alert.type, alert.provider) == ("0", "generic_high_entropy_secret", "")
    assert (alert.title, alert.description) == ("Generic High Entropy Secret", "A new incident has been detected.")
    assert (alert.severity, alert.count, alert.resolved, alert.archived) == (5.0, 1, False, False)


def test_an_incident() -> None:
    """A living token that the world can see."""
    alert = only("gitguardian", GITGUARDIAN)
    assert (alert.provider, alert.credential, alert.severity, alert.count) == ("huggingface", "", 9.0, 4)
    assert alert.url == "https://dashboard.gitguardian.com/workspace/1/incidents/3759"
    assert alert.labels["validity"] == "valid"
    assert alert.labels["publicly_leaked"] == "true"
    assert alert.labels["secret_type"] == "huggingface_user_access_token"
    assert alert.labels["leak"] == "gitguardian-3759"


def test_an_occurrence() -> None:
    """It says where."""
    where = {"filepath": "deploy/values.yaml", "sha": "f14d7de", "source": {"full_name": "example/gateway"}}
    alert = only("gitguardian", GITGUARDIAN | {"occurrence": where})
    assert (alert.resource, alert.labels["file"], alert.labels["commit"]) == (
        "example/gateway",
        "deploy/values.yaml",
        "f14d7de",
    )
    assert alert.title == "Hugging Face user access token in example/gateway"


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"severity": "critical", "validity": "no_checker"}, 9.0),
        ({"severity": "low", "validity": "valid"}, 8.0),
        ({"severity": "low", "validity": "failed_to_check"}, 3.0),
        ({"severity": "unknown"}, 8.0),
        ({"severity": None, "validity": None}, 5.0),
        ({"severity": "critical", "validity": "invalid"}, 3.0),
        ({"severity": "critical", "secret_revoked": True}, 3.0),
        ({"severity": "info", "validity": "invalid"}, 1.0),
        ({"severity": "critical", "tags": ["PUBLICLY_LEAKED"]}, 10.0),
        ({"severity": "critical", "validity": "invalid", "tags": ["PUBLICLY_LEAKED"]}, 3.0),
    ],
)
def test_severity(changes: dict[str, Any], severity: float) -> None:
    """What GitGuardian says, and more for what works, less for what is dead."""
    incident = GITGUARDIAN["incident"] | {"tags": None} | changes
    assert only("gitguardian", GITGUARDIAN | {"incident": incident}).severity == severity


def test_what_is_over() -> None:
    """Resolved is resolved, ignored is put away; by the event or by the incident."""
    for action, status in (("incident_resolved", "triggered"), ("incident_assigned", "RESOLVED")):
        alert = only("gitguardian", changed(GITGUARDIAN | {"action": action}, "incident.status", status))
        assert (alert.resolved, alert.archived) == (True, False)
    for action, status in (("incident_ignored", "triggered"), ("incident_assigned", "IGNORED")):
        alert = only("gitguardian", changed(GITGUARDIAN | {"action": action}, "incident.status", status))
        assert (alert.resolved, alert.archived) == (False, True)


def test_events_about_something_else() -> None:
    """A honeytoken is no leak."""
    found = parsed("gitguardian", {"action": "honeytoken_triggered", "honeytoken": {"id": 1}})
    assert (found.alerts, found.note) == ((), "The event honeytoken_triggered is not about a leaked secret.")


@pytest.mark.parametrize(
    ("detector", "provider"),
    [
        ("aws_iam", "aws"),
        ("openai_project_apikey_v2", "openai"),
        ("openai", "openai"),
        ("azure_openai_apikey", "azure_openai"),
        ("azure_sas", ""),
        ("openaierror", ""),
        ("claude_api_key", "anthropic"),
        ("google_oauth2_keys", ""),
        ("generic_password", ""),
    ],
)
def test_whose_it_is(detector: str, provider: str) -> None:
    """By how the detector's name begins, as far as the name goes."""
    assert only("gitguardian", changed(GITGUARDIAN, "incident.detector.name", detector)).provider == provider


def test_the_table_of_detectors() -> None:
    """Each leads to a provider that firedoor has."""
    assert set(gitguardian.DETECTORS) <= set(providers())


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b"null", "it is not a JSON object"),
        ({"incident": {"id": 1}}, "it has no `action`"),
        (changed(GITGUARDIAN, "incident.id", "1"), "it has no `incident.id`"),
        (changed(GITGUARDIAN, "incident.detector", []), "it has no `detector.name`"),
        (changed(GITGUARDIAN, "incident.occurrence_count", "many"), "`count`"),
    ],
)
def test_what_is_no_event(message: Any, says: str) -> None:
    """A sentence that says what is missing."""
    assert says in wrong("gitguardian", message)


def test_a_time_of_any_zone() -> None:
    """It is the moment that counts."""
    elsewhere = datetime.fromtimestamp(NOW.timestamp(), UTC).isoformat().replace("12:00:00+00:00", "14:00:00+02:00")
    assert opens("gitguardian", headers(elsewhere), BODY, lock(SECRET))
