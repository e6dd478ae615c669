"""Signed tree heads: C2SP tlog-checkpoint in a C2SP signed note, with Ed25519; and the keys that sign and verify them.

https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note. Parsing is strict: what others could read in two ways is
refused.
"""

import base64
import binascii
import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from firedoor.errors import UsageError
from firedoor.timeline.tree import HASH_SIZE

ED25519 = b"\x01"
MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100
_PRIVATE = "PRIVATE+KEY"
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class CheckpointError(ValueError):
    """A checkpoint, note or key that is malformed, or whose signature is wrong; the message says which."""


def b64(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


def unb64(text: str, size: int | None = None) -> bytes:
    """The bytes of canonical standard base64; of exactly `size` bytes where given. Raises `CheckpointError`."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CheckpointError(f"not base64: {text[:60]!r}") from None
    if b64(data) != text:
        raise CheckpointError(f"base64 that is not canonical: {text[:60]!r}")
    if size is not None and len(data) != size:
        raise CheckpointError(f"{len(data)} bytes where {size} belong")
    return data


def number(text: str) -> int:
    """A decimal number without sign or leading zeros. Raises `CheckpointError`."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or (text[0] == "0" and text != "0"):
        raise CheckpointError(f"not a number: {text[:60]!r}")
    return int(text)


def key_id(name: str, public: bytes) -> bytes:
    """The 4-byte id of an Ed25519 key in signed notes."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def _check_name(name: str) -> str:
    if not name or "+" in name or " " in name or not name.isprintable():  # Of all spaces only " " is printable.
        raise CheckpointError(f"{name!r} cannot name a key: no spaces, no plus signs, at least one character")
    return name


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key as third parties get it: `NAME+KEY ID+BASE64`."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "Verifier":
        """Read a verifier key. Raises `CheckpointError`."""
        name, _, rest = text.strip().partition("+")
        hexid, _, encoded = rest.partition("+")
        data = unb64(encoded)
        _check_name(name)
        if len(data) != 1 + HASH_SIZE or data[:1] != ED25519:
            raise CheckpointError("not an Ed25519 public key of a checkpoint (NAME+KEY ID+BASE64)")
        if key_id(name, data[1:]).hex() != hexid:
            raise CheckpointError(f"the key id {hexid!r} does not belong to this name and key")
        return cls(name, data[1:])

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64(ED25519 + self.public)}"

    @property
    def id(self) -> bytes:
        """The 4-byte key id."""
        return key_id(self.name, self.public)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: the log's `origin`, the number of leaves, the root over them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The text that is signed: three lines."""
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read the signed text. Extension lines are refused: this log writes none. Raises `CheckpointError`."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0]:
            raise CheckpointError("a checkpoint has three lines: origin, size, root")
        return cls(lines[0], number(lines[1]), unb64(lines[2], HASH_SIZE))


class Signer:
    """The private key of one log; its name is the log's origin."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(_check_name(name), self._private.public_key().public_bytes_raw())

    @property
    def name(self) -> str:
        """The key's name: the log's origin."""
        return self.verifier.name

    def sign(self, checkpoint: Checkpoint) -> str:
        """The signed note of a checkpoint."""
        return self.sign_text(checkpoint.text())

    def sign_text(self, text: str) -> str:
        """The signed note of a text, which ends in a newline."""
        signature = self.verifier.id + self._private.sign(text.encode())
        return f"{text}\n— {self.name} {b64(signature)}\n"


def open_note(note: str | bytes, verifier: Verifier) -> Checkpoint:
    """The checkpoint of a signed note, after checking that `verifier` signed it. Raises `CheckpointError`."""
    checkpoint = Checkpoint.parse(open_text(note, verifier))
    if checkpoint.origin != verifier.name:
        raise CheckpointError(f"the checkpoint is of {checkpoint.origin!r}, the key of {verifier.name!r}")
    return checkpoint


def open_text(note: str | bytes, verifier: Verifier) -> str:
    """The text of a signed note, after checking that `verifier` signed it.

    Signatures of other keys are skipped, as the format asks. Raises `CheckpointError`.
    """
    text, signatures = _parse_note(note)
    mine = [signature for name, signature in signatures if (name, signature[:4]) == (verifier.name, verifier.id)]
    if len(mine) != 1:
        names = ", ".join(sorted({name for name, _ in signatures}))
        raise CheckpointError(f"not signed by {verifier.name} with key {verifier.id.hex()}; signed by: {names}")
    try:
        Ed25519PublicKey.from_public_bytes(verifier.public).verify(mine[0][4:], text.encode())
    except InvalidSignature:
        raise CheckpointError(f"the signature of {verifier.name} does not fit the text") from None
    return text


def _parse_note(note: str | bytes) -> tuple[str, list[tuple[str, bytes]]]:
    if isinstance(note, bytes):
        try:
            note = note.decode()
        except UnicodeDecodeError:
            raise CheckpointError("the note is not UTF-8") from None
    if len(note) > MAX_NOTE or _CONTROL.search(note):
        raise CheckpointError("the note is too long or holds control characters")
    body, gap, rest = note.rpartition("\n\n")
    if not gap or not rest.endswith("\n"):
        raise CheckpointError("a note is a text, an empty line, and signature lines")
    lines = rest[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise CheckpointError(f"more than {MAX_SIGNATURES} signatures")
    return body + "\n", [_parse_signature(line) for line in lines]


def _parse_signature(line: str) -> tuple[str, bytes]:
    mark, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    if mark != "—":
        raise CheckpointError(f"not a signature line: {line[:60]!r}")
    signature = unb64(encoded)
    if len(signature) < 5:
        raise CheckpointError("a signature that is too short")
    return _check_name(name), signature


def load_signer(path: Path, name: str) -> Signer:
    """The signing key at `path`, whose name must be `name`. Raises `UsageError` when it is missing or is another's."""
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        raise UsageError(
            f"The timeline's signing key {path} does not exist.",
            changed="Nothing was recorded.",
            next="Put the key back from its backup. A new key would make a second log that proves nothing of this one.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The timeline's signing key {path} cannot be read: {error}.") from None
    try:
        signer = _parse_private(text)
    except CheckpointError as error:
        raise UsageError(f"{path} is not a signing key of a timeline: {error}.") from None
    if signer.name != name:
        raise UsageError(
            f"The key {path} signs for the log {signer.name!r}, and this installation's log is {name!r}.",
            next="Set `log` to the name in the key, or use the folder and key of that log.",
        )
    return signer


def _parse_private(text: str) -> Signer:
    parts = text.split("+", 4)
    if len(parts) != 5 or "+".join(parts[:2]) != _PRIVATE:
        raise CheckpointError(f"it does not begin with {_PRIVATE}")
    name, hexid, encoded = parts[2:]
    data = unb64(encoded)
    if len(data) != 1 + HASH_SIZE or data[:1] != ED25519:
        raise CheckpointError("it is not Ed25519")
    signer = Signer(name, data[1:])
    if signer.verifier.id.hex() != hexid:
        raise CheckpointError("its key id does not fit")
    return signer


def create_signer(path: Path, name: str) -> Signer:
    """Create the signing key at `path` (mode 0600), its public half beside it with `.pub`; or load what is there.

    When several processes do this at once, all get the same key. Raises `UsageError`.
    """
    if not path.exists():
        seed = secrets.token_bytes(HASH_SIZE)
        try:
            signer = Signer(name, seed)
        except CheckpointError as error:
            raise UsageError(f"The log cannot be called {name!r}: {error}.") from None
        text = f"{_PRIVATE}+{name}+{signer.verifier.id.hex()}+{b64(ED25519 + seed)}\n"
        path.parent.mkdir(parents=True, exist_ok=True)
        _create_once(path, text, 0o600)
    signer = load_signer(path, name)
    public = path.with_name(path.name + ".pub")
    if not public.exists():
        _create_once(public, f"{signer.verifier}\n", 0o644)
    return signer


def _create_once(path: Path, text: str, mode: int) -> None:
    # Written whole under another name, then linked: nobody ever reads half a key, and the first one wins.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
