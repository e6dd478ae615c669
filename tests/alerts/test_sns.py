"""Messages of SNS: who has signed them, and what lies inside."""

import json
import os
import threading
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from firedoor.alerts import SOURCES, UnauthenticatedError, _sns, guardduty
from firedoor.alerts._secrets import scrubbed, scrubbed_parsed
from firedoor.errors import UsageError
from tests.alerts.sns import (
    CONTROL,
    NOTIFICATION,
    NOW,
    TOPIC,
    URL,
    Shelf,
    certificate,
    control,
    key,
    lock,
    notification,
    posted,
    signed,
)
from tests.emulators import Emulator, moto
from tests.shared import SHARED, needs_shared

PAYLOADS = SHARED / "payloads" / "aws_sns"
AWS = ("cloudtrail", "guardduty", "health", "securityhub")
EVENT = {
    "version": "0",
    "id": "805320a1-2f09-4237-64fc-f3f136e41a69",
    "detail-type": "GuardDuty Finding",
    "source": "aws.guardduty",
    "detail": {"id": "36b01b60", "type": "UnauthorizedAccess:IAMUser/TorIPCaller", "severity": 8},
}
SECRET = "canary-key-of-an-api-destination"


def refused(message: Any, says: str, **changes: Any) -> None:
    """A door refuses the message, and says so."""
    with pytest.raises(UnauthenticatedError) as caught:
        _sns.authenticate({}, posted(message), lock(**changes))
    assert says in caught.value.what


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


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.us-east-1.amazonaws.com.evil.com/SimpleNotificationService-0.pem",
        "https://sns.us-east-1.amazonaws.com@evil.com/SimpleNotificationService-0.pem",
        "https://evil.com/https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://me@sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.us-east-1.amazonaws.com:8443/SimpleNotificationService-0.pem",
        "https://sns.us-east-1.amazonaws.com:443/SimpleNotificationService-0.pem",
        "https://sns.us-east-1.amazonaws.com./SimpleNotificationService-0.pem",
        "https://sns.us-east-1.amazonaws.com\\.evil.com/SimpleNotificationService-0.pem",
        "https://sns.us-east-1.amazonaws.com\n.evil.com/SimpleNotificationService-0.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem\n",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem?to=evil",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem#x",
        "https://sns.us-east-1.amazonaws.com/../x.pem",
        "https://sns.us-east-1.amazonaws.com/?Action=GetTopicAttributes&x=.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.txt",
        "https://sns.us-east-1.amazonaws.com/.pem",
        "https://sns.us-east-1.amazonaws.com.cn/SimpleNotificationService-0.pem",
        "https://s3.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns-bucket.s3.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://SNS.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.us‐east‐1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://127.0.0.1/SimpleNotificationService-0.pem",
        "https://169.254.169.254/latest/meta-data.pem",
        "file:///etc/ssl/sns.pem",
        "https://[",
        "",
    ],
)
def test_certificates_from_anywhere_else(url: str) -> None:
    """Only SNS in the topic's own region, and what is anywhere else is not asked for."""
    shelf = Shelf()
    message = signed(notification(SigningCertURL=url))
    with pytest.raises(UnauthenticatedError) as caught:
        _sns.authenticate({}, posted(message), lock(shelf))
    assert "its certificate is not at https://sns.us-east-1.amazonaws.com/….pem" in caught.value.what
    assert shelf.asked == []


def test_the_spelling_of_lambda_proves_nothing() -> None:
    """`SigningCertUrl` is what Lambda's events have; over HTTPS it is `SigningCertURL`."""
    message = signed(notification())
    message["SigningCertUrl"] = message.pop("SigningCertURL")
    refused(message, "it has no `SigningCertURL`")


@pytest.mark.parametrize(
    ("topic", "url"),
    [
        ("arn:aws-cn:sns:cn-north-1:123456789012:alerts", "https://sns.cn-north-1.amazonaws.com.cn/S-0.pem"),
        ("arn:aws-us-gov:sns:us-gov-east-1:123456789012:alerts", "https://sns.us-gov-east-1.amazonaws.com/S-0.pem"),
        ("arn:aws-eusc:sns:eusc-de-east-1:123456789012:a.fifo", "https://sns.eusc-de-east-1.amazonaws.eu/S-0.pem"),
    ],
)
def test_other_partitions(topic: str, url: str) -> None:
    """Each partition has hosts of its own."""
    message = signed(notification(TopicArn=topic, SigningCertURL=url))
    _sns.authenticate({}, posted(message), lock(topics=(topic,)))


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


