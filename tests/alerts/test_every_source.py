"""What holds for every source, whoever wrote it: doors without a lock, garbage, and that none is forgotten."""

import base64
import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from firedoor.alerts import SOURCES, Alert, Lock, Source, UnauthenticatedError, guardduty
from firedoor.alerts._reading import MOST_ALERTS
from firedoor.alerts._secrets import scrubbed
from firedoor.errors import UsageError
from firedoor.expressions import evaluate
from tests.alerts.messages import MESSAGES, NOW, SECRET
from tests.alerts.scanners import SCANNERS
from tests.shared import SHARED

MODULES = Path(guardduty.__file__).parent
#: Headers in which some source looks for something.
HEADERS = re.compile(
    r'"((?:x-|ce-|sentry-|webhook-|gitguardian-|content-)[a-z0-9-]+|authorization|timestamp|request-id)"'
)
NAMES = sorted({name for file in MODULES.glob("*.py") for name in HEADERS.findall(file.read_text(encoding="utf-8"))})
KINDS = sorted(SOURCES)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.just("null"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
TEXTS = st.sampled_from(
    ["", SECRET, f"Bearer {SECRET}", "Basic ", "v1=00", "sha256=00", "v1,AA==", "1764417540", "true"]
)
HEADER = TEXTS | st.text(st.characters(max_codepoint=255), max_size=20)
DELIVERY_HEADERS = st.dictionaries(st.sampled_from(NAMES), HEADER, max_size=4)
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

each = pytest.mark.parametrize("kind", KINDS)


def recorded() -> list[Any]:
    """JSON that senders have sent: what third parties recorded, where it is there, and what stands in these tests."""
    files = sorted((SHARED / "payloads").glob("*/*.json")) if SHARED.is_dir() else []
    bodies = [json.loads(file.read_bytes()) for file in files]
    return [*bodies, *(message for several in (MESSAGES | SCANNERS).values() for message in several)]


RECORDED = recorded()


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a JSON value: its container and its key."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """A recorded message in which some values are gone or others."""
    value = deepcopy(draw(st.sampled_from(RECORDED)))
    for _ in range(draw(st.integers(1, 4))):
        found = list(places(value))
        if not found:
            break
        container, key = draw(st.sampled_from(found))
        if draw(st.booleans()):
            container[key] = draw(JSON)
        else:
            del container[key]
    return json.dumps(value).encode()


def read(kind: str, headers: dict[str, str], body: bytes) -> None:
    """Parse, where only `UsageError` may come out; what is read keeps to the model, and can be stored."""
    try:
        delivery = SOURCES[kind].parse(headers, body)
    except UsageError:
        return
    assert delivery.key.encode()
    assert delivery.note.encode() is not None
    for alert in delivery.alerts:
        dumped = alert.model_dump(mode="json")
        assert Alert.model_validate(dumped) == alert
        assert json.dumps(dumped, allow_nan=False, ensure_ascii=False).encode()
        assert alert.source == kind


def closed(source: Source, headers: dict[str, str], body: bytes, lock: Lock) -> bool:
    """Does the door stay shut, in no other way than by `UnauthenticatedError`?"""
    try:
        source.authenticate(headers, body, lock)
    except UnauthenticatedError:
        return True
    return False


def unreachable(url: str) -> bytes:
    """No certificate can be had."""
    raise UnauthenticatedError(f"no certificate at {url}")


def test_none_is_forgotten() -> None:
    """Every module of a source is in `SOURCES` under its name, with a docstring that names its format, and has a test."""
    modules = {file.stem for file in MODULES.glob("*.py") if not file.stem.startswith("_")}
    assert modules == set(SOURCES)
    for name, source in SOURCES.items():
        assert vars(source)["NAME"] == name
        # `generic` is nobody's format.
        assert "https://" in (source.__doc__ or "") or name == "generic", name
        assert (Path(__file__).parent / f"test_{name}.py").is_file(), name


@each
@given(headers=DELIVERY_HEADERS, body=st.binary(max_size=40))
@FEW
def test_a_door_without_a_lock_stays_shut(kind: str, headers: dict[str, str], body: bytes) -> None:
    """No secret, no topic: nobody comes in, whatever is shown."""
    assert closed(SOURCES[kind], headers, body, Lock(now=NOW))
    assert closed(SOURCES[kind], headers, body, Lock(now=NOW, secrets=(SecretStr(""),)))


@each
def test_a_message_that_proves_nothing_stays_outside(kind: str) -> None:
    """A real body is no proof."""
    for message in RECORDED:
        topic = message.get("TopicArn", "") if isinstance(message, dict) else ""
        lock = Lock(now=NOW, secrets=(SecretStr(SECRET),), topics=(topic,), certificate=unreachable)
        assert closed(SOURCES[kind], {}, json.dumps(message).encode(), lock)


@each
@given(headers=DELIVERY_HEADERS, body=st.binary(max_size=40) | mutants())
@FEW
def test_authentication_never_breaks(kind: str, headers: dict[str, str], body: bytes) -> None:
    """Whatever comes, a door opens or says `UnauthenticatedError`."""
    secret = SecretStr(f"whsec_{base64.b64encode(SECRET.encode()).decode()}")
    for secrets in ((SecretStr(SECRET),), (secret, SecretStr(SECRET))):
        closed(SOURCES[kind], headers, body, Lock(now=NOW, secrets=secrets, certificate=unreachable))


@each
@given(headers=DELIVERY_HEADERS, body=st.binary(max_size=60))
@FEW
def test_random_bytes(kind: str, headers: dict[str, str], body: bytes) -> None:
    """Are read, or refused with a sentence."""
    read(kind, headers, body)


@each
@given(headers=DELIVERY_HEADERS, value=JSON)
@FEW
def test_random_json(kind: str, headers: dict[str, str], value: Any) -> None:
    """Is read, or refused with a sentence."""
    read(kind, headers, json.dumps(value).encode())


@each
@given(headers=DELIVERY_HEADERS, body=mutants())
@settings(FEW, max_examples=60)
def test_messages_with_something_changed(kind: str, headers: dict[str, str], body: bytes) -> None:
    """A sender that has changed its format a little, and every other sender's messages at this door."""
    read(kind, headers, body)


@each
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 500 + b"1" + b"}" * 500,
        b'{"alerts": "' + b"[" * 5_000 + b'"}',
        b'{"id": ' + b"9" * 5_000 + b"}",
        b" " * 2_000_001,
    ],
    ids=["brackets", "deep", "deep inside", "long number", "large"],
)
def test_bombs(kind: str, body: bytes) -> None:
    """What is made to break a reader is refused."""
    read(kind, {}, body)


