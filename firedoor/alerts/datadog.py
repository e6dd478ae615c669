"""Datadog: the webhooks integration, which posts what its operator has written.

Format: https://docs.datadoghq.com/integrations/webhooks/. The template of docs/how-to/alerts.md fills all fields; the
one that Datadog starts with has an id, a title and a text, and the title's own words (`[P2] [Triggered on …] …`) say
the rest. A variable without a value arrives as the text "null".

Proof: no signature. The webhook's custom headers, or its basic authentication, carry the door's secret.

Key: `id`, that of the event, and the transition. An alert's id is `alert_cycle_key`, the same from the trigger to the
recovery; without the template of the page it can only be the event's, which is another one each time.

Answers: 5xx and broken connections are tried again, five times; 4xx is dropped. It waits 15 seconds. To organisations
under HIPAA, and for some security products, Datadog sends no security notifications by webhook.
"""

import re
from typing import Any

from firedoor.alerts import _proofs
from firedoor.alerts._group import digest
from firedoor.alerts._reading import Reader, texts, word
from firedoor.alerts._severity import rank, severity
from firedoor.alerts._source import Headers, Lock, Parsed
from firedoor.alerts._subject import ABSENT, moment, subject, tags

NAME = "datadog"
#: What Datadog puts before the title of an event: `[P2] [Recovered on {host:web-1}] `.
TITLE = re.compile(r"^(?:\[(P[1-5])\] )?\[(Re-)?(Triggered|Warn|No Data|Recovered)\b")
READER = Reader(
    "a delivery of a Datadog webhook", "Use the payload of docs/how-to/alerts.md, which is one JSON object."
)


def authenticate(headers: Headers, body: bytes, lock: Lock) -> None:
    """Return if a header shows a secret of the lock. Raises `UnauthenticatedError`."""
    _proofs.shared(lock, headers)


def parse(headers: Headers, body: bytes) -> Parsed:
    """The alert of one event. Raises `UsageError` that says what is wrong with the body."""
    delivery = READER.object(body)
    given = {name: value for name, value in texts(delivery).items() if value not in ABSENT}
    title = given.get("title") or given.get("alert_title", "")
    if not title:
        READER.wrong("it has no `title`")
    said = TITLE.match(title)
    urgency, _, moved = said.groups() if said else ("", "", "")
    transition = given.get("alert_transition") or moved
    event = given.get("id") or digest(delivery)
    labels = _labels(delivery, given)
    alert = READER.alert(
        source=NAME,
        id=given.get("alert_cycle_key") or given.get("aggreg_key") or given.get("alert_id") or event,
        type=given.get("event_type", ""),
        title=title,
        description=given.get("body", ""),
        severity=severity(
            given.get("security_signal_severity"), rank(given.get("alert_priority")), urgency, given.get("alert_type")
        ),
        first_seen=moment(given.get("date"), a_second=1_000),
        last_seen=moment(given.get("last_updated"), a_second=1_000),
        url=given.get("link", ""),
        resolved="recovered" in transition.lower() or given.get("alert_type") == "success",
        labels=labels,
        raw=delivery,
        **subject(labels),
    )
    return Parsed(key=f"{event}/{transition}", alerts=(alert,))


def _labels(delivery: dict[str, Any], given: dict[str, str]) -> dict[str, str]:
    """The event's tags and scope, and what the template itself says under `labels`."""
    labels = tags(delivery.get("tags")) | tags(delivery.get("alert_scope"))
    own = {name: value for name, value in texts(delivery.get("labels")).items() if value not in ABSENT}
    hosts = {"host": given["hostname"]} if "hostname" in given else {}
    monitor = word(given, "alert_id")
    return hosts | labels | own | ({"monitor": monitor} if monitor else {})
