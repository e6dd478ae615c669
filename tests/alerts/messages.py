"""Deliveries of monitoring systems, written anew in the shapes that public recordings have; and what a door needs.

No identifier is anybody's.
"""

import copy
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from firedoor.alerts import SOURCES, Alert, Headers, Lock, Parsed, UnauthenticatedError
from firedoor.errors import UsageError

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
SECRET, OTHER = "canary-secret-of-the-door", "canary-secret-of-yesterday"
KEY_ID = "AKIAIOSFODNN7EXAMPLE"

GROUP: dict[str, Any] = {
    "receiver": "firedoor",
    "status": "firing",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "KeyUsedFromTor", "severity": "critical", "aws_access_key_id": KEY_ID},
            "annotations": {
                "summary": "A key was used from Tor",
                "description": "By user deploy.",
                "account": "123456789012",
            },
            "startsAt": "2026-11-29T11:58:00.782137894Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://prometheus.example.com/graph?g0.expr=up",
            "fingerprint": "e6349a25f5ef0e9e",
        },
        {
            "status": "resolved",
            "labels": {"alertname": "KeyUsedFromTor", "severity": "warning", "instance": "web-1"},
            "annotations": {},
            "startsAt": "2026-11-29T10:00:00Z",
            "endsAt": "2026-11-29T11:00:00Z",
            "generatorURL": "",
            "fingerprint": "d8a21484c9c25a60",
        },
    ],
    "groupLabels": {"alertname": "KeyUsedFromTor"},
    "commonLabels": {"alertname": "KeyUsedFromTor"},
    "commonAnnotations": {},
    "externalURL": "https://alertmanager.example.com",
    "version": "4",
    "groupKey": '{}:{alertname="KeyUsedFromTor"}',
    "truncatedAlerts": 0,
}

PAGERDUTY: dict[str, Any] = {
    "event": {
        "id": "01EXAMPLE0000000000000000A",
        "event_type": "incident.triggered",
        "resource_type": "incident",
        "occurred_at": "2026-11-29T11:59:00.658Z",
        "agent": None,
        "client": None,
        "data": {
            "id": "QEXAMPLE1",
            "type": "incident",
            "html_url": "https://example.pagerduty.com/incidents/QEXAMPLE1",
            "number": 2,
            "status": "triggered",
            "incident_key": "leak-1",
            "created_at": "2026-11-29T11:58:00Z",
            "title": "A key has leaked",
            "service": {"id": "PEXAMPLE1", "summary": "payments", "type": "service_reference"},
            "priority": {"id": "PEXAMPLE2", "summary": "P1", "type": "priority_reference"},
            "urgency": "low",
        },
    }
}

OPSGENIE: dict[str, Any] = {
    "action": "Create",
    "alert": {
        "alertId": "00000000-0000-4000-8000-000000000001-1764417540000",
        "alias": "leak-of-a-key",
        "message": "A key has leaked",
        "description": "It was used from Tor.",
        "tags": ["vip", "team:payments", "aws_access_key_id:" + KEY_ID],
        "details": {"provider": "aws", "attempts": 3},
        "entity": "payments",
        "priority": "P2",
        "createdAt": 1764417540000,
        "updatedAt": 1764417540000000123,
    },
    "source": {"name": "web", "type": "API"},
    "integrationName": "firedoor",
}

#: The template of docs/how-to/alerts.md, filled; what has no value is "null".
DATADOG: dict[str, Any] = {
    "id": "7000000000000000001",
    "event_type": "query_alert_monitor",
    "title": "[P1] [Triggered on {host:web-1}] A key was used from Tor",
    "body": "A key was used from Tor.",
    "date": "1764417540000",
    "last_updated": "1764417541000",
    "link": "https://app.example.com/event/7000000000000000001",
    "hostname": "null",
    "alert_id": "1234",
    "alert_cycle_key": "4711",
    "alert_priority": "P1",
    "alert_scope": "host:web-1",
    "alert_transition": "Triggered",
    "alert_type": "error",
    "aggreg_key": "9bd4ac313a4d1e8fae2482df7b77628",
    "security_signal_severity": "null",
    "tags": "env:prod, access_key_id:" + KEY_ID + ", monitor",
    "labels": {"provider": "aws", "team": "null"},
}

