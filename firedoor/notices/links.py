"""Personal links: an address that says whose it is, for what, and until when, and that nobody else can make.

A token is base64url, without padding, of: version (1 byte), purpose (1), expiry (4, seconds since the epoch), the
first 16 bytes of HMAC-SHA256 over the rest, then campaign, customer and contact with a zero byte between. The same
reader gets the same token again, so that a message that is rendered again is the same message.
"""

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from urllib.parse import quote

from firedoor.config import Settings
from firedoor.errors import FiredoorError, UsageError

VERSION = 1
KEY_BYTES = 32
MAC_BYTES = 16
_HEAD = 2 + 4
#: Longer than any of ours; nothing longer is looked at.
LONGEST = 1000
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
#: Where links lead while the settings do not say how the world reaches us: nowhere, and it shows.
NOWHERE = "https://public-url.invalid"


class Purpose(IntEnum):
    """What a link is for."""

    ACKNOWLEDGE = 1
    UNSUBSCRIBE = 2


class LinkError(FiredoorError):
    """A link that opens nothing; the sentence may be shown to whoever followed it."""

    reason = "link"


@dataclass(frozen=True, slots=True)
class Link:
    """What a token says. `expires` is in seconds since the epoch."""

    campaign: str
    customer: str
    contact: str
    expires: int
    purpose: Purpose


class Links:
    """Makes and reads links. `base` is the public address, without a slash at the end."""

    def __init__(self, key: bytes, base: str) -> None:
        self._mac = hmac.new(key, digestmod=hashlib.sha256)
        self._base = base or NOWHERE

    @classmethod
    def open(cls, settings: Settings) -> "Links":
        """With the key of this installation, which is made if there is none yet. Raises `UsageError`."""
        return cls(load_key(settings.link_key_path), settings.server.public_url)

    def personal(
        self, campaign: str, customer: str, contact: str, expires: float, purpose: Purpose = Purpose.ACKNOWLEDGE
    ) -> str:
        """The address that is this reader's alone."""
        return f"{self._base}/n/{self.token(Link(campaign, customer, contact, int(expires), purpose))}"

    def public(self, campaign: str) -> str:
        """The address of the public, signed copy of a campaign's notice."""
        return f"{self._base}/notices/{quote(campaign, safe='')}"

    def token(self, link: Link) -> str:
        """The token of a link."""
        head = bytes((VERSION, link.purpose)) + link.expires.to_bytes(4, "big")
        names = f"{link.campaign}\0{link.customer}\0{link.contact}".encode()
        return base64.urlsafe_b64encode(head + self._seal(head, names) + names).rstrip(b"=").decode()

    def read(self, token: str, now: float) -> Link:
        """What a token says. Raises `LinkError` where it is not ours, was changed, or has expired."""
        data = _decoded(token)
        head, seal, names = data[:_HEAD], data[_HEAD : _HEAD + MAC_BYTES], data[_HEAD + MAC_BYTES :]
        # The seal first: nothing of a token is believed, not even its version, before it fits.
        if not hmac.compare_digest(seal, self._seal(head, names)) or head[:1] != bytes((VERSION,)):
            raise _broken()
        campaign, customer, contact = names.decode().split("\0")
        link = Link(campaign, customer, contact, int.from_bytes(head[2:], "big"), Purpose(head[1]))
        if now >= link.expires:
            raise LinkError(
                "This link has expired.",
                changed="Nothing was changed.",
                next="Ask for a new one, at the address in the notice.",
            )
        return link

    def _seal(self, head: bytes, names: bytes) -> bytes:
        mac = self._mac.copy()
        mac.update(head + names)
        return mac.digest()[:MAC_BYTES]


def _broken() -> LinkError:
    return LinkError(
        "This link is not complete, or not one of ours.",
        changed="Nothing was changed.",
        next="Open it from the notice once more, or copy all of it: some mail programs break long lines.",
    )


def _decoded(token: str) -> bytes:
    if len(token) > LONGEST or not _TOKEN.fullmatch(token):
        raise _broken()
    try:
        data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise _broken() from None
    # Of several texts for the same bytes only ours is a token.
    if len(data) <= _HEAD + MAC_BYTES or base64.urlsafe_b64encode(data).rstrip(b"=").decode() != token:
        raise _broken()
    return data


def load_key(path: Path) -> bytes:
    """The key in `path` (64 hex digits), made with mode 0600 if the file does not exist yet. Raises `UsageError`."""
    try:
        if not path.exists():
            _make_key(path)
        key = bytes.fromhex(path.read_text().strip())
    except ValueError:
        key = b""
    except OSError as error:
        raise UsageError(
            f"The key of personal links {path} cannot be read or made: {error.strerror}.",
            changed="Nothing was sent.",
            next="Check its owner and mode, and those of its folder.",
        ) from None
    if len(key) != KEY_BYTES:
        raise UsageError(
            f"{path} does not hold a key of {KEY_BYTES} bytes in hex.",
            changed="Nothing was sent.",
            next="Restore the file from your backup: the links of notices that were sent need it.",
        )
    return key


def _make_key(path: Path) -> None:
    """A new key, whole from the first moment that it is there: processes that start together agree on one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_bytes(KEY_BYTES).hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(scratch)
    scratch.unlink()
