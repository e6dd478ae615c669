"""Elastic and Kibana: the webhook connector, which posts what its operator has written.

Format: https://www.elastic.co/guide/en/kibana/current/rule-action-variables.html. The template of
docs/how-to/alerts.md hands over all alerts of a rule at once: `"alerts": [{{{context.alerts}}}]`; a rule without
`context.alerts` says what it knows under names of its own. Fields with dots may be nested or not, as Elasticsearch has
it.

Proof: no signature. Basic authentication or a header of the connector carries the door's secret.

Key: of each alert its id and whether it has recovered: a rule that reports the same alerts again says the same. An
alert's id is `kibana.alert.uuid`.

Answers: after 5xx and 429 Kibana's task manager tries again, a few times; 4xx is dropped, and is an error in the
connector's log.
"""

import json
from typing import Any

from firedoor.alerts import _proofs
from firedoor.alerts._alert import Alert
from firedoor.alerts._group import digest
from firedoor.alerts._reading import Reader, at, texts, word
from firedoor.alerts._severity import severity
from firedoor.alerts._source import Headers, Lock, Parsed
from firedoor.alerts._subject import moment, subject, tags

NAME = "elastic"
READER = Reader(
    "a delivery of Kibana's webhook connector",
    "Use the template of docs/how-to/alerts.md. `{{{variable}}}` is written without escaping and breaks the JSON "
    "between quotes, where `{{variable}}` belongs; a list takes three braces, in brackets: [{{{context.alerts}}}].",
)
#: ECS fields that fill a conventional name.
ECS = {
    "access_key_id": "aws.cloudtrail.user_identity.access_key_id",
    "account": "cloud.account.id",
    "region": "cloud.region",
    "user_name": "user.name",
    "resource": "host.name",
}


def authenticate(headers: Headers, body: bytes, lock: Lock) -> None:
    """Return if a header shows a secret of the lock. Raises `UnauthenticatedError`."""
    _proofs.shared(lock, headers)


def parse(headers: Headers, body: bytes) -> Parsed:
    """The alerts of one delivery. Raises `UsageError` that says what is wrong with the body."""
    value = READER.json(body)
    delivery: dict[str, Any] = value if isinstance(value, dict) else {"alerts": value}
    given = _alerts(delivery)
    common = {name: member for name, member in delivery.items() if name not in {"alerts", "context"}}
    alerts = (_alert(delivery, {}),) if given is None else tuple(_alert(common, member) for member in given)
    key = digest(sorted(f"{one.id} {one.resolved}" for one in alerts))
    return Parsed(key=key, alerts=alerts, note="" if alerts else "the rule reports no alerts")


def _alerts(delivery: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The alerts of a delivery; None where it is about one that has no document of its own."""
    value = delivery.get("alerts", at(delivery, "context", "alerts"))
    if isinstance(value, str):
        # `"alerts": "{{context.alerts}}"`: the documents as a text, with commas between them.
        value = READER.json(value.encode() if value.startswith("[") else f"[{value}]".encode())
    if value is None:
        return None
    members = READER.few(value if isinstance(value, list) else [value])
    found = [one for one in members if isinstance(one, dict)]
    if len(found) != len(members):
        READER.wrong("one of its `alerts` is not an object")
    # A hit of a search carries the document inside.
    return [one["_source"] | {"_id": one.get("_id")} if isinstance(one.get("_source"), dict) else one for one in found]


def _alert(delivery: dict[str, Any], document: dict[str, Any]) -> Alert:
    """One alert: from its document first, then from what the template says of the rule."""
    rule = _field(document, "kibana.alert.rule.name") or word(delivery, "rule", "name") or word(delivery, "rule_name")
    identity = (
        _field(document, "kibana.alert.uuid")
        or word(document, "_id")
        or word(delivery, "alert", "uuid")
        or word(delivery, "alert", "id")
    )
    if not identity and not rule:
        READER.wrong("it has neither `kibana.alert.uuid` nor `alert.id` nor the name of a rule")
    status = _field(document, "kibana.alert.status") or word(delivery, "alert", "actionGroup")
    labels = texts(delivery.get("labels")) | texts(document.get("labels"))
    labels |= tags(_any(document, "kibana.alert.rule.tags"))
    ecs = {name: _field(document, path) for name, path in ECS.items()}
    return READER.alert(
        source=NAME,
        id=identity or digest(rule, document, word(delivery, "date")),
        type=_field(document, "kibana.alert.rule.rule_type_id") or word(delivery, "rule", "type"),
        title=rule,
        description=_field(document, "kibana.alert.reason") or word(delivery, "reason") or word(delivery, "message"),
        severity=_severity(delivery, document),
        first_seen=_time(_field(document, "kibana.alert.start") or _field(document, "@timestamp")),
        last_seen=_time(_field(document, "kibana.alert.last_detected") or word(delivery, "date")),
        url=_field(document, "kibana.alert.url") or word(delivery, "rule", "url") or word(delivery, "url"),
        resolved=status == "recovered",
        labels={name: value for name, value in labels.items() if value},
        raw=document | {"delivery": delivery} if document else delivery,
        **subject(labels, ecs),
    )


def _severity(delivery: dict[str, Any], document: dict[str, Any]) -> float:
    """The word, or the risk score from 0 to 100."""
    named = severity(_field(document, "kibana.alert.severity"), word(delivery, "severity"))
    score = _field(document, "kibana.alert.risk_score") or word(delivery, "risk_score")
    try:
        return named or severity(float(score or "0") / 10)
    except ValueError:
        return named


def _time(given: str) -> str:
    """Dates come as RFC 3339, or as milliseconds."""
    return moment(given, a_second=1_000) if given.isdecimal() else given


def _field(document: dict[str, Any], path: str) -> str:
    value = _any(document, path)
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, str) else json.dumps(first) if isinstance(first, int | float) else ""


def _any(value: Any, path: str) -> Any:
    """What lies at a path with dots, in a document whose keys may hold dots themselves; None where there is nothing."""
    if not isinstance(value, dict) or path in value or "." not in path:
        return at(value, path)
    parts = path.split(".")
    for cut in range(1, len(parts)):
        found = _any(value.get(".".join(parts[:cut])), ".".join(parts[cut:]))
        if found is not None:
            return found
    return None
