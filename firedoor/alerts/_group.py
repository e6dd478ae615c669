"""Groups of alerts as Alertmanager sends them; Grafana's alerting is made of it and adds a few fields."""

import hashlib
import json
from typing import Any

from firedoor.alerts._alert import Alert
from firedoor.alerts._reading import Reader, objects, texts, word
from firedoor.alerts._severity import rank, severity
from firedoor.alerts._source import Parsed
from firedoor.alerts._subject import subject

#: What an alert of a group keeps of the group in `raw.group`.
COMMON = ("receiver", "status", "groupKey", "groupLabels", "externalURL", "version", "orgId", "title", "state")
#: Labels and annotations that say how bad it is.
SEVERITIES = ("severity", "level")


def parse(reader: Reader, source: str, body: bytes) -> Parsed:
    """The alerts of a group. Raises `UsageError`."""
    group = reader.object(body)
    if not isinstance(group.get("alerts"), list):
        reader.wrong("it has no list `alerts`")
    members = objects(group, "alerts")
    if len(reader.few(members)) != len(group["alerts"]):
        reader.wrong("one of its `alerts` is not an object")
    common = {name: group[name] for name in COMMON if name in group}
    alerts = tuple(_alert(reader, source, member, common) for member in members)
    status = word(group, "status")
    happenings = sorted(f"{one.id} {one.resolved}" for one in alerts)
    return Parsed(key=digest(word(group, "groupKey"), status, happenings), alerts=alerts, note=_note(group))


def digest(*parts: Any) -> str:
    """A short name for JSON values: 32 hex digits of SHA-256."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _alert(reader: Reader, source: str, member: dict[str, Any], common: dict[str, Any]) -> Alert:
    labels, annotations = texts(member.get("labels")), texts(member.get("annotations"))
    started, resolved = word(member, "startsAt"), word(member, "status") == "resolved"
    name = labels.get("alertname", "")
    links = (word(member, link) for link in ("panelURL", "dashboardURL", "generatorURL"))
    return reader.alert(
        source=source,
        # Without startsAt, the same rule would never be news again.
        id=f"{word(member, 'fingerprint') or digest(labels)}/{started}",
        type=name,
        title=annotations.get("summary") or annotations.get("title") or name,
        description=annotations.get("description") or annotations.get("message") or "",
        severity=severity(
            *(given.get(one) for given in (labels, annotations) for one in SEVERITIES),
            *(rank(given.get("priority")) for given in (labels, annotations)),
        ),
        # What Grafana's button "Test" sends.
        sample=(name, labels.get("instance")) == ("TestAlert", "Grafana"),
        first_seen=started,
        last_seen=word(member, "endsAt") if resolved else "",
        url=next((link for link in links if link), ""),
        resolved=resolved,
        labels=labels,
        raw=member | {"group": common},
        **subject(labels, annotations),
    )


def _note(group: dict[str, Any]) -> str:
    truncated = group.get("truncatedAlerts")
    if isinstance(truncated, int) and truncated > 0:
        return f"{truncated:,} more alerts of this group were left out by the sender (truncatedAlerts)"
    return "" if group["alerts"] else "the group holds no alerts"
