"""Deliveries of Kibana's webhook connector: the template of the page, and what others write."""

import json
import re
from typing import Any

import pytest

from tests.alerts.messages import DOCUMENT, ELASTIC, KEY_ID, changed, of_the_page, only, parsed, shows_a_secret, wrong

UUID = DOCUMENT["kibana"]["alert"]["uuid"]


def flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The document with dots in its keys, as Elasticsearch may hand it over."""
    result: dict[str, Any] = {}
    for name, member in value.items():
        result |= flat(member, f"{prefix}{name}.") if isinstance(member, dict) else {f"{prefix}{name}": member}
    return result


def test_the_template_of_the_page() -> None:
    """The document's fields, by their names in ECS."""
    alert = only("elastic", ELASTIC)
    assert (alert.id, alert.type, alert.title, alert.severity) == (UUID, "siem.queryRule", "Key used from Tor", 7.0)
    assert (alert.account, alert.region, alert.user_name) == ("123456789012", "eu-west-1", "deploy")
    assert (alert.access_key_id, alert.credential, alert.provider) == (KEY_ID, KEY_ID, "aws")
    assert alert.labels == {"team": "payments", "stage": "prod"}
    assert (alert.first_seen, alert.last_seen) == ("2026-11-29T11:58:00.000Z", "2026-11-29T12:00:00.000Z")
    assert alert.raw["kibana"]["alert"]["risk_score"] == 73
    assert alert.raw["delivery"] == {"rule": ELASTIC["rule"], "date": ELASTIC["date"]}


def test_the_page_has_these_templates() -> None:
    """What people paste into Kibana, filled as Kibana fills it."""
    documents = f"{json.dumps(DOCUMENT)},{json.dumps(DOCUMENT)}"
    several = of_the_page("text", "[{{{context.alerts}}}]").replace("{{{context.alerts}}}", documents)
    assert [one.id for one in parsed("elastic", several.encode()).alerts] == [UUID, UUID]
    one = of_the_page("text", "{{context.reason}}")
    assert "{{{" not in one
    alert = only("elastic", re.sub(r"\{\{(.*?)\}\}", r"<\1>", one).encode())
    assert (alert.id, alert.title, alert.description) == ("<alert.uuid>", "<rule.name>", "<context.reason>")
    assert (alert.severity, alert.labels) == (7.0, {"team": "security"})


def test_dots_in_keys() -> None:
    """Nested or not, it is the same; a list of one is its member."""
    nested = only("elastic", ELASTIC)
    dotted = flat({name: member for name, member in DOCUMENT.items() if name != "labels"})
    lists = {name: [member] for name, member in dotted.items()} | {"kibana.alert.rule.tags": ["stage:prod"]}
    for document in (dotted, lists):
        alert = only("elastic", changed(ELASTIC, "alerts", [document | {"labels": {"team": "payments"}}]))
        assert alert.model_dump(exclude={"raw"}) == nested.model_dump(exclude={"raw"})


@pytest.mark.parametrize(
    "message",
    [
        [DOCUMENT],
        {"context": {"alerts": [DOCUMENT]}},
        {"alerts": DOCUMENT},
        {"alerts": json.dumps(DOCUMENT)},
        {"alerts": json.dumps([DOCUMENT])},
        {"alerts": [{"_id": "x", "_source": DOCUMENT}]},
    ],
)
def test_what_others_write(message: Any) -> None:
    """The list alone, in `context`, as a text, as hits of a search."""
    assert only("elastic", message).id == UUID


def test_several_alerts() -> None:
    """Each is one; what has recovered is over; the order says nothing."""
    recovered = changed(changed(DOCUMENT, "kibana.alert.status", "recovered"), "kibana.alert.uuid", "other")
    text = f"{json.dumps(DOCUMENT)},{json.dumps(recovered)}"
    delivery = parsed("elastic", {"alerts": text})
    assert [(one.id, one.resolved) for one in delivery.alerts] == [(UUID, False), ("other", True)]
    assert delivery.key == parsed("elastic", [recovered, DOCUMENT]).key
    assert delivery.key != parsed("elastic", [DOCUMENT]).key
    assert parsed("elastic", {"alerts": []}).note == "the rule reports no alerts"
    assert parsed("elastic", {"alerts": ""}).alerts == ()


def test_a_rule_without_documents() -> None:
    """What the template says of the rule and of the one alert."""
    alert = only(
        "elastic",
        {
            "rule": {"name": "CPU", "type": "metrics.alert.threshold", "url": "https://kibana.example.com/r"},
            "date": "2026-11-29T12:00:00Z",
            "alert": {"id": "host-1", "uuid": "", "actionGroup": "recovered"},
            "reason": "CPU is low again",
            "severity": "",
            "risk_score": "47",
            "labels": {"credential": "key_1", "provider": "openai", "team": ""},
        },
    )
    assert (alert.id, alert.title, alert.type, alert.resolved) == ("host-1", "CPU", "metrics.alert.threshold", True)
    assert (alert.severity, alert.credential, alert.provider) == (4.7, "key_1", "openai")
    assert alert.labels == {"credential": "key_1", "provider": "openai"}


def test_without_an_id() -> None:
    """The rule and the time are one."""
    first, again, later = (only("elastic", {"rule_name": "CPU", "date": date}).id for date in ("1", "1", "2"))
    assert first == again != later


@pytest.mark.parametrize(("score", "severity"), [(99, 9.9), ("high", 0.0), (1000, 0.0), (-1, 0.0), (None, 0.0)])
def test_risk_scores(score: Any, severity: float) -> None:
    """From 0 to 100, where no word says how bad it is."""
    assert only("elastic", {"rule_name": "CPU", "risk_score": score}).severity == severity


def test_milliseconds() -> None:
    """Some rules write times as milliseconds."""
    document = changed(DOCUMENT, "kibana.alert.start", 1764417540000)
    assert only("elastic", [document]).first_seen == "2025-11-29T11:59:00.000Z"


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b'{"reason": "a "quoted" word"}', "`{{{variable}}}` is written without escaping and breaks the JSON"),
        (b'{"alerts": }', "[{{{context.alerts}}}]"),
        ({"alerts": "{broken"}, "[{{{context.alerts}}}]"),
        ({"alerts": [1]}, "not an object"),
        (5, "not an object"),
        ({}, "the name of a rule"),
    ],
)
def test_what_is_no_delivery(message: object, says: str) -> None:
    """Broken JSON is explained by how it breaks."""
    assert says in wrong("elastic", message)


def test_the_lock() -> None:
    """A secret in a header."""
    shows_a_secret("elastic")