SPLUNK: dict[str, Any] = {
    "sid": "scheduler__admin__search__leak_at_1764417540_1",
    "search_name": "Key used from Tor",
    "app": "search",
    "owner": "admin",
    "results_link": "https://splunk.example.com/app/search/@go?sid=1",
    "result": {
        "_time": "1764417540",
        "_raw": "a line that may hold anything: canary-in-a-log",
        "severity": "high",
        "host": "web-1",
        "user": "deploy",
        "aws_access_key_id": KEY_ID,
        "account": "123456789012",
        "sources": ["one", "two"],
        "empty": "",
    },
}

SENTRY_ALERT: dict[str, Any] = {
    "action": "triggered",
    "data": {
        "event": {
            "event_id": "01ecb45633bc4f5ca940ada671124c8f",
            "issue_id": 1752473492868,
            "issue_url": "https://sentry.example.com/api/0/issues/1752473492868/",
            "level": "fatal",
            "title": "InvalidClientTokenId",
            "datetime": "2026-11-29T11:59:00Z",
            "tags": [["level", "fatal"], ["access_key_id", KEY_ID], ["broken"], 7],
            "contexts": {"firedoor": {"account": "123456789012"}, "os": {"name": "linux"}},
            "web_url": "https://sentry.example.com/organizations/example/issues/1752473492868/events/1/",
        },
        "triggered_rule": "A key stopped working",
    },
    "installation": {"uuid": "00000000-0000-4000-8000-000000000002"},
    "actor": {"type": "application", "id": "sentry", "name": "Sentry"},
}
SENTRY_ISSUE: dict[str, Any] = {
    "action": "created",
    "data": {
        "issue": {
            "id": "1638800001",
            "shortId": "PAY-E",
            "title": "InvalidClientTokenId",
            "culprit": "pay in charge",
            "level": "error",
            "count": "3",
            "firstSeen": "2026-11-29T11:00:00Z",
            "lastSeen": "2026-11-29T11:59:00Z",
            "permalink": None,
            "project": {"id": "1", "slug": "pay"},
        }
    },
}
SENTRY_METRIC: dict[str, Any] = {
    "action": "critical",
    "data": {
        "metric_alert": {
            "id": "4",
            "title": "Too many errors",
            "date_started": "2026-11-29T11:50:00Z",
            "alert_rule": {"id": "7", "name": "Errors", "triggers": []},
        },
        "description_text": "1000 events in the last 10 minutes",
        "web_url": "https://sentry.example.com/alerts/4/",
    },
}

#: One document as Kibana's rules write it, and the same with dots in its keys.
DOCUMENT: dict[str, Any] = {
    "@timestamp": "2026-11-29T11:59:00.472Z",
    "event": {"kind": "signal", "action": "active"},
    "cloud": {"account": {"id": "123456789012"}, "region": "eu-west-1", "provider": "aws"},
    "user": {"name": "deploy"},
    "aws": {"cloudtrail": {"user_identity": {"access_key_id": KEY_ID}}},
    "labels": {"team": "payments"},
    "kibana": {
        "alert": {
            "uuid": "2d3e8fe5-0000-4361-916e-9eaab0bf2084",
            "status": "active",
            "severity": "high",
            "risk_score": 73,
            "reason": "A key was used from Tor.",
            "start": "2026-11-29T11:58:00.000Z",
            "rule": {"name": "Key used from Tor", "rule_type_id": "siem.queryRule", "tags": ["stage:prod"]},
            "url": "https://kibana.example.com/app/security/alerts/redirect/1",
        }
    },
}
ELASTIC: dict[str, Any] = {
    "rule": {
        "id": "0de91960-0000-11ed-b719-bb9db8582cb6",
        "name": "Key used from Tor",
        "url": "https://kibana.example.com",
    },
    "date": "2026-11-29T12:00:00.000Z",
    "alerts": [DOCUMENT],
}

