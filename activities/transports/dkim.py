"""DKIM signatures (RFC 6376) with a key of our own: RSA, or Ed25519 (RFC 8463).

For servers that do not sign by themselves; Amazon SES does. dkimpy signs: about 7 ms a message with an RSA key of 2048
bits, 0.5 ms with Ed25519, which not every receiver verifies yet.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field

import dkim
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from pydantic import SecretStr

from firedoor.errors import UsageError
from firedoor.mailing import Dkim

#: What is signed, where it is there. RFC 8058 wants both headers of List-Unsubscribe among them.
SIGNED = (
    b"from",
    b"reply-to",
    b"to",
    b"subject",
    b"date",
    b"message-id",
    b"auto-submitted",
    b"content-language",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"mime-version",
    b"content-type",
)
#: Receivers do not take signatures of shorter keys.
SMALLEST_KEY = 1024
RELAXED = (b"relaxed", b"relaxed")


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs as `domain`, with the key whose public half is in DNS at `SELECTOR._domainkey.DOMAIN`."""

    domain: str
    selector: str
    algorithm: str
    _key: bytes = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """The message with its signature before it."""
        header = dkim.sign(
            message,
            self.selector.encode(),
            self.domain.encode("idna"),
            self._key,
            canonicalize=RELAXED,
            include_headers=[name for name in SIGNED if _has(message, name)],
            signature_algorithm=self.algorithm.encode(),
        )
        return bytes(header) + message


def open_signer(settings: Dkim, secret: Callable[[str], SecretStr]) -> Signer | None:
    """The signer of the settings; None where no key is set. Raises `UsageError`, or what `secret` raises."""
    if not settings.key:
        return None
    missing = [name for name in ("selector", "domain") if not getattr(settings, name)]
    if missing:
        raise UsageError(
            f"[mail.dkim] has a key, and no {' and no '.join(missing)}.",
            next="Both say where the public key is in DNS: SELECTOR._domainkey.DOMAIN.",
        )
    return signer_of(settings.domain, settings.selector, secret(settings.key).get_secret_value().encode())


def signer_of(domain: str, selector: str, pem: bytes) -> Signer:
    """A signer with a private key in PEM. Raises `UsageError`, which shows nothing of it."""
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= SMALLEST_KEY:
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL)
        return Signer(domain, selector, "rsa-sha256", key.private_bytes(*form, serialization.NoEncryption()))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return Signer(domain, selector, "ed25519-sha256", base64.b64encode(key.private_bytes_raw()))
    raise UsageError(
        "[mail.dkim] key is no private key that mail can be signed with.",
        next=(
            "It is PEM without a password, RSA of 2048 bits or Ed25519:\n"
            "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out dkim.pem"
        ),
    )


def _has(message: bytes, name: bytes) -> bool:
    """Is there such a header?"""
    return b"\r\n" + name + b":" in b"\r\n" + message.partition(b"\r\n\r\n")[0].lower()
