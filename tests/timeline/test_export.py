"""Export and verification: a bundle proves itself with nothing but the key, and no byte of it can change unseen."""

import json
import random
import re
import sqlite3
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.canonical import canonical_bytes, sha256_hex
from firedoor.errors import UsageError
from firedoor.timeline.bundle import pack, unpack
from firedoor.timeline.checkpoint import Signer
from firedoor.timeline.entry import Draft, Kind, TimelineError
from firedoor.timeline.export import export
from firedoor.timeline.store import Timeline
from firedoor.timeline.verify import Class, Verification, as_json, verify

Drafter = Callable[..., Draft]
ANSWER = b'{"Status":"Inactive"}'
ACTION = {"name": "aws.iam.deactivate_access_key", "target": "AKIAIOSFODNN7EXAMPLE", "mode": "run"}


def record(timeline: Timeline, note: Drafter) -> None:
    """An incident with an action, its evidence, and entries of another incident in between."""
    timeline.append([Draft(Kind.INCIDENT_OPENED, "inc-1", "open", {"actor": {"kind": "human", "id": "user:ada"}})])
    timeline.append([note(number, "inc-2") for number in range(5)])
    [intent] = timeline.append(
        [Draft(Kind.ACTION_INTENT, "inc-1", "intent", {"action": ACTION, "cause": {"step": "off"}})]
    )
    evidence = [
        {"sha256": sha256_hex(ANSWER), "size": len(ANSWER), "source": "iam:ListAccessKeys", "says": "Inactive"},
        {"source": "iam:GetUser", "says": "ci"},
    ]
    result = {"status": "ok", "verdict": "contained", "summary": "The key is inactive."}
    body = {"action": ACTION, "cause": {"step": "off"}, "result": result, "evidence": evidence}
    timeline.append([Draft(Kind.ACTION_OUTCOME, "inc-1", "outcome", body, ref=intent.id, attachments=(ANSWER,))])


@pytest.fixture
def bundle(timeline: Timeline, note: Drafter, tmp_path: Path) -> bytes:
    """A small exported incident."""
    record(timeline, note)
    export(timeline, "inc-1", tmp_path / "incident.zip", "user:ada", "the auditor")
    return (tmp_path / "incident.zip").read_bytes()


@pytest.fixture
def key(timeline: Timeline) -> str:
    """The public key, as it stands in the file."""
    return f"{timeline.verifier}\n"


def failures(verification: Verification) -> str:
    """What failed, as text."""
    return "\n".join(f"{finding.place}: {finding.say}" for finding in verification.of(Class.FAILED))


def test_a_bundle_verifies(bundle: bytes, key: str) -> None:
    """An untouched bundle fails nothing, and says what it is."""
    verification = verify(bundle, key)
    assert "" == failures(verification)
    assert verification.ok
    assert ("inc-1", 4, 9, "user:ada") == (
        verification.incident,
        verification.entries,
        verification.size,
        verification.requested_by,
    )
    assert [Class.UNANCHORED] == [finding.kind for finding in verification.findings]
    assert sha256_hex(bundle) == json.loads(as_json(verification))["bundle_sha256"]
    assert "UNANCHORED" == json.loads(as_json(verification))["findings"][0]["class"]


def test_any_zip_program_reads_it(bundle: bytes) -> None:
    """The bundle is an ordinary zip, with the files that are promised."""
    with zipfile.ZipFile(BytesIO(bundle)) as file:
        assert file.testzip() is None
        names = file.namelist()
        assert "entries/000003.tlog-proof" in names
        assert f"evidence/{sha256_hex(ANSWER)}" in names
        assert {"checkpoint", "manifest.json", "timeline.md", "VERIFY.md"} < set(names)
        page = file.read("timeline.md").decode()
    assert "The key is inactive." in page
    assert "iam:ListAccessKeys: Inactive" in page


def test_every_single_byte(bundle: bytes, key: str) -> None:
    """Each byte of the file, changed alone, makes the verification fail."""
    for place in range(len(bundle)):
        changed = bytearray(bundle)
        changed[place] ^= 1 << place % 8
        assert not verify(bytes(changed), key).ok, f"byte {place} of {len(bundle)}"


def test_every_single_byte_packed_again(bundle: bytes, key: str) -> None:
    """Each byte of each file inside, changed by somebody who packs the zip anew, makes the verification fail."""
    files = unpack(bundle).files
    assert pack(files) == bundle
    for name, data in files.items():
        for place in range(len(data)):
            changed = bytearray(data)
            changed[place] ^= 1 << place % 8
            assert not verify(pack({**files, name: bytes(changed)}), key).ok, f"byte {place} of {name}"


