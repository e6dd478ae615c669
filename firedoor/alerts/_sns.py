"""Amazon SNS over HTTPS: who has signed a message, and what lies inside.

Rules: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html; what is signed:
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html.

What vouches for a message is its certificate, and for that the TLS of the host which serves it: the host of SNS in
the region of the topic, no other. The certificate's time and name are looked at as well, as AWS's own validator for
Java does. Its issuer is not: the PEM comes without the chain, and whoever can write at that host needs no false issuer.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from firedoor.alerts._proofs import fresh, shared
from firedoor.alerts._reading import Reader
from firedoor.alerts._source import Headers, Lock, Parsed, UnauthenticatedError

#: The age at which a message is too old. SNS tries an HTTPS endpoint for an hour at most, whatever the delivery policy
#: (https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html), and repeats carry the first timestamp.
#: Five minutes more for clocks. Within the hour, what is played again is known by its key.
OLDEST = timedelta(hours=1, minutes=5)

NOTIFICATION, SUBSCRIPTION, UNSUBSCRIPTION = "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"
TYPES = (NOTIFICATION, SUBSCRIPTION, UNSUBSCRIPTION)
#: What is signed, in this order. `Subject` is, where it is there.
SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    UNSUBSCRIPTION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
DIGESTS = {"1": hashes.SHA1, "2": hashes.SHA256}

#: Where the regions of a partition are.
SUFFIXES = {
    "aws": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-eusc": "amazonaws.eu",
    "aws-us-gov": "amazonaws.com",
}
TOPIC = re.compile(r"arn:([a-z-]+):sns:([a-z0-9]+(?:-[a-z0-9]+)+):[0-9]+:[A-Za-z0-9_.-]{1,256}")
CERTIFICATE = re.compile(r"/[A-Za-z0-9_-]+\.pem")
#: `sns.amazonaws.com`, `sns-signing.eu-south-1.amazonaws.com`, `sns-us-gov-west-1.amazonaws.com`. AWS's SDK for Java
#: has the list, and it grows with the regions.
NAME = re.compile(r"sns(?:[.-][a-z0-9-]+)*\.(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu)")
SMALLEST_KEY = 2048
#: Bytes. SNS takes messages of 256 KiB, which quotes and line breaks make longer in its envelope. A larger body is read
#: only where it shows a secret, and so is one of more parts than that can have: strangers are not worth the time.
MOST_ENVELOPE = 1_000_000
MOST_PARTS = 60_000
PARTS = (b"[", b"{", b",")


def authenticate(headers: Headers, body: bytes, lock: Lock) -> None:
    """Return if SNS has signed the message and it is from a topic of this door. Raises `UnauthenticatedError`.

    What is no message of SNS needs a secret of this door instead: destinations of EventBridge show it in a header.
    """
    message = _message(body)
    if message is None:
        _bare(headers, lock)
        return
    url = _location(message, lock)
    if lock.certificate is None:
        raise UnauthenticatedError("this door cannot fetch certificates of SNS")
    _verify(message, _key(lock.certificate(url), lock.now))


def opened(reader: Reader, body: bytes, read: Callable[[Any], Parsed]) -> Parsed:
    """What a delivery says: `read` gets the JSON that lies in a message of SNS, or the body's own.

    Stored is the inner JSON only. SNS's envelope has a URL with which whoever reads it can end the subscription.
    Raises `UsageError`.
    """
    value = reader.json(body)
    message = _envelope(value)
    if message is None:
        return read(value)
    if message["Type"] != NOTIFICATION:
        return _control(reader, message)
    inner = reader.json(reader.needed(message, "Message").encode())
    return replace(read(inner), kept=json.dumps(inner).encode())


def _message(body: bytes) -> dict[str, Any] | None:
    """The message of SNS that a body is, read no further than its signature needs: nobody has proved anything yet."""
    if len(body) > MOST_ENVELOPE or sum(map(body.count, PARTS)) > MOST_PARTS:
        return None
    try:
        return _envelope(json.loads(body))
    except (ValueError, RecursionError):
        return None


def _envelope(value: Any) -> dict[str, Any] | None:
    """The value, if it is a message of SNS."""
    known = isinstance(value, dict) and value.get("Type") in TYPES and "TopicArn" in value
    return value if known else None


def _bare(headers: Headers, lock: Lock) -> None:
    if lock.secrets:
        shared(lock, headers)
        return
    if headers.get("x-amz-sns-rawdelivery") == "true":
        raise UnauthenticatedError(
            "SNS does not sign raw deliveries: switch RawMessageDelivery of the subscription off"
        )
    raise UnauthenticatedError(
        "it is no message of SNS, and this door has no secret for anything else: set `secrets` for API destinations"
    )


def _location(message: Mapping[str, Any], lock: Lock) -> str:
    """The URL of the certificate, checked.

    All that can be judged without the certificate is judged first, so that no stranger makes anybody fetch anything:
    the topic, the version, the time, and that the URL is one of SNS in the topic's region.
    """
    topic = _text(message, "TopicArn")
    host = _host(topic)
    if host is None:
        raise UnauthenticatedError("its `TopicArn` is not that of a topic in a region that is known here")
    if not lock.topics:
        raise UnauthenticatedError(f"this door has no topics: set `topics` in its settings, if {topic} is yours")
    if topic not in lock.topics:
        raise UnauthenticatedError(f"its topic {topic} is not one of this door's `topics`")
    version, least = _text(message, "SignatureVersion"), lock.options.get("signature_version", "1")
    if version not in DIGESTS:
        raise UnauthenticatedError("the version of its signature is neither 1 nor 2")
    if version < least:
        raise UnauthenticatedError(
            f"its signature is of version {version}, and this door takes {least}: set SignatureVersion of {topic}"
        )
    fresh(lock, _seconds(_text(message, "Timestamp")), OLDEST)
    url = _text(message, "SigningCertURL")
    origin = f"https://{host}"
    if not url.startswith(f"{origin}/") or not CERTIFICATE.fullmatch(url[len(origin) :]):
        raise UnauthenticatedError(f"its certificate is not at {origin}/….pem")
    return url


def _host(topic: str) -> str | None:
    """The host of SNS where a topic is; None for what is no topic, and for partitions that are not on the internet."""
    found = TOPIC.fullmatch(topic)
    suffix = SUFFIXES.get(found[1]) if found else None
    return f"sns.{found[2]}.{suffix}" if found and suffix else None


def _seconds(timestamp: str) -> float:
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UnauthenticatedError("its timestamp is not a time")
    return moment.timestamp()


def _key(pem: bytes, now: datetime) -> rsa.RSAPublicKey:
    """The key of a signing certificate. Raises `UnauthenticatedError` for one that is not SNS's, or not of today."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        names = _names(certificate)
        key = certificate.public_key()
    except (ValueError, x509.InvalidVersion, x509.DuplicateExtension, UnsupportedAlgorithm):
        raise UnauthenticatedError("what its certificate's URL gives is no certificate") from None
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not first <= now <= last:
        raise UnauthenticatedError(f"its certificate is valid from {first} to {last} only")
    if not any(NAME.fullmatch(name) for name in names):
        raise UnauthenticatedError("its certificate is not one of SNS, by its name")
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < SMALLEST_KEY:
        raise UnauthenticatedError(f"its certificate has no RSA key of {SMALLEST_KEY} bits")
    return key


