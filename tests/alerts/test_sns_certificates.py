"""Certificates of SNS: where they may come from, and which of them prove anything."""

import json
import os
import threading
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from firedoor.alerts import UnauthenticatedError, _sns, guardduty
from tests.alerts.sns import (
    EVENT,
    NOW,
    Shelf,
    certificate,
    key,
    lock,
    notification,
    posted,
    refused,
    signed,
)
from tests.emulators import Emulator, moto


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