def test_a_large_bundle(timeline: Timeline, note: Drafter, tmp_path: Path, key: str) -> None:
    """A thousand entries in a log of more than one tile verify; a byte changed at random does not."""
    for start in range(0, 1_000, 100):
        timeline.append([note(number) for number in range(start, start + 100)])
        timeline.append([note(number, "inc-2") for number in range(start, start + 20)])
    done = export(timeline, "inc-1", tmp_path / "large.zip", "user:ada")
    data = (tmp_path / "large.zip").read_bytes()
    verification = verify(data, key)
    assert (True, 1_001, 1_201) == (verification.ok, verification.entries, verification.size)
    assert (1_001, sha256_hex(data)) == (done.entries, done.sha256)
    chance = random.Random(20_261_123)
    for _ in range(12):
        changed = bytearray(data)
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        assert not verify(bytes(changed), key).ok


def changed(files: Mapping[str, bytes], name: str, old: bytes, new: bytes) -> dict[str, bytes]:
    """The files with one replaced, which must contain `old`."""
    assert old in files[name]
    return {**files, name: files[name].replace(old, new)}


def without(files: Mapping[str, bytes], *names: str) -> dict[str, bytes]:
    """The files without some."""
    return {name: data for name, data in files.items() if name not in names}


LAST = "entries/000003"
EVIDENCE = f"evidence/{sha256_hex(ANSWER)}"

FORGERIES: dict[str, tuple[Callable[[dict[str, bytes]], dict[str, bytes]], str]] = {
    "an entry is left out": (
        lambda f: without(f, "entries/000001.json", "entries/000001.tlog-proof"),
        "Entries 1 to 1 are missing",
    ),
    "the end is left out": (
        lambda f: without(f, f"{LAST}.json", f"{LAST}.tlog-proof"),
        "end of the incident was left out",
    ),
    "a proof is left out": (lambda f: without(f, "entries/000001.tlog-proof"), "The proof is missing"),
    "only a proof is there": (lambda f: without(f, "entries/000001.json"), "only its proof is here"),
    "the checkpoint is left out": (lambda f: without(f, "checkpoint"), "The signed checkpoint is missing"),
    "the manifest is left out": (lambda f: without(f, "manifest.json"), "The manifest is missing"),
    "evidence is left out": (lambda f: without(f, EVIDENCE), "in the manifest and not in the bundle"),
    "everything is left out": (lambda f: {}, "There is no entry"),
    "a file is put in": (lambda f: {**f, "notes.txt": b"x"}, "notes.txt: The file is not in the manifest"),
    "an entry is put in": (lambda f: {**f, "entries/000009.json": f["entries/000001.json"]}, "missing"),
    "an entry is filed twice": (
        lambda f: {**f, "entries/0000001.json": f["entries/000001.json"]},
        "not in the manifest",
    ),
    "entries are swapped": (
        lambda f: {
            **f,
            "entries/000001.json": f["entries/000002.json"],
            "entries/000002.json": f["entries/000001.json"],
        },
        "is filed as",
    ),
    "proofs are swapped": (
        lambda f: {
            **f,
            "entries/000001.tlog-proof": f["entries/000002.tlog-proof"],
            "entries/000002.tlog-proof": f["entries/000001.tlog-proof"],
        },
        "not proved to be in the log",
    ),
    "evidence is changed": (lambda f: {**f, EVIDENCE: b"{}"}, "was changed"),
    "the readable page is changed": (lambda f: changed(f, "timeline.md", b"inactive", b"active"), "was changed"),
    "a verdict is changed": (
        lambda f: changed(f, "entries/000002.json", b'"verdict":"contained"', b'"verdict":"unknown"'),
        "not proved to be in the log",
    ),
    "the manifest is changed to fit": (
        lambda f: {**f, "timeline.md": b"x", "manifest.json": fitting(f, "timeline.md", b"x")},
        "not the one that the export entry names",
    ),
    "the checkpoint is of another size": (
        lambda f: changed(f, "checkpoint", b"\n9\n", b"\n8\n"),
        "does not fit the text",
    ),
    "a signature is added": (
        lambda f: {**f, "checkpoint": f["checkpoint"] + "— other AAAAAAA=\n".encode()},
        "signatures besides the log's",
    ),
    "a proof is not text": (lambda f: {**f, "entries/000001.tlog-proof": b"\xff"}, "not text"),
    "a proof has another header": (
        lambda f: changed(f, "entries/000001.tlog-proof", b"@v1", b"@v2"),
        "a proof begins with",
    ),
    "a proof is endless": (
        lambda f: changed(f, "entries/000001.tlog-proof", b"index 6\n", b"index 6\n" + b"A\n" * 64),
        "more than 63 hashes",
    ),
    "an entry is not JSON": (lambda f: {**f, "entries/000001.json": b"{"}, "not JSON"),
    "the manifest is not JSON": (lambda f: {**f, "manifest.json": b"{"}, "cannot be read"),
    "the manifest is something else": (lambda f: {**f, "manifest.json": b"{}"}, "not the fields"),
}