@pytest.mark.parametrize("kind", sorted(MESSAGES))
def test_what_is_stored_says_the_same(kind: str) -> None:
    """Taking secrets out of a message takes nothing else: ids of keys, links and labels are read again from the store."""
    for message in MESSAGES[kind]:
        body = json.dumps(message).encode()
        first, again = (SOURCES[kind].parse({}, one) for one in (body, scrubbed(body)))
        assert [one.model_dump(exclude={"raw"}) for one in again.alerts] == [
            one.model_dump(exclude={"raw"}) for one in first.alerts
        ]
        assert again.key == first.key


@each
@pytest.mark.parametrize(
    "member",
    [b"1e999", b"-1e999", b"NaN", b"Infinity", b'"\\ud800"', b'{"\\udfff": 1}', b'"\xed\xa0\x80"'],
    ids=["infinite", "minus infinite", "not a number", "infinity", "half a character", "half a name", "half in bytes"],
)
def test_what_no_json_can_hold(kind: str, member: bytes) -> None:
    """Python reads numbers and characters that it could not store again: a good message with one is refused."""
    for message in RECORDED:
        if isinstance(message, dict):
            read(kind, {}, json.dumps(message).encode()[:-1] + b', "more": ' + member + b"}")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("alertmanager", b'{"alerts": [%s{}]}' % (b"{}," * MOST_ALERTS)),
        ("grafana", b'{"alerts": [%s{}]}' % (b"{}," * MOST_ALERTS)),
        ("elastic", b"[%s{}]" % (b"{}," * MOST_ALERTS)),
        ("cloudevents", b"[%s{}]" % (b"{}," * MOST_ALERTS)),
        ("cloudtrail", b"[%s{}]" % (b"{}," * MOST_ALERTS)),
        ("securityhub", b'{"findings": [%s{}]}' % (b"{}," * MOST_ALERTS)),
        ("health", b'{"affectedEntities": [%s{}]}' % (b"{}," * MOST_ALERTS)),
    ],
)
def test_nobody_has_so_many_alerts(kind: str, body: bytes) -> None:
    """600,000 fit into 2 MB: each would be matched with every runbook, and everybody else's would wait."""
    with pytest.raises(UsageError, match=r"10,001 alerts, more than 10,000"):
        SOURCES[kind].parse({}, body)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**70, 10**300])
def test_a_number_that_is_too_large_for_a_condition(number: int) -> None:
    """Wherever in an alert somebody gets it in: the others are judged, and the alert is not lost."""
    body = json.dumps({"id": "1", "title": "leak", "severity": 8, "more": [{"number": number}]}).encode()
    (alert,) = SOURCES["generic"].parse({}, body).alerts
    scope = {"alert": alert.model_dump(mode="json")}
    assert evaluate("alert.severity >= 7.0 && alert.raw.more[0].number != 1", scope) is True
    assert (
        SOURCES["generic"].parse({}, b'{"id": "1", "title": "x", "n": 9223372036854775807}').alerts[0].raw["n"]
        == 2**63 - 1
    )
    with pytest.raises(UsageError, match="it holds the number"):
        SOURCES["generic"].parse({}, b'{"id": "1", "title": "leak", "n": 1%s}' % (b"0" * 400))
    with pytest.raises(UsageError, match="`count`"):
        SOURCES["generic"].parse({}, b'{"id": "1", "title": "leak", "count": %d}' % (2**70))
