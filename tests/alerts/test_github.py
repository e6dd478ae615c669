"""Secret scanning of GitHub: what a webhook sends, in every state of an alert."""

import json
from typing import Any

import pytest

from firedoor.alerts import github
from firedoor.alerts._secrets import scrubbed
from firedoor.alerts.github import PROVIDERS
from firedoor.providers import providers
from tests.alerts.messages import SECRET, changed, lock, only, opens, parsed, signature, wrong
from tests.alerts.scanners import AWS_SECRET, GITHUB, GITHUB_LOCATION, GITHUB_TOKEN, KEY_ID
from tests.shared import SHARED, needs_shared

PAYLOADS = SHARED / "payloads" / "github_secret_scanning"
EVENT = {"x-github-event": "secret_scanning_alert", "x-github-delivery": "d-1"}
#: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
OFFICIAL = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_the_vector_of_githubs_documentation() -> None:
    """Secret, payload and signature as GitHub publishes them."""
    door = lock("It's a Secret to Everybody")
    assert opens("github", {"x-hub-signature-256": OFFICIAL}, b"Hello, World!", door)
    assert not opens("github", {"x-hub-signature-256": OFFICIAL}, b"Hello, World?", door)
    assert not opens("github", {"x-hub-signature-256": OFFICIAL.removeprefix("sha256=")}, b"Hello, World!", door)
    assert not opens("github", {"x-hub-signature": OFFICIAL}, b"Hello, World!", door)


def test_any_secret_of_the_door_opens() -> None:
    """So that one can be replaced while GitHub still signs with the other."""
    given = {"x-hub-signature-256": f"sha256={signature(SECRET, b'{}')}"}
    assert opens("github", given, b"{}", lock("canary-other", SECRET))
    assert not opens("github", given, b"{}", lock("canary-other"))


@needs_shared
def test_a_recorded_event() -> None:
    """An old one, without times: then the number of the delivery tells it from the next reopening."""
    body = (PAYLOADS / "alert_reopened.json").read_bytes()
    found = parsed("github", body, EVENT)
    assert found.key == "Codertocat/Hello-World#191/reopened/d-1"
    (alert,) = found.alerts
    assert (alert.id, alert.type, alert.resource) == ("Codertocat/Hello-World#191", "adafruit_io_key", alert.resource)
    assert (alert.resource, alert.provider, alert.severity) == ("Codertocat/Hello-World", "", 7.0)
    assert (alert.resolved, alert.sample, alert.credential) == (False, False, "")


def test_a_new_alert() -> None:
    """What GitHub tells of a secret: whose, whether it works, whether the world can see it; never the secret."""
    found = parsed("github", GITHUB, EVENT)
    assert found.key == "example/gateway#42/created/2026-11-29T11:58:00Z"
    assert found.kept is None
    (alert,) = found.alerts
    assert alert.title == "OpenAI API Key in example/gateway"
    assert (alert.provider, alert.credential, alert.severity) == ("openai", "", 10.0)
    assert alert.url == "https://github.com/example/gateway/security/secret-scanning/42"
    assert alert.first_seen == "2026-11-29T11:58:00Z"
    expected = {"repository": "example/gateway", "visibility": "public", "validity": "active", "action": "created"}
    expected |= {"publicly_leaked": "true", "multi_repo": "false", "state": "open", "secret_type": "openai_api_key"}
    expected |= {"leak": "example.gateway-42"}
    assert alert.labels == expected


def test_a_place() -> None:
    """The same alert, with file and commit; another place has another key."""
    found = parsed("github", GITHUB_LOCATION, {"x-github-event": "secret_scanning_alert_location"})
    (alert,) = found.alerts
    assert alert.id == only("github", GITHUB).id
    assert alert.labels["file"] == "deploy/values.yaml"
    assert alert.labels["line"] == "7"
    assert alert.labels["commit"] == "f14d7debf9775f957cf4f1e8176da0786431f72b"
    assert alert.labels["place"] == "commit"
    other = changed(GITHUB_LOCATION, "location.details.start_line", 9)
    assert len({found.key, parsed("github", other).key, parsed("github", GITHUB).key}) == 3


