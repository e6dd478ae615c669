"""CloudEvents in their three modes."""

import base64
import json
from typing import Any

import pytest

from firedoor.alerts import SOURCES
from firedoor.alerts._secrets import scrubbed
from tests.alerts.messages import changed, only, parsed, shows_a_secret, wrong
from tests.alerts.scanners import AWS_SECRET, CLOUDEVENT, KEY_ID
from tests.shared import SHARED, needs_shared

PAYLOADS = SHARED / "payloads" / "cloudevents"
BATCH = {"content-type": "application/cloudevents-batch+json; charset=utf-8"}
STRUCTURED = {"content-type": "application/cloudevents+json"}
KEY = '["/scanner/eu-west-1", "A234-1234-1234"]'


def test_they_sign_nothing() -> None:
    """Whoever sends one shows a secret."""
    shows_a_secret("cloudevents")


@needs_shared
def test_the_examples_of_the_specification() -> None:
    """With a null subject and extensions, and with data in Base64 that is JSON."""
    alert = only("cloudevents", (PAYLOADS / "structured_json_data.json").read_bytes())
    assert (alert.id, alert.title, alert.resource) == ('["/mycontext", "C234-1234-1234"]', "com.example.someevent", "")
    assert alert.labels == {"comexampleextension1": "value", "comexampleothervalue": "5"}
    assert alert.first_seen == "2018-04-05T17:31:00Z"
    found = parsed("cloudevents", (PAYLOADS / "structured_base64_data.json").read_bytes())
    assert found.alerts[0].raw["data"] == {"xyz": 123}


def test_a_structured_event() -> None:
    """Data fills the fields; extensions are labels, and what data says of labels goes before."""
    found = parsed("cloudevents", CLOUDEVENT, STRUCTURED)
    assert (found.key, found.kept) == (KEY, None)
    (alert,) = found.alerts
    assert (alert.type, alert.title) == ("com.example.leak.found", "A key was pasted in public")
    assert (alert.severity, alert.resource) == (9.0, "example/gateway")
    assert (alert.access_key_id, alert.credential, alert.provider) == (KEY_ID, KEY_ID, "aws")
    assert alert.labels == {"team": "payments", "channel": "pastebin"}


def test_a_binary_event() -> None:
    """The same event with its attributes in headers, percent-encoded."""
    attributes = {name: value for name, value in CLOUDEVENT.items() if name not in ("data", "datacontenttype")}
    headers = {f"ce-{name}": value for name, value in attributes.items()} | {"content-type": "application/json"}
    body = json.dumps(CLOUDEVENT["data"]).encode()
    found = SOURCES["cloudevents"].parse(headers, body)
    assert found == parsed("cloudevents", CLOUDEVENT)
    encoded = SOURCES["cloudevents"].parse(headers | {"ce-subject": "Caf%C3%A9"}, body)
    assert encoded.alerts[0].resource == "Café"


@pytest.mark.parametrize(
    ("kind", "body"), [("text/plain", b"{}"), ("application/json", b"{"), ("application/json", b""), ("x/y+json", b" ")]
)
def test_data_that_is_no_json(kind: str, body: bytes) -> None:
    """The attributes alone say enough."""
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t", "content-type": kind}
    (alert,) = SOURCES["cloudevents"].parse(headers, body).alerts
    assert (alert.title, alert.raw["data"]) == ("t", None)


def test_a_batch() -> None:
    """An alert for each; one key for all, whatever their order; an empty one is nothing."""
    other = CLOUDEVENT | {"id": "B"}
    found = parsed("cloudevents", [CLOUDEVENT, other], BATCH)
    assert [alert.id for alert in found.alerts] == [KEY, '["/scanner/eu-west-1", "B"]']
    assert found.key == parsed("cloudevents", [other, CLOUDEVENT]).key
    assert parsed("cloudevents", [CLOUDEVENT], BATCH).key == KEY
    empty = parsed("cloudevents", [], BATCH)
    assert (empty.alerts, empty.note) == ((), "The batch is empty.")


def test_no_secret_hides_in_base64() -> None:
    """Data is kept as what it says, from which the door can take secrets; what is no JSON is not kept."""
    hidden = {name: value for name, value in CLOUDEVENT.items() if name != "data"}
    hidden["data_base64"] = base64.b64encode(json.dumps(CLOUDEVENT["data"]).encode()).decode()
    for message in (hidden, [hidden]):
        found = parsed("cloudevents", message)
        assert found.kept is not None
        assert AWS_SECRET not in scrubbed(found.kept).decode()
        assert b"data_base64" not in found.kept
        assert parsed("cloudevents", found.kept).alerts == found.alerts == parsed("cloudevents", CLOUDEVENT).alerts
    text = hidden | {"datacontenttype": "text/plain", "data_base64": base64.b64encode(b"canary").decode()}
    kept = parsed("cloudevents", text).kept
    assert kept is not None
    assert b'"data": null' in kept


def test_the_same_id_of_another_source() -> None:
    """Is another event: only both together tell one."""
    assert parsed("cloudevents", CLOUDEVENT | {"source": "/other"}).key != KEY


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b"5", "it is not a JSON object"),
        ([5], "it is not a JSON object"),
        (changed(CLOUDEVENT, "id", ""), "it has no `id`"),
        (changed(CLOUDEVENT, "source", None), "it has no `source`"),
        (changed(CLOUDEVENT, "type", None), "it has no `type`"),
        (changed(CLOUDEVENT, "specversion", None), "it has no `specversion`"),
        (changed(CLOUDEVENT, "specversion", "0.3"), "its `specversion` is not 1.0"),
        (CLOUDEVENT | {"data_base64": "!"}, "`data_base64` is not Base64"),
        (CLOUDEVENT | {"data": {"user_name": ["x"]}}, "`user_name`"),
    ],
)
def test_what_is_no_event(message: Any, says: str) -> None:
    """A sentence that says what is wrong."""
    assert says in wrong("cloudevents", message)


def test_a_batch_that_is_none() -> None:
    """What says that it is a batch has to be a list."""
    with pytest.raises(Exception, match="a batch is a list"):
        parsed("cloudevents", CLOUDEVENT, BATCH)