@pytest.mark.parametrize(
    ("pem", "says"),
    [
        (b"", "is no certificate"),
        (b"<html>", "is no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is no certificate"),
        (certificate(last=NOW - timedelta(seconds=1)), "is valid from"),
        (certificate(first=NOW + timedelta(seconds=1)), "is valid from"),
        (certificate(name="evil.com"), "not one of SNS, by its name"),
        (certificate(name="sns.amazonaws.com.evil.com"), "not one of SNS, by its name"),
        (certificate(name="sqs.amazonaws.com", others=("sqs.amazonaws.com",)), "not one of SNS, by its name"),
        (certificate(name=""), "not one of SNS, by its name"),
        (certificate(ec.generate_private_key(ec.SECP256R1())), "no RSA key of 2048 bits"),
        (certificate(key("short", 1024)), "no RSA key of 2048 bits"),
        (certificate(key("mallory")), "its signature is not that of its certificate"),
    ],
)
def test_certificates_that_prove_nothing(pem: bytes, says: str) -> None:
    """It has to be one, of today, of SNS, with a key that is long enough and has signed."""
    with pytest.raises(UnauthenticatedError) as caught:
        _sns.authenticate({}, posted(signed(notification())), lock(PEM(pem)))
    assert says in caught.value.what


class PEM(Shelf):
    """A shelf with one thing on it, even if that is nothing."""

    def __call__(self, url: str) -> bytes:
        """The certificate at a URL."""
        return self.pem


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("sns.amazonaws.com", ("sns.amazonaws.com",)),
        ("sns-signing.eu-south-1.amazonaws.com", ()),
        ("sns-us-gov-west-1.amazonaws.com", ()),
        ("sns-cn-north-1.amazonaws.com.cn", ()),
        ("", ("sns.amazonaws.com",)),
    ],
)
def test_names_of_certificates(name: str, others: tuple[str, ...]) -> None:
    """AWS has several names for what signs, as the subject or as another name of it."""
    _sns.authenticate({}, posted(signed(notification())), lock(Shelf(certificate(name=name, others=others))))


def test_a_door_that_cannot_fetch() -> None:
    """Without the certificate nothing is believed."""
    refused(signed(notification()), "cannot fetch certificates", certificate=None)


def test_a_certificate_that_cannot_be_had() -> None:
    """The error of whoever fetches goes through as it is: the server tells a sender to come again."""

    class AwayError(UnauthenticatedError):
        """For the test."""

    def away(url: str) -> bytes:
        raise AwayError("no answer")

    with pytest.raises(AwayError):
        _sns.authenticate({}, posted(signed(notification())), replace(lock(), certificate=away))


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


def test_the_event_inside() -> None:
    """Decoded twice; stored without the envelope, whose UnsubscribeURL would let its reader silence the topic."""
    parsed = guardduty.parse({}, posted(signed(notification(EVENT))))
    assert [alert.id for alert in parsed.alerts] == ["36b01b60"]
    assert parsed.kept is not None
    assert json.loads(parsed.kept) == EVENT
    again = guardduty.parse({}, parsed.kept)
    assert (again.key, again.alerts, again.kept) == (parsed.key, parsed.alerts, None)
    assert guardduty.parse({}, posted(EVENT["detail"])).alerts == parsed.alerts


def test_a_message_that_cannot_be_read() -> None:
    """It is kept whole, but not the URL with which whoever reads it could end the subscription."""
    message = notification("plain text")
    kept = scrubbed(posted(signed(message)))
    assert b"plain text" in kept
    assert b"Action=Unsubscribe" not in kept


def test_what_the_door_takes_out_leaves_the_confirmation_whole() -> None:
    """The token in its URL is SNS's, and without it nothing is confirmed."""
    body = posted(signed(control()))
    parsed = guardduty.parse({}, body)
    assert scrubbed_parsed(parsed, body).confirm == parsed.confirm


def test_an_event_in_the_spelling_of_lambda() -> None:
    """A file that somebody attaches may have it: it is read, as reading proves nothing."""
    message = notification(EVENT)
    message["SigningCertUrl"] = message.pop("SigningCertURL")
    assert guardduty.parse({}, posted(message)).alerts[0].id == "36b01b60"


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (notification("plain text"), "it is not JSON"),
        (notification(""), "it has no `Message`"),
        (notification('"text"'), "it is not a JSON object"),
        (notification(Message=5), "`Message` is not a text"),
        (notification(json.dumps(notification(EVENT))), "it has no `id`"),
        (control(MessageId=None), "it has no `MessageId`"),
        (control(SubscribeURL=""), "it has no `SubscribeURL`"),
    ],
)
def test_what_lies_inside_and_is_none(message: dict[str, Any], says: str) -> None:
    """What a topic sends otherwise; an envelope in an envelope is no finding."""
    with pytest.raises(UsageError) as caught:
        guardduty.parse({}, posted(message))
    assert says in caught.value.what


@pytest.mark.parametrize("source", AWS)
def test_a_subscription(source: str) -> None:
    """SNS asks each of the doors; the door is told where to confirm."""
    parsed = SOURCES[source].parse({}, posted(control()))
    assert parsed.confirm == control()["SubscribeURL"]
    assert (parsed.alerts, parsed.key) == ((), "sns/22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324")
    assert parsed.note == f"SNS asks to confirm the subscription of {TOPIC}."


