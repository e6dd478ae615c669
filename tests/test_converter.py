"""What Temporal stores: encrypted, sealed, and large parts in files."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure, TimeoutFailureInfo
from temporalio.converter import DefaultFailureConverter
from temporalio.exceptions import ApplicationError

from firedoor.converter import LARGE, PayloadUnreadableError, data_converter, load_key

CANARY = "canary-in-a-payload"


def key_in(folder: Path) -> bytes:
    """A new key."""
    return load_key(folder / "codec.key")


async def test_what_is_encoded_is_unreadable_and_comes_back(tmp_path: Path) -> None:
    """No byte of the value shows, and the value returns."""
    converter = data_converter(key=key_in(tmp_path), blobs=tmp_path / "blobs")
    payloads = await converter.encode([{"value": CANARY}])
    assert CANARY.encode() not in b"".join(payload.SerializeToString() for payload in payloads)
    assert await converter.decode(payloads, [dict]) == [{"value": CANARY}]


async def test_a_large_value_is_an_encrypted_file(tmp_path: Path) -> None:
    """History only names it; the file is encrypted, and is written once."""
    converter = data_converter(key=key_in(tmp_path), blobs=tmp_path / "blobs")
    payloads = await converter.encode([CANARY * LARGE])
    assert sum(payload.ByteSize() for payload in payloads) < 1000
    files = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert len(files) == 1
    assert CANARY.encode() not in files[0].read_bytes()
    assert await converter.decode(payloads, [str]) == [CANARY * LARGE]

    files[0].write_bytes(b"altered")
    with pytest.raises(PayloadUnreadableError, match=r"missing from .* or was altered"):
        await converter.decode(payloads, [str])
    files[0].unlink()
    with pytest.raises(PayloadUnreadableError, match="missing from"):
        await converter.decode(payloads, [str])


async def test_another_key_and_a_broken_seal_are_told_apart(tmp_path: Path) -> None:
    """The wrong installation and a changed byte have sentences of their own."""
    (tmp_path / "other").mkdir()
    converter = data_converter(key=key_in(tmp_path), blobs=tmp_path)
    other = data_converter(key=key_in(tmp_path / "other"), blobs=tmp_path)
    [payload] = await converter.encode([CANARY])
    with pytest.raises(PayloadUnreadableError, match="encrypted with key"):
        await other.decode([payload])
    changed = Payload(metadata=payload.metadata, data=payload.data[:-1] + bytes([payload.data[-1] ^ 1]))
    with pytest.raises(PayloadUnreadableError, match="its seal is broken"):
        await converter.decode([changed])


async def test_payloads_of_others_pass(tmp_path: Path) -> None:
    """What was stored without encryption is still readable with it."""
    plain = data_converter(key=None, blobs=tmp_path)
    payloads = await plain.encode([CANARY])
    assert await data_converter(key=key_in(tmp_path), blobs=tmp_path).decode(payloads, [str]) == [CANARY]


async def test_a_failure_says_nothing_without_the_key(tmp_path: Path) -> None:
    """Neither it nor what caused it; its type is firedoor's own word, by which Temporal decides on retries."""
    converter = data_converter(key=key_in(tmp_path), blobs=tmp_path)
    failure = Failure()
    await converter.encode_failure(raised(), failure)
    assert CANARY.encode() not in failure.SerializeToString()
    assert b"test_converter.py" not in failure.SerializeToString()
    assert failure.application_failure_info.type == "throttled"
    found = await converter.decode_failure(failure)
    assert isinstance(found, ApplicationError)
    assert (found.message, found.type) == (CANARY, "throttled")
    assert isinstance(found.cause, ApplicationError)
    assert f"{CANARY} below" in found.cause.message


async def test_failures_that_were_written_in_the_clear_are_read(tmp_path: Path) -> None:
    """By a worker without a key, by an older one with it, and by Temporal itself."""
    converter = data_converter(key=key_in(tmp_path), blobs=tmp_path)
    older = replace(converter, failure_converter_class=DefaultFailureConverter)
    for writer in (data_converter(key=None, blobs=tmp_path), older):
        failure = Failure()
        await writer.encode_failure(raised(), failure)
        assert failure.message == CANARY
        assert str(await converter.decode_failure(failure)) == f"throttled: {CANARY}"
    silent = Failure(message="activity StartToClose timeout", timeout_failure_info=TimeoutFailureInfo())
    assert str(await converter.decode_failure(silent)) == "activity StartToClose timeout"


def raised() -> ApplicationError:
    """A failure with a cause, and with the traces of both."""
    with pytest.raises(ApplicationError) as caught:
        _fail()
    return caught.value


def _fail() -> None:
    try:
        int(f"{CANARY} below")
    except ValueError as error:
        raise ApplicationError(CANARY, type="throttled") from error


def test_a_key_is_private_and_made_once(tmp_path: Path) -> None:
    """Processes that start together agree on one key; nobody else can read it; nothing else is left in the folder."""
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(key_in(tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert (tmp_path / "codec.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["codec.key"]


def test_a_damaged_key_is_named_and_not_shown(tmp_path: Path) -> None:
    """The sentence names the file, what follows, and never the text."""
    (tmp_path / "codec.key").write_text("not-a-key\n")
    with pytest.raises(PayloadUnreadableError, match="does not hold a key of 32 bytes") as caught:
        key_in(tmp_path)
    assert "not-a-key" not in str(caught.value)
