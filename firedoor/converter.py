"""What Temporal stores: pydantic JSON, encrypted with AES-256-GCM, large payloads outside the history.

What failures say, and their traces, is encrypted as well: Temporal shows "Encoded failure" and the type, which is
firedoor's own word. Failures that were written in the clear stay readable.

The order is Temporal's: convert → encrypt → move payloads over `LARGE` bytes to a file that history only names. So the
files are encrypted as well.
"""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverter,
    DefaultFailureConverterWithEncodedAttributes,
    ExternalStorage,
    PayloadCodec,
    StorageDriver,
    StorageDriverClaim,
    StorageDriverRetrieveContext,
    StorageDriverStoreContext,
)

from firedoor.errors import FiredoorError

ENCODING = b"binary/firedoor-aes256gcm"
#: A slice of 500 targets is larger, so that the history of 100,000 targets stays small: Temporal warns at 10 MiB.
LARGE = 32 * 1024
KEY_BYTES = 32
NONCE_BYTES = 12


class PayloadUnreadableError(FiredoorError):
    """A payload that this key does not open, or a large payload that is gone."""

    reason = "payload_unreadable"


def load_key(path: Path) -> bytes:
    """The AES-256 key in `path` (64 hex digits), made with mode 0600 if the file does not exist yet."""
    if not path.exists():
        _make_key(path)
    return parse_key(path.read_text(), str(path))


def _make_key(path: Path) -> None:
    """A new key, whole from the first moment that it is there: two processes that start together agree on one."""
    scratch = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_bytes(KEY_BYTES).hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(scratch, path)
    scratch.unlink()


def parse_key(text: str, place: str) -> bytes:
    """A key from its 64 hex digits. Raises `PayloadUnreadableError` naming `place`, never the text."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise PayloadUnreadableError(
            f"{place} does not hold a key of {KEY_BYTES} bytes in hex.",
            changed="Nothing was read or written.",
            next="Restore the file from your backup: without it, what Temporal stored cannot be read.",
        )
    return key


class EncryptionCodec(PayloadCodec):
    """AES-256-GCM over each whole payload; the key's id is bound in as associated data."""

    def __init__(self, key: bytes) -> None:
        """Keep the cipher. `key` has 32 bytes."""
        self._cipher = AESGCM(key)
        self._key_id = hashlib.sha256(b"firedoor-codec\0" + key).hexdigest()[:16].encode()

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt."""
        return [self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt; payloads of others pass unchanged."""
        return [self._decrypt(payload) for payload in payloads]

    def _encrypt(self, payload: Payload) -> Payload:
        nonce = secrets.token_bytes(NONCE_BYTES)
        data = nonce + self._cipher.encrypt(nonce, payload.SerializeToString(), self._key_id)
        return Payload(metadata={"encoding": ENCODING, "key-id": self._key_id}, data=data)

    def _decrypt(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        key_id = payload.metadata.get("key-id", b"")
        if key_id != self._key_id:
            raise PayloadUnreadableError(
                f"Temporal holds data encrypted with key {key_id.decode()}; this process has {self._key_id.decode()}.",
                changed="Nothing was changed.",
                next="Use the codec.key of the installation that started the incident.",
            )
        try:
            plain = self._cipher.decrypt(payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:], self._key_id)
        except InvalidTag:
            raise PayloadUnreadableError("A payload that Temporal returned was altered: its seal is broken.") from None
        return Payload.FromString(plain)


class FileStorage(StorageDriver):
    """Large payloads as files named by their SHA-256, in one folder that clients and workers share."""

    def __init__(self, folder: Path) -> None:
        """Remember the folder; it is made when first needed."""
        self._folder = folder

    def name(self) -> str:
        """The name that claims carry."""
        return "firedoor-files"

    async def store(self, context: StorageDriverStoreContext, payloads: Sequence[Payload]) -> list[StorageDriverClaim]:
        """Write each payload durably, once."""
        return [self._store(payload.SerializeToString()) for payload in payloads]

    async def retrieve(
        self, context: StorageDriverRetrieveContext, claims: Sequence[StorageDriverClaim]
    ) -> list[Payload]:
        """Read the payloads back. Raises `PayloadUnreadableError` if a file is gone or altered."""
        return [self._retrieve(claim.claim_data) for claim in claims]

    def _store(self, data: bytes) -> StorageDriverClaim:
        digest = hashlib.sha256(data).hexdigest()
        path = self._folder / digest[:2] / digest
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch = path.with_name(f"{digest}.{secrets.token_hex(4)}")
            with scratch.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
        return StorageDriverClaim(claim_data={"sha256": digest})

    def _retrieve(self, claim: Mapping[str, str]) -> Payload:
        digest = claim["sha256"]
        path = self._folder / digest[:2] / digest
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            data = b""
        if hashlib.sha256(data).hexdigest() != digest:
            raise PayloadUnreadableError(
                f"The large payload {digest[:12]}… is missing from {self._folder}, or was altered.",
                next="Restore the folder from your backup, or share it between all workers and clients.",
            )
        return Payload.FromString(data)


def data_converter(*, key: bytes | None, blobs: Path) -> DataConverter:
    """The converter of every firedoor client and worker. `key` None leaves payloads in the clear."""
    return replace(
        pydantic_data_converter,
        payload_codec=EncryptionCodec(key) if key else None,
        # What a provider says, and a trace, may name whatever the arguments do.
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes if key else DefaultFailureConverter,
        external_storage=ExternalStorage(drivers=[FileStorage(blobs)], payload_size_threshold=LARGE),
    )