def _names(certificate: x509.Certificate) -> list[str]:
    names = [
        one.value
        for one in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        if isinstance(one.value, str)
    ]
    try:
        others = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return names
    return names + others.value.get_values_for_type(x509.DNSName)


def _verify(message: Mapping[str, Any], key: rsa.RSAPublicKey) -> None:
    names = [name for name in SIGNED[message["Type"]] if name != "Subject" or message.get(name) is not None]
    text = "".join(f"{name}\n{_text(message, name)}\n" for name in names)
    try:
        signature = base64.b64decode(_text(message, "Signature"), validate=True)
        key.verify(signature, text.encode(), padding.PKCS1v15(), DIGESTS[message["SignatureVersion"]]())
    except (ValueError, InvalidSignature):
        # A ValueError is what is not base64.
        raise UnauthenticatedError("its signature is not that of its certificate over this message") from None


def _text(message: Mapping[str, Any], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str):
        raise UnauthenticatedError(f"it has no `{name}`")
    return value


def _control(reader: Reader, message: Mapping[str, Any]) -> Parsed:
    """What SNS says of a subscription."""
    topic, key = reader.needed(message, "TopicArn"), f"sns/{reader.needed(message, 'MessageId')}"
    if message["Type"] == UNSUBSCRIPTION:
        note = (
            f"The subscription of {topic} to this door was ended at SNS: no more alerts come from there. firedoor does"
            " not restore it. If none of you ended it, somebody else did: subscribe again."
        )
        return Parsed(key=key, note=note)
    url = reader.needed(message, "SubscribeURL")
    if not _confirms(url, topic):
        reader.wrong(f"its `SubscribeURL` does not confirm a subscription of {topic} at SNS")
    return Parsed(key=key, note=f"SNS asks to confirm the subscription of {topic}.", confirm=url)


def _confirms(url: str, topic: str) -> bool:
    """Does the URL confirm a subscription of this topic, and nothing else, at SNS in the topic's region?"""
    host = _host(topic)
    start = f"https://{host}/?"
    if host is None or not url.startswith(start) or not url.isascii() or not url.isprintable() or " " in url:
        return False
    query = parse_qs(url[len(start) :], keep_blank_values=True)
    fixed = {"Action": ["ConfirmSubscription"], "TopicArn": [topic]}
    return query.keys() == {*fixed, "Token"} and all(query[name] == value for name, value in fixed.items())
