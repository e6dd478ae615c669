"""Messages of SNS: who has signed them."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from firedoor.alerts import SOURCES, UnauthenticatedError, _sns
from firedoor.errors import UsageError
from tests.alerts.sns import (
    AWS,
    CONTROL,
    EVENT,
    NOTIFICATION,
    TOPIC,
    URL,
    Shelf,
    control,
    key,
    lock,
    notification,
    posted,
    refused,
    signed,
)

SECRET = "canary-key-of-an-api-destination"


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    "message",
    [
        notification(),
        notification(Subject="GuardDuty"),
        notification(Subject=None),
        notification(Subject=""),
        notification("Zeile\nEins “zwei” 🔥\\n"),
        control(),
        control("UnsubscribeConfirmation"),
    ],
)
def test_what_sns_has_signed(message: dict[str, Any], version: str) -> None:
    """All three kinds, both versions, with and without a subject; the certificate is that of the URL."""
    shelf = Shelf()
    _sns.authenticate({}, posted(signed(message, version)), lock(shelf))
    assert shelf.asked == [URL]


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    ("kind", "name"),
    [("Notification", name) for name in NOTIFICATION if name != "Type"]
    + [("SubscriptionConfirmation", name) for name in CONTROL if name != "Type"]
    + [("UnsubscribeConfirmation", name) for name in CONTROL if name != "Type"],
)
def test_what_was_changed_on_the_way(kind: str, name: str, version: str) -> None:
    """Each signed field counts. The door knows the other topic, and the other time is as good."""
    message = notification(Subject="GuardDuty") if kind == "Notification" else control(kind)
    other = {"Timestamp": "2026-11-29T11:59:31.655Z", "TopicArn": f"{TOPIC}-2"}.get(name, f"{message[name]}x")
    changed = signed(message, version) | {name: other}
    refused(changed, "its signature is not that of its certificate", topics=(TOPIC, f"{TOPIC}-2"))


def test_the_type_counts() -> None:
    """A confirmation cannot be made of an announcement that somebody has left, nor the other way round."""
    for kind, other in (
        ("SubscriptionConfirmation", "UnsubscribeConfirmation"),
        ("UnsubscribeConfirmation", "Notification"),
    ):
        refused(signed(control(kind)) | {"Type": other}, "its signature is not that of its certificate")


def test_a_subject_that_was_added_or_taken_away() -> None:
    """That there is none is signed as well."""
    refused(signed(notification()) | {"Subject": "Urgent"}, "its signature")
    refused(signed(notification(Subject="Test")) | {"Subject": None}, "its signature")


def test_a_signature_of_another_key() -> None:
    """The certificate's key, no other."""
    refused(signed(notification(), of=key("mallory")), "its signature")


@pytest.mark.parametrize("signature", ["", "AAAA", "not base64!", "ä"])
def test_what_is_no_signature(signature: str) -> None:
    """Nothing that only stands in the field."""
    refused(signed(notification()) | {"Signature": signature}, "its signature is not that of its certificate")


@pytest.mark.parametrize("name", [*NOTIFICATION, "SignatureVersion", "Signature", "SigningCertURL"])
@pytest.mark.parametrize("value", [None, 5, ["x"]])
def test_what_is_missing(name: str, value: Any) -> None:
    """Without one of the fields, or with something else in it, nothing opens."""
    message = signed(notification(Subject="x")) | {name: value}
    with pytest.raises(UnauthenticatedError):
        _sns.authenticate({}, posted(message), lock())
    del message[name]
    with pytest.raises(UnauthenticatedError):
        _sns.authenticate({}, posted(message), lock())


@pytest.mark.parametrize("name", ["SubscribeURL", "Token"])
def test_what_is_missing_in_a_confirmation(name: str) -> None:
    """These two are signed in confirmations, and have to be there."""
    refused(signed(control()) | {name: None}, f"it has no `{name}`")


@pytest.mark.parametrize("topic", ["arn:aws-iso:sns:us-iso-east-1:123456789012:alerts", "alerts", "", f"{TOPIC}\n"])
def test_what_is_no_topic_of_the_internet(topic: str) -> None:
    """Without a known host there is no certificate, whatever the settings say; the log gets none of its text."""
    refused(signed(notification(TopicArn=topic)), "its `TopicArn` is not that of a topic", topics=(topic,))


def test_another_topic() -> None:
    """Everybody can have a topic, and SNS signs for everybody: the settings say whose counts."""
    shelf = Shelf()
    message = signed(notification())
    with pytest.raises(UnauthenticatedError) as caught:
        _sns.authenticate({}, posted(message), lock(shelf, topics=(f"{TOPIC}-2",)))
    assert caught.value.what == f"its topic {TOPIC} is not one of this door's `topics`"
    refused(message, "this door has no topics: set `topics` in its settings", topics=())
    refused(message, "this door has no topics", topics=(), secrets=(SecretStr(SECRET),))
    assert shelf.asked == []


