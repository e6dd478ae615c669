"""Any sender of JSON: what the map of a door makes of its body, and how it proves itself."""

import json
import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.alerts import Alert, Parsed, generic
from firedoor.alerts._named import FIELDS
from firedoor.errors import UsageError
from tests.alerts.messages import NOW, OTHER, SECRET, lock, only, opens, signature, wrong
from tests.alerts.scanners import KEY_ID

EVENT: dict[str, Any] = {
    "event": {"id": 17, "name": "A key was used from Tor", "risk": "high", "again": False},
    "key": {"id": KEY_ID, "tags": ["prod", "eu"]},
    "team": "payments",
    "seen": [{"at": "2026-11-29T11:58:00Z"}, {"at": "2026-11-29T11:59:00Z"}],
    "nothing": None,
}
MAP = {
    "id": "body.event.id",
    "title": "body.event.name",
    "severity": "body.event.risk",
    "access_key_id": "body.key.id",
    "type": "'siem.' + (body.event.again ? 'again' : 'first')",
    "last_seen": "body.seen[size(body.seen) - 1].at",
    "count": "size(body.seen)",
    "sample": "body.event.again",
    "labels.team": "body.team",
    "labels.stage": "body.key.tags.filter(tag, tag in ['prod', 'dev'])[0]",
    "labels.request": "headers['x-request-id']",
}
SECONDS = str(int(NOW.timestamp()))
BODY = json.dumps(EVENT).encode()


def mapped(map: dict[str, str], event: Any = EVENT, headers: dict[str, str] | None = None) -> Parsed:
    """What a door with a map reads in a body."""
    return generic.source(map).parse(headers or {}, json.dumps(event).encode())


def refused(map: dict[str, str], event: Any = EVENT) -> str:
    """What is wrong with a body for a map."""
    with pytest.raises(UsageError) as caught:
        mapped(map, event)
    assert caught.value.changed == "Nothing was started."
    return f"{caught.value.what} {caught.value.next}"


def test_a_map() -> None:
    """Expressions over the body and the headers; numbers become texts where a text is wanted."""
    found = mapped(MAP, headers={"x-request-id": "r-1"})
    assert found.key == "17"
    assert found.alerts == (
        Alert(
            source="generic",
            id="17",
            type="siem.first",
            title="A key was used from Tor",
            severity=7.0,
            provider="aws",
            credential=KEY_ID,
            access_key_id=KEY_ID,
            last_seen="2026-11-29T11:59:00Z",
            count=2,
            labels={"team": "payments", "stage": "prod", "request": "r-1"},
            raw=EVENT,
        ),
    )


def test_a_key_of_its_own() -> None:
    """Where the id stays the same while something else tells one delivery from the next."""
    assert mapped(MAP | {"key": "string(body.event.id) + '/' + body.seen[1].at"}).key == "17/2026-11-29T11:59:00Z"
    assert mapped(MAP | {"key": "size(body.seen)"}).key == "2"
    assert mapped(MAP | {"key": "body.no.such"}).key == "17"


@pytest.mark.parametrize(
    "absent", ["body.no", "body.no.such", "body.nothing", "body.nothing.x", "body.seen[7]", "body.team.x"]
)
def test_what_the_body_has_not(absent: str) -> None:
    """Is empty; and what is needed is missed by name."""
    alert = mapped(MAP | {"region": absent, "severity": absent, "labels.x": absent}).alerts[0]
    assert (alert.region, alert.severity, "x" in alert.labels) == ("", 0.0, False)
    for name in ("id", "title"):
        assert f"it has no `{name}`, which is needed" in refused(MAP | {name: absent})


@pytest.mark.parametrize(
    ("name", "expression", "says"),
    [
        ("severity", "double(body.team)", "`severity` cannot be read with `double(body.team)`: "),
        ("title", "body.event", "`title`"),
        ("count", "body.team", "`count`"),
        ("sample", "body.team", "`sample`"),
        ("region", "b'x'", "`region` cannot be read with `b'x'`: bytearray is not a value"),
    ],
)
def test_what_a_map_cannot_read(name: str, expression: str, says: str) -> None:
    """The field is named, and where to look."""
    said = refused(MAP | {name: expression})
    assert says in said
    assert "Compare what the sender sends with `map`" in said


def test_labels_from_the_body() -> None:
    """As a whole, and one by one, which goes before."""
    event = {"labels": {"a": 1, "b": "x", "c": [1]}}
    map_ = {"id": "'1'", "title": "'t'", "labels": "body.labels", "labels.b": "'y'"}
    assert mapped(map_, event).alerts[0].labels == {"a": "1", "b": "y"}


def test_a_body_that_is_a_list() -> None:
    """A map reads it; `raw` holds it as `body`."""
    alert = mapped({"id": "body[0].id", "title": "'t'"}, [{"id": "x"}]).alerts[0]
    assert (alert.id, alert.raw) == ("x", {"body": [{"id": "x"}]})


def test_a_comment_in_an_expression() -> None:
    """Ends with its line, and hides no other field."""
    assert mapped({"id": "body.team // whose", "title": "'t'"}).alerts[0].title == "t"


