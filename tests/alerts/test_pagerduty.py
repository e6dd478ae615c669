"""Events of PagerDuty's webhooks, version 3."""

import json
from typing import Any

import pytest

from tests.alerts.messages import OTHER, PAGERDUTY, SECRET, changed, lock, only, opens, parsed, signature, wrong
from tests.shared import SHARED, needs_shared

PAYLOADS = SHARED / "payloads" / "pagerduty"
BODY = json.dumps(PAGERDUTY).encode()

#: The vector of PagerDuty's own client: github.com/PagerDuty/go-pagerduty, webhookv3/webhookv3_test.go (Apache-2.0). What
#: was signed are these bytes, so nothing in them can be replaced.
VECTOR_SECRET = "lDQHScfUeXUKaQRNF+8XIiDKZ7XX3itBAYzwU0TARw8lJqRnkKl2iB1anSb0Z+IK"
VECTOR_SIGNATURE = "v1=0c0b9495b893a39e70d1fea2fe11fbe0a825f88b9f67846f6cc07dd2bc5476cd"
VECTOR_BODY = b'{"event":{"id":"01BWDWL3NYY7LUFPZCC28QUCMK","event_type":"incident.priority_updated","resource_type":"incident","occurred_at":"2021-04-26T17:36:27.458Z","agent":{"html_url":"https://acme.pagerduty.com/users/PLH1HKV","id":"PLH1HKV","self":"https://api.pagerduty.com/users/PLH1HKV","summary":"Tenex Engineer","type":"user_reference"},"client":null,"data":{"id":"PGR0VU2","type":"incident","self":"https://api.pagerduty.com/incidents/PGR0VU2","html_url":"https://acme.pagerduty.com/incidents/PGR0VU2","number":2,"status":"triggered","title":"A little bump in the road","service":{"html_url":"https://acme.pagerduty.com/services/PF9KMXH","id":"PF9KMXH","self":"https://api.pagerduty.com/services/PF9KMXH","summary":"API Service","type":"service_reference"},"assignees":[{"html_url":"https://acme.pagerduty.com/users/PTUXL6G","id":"PTUXL6G","self":"https://api.pagerduty.com/users/PTUXL6G","summary":"User 123","type":"user_reference"}],"escalation_policy":{"html_url":"https://acme.pagerduty.com/escalation_policies/PUS0KTE","id":"PUS0KTE","self":"https://api.pagerduty.com/escalation_policies/PUS0KTE","summary":"Default","type":"escalation_policy_reference"},"teams":[{"html_url":"https://acme.pagerduty.com/teams/PFCVPS0","id":"PFCVPS0","self":"https://api.pagerduty.com/teams/PFCVPS0","summary":"Engineering","type":"team_reference"}],"priority":{"html_url":"https://acme.pagerduty.com/account/incident_priorities","id":"PSO75BM","self":"https://api.pagerduty.com/priorities/PSO75BM","summary":"P1","type":"priority_reference"},"urgency":"high","conference_bridge":{"conference_number":1000,"conference_url":"https://example.com"},"resolve_reason":null}}}'


@needs_shared
def test_a_triggered_incident() -> None:
    """`priority` may be null: then the urgency says how bad it is."""
    alert = only("pagerduty", (PAYLOADS / "incident_triggered.json").read_bytes())
    assert (alert.id, alert.type, alert.severity, alert.resolved) == ("QEXAMPLE1", "incident.triggered", 7.0, False)
    assert (alert.resource, alert.labels["number"], alert.credential) == ("Test-Service", "7", "")


@needs_shared
def test_a_resolved_incident() -> None:
    """The id is that of the incident, the key that of the event."""
    delivery = parsed("pagerduty", (PAYLOADS / "incident_resolved.json").read_bytes())
    assert delivery.key == "01EXAMPLE2AAAAAAAAAAAAAAAA"
    assert [(one.id, one.resolved) for one in delivery.alerts] == [("QEXAMPLE1", True)]


def test_the_priority_counts_more_than_the_urgency() -> None:
    """A P1 of low urgency is critical; a priority with a name of one's own says nothing."""
    assert only("pagerduty", PAGERDUTY).severity == 9.0
    assert only("pagerduty", changed(PAGERDUTY, "event.data.priority.summary", "Rosebud")).severity == 2.0


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("pagey.ping", {"message": "Hello from your friend Pagey!", "type": "ping"}),
        ("incident.acknowledged", PAGERDUTY["event"]["data"]),
        ("incident.annotated", {"id": "P1", "content": "a note", "type": "incident_note", "incident": {"id": "Q1"}}),
        ("service.updated", {"id": "P1", "type": "service"}),
        ("incident.workflow.completed", {}),
    ],
)
def test_what_people_do_starts_nothing(kind: str, data: dict[str, Any]) -> None:
    """An acknowledgement that comes late must not start over what is done."""
    delivery = parsed("pagerduty", {"event": {"id": "1", "event_type": kind, "data": data}})
    assert (delivery.key, delivery.alerts) == ("1", ())
    assert kind in delivery.note


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b"{", "not JSON"),
        ({"messages": []}, "no `id`"),
        ({"event": {"id": 5}}, "`id` is not a text"),
        ({"event": {"id": "1"}}, "no `event_type`"),
        (changed(PAGERDUTY, "event.data", None), "no `id`"),
    ],
)
def test_what_is_no_event(message: object, says: str) -> None:
    """Version 2 had `messages`; a sentence that says what is missing."""
    assert says in wrong("pagerduty", message)


def test_the_vector_of_the_official_client() -> None:
    """What PagerDuty's client verifies, firedoor does; and not one byte more."""
    headers = {"x-pagerduty-signature": VECTOR_SIGNATURE}
    assert opens("pagerduty", headers, VECTOR_BODY, lock(VECTOR_SECRET))
    assert not opens("pagerduty", headers, VECTOR_BODY + b"\n", lock(VECTOR_SECRET))
    assert not opens("pagerduty", headers, b"", lock(VECTOR_SECRET))
    assert only("pagerduty", VECTOR_BODY).severity == 9.0


def test_a_secret_is_rotated() -> None:
    """PagerDuty signs with both secrets for a while, and a door may have two: one pair that fits is enough."""
    both = f"v1={signature('canary-unknown', BODY)},v1={signature(SECRET, BODY)}"
    for header in (both, both.replace(",", ", "), f"v1={signature(SECRET, BODY)}"):
        assert opens("pagerduty", {"x-pagerduty-signature": header}, BODY, lock(SECRET))
        assert opens("pagerduty", {"x-pagerduty-signature": header}, BODY, lock(OTHER, SECRET))
        assert not opens("pagerduty", {"x-pagerduty-signature": header}, BODY, lock(OTHER))


@pytest.mark.parametrize("header", ["", "v1=", "v1", ",", "v0={}", "v2={}", "{}", "v1=00,v3={}"])
def test_what_is_no_signature(header: str) -> None:
    """Only version 1 counts."""
    assert not opens("pagerduty", {"x-pagerduty-signature": header.format(signature(SECRET, BODY))}, BODY, lock(SECRET))


def test_without_a_signature_or_a_secret() -> None:
    """A door without a secret stays shut, whoever signs with nothing."""
    assert not opens("pagerduty", {}, BODY, lock(SECRET))
    assert not opens("pagerduty", {"x-pagerduty-signature": f"v1={signature('', BODY)}"}, BODY, lock(""))