@pytest.mark.parametrize(
    ("timestamp", "good"),
    [
        ("2026-11-29T12:00:00.000Z", True),
        ("2026-11-29T10:55:00.000Z", True),
        ("2026-11-29T10:54:59.000Z", False),
        ("2026-11-29T13:05:01.000Z", False),
        ("2026-11-29T12:00:00.000", False),
        ("0001-01-01T00:00:00.000Z", False),
        ("yesterday", False),
        ("", False),
    ],
)
def test_its_time(timestamp: str, good: bool) -> None:
    """SNS tries for an hour; what is older was kept by somebody to be played again."""
    message = signed(notification(Timestamp=timestamp))
    if good:
        _sns.authenticate({}, posted(message), lock())
    else:
        refused(message, "its timestamp is")


def test_versions() -> None:
    """SHA-1 can be refused, and a version cannot be relabelled."""
    _sns.authenticate({}, posted(signed(notification(), "2")), lock(options={"signature_version": "2"}))
    refused(signed(notification(), "1"), "this door takes 2: set SignatureVersion", options={"signature_version": "2"})
    refused(signed(notification(), "2") | {"SignatureVersion": "1"}, "its signature is not that")
    refused(
        signed(notification(), "1") | {"SignatureVersion": "2"},
        "its signature is not that",
        options={"signature_version": "2"},
    )
    for version in ("3", "", "01", "²"):
        refused(signed(notification()) | {"SignatureVersion": version}, "neither 1 nor 2")


def test_what_is_no_message_of_sns() -> None:
    """API destinations of EventBridge show a secret in a header; a door with topics only takes nothing else."""
    body = posted(EVENT)
    both = lock(secrets=(SecretStr(SECRET),))
    _sns.authenticate({"authorization": f"Bearer {SECRET}"}, body, both)
    _sns.authenticate({"x-api-key": SECRET}, body, replace(both, options={"header": "x-api-key"}))
    with pytest.raises(UnauthenticatedError, match="shows no secret of this door"):
        _sns.authenticate({"authorization": "Bearer x"}, body, both)
    with pytest.raises(UnauthenticatedError, match="set `secrets` for API destinations"):
        _sns.authenticate({}, body, lock())
    with pytest.raises(UnauthenticatedError, match="RawMessageDelivery"):
        _sns.authenticate({"x-amz-sns-rawdelivery": "true"}, body, lock())


def test_a_secret_does_not_replace_a_signature() -> None:
    """What looks like SNS has to be signed by SNS, whatever its headers say."""
    forged = signed(notification(EVENT), of=key("mallory"))
    with pytest.raises(UnauthenticatedError, match="its signature is not that"):
        _sns.authenticate({"authorization": f"Bearer {SECRET}"}, posted(forged), lock(secrets=(SecretStr(SECRET),)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def tried(body: bytes) -> None:
    """All that reads strangers' bytes: nothing but its own two errors comes out."""
    with suppress(UnauthenticatedError):
        _sns.authenticate({}, body, lock(secrets=(SecretStr(SECRET),)))
    for source in AWS:
        with suppress(UsageError):
            SOURCES[source].parse({}, body)


@given(st.binary(max_size=200))
def test_garbage(body: bytes) -> None:
    """Bytes."""
    tried(body)


@given(
    st.dictionaries(
        st.sampled_from([*NOTIFICATION, *CONTROL, "SignatureVersion", "Signature", "SigningCertURL"]), JSON
    ),
    st.sampled_from([notification(EVENT), control(), control("UnsubscribeConfirmation")]),
)
def test_messages_with_anything_in_them(changes: dict[str, Any], message: dict[str, Any]) -> None:
    """A message of SNS whose fields are whatever there is."""
    tried(posted(signed(message) | changes))


@given(JSON)
def test_anything_in_a_message(value: Any) -> None:
    """Whatever the topic sends."""
    tried(posted(signed(notification(json.dumps(value)))))
    tried(posted(value))


@given(
    st.sampled_from([0xD800, 0xDC00, 0xDFFF]), st.sampled_from(["Message", "Subject", "Token", "Timestamp", "TopicArn"])
)
def test_half_characters(half: int, name: str) -> None:
    """JSON can hold what is no Unicode, escaped or as bytes; no signature is over that, and no store takes it."""
    for message in (notification(EVENT), control()):
        escaped = posted(signed(message) | {name: chr(half)})
        tried(escaped)
        tried(json.dumps(signed(message) | {name: chr(half)}, ensure_ascii=False).encode(errors="surrogatepass"))


def test_strangers_are_read_no_further_than_needed() -> None:
    """A body that is larger than any of SNS's is not read before it has shown a secret."""
    large = posted(signed(notification("x" * _sns.MOST_ENVELOPE)))
    with pytest.raises(UnauthenticatedError, match="it is no message of SNS"):
        _sns.authenticate({}, large, lock())
    shows = {"authorization": f"Bearer {SECRET}"}
    _sns.authenticate(shows, large, lock(secrets=(SecretStr(SECRET),)))
    many = posted(signed(notification("[1]," * (_sns.MOST_PARTS // 2))))
    with pytest.raises(UnauthenticatedError, match="it is no message of SNS"):
        _sns.authenticate({}, many, lock())
    for odd in (b"[" * 100_000, b"9" * 5_000, b"\xff", b'{"Type": "\\ud800", "TopicArn": 1}'):
        with pytest.raises(UnauthenticatedError, match="it is no message of SNS"):
            _sns.authenticate({}, odd, lock())
    refused(notification("\ud800", SignatureVersion="2", Signature="YQ=="), "its signature is not")
