"""CloudEvents 1.0 over HTTP: structured, binary (`ce-*` headers), and in a batch.

Format: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md and
`formats/json-format.md`. CloudEvents sign nothing: a header shows a secret of the door, as the specification of their
webhooks has it (`Authorization: Bearer …`).

An event is told by `source` and `id`, and these are the key; that of a batch is those of all its events. CloudEvents
are envelopes: members of `data` with the names of an alert's fields fill them; extensions are labels.
`data` in Base64 is read, and kept as what it says, so that no secret hides there.

Answers: what a sender makes of them is its own affair.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from firedoor.alerts import _proofs
from firedoor.alerts._alert import Alert
from firedoor.alerts._named import named
from firedoor.alerts._reading import Reader, texts
from firedoor.alerts._source import Headers, Lock, Parsed
from firedoor.canonical import sha256_hex
from firedoor.errors import UsageError

NAME = "cloudevents"
READER = Reader("a CloudEvent", "Send CloudEvents 1.0: structured, binary or in a batch, with JSON in `data`.")
BATCH = "application/cloudevents-batch"
PREFIX = "ce-"
#: The attributes that the specification names; all others are extensions.
ATTRIBUTES = frozenset(
    {"data", "data_base64", "datacontenttype", "dataschema", "id", "source", "specversion", "subject", "time", "type"}
)


def authenticate(headers: Headers, body: bytes, lock: Lock) -> None:
    """Return if a header shows a secret of the lock. Raises `UnauthenticatedError`."""
    _proofs.shared(lock, headers)


def parse(headers: Headers, body: bytes) -> Parsed:
    """An alert for each event. Without headers, what the body is tells the mode. Raises `UsageError`."""
    if f"{PREFIX}specversion" in headers or f"{PREFIX}id" in headers:
        event = _binary(headers, body)
        alert, key = _alert(event)
        # The headers are stored beside the body, which is the data alone.
        return Parsed(key=key, alerts=(alert,))
    given = READER.json(body)
    if headers.get("content-type", "").startswith(BATCH) and not isinstance(given, list):
        READER.wrong("a batch is a list")
    events = [_structured(one) for one in (READER.few(given) if isinstance(given, list) else [given])]
    found = [_alert(event) for event in events]
    keys = sorted({key for _, key in found})
    opened = any("data_base64" in one for one in (given if isinstance(given, list) else [given]))
    return Parsed(
        key=keys[0] if len(keys) == 1 else sha256_hex("\n".join(keys).encode()),
        alerts=tuple(alert for alert, _ in found),
        note="" if found else "The batch is empty.",
        kept=json.dumps(events if isinstance(given, list) else events[0]).encode() if opened else None,
    )


def _binary(headers: Headers, body: bytes) -> dict[str, Any]:
    """An event whose attributes are headers, percent-encoded."""
    event: dict[str, Any] = {
        name.removeprefix(PREFIX): unquote(value) for name, value in headers.items() if name.startswith(PREFIX)
    }
    kind = headers.get("content-type", "application/json")
    return event | {"datacontenttype": kind, "data": _data(kind, body)}


def _structured(event: Any) -> dict[str, Any]:
    if not isinstance(event, dict):
        READER.wrong("it is not a JSON object")
    if "data_base64" not in event:
        return event
    encoded = READER.text(event, "data_base64")
    try:
        body = base64.b64decode(encoded, validate=True)
    except ValueError:
        READER.wrong("`data_base64` is not Base64")
    opened = {name: value for name, value in event.items() if name != "data_base64"}
    return opened | {"data": _data(READER.text(event, "datacontenttype"), body)}


def _data(kind: str, body: bytes) -> Any:
    """Data as JSON, which it is unless it says otherwise; what is none is of no use here, and not kept."""
    if kind and "json" not in kind.lower():
        return None
    try:
        return READER.json(body) if body.strip() else None
    except UsageError:
        return None


def _alert(event: Mapping[str, Any]) -> tuple[Alert, str]:
    """The alert of an event, and its key."""
    version = READER.needed(event, "specversion")
    if version != "1.0":
        READER.wrong("its `specversion` is not 1.0")
    source, identity = READER.needed(event, "source"), READER.needed(event, "id")
    kind, subject = READER.needed(event, "type"), READER.text(event, "subject")
    key = json.dumps([source, identity])
    data = event.get("data")
    extensions = texts({name: value for name, value in event.items() if name not in ATTRIBUTES})
    own = {"title": subject or kind, "resource": subject, "first_seen": READER.text(event, "time")}
    told = named(data) if isinstance(data, dict) else {}
    told["labels"] = extensions | told.get("labels", {})
    # Another source may use the same id for something else.
    return READER.alert(**own | told | {"source": NAME, "id": key, "type": kind, "raw": dict(event)}), key
