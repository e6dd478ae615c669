"""A topic of SNS as it would be: with a certificate of its own authority, and signatures of both versions."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from firedoor.alerts import Lock, UnauthenticatedError, _sns

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
TOPIC = "arn:aws:sns:us-east-1:123456789012:alerts"
URL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
#: The sources that come by SNS.
AWS = ("cloudtrail", "guardduty", "health", "securityhub")
#: What EventBridge hands to a topic, without what nobody reads.
EVENT = {
    "version": "0",
    "id": "805320a1-2f09-4237-64fc-f3f136e41a69",
    "detail-type": "GuardDuty Finding",
    "source": "aws.guardduty",
    "detail": {"id": "36b01b60", "type": "UnauthorizedAccess:IAMUser/TorIPCaller", "severity": 8},
}
#: Written here anew from AWS's page, not taken from the code under test.
NOTIFICATION = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
CONTROL = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def key(name: str = "sns", bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key by its name: the same in the whole run, as making one takes long."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def certificate(
    of: Key | None = None,
    *,
    name: str = "sns.amazonaws.com",
    others: tuple[str, ...] = (),
    first: datetime = NOW - timedelta(days=30),
    last: datetime = NOW + timedelta(days=30),
) -> bytes:
    """The PEM of a signing certificate, signed by an authority that nobody knows."""
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "An authority of the tests")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)] if name else []))
        .issuer_name(issuer)
        .public_key((of or key()).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
    )
    if others:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in others]), False)
    return builder.sign(key("authority"), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def notification(message: Any = "Hello", **changes: Any) -> dict[str, Any]:
    """What SNS posts, without a signature; a `message` that is no text is an event, as JSON."""
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": "2026-11-29T11:59:30.655Z",
        "SigningCertURL": URL,
        "UnsubscribeURL": f"https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={TOPIC}:c9135db0",
    } | changes


def control(kind: str = "SubscriptionConfirmation", **changes: Any) -> dict[str, Any]:
    """What SNS posts about a subscription, without a signature."""
    confirm = f"https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37fb687f"
    message = notification("You have chosen …", Type=kind, Token="2336412f37fb687f", SubscribeURL=confirm)
    del message["UnsubscribeURL"]
    return message | changes


def signed(message: dict[str, Any], version: str = "2", of: rsa.RSAPrivateKey | None = None) -> dict[str, Any]:
    """The message with its signature."""
    names = NOTIFICATION if message["Type"] == "Notification" else CONTROL
    text = "".join(f"{name}\n{message[name]}\n" for name in names if message.get(name) is not None)
    digest = {"1": hashes.SHA1, "2": hashes.SHA256}[version]
    signature = (of or key()).sign(text.encode(), padding.PKCS1v15(), digest())
    return message | {"SignatureVersion": version, "Signature": base64.b64encode(signature).decode()}


def posted(message: Any) -> bytes:
    """As a body."""
    return json.dumps(message).encode()


@dataclass(slots=True)
class Shelf:
    """Where certificates are fetched from; remembers what was asked for."""

    pem: bytes = b""
    asked: list[str] = field(default_factory=list[str])

    def __call__(self, url: str) -> bytes:
        """The certificate at a URL."""
        self.asked.append(url)
        return self.pem or certificate()


def lock(shelf: Shelf | None = None, **changes: Any) -> Lock:
    """A door that the topic opens."""
    given: dict[str, Any] = {"now": NOW, "topics": (TOPIC,), "certificate": shelf or Shelf()}
    return Lock(**given | changes)


def refused(message: Any, says: str, **changes: Any) -> None:
    """A door refuses the message, and says so."""
    with pytest.raises(UnauthenticatedError) as caught:
        _sns.authenticate({}, posted(message), lock(**changes))
    assert says in caught.value.what
