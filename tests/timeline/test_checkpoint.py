"""Signed checkpoints and their keys."""

import base64
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.errors import UsageError
from firedoor.timeline.checkpoint import (
    Checkpoint,
    CheckpointError,
    Signer,
    Verifier,
    create_signer,
    load_signer,
    open_note,
    open_text,
)
from firedoor.timeline.tree import EMPTY_ROOT

#: The example of C2SP signed-note.md.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
SIGNER = Signer("firedoor.example/test", b"\1" * 32)
HEAD = Checkpoint("firedoor.example/test", 7, EMPTY_ROOT)
NOTE = SIGNER.sign(HEAD)


def test_round_trip() -> None:
    """What is signed opens again, as text and as bytes."""
    assert HEAD == open_note(NOTE, SIGNER.verifier) == open_note(NOTE.encode(), SIGNER.verifier)


def test_the_text_is_the_standards() -> None:
    """The signed text has three lines, and the note an empty line and one signature."""
    lines = NOTE.split("\n")
    assert ["firedoor.example/test", "7", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", ""] == lines[:4]
    assert lines[4].startswith("— firedoor.example/test ")
    assert 6 == len(lines)


def test_verifier_text() -> None:
    """A public key is printed and read in the standard's form."""
    assert SIGNER.verifier == Verifier.parse(f" {SIGNER.verifier}\n")


@given(st.integers(min_value=0, max_value=len(NOTE.encode()) - 1), st.integers(min_value=1, max_value=255))
def test_any_changed_byte_is_refused(place: int, change: int) -> None:
    """No byte of a note can change unseen."""
    data = bytearray(NOTE.encode())
    data[place] ^= change
    with pytest.raises(CheckpointError):
        open_note(bytes(data), SIGNER.verifier)


@given(st.integers(min_value=0, max_value=len(str(SIGNER.verifier)) - 1), st.characters(max_codepoint=127))
def test_any_changed_character_of_a_key_is_refused(place: int, char: str) -> None:
    """No character of a public key can change unseen."""
    text = str(SIGNER.verifier)
    changed = text[:place] + char + text[place + 1 :]
    if changed.strip() == text:
        return
    with pytest.raises(CheckpointError):
        Verifier.parse(changed)


@pytest.mark.parametrize(
    "text",
    [
        "firedoor.example/test\n07\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "firedoor.example/test\n+7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "firedoor.example/test\n\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "firedoor.example/test\n٧\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "firedoor.example/test\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n",
        "firedoor.example/test\n7\n47DEQpj8HBSa\n",
        "firedoor.example/test\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nextension\n",
        "another.example/log\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "firedoor.example/test\r\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    ],
)
def test_loose_texts_are_refused_though_signed(text: str) -> None:
    """A checkpoint that could be read in two ways is refused even with a valid signature."""
    with pytest.raises(CheckpointError):
        open_note(SIGNER.sign_text(text), SIGNER.verifier)


@pytest.mark.parametrize(
    "note",
    [
        "",
        NOTE.rstrip("\n"),
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("—", "-"),
        NOTE + "rubbish\n",
        NOTE + NOTE.split("\n\n")[1],
        NOTE + "— a+b AAAAAAA=\n",
        NOTE + "— short AAAA\n",
        NOTE + "— other AAAAAAA=\n" * 101,
    ],
)
def test_malformed_notes_are_refused(note: str) -> None:
    """A note of another shape, or signed twice by one key, is refused."""
    with pytest.raises(CheckpointError):
        open_note(note, SIGNER.verifier)


def test_foreign_signatures_are_skipped() -> None:
    """Witnesses may add their signatures; ours alone is refused by another's key."""
    assert HEAD == open_note(NOTE + "— witness.example AAAAAAA=\n", SIGNER.verifier)
    with pytest.raises(CheckpointError, match="not signed by"):
        open_note(NOTE, Signer("firedoor.example/test", b"\2" * 32).verifier)


def test_the_standards_example_verifies() -> None:
    """The standard's own example verifies, with its key and key id."""
    verifier = Verifier.parse(EXAMPLE_KEY)
    assert EXAMPLE_KEY == str(verifier)
    assert "This is an example message.\n" == open_text(EXAMPLE_NOTE, verifier)


def test_openssl_agrees(tmp_path: Path) -> None:
    """OpenSSL, which knows nothing of us, verifies the signature over the text."""
    text, line = NOTE.rsplit("\n\n", 1)
    signature = base64.b64decode(line.split(" ")[2])[4:]
    public = bytes.fromhex("302a300506032b6570032100") + SIGNER.verifier.public
    (tmp_path / "text").write_text(text + "\n")
    (tmp_path / "signature").write_bytes(signature)
    (tmp_path / "key.der").write_bytes(public)
    done = subprocess.run(
        [
            "openssl",
            "pkeyutl",
            "-verify",
            "-rawin",
            "-pubin",
            "-keyform",
            "DER",
            "-inkey",
            "key.der",
            "-in",
            "text",
            "-sigfile",
            "signature",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Signature Verified Successfully" in done.stdout, done.stderr


def test_keys_on_disk(tmp_path: Path) -> None:
    """A new key can be read by its owner only; its public half stands beside it; it is created once."""
    path = tmp_path / "new" / "timeline.key"
    signer = create_signer(path, "firedoor.example/test")
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert signer.verifier == Verifier.parse(Path(f"{path}.pub").read_text())
    assert signer.verifier == create_signer(path, "firedoor.example/test").verifier
    assert {"timeline.key", "timeline.key.pub"} == {file.name for file in path.parent.iterdir()}


def test_many_create_one_key(tmp_path: Path) -> None:
    """Processes that start at the same moment agree on one key."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: create_signer(tmp_path / "key", "firedoor.example/test"), range(16)))
    assert 1 == len({signer.verifier for signer in made})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "does not exist"),
        ("rubbish", "not a signing key"),
        ("PRIVATE+KEY+a+00000000+AQ==", "not Ed25519"),
        ("PRIVATE+KEY+a+00000000+AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB", "key id does not fit"),
        (b"\xff", "cannot be read"),
    ],
)
def test_bad_key_files(tmp_path: Path, text: str | bytes | None, sentence: str) -> None:
    """A missing, broken or foreign key is refused in a sentence; no new one takes its place."""
    path = tmp_path / "key"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=sentence):
        load_signer(path, "a")


def test_a_key_of_another_log_is_refused(tmp_path: Path) -> None:
    """A key signs for the log it was made for, and no other."""
    create_signer(tmp_path / "key", "one.example")
    with pytest.raises(UsageError, match=r"signs for the log 'one\.example'"):
        load_signer(tmp_path / "key", "two.example")


@pytest.mark.parametrize("name", ["", "with space", "with+plus", "line\nbreak"])
def test_bad_log_names(tmp_path: Path, name: str) -> None:
    """A log's name must fit on a line of a checkpoint."""
    with pytest.raises(UsageError, match="cannot be called"):
        create_signer(tmp_path / "key", name)