#: By source: deliveries that are good.
MESSAGES: dict[str, tuple[dict[str, Any], ...]] = {
    "alertmanager": (GROUP,),
    "datadog": (DATADOG,),
    "elastic": (ELASTIC,),
    "grafana": (GROUP,),
    "opsgenie": (OPSGENIE,),
    "pagerduty": (PAGERDUTY,),
    "sentry": (SENTRY_ALERT, SENTRY_ISSUE, SENTRY_METRIC),
    "splunk": (SPLUNK,),
}


def of_the_page(language: str, holding: str) -> str:
    """The block of docs/how-to/alerts.md in a language that holds a text."""
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "alerts.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (block,) = [str(one) for one in blocks if holding in one]
    return block


def changed(message: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy in which the value at a path (`alert.details.team`, `alerts.0.status`) is another."""
    result = copy.deepcopy(message)
    at: Any = result
    *parents, last = path.split(".")
    for name in parents:
        at = at[int(name) if isinstance(at, list) else name]
    at[int(last) if isinstance(at, list) else last] = value
    return result


def parsed(source: str, message: Any, headers: Headers | None = None) -> Parsed:
    """What a source reads in a JSON value, or in bytes."""
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return SOURCES[source].parse(headers or {}, body)


def only(source: str, message: Any) -> Alert:
    """The one alert of a message."""
    (alert,) = parsed(source, message).alerts
    return alert


def wrong(source: str, message: Any) -> str:
    """What is wrong with a message, in its sentences."""
    with pytest.raises(UsageError) as caught:
        parsed(source, message)
    assert caught.value.changed == "Nothing was started."
    return f"{caught.value.what} {caught.value.next}"


def lock(*secrets: str, **options: str) -> Lock:
    """A door's lock."""
    return Lock(now=NOW, secrets=tuple(SecretStr(one) for one in secrets), options=options)


def opens(source: str, headers: Headers, body: bytes, door: Lock) -> bool:
    """Does the door open? If not, the reason must not say any secret."""
    said = ""
    try:
        SOURCES[source].authenticate(headers, body, door)
    except UnauthenticatedError as error:
        said = str(error)
    assert "canary" not in said
    return not said


def signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 as hex."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def shows_a_secret(source: str) -> None:
    """A door of a source that signs nothing: what opens it and what does not."""
    basic = {"authorization": "Basic ZmlyZWRvb3I6Y2FuYXJ5LXNlY3JldC1vZi10aGUtZG9vcg=="}
    assert opens(source, {"authorization": f"Bearer {SECRET}"}, b"", lock(SECRET))
    assert opens(source, {"authorization": f"Bearer {OTHER}"}, b"", lock(SECRET, OTHER))
    assert opens(source, basic, b"", lock(OTHER, SECRET))
    assert opens(source, {"x-firedoor": SECRET}, b"", lock(SECRET, header="X-Firedoor"))
    assert not opens(source, {"x-firedoor": SECRET}, b"", lock(SECRET))
    assert not opens(source, {"authorization": f"Bearer {OTHER}"}, b"", lock(SECRET))
    assert not opens(source, {"authorization": "Basic äöü"}, b"", lock(SECRET))
    assert not opens(source, {"authorization": "Bearer"}, b"", lock(SECRET))
    assert not opens(source, {"authorization": "Bearer "}, b"", lock(""))
    assert not opens(source, {}, b"", lock(SECRET))
    assert not opens(source, {"authorization": f"Bearer {SECRET}"}, b"", lock())