def fitting(files: Mapping[str, bytes], name: str, data: bytes) -> bytes:
    """A manifest that names the changed file."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"][name] = sha256_hex(data)
    return canonical_bytes(manifest)


@pytest.mark.parametrize(("forge", "sentence"), FORGERIES.values(), ids=FORGERIES.keys())
def test_forgeries(
    bundle: bytes, key: str, forge: Callable[[dict[str, bytes]], dict[str, bytes]], sentence: str
) -> None:
    """Whoever packs the bundle anew is found out, with a sentence that says by what."""
    verification = verify(pack(forge(unpack(bundle).files)), key)
    assert not verification.ok
    assert sentence in failures(verification)


def test_it_goes_on_after_a_failure(bundle: bytes, key: str) -> None:
    """Every fault is reported, not the first alone."""
    files = changed(unpack(bundle).files, "entries/000002.json", b"contained", b"unknown")
    files = changed(files, "timeline.md", b"inactive", b"active")
    found = failures(verify(pack(without(files, EVIDENCE)), key))
    assert all(name in found for name in ("entries/000002", "timeline.md", EVIDENCE))


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "not a zip": lambda data: b"not a zip",
    "last byte cut": lambda data: data[:-1],
    "half": lambda data: data[: len(data) // 2],
    "first header cut": lambda data: data[:20],
    "padded": lambda data: data + b"\0",
    "something before": lambda data: b"\0" + data,
    "doubled": lambda data: data + data,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_damaged_containers(bundle: bytes, key: str, damage: Callable[[bytes], bytes]) -> None:
    """A file that is cut, padded, doubled or no zip at all is FAILED, not a traceback."""
    assert not verify(damage(bundle), key).ok


def test_packed_by_another_program(bundle: bytes, key: str) -> None:
    """The same files, compressed by another program, are not what was exported."""
    again = BytesIO()
    with zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in unpack(bundle).files.items():
            file.writestr(name, data)
    assert "packed again" in failures(verify(again.getvalue(), key))


def test_a_file_twice(bundle: bytes, key: str) -> None:
    """Two members of one name, of which programs show one or the other, are refused."""
    files = unpack(bundle).files
    alone = pack({"timeline.md": b"another page"})
    member = alone[: alone.index(b"PK\x01\x02")]
    assert "'timeline.md' is there twice" in failures(verify(member + pack(files), key))


@given(st.data())
def test_rubbish_never_crashes_the_verifier(data: st.DataObject) -> None:
    """Whatever the entries, manifest and proofs hold, verification ends with FAILED."""
    signer = Signer("a", b"\1" * 32)
    junk = st.recursive(
        st.none() | st.integers() | st.text(max_size=5) | st.floats(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    )
    names = ("entries/000000.json", "entries/000001.json", "entries/999999999.json", "manifest.json", "checkpoint")
    files = {name: json.dumps(shaped(data.draw(junk), data.draw(junk))).encode() for name in names}
    assert not verify(pack(files), str(signer.verifier)).ok


KEYS = ("actor", "id", "export", "count", "head", "evidence", "sha256", "action", "files", "cause", "result", "ref")


def shaped(first: Any, second: Any) -> dict[str, Any]:
    """Junk that looks like an entry and like a manifest."""
    entry = {"v": 1, "log": "a", "id": "x", "kind": "action.intent", "incident": "i", "seq": 0, "prev": ""}
    entry |= {"recorded_at": "t", "clock": {}, "export": first, "evidence": [first, second], "action": second}
    return entry | (first if isinstance(first, dict) and "ref" not in first else {})


def test_another_key(bundle: bytes) -> None:
    """The key of another log, or another key of the same name, verifies nothing."""
    for name in ("other.example", "firedoor.example/test"):
        verification = verify(bundle, str(Signer(name, b"\2" * 32).verifier))
        assert "not signed by" in failures(verification)


def test_not_a_key(bundle: bytes) -> None:
    """Something else in place of the public key is an error of use, not a verdict."""
    with pytest.raises(UsageError, match="not the public key"):
        verify(bundle, "ssh-ed25519 AAAA")


def test_unresolved_and_withheld(timeline: Timeline, tmp_path: Path, key: str) -> None:
    """An intent without outcome and evidence that is not included are findings of their own, not failures."""
    evidence = [{"sha256": "ab" * 32, "says": "Inactive"}]
    timeline.append(
        [
            Draft(Kind.ACTION_INTENT, "inc-1", "intent", {"action": ACTION}),
            Draft(Kind.NOTE, "inc-1", "note", {"say": "hello", "evidence": evidence}),
        ]
    )
    export(timeline, "inc-1", tmp_path / "incident.zip", "user:ada")
    data = (tmp_path / "incident.zip").read_bytes()
    verification = verify(data, key)
    assert verification.ok
    assert [Class.UNRESOLVED, Class.WITHHELD, Class.UNANCHORED] == [finding.kind for finding in verification.findings]
    assert "nothing says how it ended" in verification.findings[0].say
    assert "## Without an outcome" in unpack(data).files["timeline.md"].decode()


def test_exports_are_recorded(timeline: Timeline, note: Drafter, tmp_path: Path, key: str) -> None:
    """Each export is an entry with its purpose; a second export holds the first one's entry and verifies."""
    record(timeline, note)
    for number in (1, 2):
        export(timeline, "inc-1", tmp_path / f"{number}.zip", "user:ada", "the auditor")
    entries = [stored.entry for stored in timeline.entries("inc-1") if stored.entry.kind == Kind.EXPORT]
    assert [(3, "the auditor"), (4, "the auditor")] == [
        (entry.body["export"]["count"], entry.body["export"]["purpose"]) for entry in entries
    ]
    for number in (1, 2):
        assert verify((tmp_path / f"{number}.zip").read_bytes(), key).ok