@pytest.mark.parametrize(
    ("map_", "says"),
    [
        ({"title": "'t'"}, "map has no `id`."),
        ({"id": "'1'"}, "map has no `title`."),
        (MAP | {"severty": "5.0"}, "an alert has no field `severty`; did you mean `severity`?"),
        (MAP | {"owner_of_it": "body.x"}, "an alert has no field `owner_of_it`; `labels.NAME` is for"),
        (MAP | {"labels.": "body.x"}, "an alert has no field `labels.`"),
        (MAP | {"source": "'guardduty'"}, "an alert has no field `source`"),
        (MAP | {"raw": "body"}, "an alert has no field `raw`"),
        (MAP | {"id": "body.event.id +"}, "`id` does not compile: <input>:1:16: Syntax error"),
        (MAP | {"id": "boddy.id"}, "`id` does not compile: <input>:1:6: undeclared reference to 'boddy.id'"),
        (MAP | {"id": "alert.id"}, "`id` does not compile: "),
        (MAP | {"id": ""}, "`id` does not compile: "),
    ],
)
def test_a_map_that_is_wrong(map_: dict[str, str], says: str) -> None:
    """Is told when the door is made, with the field; for `doctor` also with the door."""
    with pytest.raises(UsageError) as caught:
        generic.source(map_)
    assert says in caught.value.what
    (sentence,) = generic.problems(map_, "siem")
    assert sentence.startswith("[alerts.siem] map")
    assert says in sentence


def test_everything_that_is_wrong_at_once() -> None:
    """One correction is enough."""
    assert len(generic.problems({"severty": "5.0 +"})) == 4
    assert generic.problems(MAP) == ()
    assert generic.problems({}) == ()


def test_without_a_map() -> None:
    """The body's members have the names of the fields, whatever way the source is made."""
    body = {"id": 5, "title": "t", "severity": "critical", "labels": {"a": True}, "description": None, "source": "x"}
    alert = only("generic", body)
    assert (alert.id, alert.severity, alert.labels, alert.source) == ("5", 9.0, {"a": "true"}, "generic")
    assert mapped({}, body).alerts == (alert,)
    assert "it has no `title`, which is needed" in wrong("generic", {"id": "x"})
    assert "it is not a JSON object" in wrong("generic", [])


@given(
    event=st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.dictionaries(
                st.sampled_from(["event", "id", "name", "risk", "key", "tags", "seen", "team", "again"]),
                inner,
                max_size=4,
            )
            | st.lists(inner, max_size=2)
        ),
        max_leaves=8,
    )
)
def test_any_body(event: Any) -> None:
    """Is read or refused with a sentence, never anything else."""
    try:
        (alert,) = mapped(MAP, event).alerts
    except UsageError:
        return
    assert alert.id


def test_a_signature_with_its_time() -> None:
    """Over `TIME.BODY`; in the usual header or the one that the door says, with its prefix or without."""
    mac = signature(SECRET, f"{SECONDS}.".encode() + BODY)
    time = {"x-firedoor-timestamp": SECONDS}
    assert opens("generic", time | {"x-firedoor-signature": f"sha256={mac}"}, BODY, lock(OTHER, SECRET))
    assert opens("generic", time | {"x-firedoor-signature": mac}, BODY, lock(SECRET, header="authorization"))
    assert opens("generic", time | {"x-siem": mac}, BODY, lock(SECRET, header="X-SIEM"))
    assert not opens("generic", time | {"x-firedoor-signature": mac}, BODY, lock(SECRET, header="x-siem"))
    assert not opens("generic", time | {"x-firedoor-signature": mac}, BODY + b" ", lock(SECRET))
    assert not opens("generic", time | {"x-firedoor-signature": mac}, BODY, lock(OTHER))
    assert not opens("generic", time, BODY, lock(SECRET))
    later = {"x-firedoor-timestamp": str(int(SECONDS) + 1), "x-firedoor-signature": mac}
    assert not opens("generic", later, BODY, lock(SECRET))


@pytest.mark.parametrize(("seconds", "open_"), [(300, True), (-300, True), (301, False), (-301, False)])
@pytest.mark.parametrize("timestamp", ["required", "none"])
def test_five_minutes(seconds: int, open_: bool, timestamp: str) -> None:
    """A time that is signed is judged, also where it could be left out."""
    moment = str(int((NOW + timedelta(seconds=seconds)).timestamp()))
    mac = signature(SECRET, f"{moment}.".encode() + BODY)
    headers = {"x-firedoor-timestamp": moment, "x-firedoor-signature": mac}
    assert opens("generic", headers, BODY, lock(SECRET, timestamp=timestamp)) is open_


def test_a_signature_without_a_time() -> None:
    """Opens no door but one that says so; and a signature with a time is none without it."""
    bare = {"x-firedoor-signature": signature(SECRET, BODY)}
    assert opens("generic", bare, BODY, lock(SECRET, timestamp="none"))
    assert not opens("generic", bare, BODY, lock(SECRET))
    assert not opens("generic", bare | {"x-firedoor-timestamp": SECONDS}, BODY, lock(SECRET, timestamp="none"))
    timed = {"x-firedoor-signature": signature(SECRET, f"{SECONDS}.".encode() + BODY)}
    assert not opens("generic", timed, BODY, lock(SECRET, timestamp="none"))
    assert opens("generic", bare, BODY, lock(SECRET, timestamp="none", header="authorization"))


def test_the_maps_of_the_page() -> None:
    """What docs/how-to/alerts-scanners.md tells people to write compiles, and reads what it tells them to send."""
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "alerts-scanners.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    doors = [tomllib.loads(block)["alerts"]["siem"] for block in blocks]
    assert [generic.problems(door["map"]) for door in doors] == [(), ()]
    (sent,) = re.findall(r"^body='(.*)'$", page, re.MULTILINE)
    alert = mapped(doors[0]["map"], json.loads(sent)).alerts[0]
    assert (alert.severity, alert.access_key_id, alert.labels) == (7.0, KEY_ID, {"team": "payments"})


def test_a_mapped_door_asks_the_same_proof() -> None:
    """The map changes what is read, not who may send."""
    source = generic.source(MAP)
    source.authenticate({"x-firedoor-signature": signature(SECRET, BODY)}, BODY, lock(SECRET, timestamp="none"))
    assert {name for name in MAP if "." not in name} <= FIELDS