def test_the_number_of_the_delivery_is_not_the_key() -> None:
    """Nobody signs it: who sends a delivery again under another number sends nothing new."""
    again = EVENT | {"x-github-delivery": "d-2"}
    assert parsed("github", GITHUB, EVENT).key == parsed("github", GITHUB, again).key


@pytest.mark.parametrize(
    ("validity", "leaked", "severity"),
    [
        ("active", True, 10.0),
        ("active", False, 9.0),
        ("unknown", True, 8.0),
        ("unknown", False, 7.0),
        (None, None, 7.0),
        ({}, False, 7.0),
        ("inactive", True, 3.0),
        ("inactive", False, 3.0),
    ],
)
def test_severity(validity: Any, leaked: Any, severity: float) -> None:
    """A secret that works is worse than one of which nothing is known; a dead one harms nobody, wherever it stands."""
    event = changed(changed(GITHUB, "alert.validity", validity), "alert.publicly_leaked", leaked)
    assert only("github", event).severity == severity


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "resolved"},
        {"action": "revoked"},
        {"alert": GITHUB["alert"] | {"state": "resolved"}},
        {"alert": GITHUB["alert"] | {"resolution": "false_positive"}},
    ],
)
def test_what_is_over(changes: dict[str, Any]) -> None:
    """By what happened, or by what the alert says."""
    assert only("github", GITHUB | changes).resolved


def test_a_token_made_to_try_it() -> None:
    """GitHub has a token for this purpose: nothing happened."""
    assert only("github", changed(GITHUB, "alert.secret_type", "github_test_token")).sample


def test_events_about_something_else() -> None:
    """Are taken and reported as nothing: GitHub would show an error otherwise."""
    found = parsed("github", {"zen": "Keep it logically awesome.", "hook_id": 1}, {"x-github-event": "ping"})
    assert (found.alerts, found.note) == ((), "GitHub tries whether the webhook is reached.")
    assert parsed("github", {"zen": "Keep it logically awesome."}).note == found.note
    push = parsed("github", {"ref": "refs/heads/main"}, {"x-github-event": "push", "x-github-delivery": "d-3"})
    assert (push.key, push.alerts, push.note) == ("d-3", (), "The event push says nothing of a secret.")


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b"[]", "it is not a JSON object"),
        ({"action": "created", "repository": {"full_name": "a/b"}}, "it has no `alert.secret_type`"),
        (changed(GITHUB, "alert.secret_type", None), "it has no `secret_type`"),
        (changed(GITHUB, "alert.number", "42"), "it has no `alert.number`"),
        (changed(GITHUB, "alert.number", True), "it has no `alert.number`"),
        (changed(GITHUB, "repository", None), "it has no `repository.full_name`"),
        ({key: value for key, value in GITHUB.items() if key != "action"}, "it has no `action`"),
    ],
)
def test_what_is_no_event(message: Any, says: str) -> None:
    """A sentence that says what is missing."""
    said = wrong("github", message)
    assert says.replace("alert.secret_type", "secret_type") in said


def test_an_alert_of_the_api() -> None:
    """It holds the secret, and somebody may forward it: the id of a key stays, a value does not pass the door."""
    token = scrubbed(changed(GITHUB, "alert.secret", GITHUB_TOKEN))
    assert "canary" not in json.dumps(token).lower()
    assert "canary" not in parsed("github", token).alerts[0].model_dump_json().lower()
    public = changed(changed(GITHUB, "alert.secret", KEY_ID), "alert.secret_type", "aws_access_key_id")
    alert = only("github", public)
    assert (alert.provider, alert.credential, alert.access_key_id) == ("aws", KEY_ID, KEY_ID)
    half = changed(changed(GITHUB, "alert.secret", AWS_SECRET), "alert.secret_type", "aws_secret_access_key")
    assert (only("github", half).provider, only("github", half).access_key_id) == ("aws", "")


def test_the_table_of_secret_types() -> None:
    """Each leads to a provider that firedoor has, and no type to two."""
    assert set(PROVIDERS.values()) <= set(providers())
    assert len(PROVIDERS) == sum(len(kinds) for kinds in github.TYPES.values())
