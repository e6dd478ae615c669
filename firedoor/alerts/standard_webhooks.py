"""Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.

`webhook-signature` is a list with spaces between of `v1,` and the HMAC-SHA256, or `v1a,` and the Ed25519 signature, of
`webhook-id.webhook-timestamp.body`, in Base64. A secret of the door is `whsec_…` (or its Base64 alone) for the former,
`whpk_…`, a public key, for the latter. A time that is more than five minutes off is refused, as by the reference
libraries. The package on PyPI knows `v1` alone; what it does is these lines.

The key is `webhook-id`, which is signed, and stays the same when a sender tries again. The body is an envelope of
`type`, `timestamp` and `data`: members of `data` with the names of an alert's fields fill them.

Answers: the specification has senders wait 15 to 30 seconds, try again for days, and take 410 for the end of it.
"""

import base64
import hashlib
import hmac

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from firedoor.alerts._named import named
from firedoor.alerts._proofs import fresh, required, same
from firedoor.alerts._reading import Reader, part
from firedoor.alerts._source import Headers, Lock, Parsed, UnauthenticatedError
from firedoor.canonical import sha256_hex

NAME = "standard_webhooks"
READER = Reader("a Standard Webhook", "Send a JSON object with `type`, `timestamp` and `data`.")
SECRET, PUBLIC = "whsec_", "whpk_"
#: A sender that rotates signs with two or three keys.
MOST_SIGNATURES = 16
#: The specification asks for 24 and more; a shorter key can be guessed.
LEAST_BYTES = 16


def authenticate(headers: Headers, body: bytes, lock: Lock) -> None:
    """One signature is right, and the time is now. Raises `UnauthenticatedError`."""
    identity, moment = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "").split()[:MOST_SIGNATURES]
    if not (identity and moment and given):
        raise UnauthenticatedError("it lacks one of `webhook-id`, `webhook-timestamp` and `webhook-signature`")
    content = f"{identity}.{moment}.".encode() + body
    # All pairs, so that the time tells nothing of which secret is the right one.
    found = [_right(secret.get_secret_value(), one, content) for secret in required(lock) for one in given]
    if not any(found):
        raise UnauthenticatedError("none of its signatures is that of this body with any secret of this door")
    fresh(lock, moment)


def parse(headers: Headers, body: bytes) -> Parsed:
    """The alert of one event. Raises `UsageError`."""
    event = READER.object(body)
    kind, data = READER.needed(event, "type"), part(event, "data")
    identity = headers.get("webhook-id", "")
    fields = {"id": identity or sha256_hex(body), "title": kind, "first_seen": READER.text(event, "timestamp")}
    alert = READER.alert(**fields | named(data) | {"source": NAME, "type": kind, "raw": event})
    return Parsed(key=identity or sha256_hex(body), alerts=(alert,))


def _right(secret: str, given: str, content: bytes) -> bool:
    """Is it the signature of the content? Raises `UnauthenticatedError` for a secret that is none of the two kinds."""
    version, _, signature = given.partition(",")
    public = secret.startswith(PUBLIC)
    try:
        key = base64.b64decode(secret.removeprefix(PUBLIC if public else SECRET), validate=True)
        verifying = Ed25519PublicKey.from_public_bytes(key) if public else None
    except ValueError:
        raise UnauthenticatedError(f"a secret of this door is neither {SECRET}… nor {PUBLIC}… in Base64") from None
    if len(key) < LEAST_BYTES:
        raise UnauthenticatedError(f"a secret of this door has fewer than {LEAST_BYTES} bytes")
    if verifying is None:
        expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return same(signature, expected) and version == "v1"
    try:
        verifying.verify(base64.b64decode(signature, validate=True), content)
    except (InvalidSignature, ValueError):
        # A ValueError is what is not Base64, or not ASCII.
        return False
    return version == "v1a"
