"""Standard Webhooks: the vectors of the reference libraries, and what an envelope says of an alert."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from firedoor.alerts import SOURCES, Headers, Lock, UnauthenticatedError
from firedoor.alerts._named import FIELDS
from tests.alerts.messages import changed, only, parsed, wrong
from tests.alerts.scanners import KEY_ID, STANDARD_WEBHOOK
from tests.shared import SHARED, needs_shared

#: From `libraries/go/webhook_symmetric_test.go` and `webhook_asymmetric_test.go` of standard-webhooks/standard-webhooks.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
SEED = "VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk="
SIGNED_BY_KEY = "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=="
BODY = b'{"test": 2432232314}'
HEADERS = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330"}
THEN = datetime.fromtimestamp(1614265330, UTC)
WRONG = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
OTHER = "whsec_Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5"


def public() -> str:
    """The public key of the reference's seed."""
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(SEED)).public_key()
    return f"whpk_{base64.b64encode(key.public_bytes_raw()).decode()}"


def opens(headers: Headers, *secrets: str, body: bytes = BODY, now: datetime = THEN) -> bool:
    """Does the door open?"""
    lock = Lock(now=now, secrets=tuple(SecretStr(one) for one in secrets))
    try:
        SOURCES["standard_webhooks"].authenticate(headers, body, lock)
    except UnauthenticatedError as error:
        said = str(error)
    else:
        return True
    assert not [one for one in secrets if len(one) > len("whsec_") and one in said]
    return False


def test_the_vectors_of_the_reference() -> None:
    """With a shared secret, with its prefix or without, and with a key pair."""
    assert opens(HEADERS | {"webhook-signature": SIGNED}, SECRET)
    assert opens(HEADERS | {"webhook-signature": SIGNED}, SECRET.removeprefix("whsec_"))
    assert opens(HEADERS | {"webhook-signature": SIGNED_BY_KEY}, public())


@pytest.mark.parametrize("signature", ["v1a,\xe9", "v1a,@", "v1a,YQ==", "v1a", "v1,\xe9", "\xff", ","])
def test_a_signature_that_is_none(signature: str) -> None:
    """Whatever stands there is refused, by either kind of secret, and is no mistake of ours."""
    for secret in (SECRET, public()):
        assert not opens(HEADERS | {"webhook-signature": signature}, secret)


def test_a_list_of_signatures_and_of_secrets() -> None:
    """Any right pair opens, so that either side may rotate."""
    several = f"{WRONG} v2,AAAA v1a,AAAA {SIGNED} {SIGNED_BY_KEY}"
    assert opens(HEADERS | {"webhook-signature": several}, OTHER, SECRET)
    assert opens(HEADERS | {"webhook-signature": several}, public())
    assert not opens(HEADERS | {"webhook-signature": several}, OTHER)


@pytest.mark.parametrize(
    "signature",
    [
        WRONG,
        "v1,",
        "v1a,",
        "v1",
        "",
        SIGNED.removeprefix("v1,"),
        SIGNED.replace("v1,", "v1a,"),
        SIGNED_BY_KEY.replace("v1a,", "v1,"),
        SIGNED.replace("v1,", "v2,"),
        SIGNED_BY_KEY.replace("tQ9V", "tQ9W"),
        "v1a,not base64",
        " ".join([WRONG] * 16 + [SIGNED]),
    ],
)
def test_what_stays_outside(signature: str) -> None:
    """Wrong, cut off, of another version, or behind a crowd of wrong ones."""
    assert not opens(HEADERS | {"webhook-signature": signature}, SECRET)
    assert not opens(HEADERS | {"webhook-signature": signature}, public())


def test_everything_is_signed() -> None:
    """The id, the time and the body; each must be there."""
    good = HEADERS | {"webhook-signature": SIGNED}
    assert not opens(good, SECRET, body=BODY + b" ")
    assert not opens(good | {"webhook-id": "msg_other"}, SECRET)
    assert not opens(good | {"webhook-timestamp": "1614265331"}, SECRET)
    for name in good:
        assert not opens({key: value for key, value in good.items() if key != name}, SECRET)


@pytest.mark.parametrize(("seconds", "open_"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_five_minutes(seconds: int, open_: bool) -> None:
    """The tolerance of the reference libraries."""
    good = HEADERS | {"webhook-signature": SIGNED}
    assert opens(good, SECRET, now=THEN + timedelta(seconds=seconds)) is open_


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!!", "whpk_AAAA", "whpk_", "whsec_Y2FuYXJ5", "", "not base64!"])
def test_a_door_with_a_bad_secret(secret: str) -> None:
    """Stays shut; a key of a few bytes can be guessed."""
    assert not opens(HEADERS | {"webhook-signature": SIGNED}, secret)


@needs_shared
def test_the_example_of_the_specification() -> None:
    """An envelope about something else: its type is all that there is to say."""
    text = (SHARED / "payloads" / "standard_webhooks" / "headers_and_body.txt").read_text(encoding="utf-8")
    head, _, body = text.partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines())
    found = parsed("standard_webhooks", body.strip().encode(), headers)
    assert found.key == "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
    (alert,) = found.alerts
    assert (alert.type, alert.title) == ("contact.created", "contact.created")
    assert (alert.id, alert.first_seen) == ("1f81eb52-5198-4599-803e-771906343485", "2022-11-03T20:26:10.344522Z")


def test_what_an_envelope_says() -> None:
    """Members of `data` with the names of an alert's fields; the rest is in `raw`."""
    alert = only("standard_webhooks", STANDARD_WEBHOOK)
    assert (alert.id, alert.type, alert.title) == ("leak_7", "leak.found", "A key was pasted in public")
    assert (alert.severity, alert.credential, alert.count) == (8.5, "key_17", 2)
    assert alert.raw == STANDARD_WEBHOOK


def test_what_an_envelope_cannot_say() -> None:
    """Which source it is, and by which door it came."""
    given = {"source": "guardduty", "door": "prod", "raw": {}, "type": "x", "severity": "high", "labels": {"n": 1}}
    alert = only("standard_webhooks", changed(STANDARD_WEBHOOK, "data", given | {"access_key_id": KEY_ID}))
    assert (alert.source, alert.door, alert.type) == ("standard_webhooks", "", "leak.found")
    assert (alert.severity, alert.labels) == (7.0, {"n": "1"})
    assert (alert.provider, alert.credential) == ("aws", KEY_ID)
    assert len(alert.id) == 64
    assert "source" not in FIELDS


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b"[]", "it is not a JSON object"),
        ({"data": {}}, "it has no `type`"),
        ({"type": 1}, "`type` is not a text"),
        ({"type": "x", "data": {"title": []}}, "`title`"),
        ({"type": "x", "data": {"sample": "perhaps"}}, "`sample`"),
    ],
)
def test_what_is_no_envelope(message: Any, says: str) -> None:
    """A sentence that says what is wrong."""
    assert says in wrong("standard_webhooks", message)
