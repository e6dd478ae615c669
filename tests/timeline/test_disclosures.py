"""Values that may be erased: sealed, opened, erased for good, while the record stays what was signed."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from firedoor.errors import RefusedError
from firedoor.timeline.bundle import pack, unpack
from firedoor.timeline.disclosures import DisclosureError, Disclosures, Hold, Value
from firedoor.timeline.entry import Draft, Entry, Kind
from firedoor.timeline.erasure import erase_subject, preview
from firedoor.timeline.export import export
from firedoor.timeline.sealed import FILE, Disclosed, digest_of, disclosure, erased, opened, read_lines, sealed
from firedoor.timeline.store import Timeline
from firedoor.timeline.verify import Class, Verification, verify

ADDRESS = "security@acme.example"
#: As firedoor 0.5.0 made it.
FIRST_FORMAT = (
    "CREATE TABLE disclosure (digest TEXT PRIMARY KEY, subject TEXT NOT NULL, text TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE INDEX disclosure_subject ON disclosure (subject)",
    """CREATE TABLE named (name BLOB NOT NULL, position INTEGER NOT NULL, digest TEXT NOT NULL,
        PRIMARY KEY (name, position)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE hold (subject TEXT PRIMARY KEY, reason TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL)
        STRICT, WITHOUT ROWID""",
    "PRAGMA application_id=0x46446473",
    "PRAGMA user_version=1",
)


@pytest.fixture
def disclosures(tmp_path: Path) -> Iterator[Disclosures]:
    """An empty store."""
    with Disclosures.open(tmp_path / "disclosures.sqlite") as opened_store:
        yield opened_store


@pytest.fixture
def told(timeline: Timeline, disclosures: Disclosures) -> list[str]:
    """An incident in which two customers were told; the digests of whom."""
    digests = disclosures.seal_all([Value("acme", "to", ADDRESS), Value("globex", "to", "ops@globex.example")])
    body = {"actor": {"kind": "system", "id": "campaign"}, "batch": [{"_sd": digests[:1]}, {"_sd": digests[1:]}]}
    timeline.append([Draft(Kind.NOTIFICATION_OUTCOME, "inc-1", "told", body)])
    return digests


def bundle(timeline: Timeline, path: Path, disclosures: Disclosures | None = None) -> Verification:
    """Export, and verify what was written."""
    path.unlink(missing_ok=True)
    export(timeline, "inc-1", path, "user:ada", disclosures=disclosures)
    return verify(path.read_bytes(), str(timeline.verifier))


def classes(found: Verification) -> list[str]:
    """What was found, but for the anchors that there are none of."""
    return [one.kind.value for one in found.findings if one.kind is not Class.UNANCHORED]


def test_the_example_of_the_rfc() -> None:
    """RFC 9901, section 4.2.3: the digest of a disclosure, and what it says."""
    text = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    assert digest_of(text) == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"
    assert opened(text) == Disclosed("family_name", "Möbius")
    assert disclosure("_26bc4LT-ac6q2KI6cBW5es", "family_name", "Möbius") == text


def test_the_same_value_twice_has_two_digests(disclosures: Disclosures) -> None:
    """Nobody finds out by guessing: each has a salt of its own."""
    one, two = disclosures.seal("acme", [("to", ADDRESS), ("to", ADDRESS)])
    assert one != two
    assert disclosures.value(one) == disclosures.value(two) == Disclosed("to", ADDRESS)
    assert disclosures.value("x" * 43) is None


def test_an_entry_that_is_written_twice_is_one(disclosures: Disclosures) -> None:
    """Sealed again under its name it has the same digests, also when the values are gone; they stay gone."""
    first = disclosures.seal("acme", [("to", ADDRESS)], name="inc-1/notify/1")
    assert disclosures.seal("acme", [("to", ADDRESS)], name="inc-1/notify/1") == first
    disclosures.erase("acme")
    assert disclosures.seal("acme", [("to", ADDRESS)], name="inc-1/notify/1") == first
    assert disclosures.value(first[0]) is None
    with pytest.raises(DisclosureError, match="was sealed with 1 values"):
        disclosures.seal("acme", [], name="inc-1/notify/1")


def test_a_file_of_the_first_format_is_read(tmp_path: Path) -> None:
    """Values, names and what was erased are what they were; what is erased from then on is gone for good."""
    path = tmp_path / "old.sqlite"
    texts = {digest_of(text): text for text in (disclosure(f"salt{one}", "to", ADDRESS) for one in range(4))}
    named, gone, later, nameless = texts
    mark = hashlib.sha256(b"inc-1/notify/1").digest()
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        for statement in FIRST_FORMAT:
            old.execute(statement)
        rows = [(named, "acme", texts[named]), (later, "globex", texts[later]), (nameless, "acme", texts[nameless])]
        old.executemany("INSERT INTO disclosure VALUES (?,?,?)", rows)
        old.executemany("INSERT INTO named VALUES (?,?,?)", [(mark, n, one) for n, one in enumerate((named, gone))])
        old.execute("INSERT INTO named VALUES (?,0,?)", (hashlib.sha256(b"inc-1/notify/2").digest(), later))
        old.execute("INSERT INTO hold VALUES ('globex','litigation 4711','user:bob','2026-11-20T10:00:00Z')")
    with Disclosures.open(path) as store:
        assert store.texts(texts) == {one: texts[one] for one in (named, later, nameless)}
        assert store.seal_all([Value("acme", "to", ADDRESS)] * 2, name="inc-1/notify/1") == [named, gone]
        assert store.seal("globex", [("to", ADDRESS)], name="inc-1/notify/2") == [later]
        assert [one.subject for one in store.holds()] == ["globex"]
        assert store.of("acme") == sorted([named, nameless])
        assert (store.erase("acme"), store.scour()) == (2, True)
        assert store.texts(texts) == {later: texts[later]}
    data = path.read_bytes()
    assert (texts[nameless].encode() in data, texts[later].encode() in data) == (False, True)


def test_values_fill_the_pages_that_they_take(disclosures: Disclosures, tmp_path: Path) -> None:
    """However many there are already: a campaign seals two for each message, and each page is written to the disk."""
    log = tmp_path / "disclosures.sqlite-wal"
    crowd = [Value(f"customer-{number}", "to", ADDRESS) for number in range(5_000)]
    disclosures.seal_all(crowd)
    before = log.stat().st_size
    more = disclosures.texts(disclosures.seal_all(crowd[:250]))
    assert log.stat().st_size - before < 3 * sum(map(len, more.values()))


def test_what_is_erased_is_gone_from_the_disk(disclosures: Disclosures, tmp_path: Path) -> None:
    """Neither the file nor its log holds the disclosure, or a part of it."""
    others = [Value(f"c{number}", "to", f"ops@c{number}.example") for number in range(200)]
    [digest] = disclosures.seal("acme", [("to", ADDRESS)])
    disclosures.seal_all(others)
    text = disclosures.texts([digest])[digest].encode()
    files = [tmp_path / f"disclosures.sqlite{end}" for end in ("", "-wal")]
    assert any(text in one.read_bytes() for one in files)
    assert disclosures.erase("acme") == 1
    assert disclosures.scour()
    assert not any(text[20:50] in one.read_bytes() for one in files if one.exists())
    assert len(disclosures.of("c7")) == 1


@pytest.mark.parametrize("begins", ["BEGIN", "BEGIN IMMEDIATE"])
def test_another_process_keeps_the_log(
    disclosures: Disclosures, tmp_path: Path, begins: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another one reads or writes, the file cannot be rewritten: said, not passed over."""
    disclosures.seal("acme", [("to", ADDRESS)])
    disclosures.erase("acme")
    monkeypatch.setattr("firedoor.timeline.disclosures.BUSY_SECONDS", 0.05)
    other = sqlite3.connect(tmp_path / "disclosures.sqlite", isolation_level=None)
    with Disclosures.open(tmp_path / "disclosures.sqlite") as impatient:
        other.execute(begins)
        other.execute("SELECT count(*) FROM disclosure").fetchone()
        assert not impatient.scour()
    other.close()
    assert disclosures.scour()


@pytest.mark.parametrize("held", ["acme", "*"])
def test_a_legal_hold(timeline: Timeline, disclosures: Disclosures, told: list[str], held: str) -> None:
    """Nothing is erased or recorded while it lasts, whoever asks."""
    disclosures.hold(Hold(held, "litigation 4711", "user:bob", "2026-11-20T10:00:00Z"))
    for refused in (
        lambda: erase_subject(disclosures, timeline, "acme", reason="asked", by="user:ada"),
        lambda: preview(disclosures, timeline, "acme"),
        lambda: disclosures.erase("acme"),
    ):
        with pytest.raises(RefusedError, match="on legal hold since 2026-11-20, by user:bob: litigation 4711"):
            refused()
    assert disclosures.value(told[0]) is not None
    assert len(timeline.entries()) == 1
    assert [one.subject for one in disclosures.holds()] == [held]
    assert disclosures.release(held)
    assert not disclosures.release(held)
    assert erase_subject(disclosures, timeline, "acme", reason="asked", by="user:ada").values == 1


def test_an_erasure_is_on_record(timeline: Timeline, disclosures: Disclosures, told: list[str]) -> None:
    """An entry says which digests, on which basis, by whom; nothing in the record says whose they were."""
    disclosures.seal("acme", [("note", "in no entry")])
    would = preview(disclosures, timeline, "acme")
    done = erase_subject(disclosures, timeline, "acme", reason="GDPR Art. 17", by="user:ada")
    assert (would.values, done.values, done.incidents, done.scoured) == (2, 2, ("inc-1",), True)
    entry = timeline.entries("inc-1")[-1].entry
    assert entry.kind == Kind.REDACTION
    assert (entry.body["digests"], entry.body["basis"]) == ([told[0]], "GDPR Art. 17")
    assert entry.part("actor")["id"] == "user:ada"
    assert b"acme" not in b"".join(one.entry.data for one in timeline.entries())
    assert erased([entry]) == {told[0]: 1}


def test_an_erasure_that_was_killed(timeline: Timeline, disclosures: Disclosures, told: list[str]) -> None:
    """Recorded and not yet done: the same call ends it, and records it once."""
    with pytest.MonkeyPatch.context() as killed:
        killed.setattr(Disclosures, "erase", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            erase_subject(disclosures, timeline, "acme", reason="asked", by="user:ada")
    assert disclosures.value(told[0]) is not None
    assert erase_subject(disclosures, timeline, "acme", reason="asked", by="user:ada").values == 1
    assert [one.entry.kind for one in timeline.entries("inc-1")].count(Kind.REDACTION) == 1


def test_an_export_says_what_is_missing(
    timeline: Timeline, disclosures: Disclosures, told: list[str], tmp_path: Path
) -> None:
    """Withheld by default, here if asked for, erased for ever: each verifies, and says which."""
    path = tmp_path / "incident.zip"
    withheld = bundle(timeline, path)
    assert (withheld.ok, classes(withheld)) == (True, ["WITHHELD"])
    assert ADDRESS.encode() not in path.read_bytes()
    whole = bundle(timeline, path, disclosures)
    assert (whole.ok, classes(whole)) == (True, [])
    found, faults = read_lines(unpack(path.read_bytes()).files[FILE])
    assert ({opened(text).value for text in found.values()}, faults) == ({ADDRESS, "ops@globex.example"}, [])
    erase_subject(disclosures, timeline, "acme", reason="asked", by="user:ada")
    rest = bundle(timeline, path, disclosures)
    assert (rest.ok, classes(rest)) == (True, ["ERASED"])
    assert "1 of 2 values behind digests of entry 0 were erased: entry 3." in [one.say for one in rest.findings]
    assert told[0] not in unpack(path.read_bytes()).files[FILE].decode()


def test_whoever_hands_it_on_may_leave_values_out(
    timeline: Timeline, disclosures: Disclosures, told: list[str], tmp_path: Path
) -> None:
    """A line may go; none may be changed, doubled or put in."""
    path = tmp_path / "incident.zip"
    assert told
    bundle(timeline, path, disclosures)
    files = unpack(path.read_bytes()).files
    first, second = files[FILE].splitlines(keepends=True)
    stranger = f'{{"digest":"{digest_of("x")}","disclosure":"x"}}\n'.encode()

    def again(data: bytes) -> Verification:
        return verify(pack({**files, FILE: data}), str(timeline.verifier))

    assert (again(first).ok, classes(again(first))) == (True, ["WITHHELD"])
    for place in range(len(first)):
        forged = bytearray(first)
        forged[place] ^= 1 << place % 8
        assert not again(bytes(forged) + second).ok, f"byte {place}"
    text = disclosure("salt", "to", "eve@evil.example")
    planted = f'{{"digest":"{digest_of(text)}","disclosure":"{text}"}}\n'.encode()
    for data in (
        first + first,
        first + second + planted,
        first + second + stranger,
        first.replace(b":", b": "),
        b"7\n",
    ):
        assert not again(data).ok


def test_digests_of_a_stranger(timeline: Timeline) -> None:
    """An entry that somebody made up, however deep or odd, is read without a fall."""
    timeline.append([Draft(Kind.REDACTION, "inc-1", "odd", {"_sd": {"b": 1}, "digests": 7})])
    deep = b'{"a":' + b"[" * 900 + b'{"_sd":["%s",7,"short"]}' % (b"x" * 43) + b"]" * 900 + b","
    entry = Entry.parse(deep + timeline.entries()[0].entry.data[1:])
    assert (sealed(entry), erased([entry])) == (["x" * 43], {})