@pytest.mark.parametrize("source", AWS)
def test_the_end_of_a_subscription(source: str) -> None:
    """It is told, and nothing is confirmed: that would restore the subscription."""
    parsed = SOURCES[source].parse({}, posted(control("UnsubscribeConfirmation")))
    assert (parsed.alerts, parsed.confirm) == ((), "")
    assert f"The subscription of {TOPIC} to this door was ended at SNS" in parsed.note


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=x",
        "https://sns.us-east-1.amazonaws.com.evil.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=x",
        "https://x@sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=x",
        "https://sns.us-east-1.amazonaws.com:81/?Action=ConfirmSubscription&TopicArn={topic}&Token=x",
        "https://sns.us-east-1.amazonaws.com/x?Action=ConfirmSubscription&TopicArn={topic}&Token=x",
        "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=x",
        "https://169.254.169.254/?Action=ConfirmSubscription&TopicArn={topic}&Token=x",
        "https://sns.us-east-1.amazonaws.com/?Action=DeleteTopic&TopicArn={topic}&Token=x",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}-2&Token=x",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Action=x&TopicArn={topic}&Token=x",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=x&Endpoint=y",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=x y",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=x\r\nHost: y",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=ä",
    ],
)
def test_confirmations_of_anything_else(url: str) -> None:
    """A URL is only handed on if it confirms a subscription of this topic at SNS in its region."""
    with pytest.raises(UsageError, match="does not confirm a subscription"):
        guardduty.parse({}, posted(control(SubscribeURL=url.format(topic=TOPIC))))


def test_a_confirmation_of_no_topic() -> None:
    """Without a topic there is no host to compare with."""
    with pytest.raises(UsageError, match="does not confirm a subscription"):
        guardduty.parse({}, posted(control(TopicArn="alerts")))


@needs_shared
def test_recorded_messages() -> None:
    """Their certificates are gone, but not their shapes: a subscription, and an alarm that is no finding."""
    parsed = guardduty.parse({}, (PAYLOADS / "subscription_confirmation.json").read_bytes())
    assert parsed.confirm.startswith("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws")
    alarm = (PAYLOADS / "notification.json").read_bytes()
    with pytest.raises(UsageError, match="it has no `id`"):
        guardduty.parse({}, alarm)
    topic = json.loads(alarm)["TopicArn"]
    with pytest.raises(UnauthenticatedError, match="its timestamp is more than 3900 s from now"):
        _sns.authenticate({}, alarm, lock(topics=(topic,)))
    then = datetime(2019, 2, 15, 23, 54, tzinfo=UTC)
    pem = certificate(first=then - timedelta(days=1))
    with pytest.raises(UnauthenticatedError, match="its signature is not that of its certificate"):
        _sns.authenticate({}, alarm, lock(Shelf(pem), topics=(topic,), now=then))


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


# --- moto signs as SNS does, with code that is not ours ---------------------------------------------------------------


@pytest.fixture(scope="module")
def emulated(emulator: Path) -> Iterator[Emulator]:
    """A moto."""
    with moto(Path(os.environ.get("FIREDOOR_MOTO") or emulator.parent / "moto_server")) as running:
        yield running


@contextmanager
def endpoint() -> Generator[tuple[str, "Queue[tuple[dict[str, str], bytes]]"]]:
    """A server that takes deliveries: its URL, and what has come."""
    came: Queue[tuple[dict[str, str], bytes]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            came.put((headers, self.rfile.read(int(headers["content-length"]))))
            self.send_response(202)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hooks/guardduty", came
        finally:
            server.shutdown()
            thread.join()


def test_from_eventbridge_to_an_alert(emulated: Emulator) -> None:
    """moto signs an event with a certificate of its own and serves that: the door believes it, and nothing like it."""
    sns = emulated.client("sns")
    with endpoint() as (url, came):
        topic = sns.create_topic(Name="alerts", Attributes={"SignatureVersion": "2"})["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url)
        sns.publish(TopicArn=topic, Message=json.dumps(EVENT))
        headers, body = came.get(timeout=10)

    def fetched(address: str) -> bytes:
        host, path = address.removeprefix("https://").split("/", 1)
        # moto's server does not go by the host, but by whom a request is signed for.
        scope = f"AWS4-HMAC-SHA256 Credential=test/20261129/{host.split('.')[1]}/sns/aws4_request, x"
        request = urllib.request.Request(f"{emulated.url}/{path}", headers={"Host": host, "Authorization": scope})
        with urllib.request.urlopen(request, timeout=10) as answer:
            pem: bytes = answer.read()
            return pem

    door = lock(now=datetime.now(UTC), topics=(topic,), options={"signature_version": "2"}, certificate=fetched)
    guardduty.authenticate(headers, body, door)
    [alert] = guardduty.parse(headers, body).alerts
    assert (alert.id, alert.severity) == ("36b01b60", 8.0)
    forged = json.loads(body)
    forged["Message"] = forged["Message"].replace("36b01b60", "36b01b61")
    with pytest.raises(UnauthenticatedError, match="its signature is not that of its certificate"):
        guardduty.authenticate(headers, posted(forged), door)