def test_a_running_incident_can_be_exported(
    timeline: Timeline, note: Drafter, tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When an entry arrives while the bundle is made, the export starts again and holds it."""
    record(timeline, note)
    commit = timeline.commit

    def interfere(*arguments: Any, **keywords: Any) -> Any:
        monkeypatch.setattr(timeline, "commit", commit)
        timeline.append([note(77)])
        return commit(*arguments, **keywords)

    monkeypatch.setattr(timeline, "commit", interfere)
    assert 5 == export(timeline, "inc-1", tmp_path / "incident.zip", "user:ada").entries
    assert verify((tmp_path / "incident.zip").read_bytes(), key).ok


def test_where_an_export_cannot_go(timeline: Timeline, note: Drafter, tmp_path: Path) -> None:
    """An existing file is never overwritten; a missing folder and an unknown incident are said before anything."""
    record(timeline, note)
    (tmp_path / "there").write_text("mine")
    for incident, path, sentence in (
        ("inc-1", tmp_path / "there", "exists"),
        ("inc-1", tmp_path / "no" / "x.zip", "does not exist"),
        ("inc-9", tmp_path / "x.zip", "no incident 'inc-9'"),
    ):
        with pytest.raises(UsageError, match=sentence):
            export(timeline, incident, path, "user:ada")
    assert "mine" == (tmp_path / "there").read_text()
    assert 3 == len(timeline.entries("inc-1"))


def test_a_bundle_that_would_not_verify_is_not_written(timeline: Timeline, note: Drafter, tmp_path: Path) -> None:
    """When the tree does not fit the entries, no file is written."""
    record(timeline, note)
    database = sqlite3.connect(timeline.path)
    database.execute("DROP TRIGGER entry_update")
    database.execute("UPDATE entry SET leaf = zeroblob(32) WHERE idx = 3")
    database.commit()
    database.close()
    with pytest.raises(TimelineError, match="is not what was signed"):
        export(timeline, "inc-1", tmp_path / "x.zip", "user:ada")
    assert not list(tmp_path.glob("*.zip*"))


def test_a_file_name_of_many_members() -> None:
    """Above 65,535 files the container is a zip64, which others read, and which is still only of one form."""
    files = {f"entries/{number:06d}": b"" for number in range(70_000)}
    data = pack(files)
    assert files == unpack(data).files
    assert () == unpack(data).faults
    with zipfile.ZipFile(BytesIO(data)) as file:
        assert 70_000 == len(file.namelist())
    assert re.search("from byte", unpack(data[:-1]).faults[0])
