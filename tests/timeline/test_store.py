"""The store: what is appended is durable, in order, once, signed, and cannot be changed unseen."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firedoor.canonical import sha256_hex
from firedoor.errors import FiredoorError, UsageError
from firedoor.sqlite import pragma
from firedoor.timeline import tree
from firedoor.timeline.checkpoint import b64, create_signer, open_note
from firedoor.timeline.database import connect
from firedoor.timeline.entry import Draft, EntryError, Kind, TimelineError
from firedoor.timeline.store import MovedError, Timeline

LOG = "firedoor.example/test"
Opener = Callable[[], Timeline]
Drafter = Callable[..., Draft]


def shell(path: Path, *statements: str, trigger_free: bool = False) -> None:
    """Run SQL on the file, as somebody with a database shell; without its triggers on request."""
    database = sqlite3.connect(path)
    try:
        if trigger_free:
            for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
                database.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            database.execute(statement)
        database.commit()
    finally:
        database.close()


def test_append_and_read(timeline: Timeline, note: Drafter) -> None:
    """Entries get their place in the log and in their incident, and are read back as they were written."""
    receipts = timeline.append([note(0), note(0, "inc-2"), note(1)])
    assert [(0, 0), (1, 0), (2, 1)] == [(receipt.idx, receipt.seq) for receipt in receipts]
    first, second = timeline.entries("inc-1")
    assert receipts[0].id == first.entry.id
    assert ("", b64(tree.leaf_hash(first.entry.data))) == (first.entry.prev, second.entry.prev)
    assert note(1).body == second.entry.body
    assert 3 == len(timeline.entries())
    assert sorted(receipt.id for receipt in receipts) == [receipt.id for receipt in receipts]


def test_every_append_is_signed(timeline: Timeline, note: Drafter) -> None:
    """The newest checkpoint covers exactly what has been appended, in one transaction or many."""
    for count in (1, 3, 300):
        timeline.append([note(number, f"inc-{count}") for number in range(count)])
        head = open_note(timeline.checkpoint(), timeline.verifier)
        leaves = [tree.leaf_hash(stored.entry.data) for stored in timeline.entries()]
        assert (len(leaves), tree.root_of(leaves)) == (head.size, head.root)


def test_nothing_yet(timeline: Timeline) -> None:
    """A new timeline has no entries and no checkpoint, and appending nothing leaves it so."""
    assert [] == timeline.append([])
    assert "" == timeline.checkpoint()
    assert [] == timeline.entries()


def test_proofs(timeline: Timeline, note: Drafter) -> None:
    """Inclusion and consistency proofs from the stored nodes verify, across the borders of tiles."""
    timeline.append([note(number) for number in range(600)])
    leaves = [tree.leaf_hash(stored.entry.data) for stored in timeline.entries()]
    for size in (1, 255, 256, 257, 512, 600):
        root = tree.root_of(leaves[:size])
        indexes = sorted({0, size // 2, size - 1})
        for index, proof in zip(indexes, timeline.proofs(indexes, size), strict=True):
            tree.verify_inclusion(leaves[index], index, size, proof, root)
        proof = timeline.consistency(size, 600)
        tree.verify_consistency(size, 600, proof, root, tree.root_of(leaves))


def test_higher_nodes_are_used(timeline: Timeline, note: Drafter) -> None:
    """Above 65,536 leaves the second stored level comes into use; simulated by a proof that reads level 8."""
    timeline.append([note(number) for number in range(1_024)])
    leaves = [tree.leaf_hash(stored.entry.data) for stored in timeline.entries()]
    [proof] = timeline.proofs([700], 1_024)
    assert tree.root_of(leaves[:512]) == proof[-1]


def test_scopes(timeline: Timeline, note: Drafter) -> None:
    """Entries are found again by their scope, alone or within an incident; no scope finds nothing."""
    timeline.append([note(0, scope="a/1"), note(1, scope="a/2"), note(2), note(0, "inc-2", scope="a/1")])
    assert [0, 3] == [stored.idx for stored in timeline.entries(scope="a/1")]
    assert [0] == [stored.idx for stored in timeline.entries("inc-1", "a/1")]
    assert "a/2" == timeline.entries(scope="a/2")[0].scope
    assert [] == timeline.entries(scope="")


def test_idempotence(opened: Opener, note: Drafter) -> None:
    """The same draft is one entry: in one call, in the next, and after the timeline was opened again."""
    timeline = opened()
    first, again = timeline.append([note(0), note(0)])
    assert (False, True) == (first.duplicate, again.duplicate)
    for reopened in (timeline, opened()):
        [third] = reopened.append([note(0)])
        assert (first.idx, first.id, first.seq, True, False) == (
            third.idx,
            third.id,
            third.seq,
            third.duplicate,
            third.conflict,
        )
    assert 1 == len(timeline.entries())


@pytest.mark.parametrize("together", [True, False])
def test_conflict(timeline: Timeline, note: Drafter, together: bool) -> None:
    """Another content under the same name never overwrites: it leaves an entry that says so, once."""
    other = note(0, say="Another")
    calls = [[note(0), other]] if together else [[note(0)], [other]]
    receipts = [receipt for call in calls for receipt in timeline.append(call)]
    assert (receipts[0].idx, True, True) == (receipts[1].idx, receipts[1].duplicate, receipts[1].conflict)
    timeline.append([other])
    stands, conflict = timeline.entries("inc-1")
    assert ("Note 0", Kind.CONFLICT, stands.entry.id) == (
        stands.entry.body["say"],
        conflict.entry.kind,
        conflict.entry.ref,
    )


@pytest.mark.parametrize(
    "change",
    [
        {"kind": Kind.ANSWER},
        {"incident": "inc-2"},
        {"scope": "other"},
        {"ref": "other"},
        {"body": {"say": "other"}},
    ],
)
def test_what_makes_a_conflict(timeline: Timeline, change: dict[str, Any]) -> None:
    """Kind, incident, scope, reference and body belong to what a name stands for."""
    fields: dict[str, Any] = {"kind": Kind.NOTE, "incident": "inc-1", "idem": "x", "body": {"say": "1"}, "scope": "s"}
    timeline.append([Draft(**fields)])
    [receipt] = timeline.append([Draft(**fields | change)])
    assert receipt.conflict


def test_all_or_nothing(timeline: Timeline, note: Drafter) -> None:
    """One draft that cannot be recorded takes the others of its call with it."""
    with pytest.raises(EntryError):
        timeline.append([note(0), note(1, bad=1.5)])
    assert [] == timeline.entries()


def test_expectation(timeline: Timeline, note: Drafter) -> None:
    """An append that counts on the incident's length is refused when it has grown."""
    timeline.append([note(0)])
    with pytest.raises(MovedError):
        timeline.commit([timeline.prepare(note(1))], expect=("inc-1", 0))
    timeline.commit([timeline.prepare(note(1))], expect=("inc-1", 1))
    assert 2 == len(timeline.entries("inc-1"))


def test_evidence(timeline: Timeline, note: Drafter) -> None:
    """Evidence is stored once, alone or with the entry that names it, and found by its digest."""
    digest = timeline.put_evidence(b"answer")
    assert (sha256_hex(b"answer"), b"answer") == (digest, timeline.evidence(digest))
    assert digest == timeline.put_evidence(b"answer")
    draft = note(0)
    timeline.append([Draft(draft.kind, draft.incident, draft.idem, draft.body, attachments=(b"answer", b"more"))])
    assert b"more" == timeline.evidence(sha256_hex(b"more"))
    assert timeline.evidence("00" * 32) is None


def test_changed_evidence_is_noticed(timeline: Timeline) -> None:
    """Evidence that is not what its digest says is not handed out."""
    digest = timeline.put_evidence(b"answer")
    shell(timeline.path, "UPDATE evidence SET data = x'00'", trigger_free=True)
    with pytest.raises(TimelineError, match="was changed"):
        timeline.evidence(digest)


@pytest.mark.parametrize("table", ["entry", "node", "checkpoint", "evidence"])
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
def test_guards(timeline: Timeline, note: Drafter, table: str, recursive: str) -> None:
    """No row can be updated, deleted or replaced by accident, whatever a connection's settings are."""
    timeline.append([note(number) for number in range(256)])
    timeline.put_evidence(b"answer")
    database = sqlite3.connect(timeline.path)
    database.execute(f"PRAGMA recursive_triggers={recursive}")
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    same = f"SELECT {', '.join(columns)} FROM {table} LIMIT 1"
    for statement in (
        f"UPDATE {table} SET {columns[-1]} = {columns[-1]}",
        f"DELETE FROM {table}",
        f"INSERT OR REPLACE INTO {table} {same}",
        f"INSERT OR IGNORE INTO {table} {same}",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="the timeline"):
            database.execute(statement)
    database.close()


def test_guard_against_gaps_and_stolen_names(timeline: Timeline, note: Drafter) -> None:
    """An entry can neither skip an index nor take the name of another."""
    timeline.append([note(0)])
    database = sqlite3.connect(timeline.path)
    for idx, idem in ((2, "new"), (0, "new"), (1, "inc-1/note/0"), (None, "new")):
        with pytest.raises(sqlite3.IntegrityError, match="only grows"):
            database.execute("INSERT OR REPLACE INTO entry VALUES (?,?,'',0,'',x'',x'')", (idx, idem))
    database.close()


ATTACKS = {
    "edit a byte": ("UPDATE entry SET body = CAST(replace(body, 'Note 3', 'Note X') AS BLOB) WHERE idx = 3",),
    "edit a hash": ("UPDATE entry SET leaf = x'00' WHERE idx = 3",),
    "delete an entry": ("DELETE FROM entry WHERE idx = 3",),
    "delete the first": ("DELETE FROM entry WHERE idx = 0",),
    "reorder": (
        "UPDATE entry SET idx = 1000 WHERE idx = 3",
        "UPDATE entry SET idx = 3 WHERE idx = 4",
        "UPDATE entry SET idx = 4 WHERE idx = 1000",
    ),
    "cut the tail": ("DELETE FROM entry WHERE idx >= 270",),
    "edit a node": ("UPDATE node SET hash = zeroblob(32)",),
    "delete the nodes": ("DELETE FROM node",),
    "delete the checkpoints": ("DELETE FROM checkpoint",),
    "delete the last checkpoint": ("DELETE FROM checkpoint WHERE size = 290",),
    "edit the checkpoint": ("UPDATE checkpoint SET note = replace(note, '290', '289') WHERE size = 290",),
    "put an entry in": ("INSERT INTO entry SELECT 290, 'new', incident, 290, '', leaf, body FROM entry WHERE idx = 0",),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_attacks_are_caught_on_opening(opened: Opener, note: Drafter, attack: tuple[str, ...]) -> None:
    """Whoever owns the file and drops its triggers is found out when it is opened again; nothing more is signed."""
    timeline = opened()
    timeline.append([note(number) for number in range(280)])
    timeline.append([note(number) for number in range(280, 290)])
    timeline.close()
    shell(timeline.path, *attack, trigger_free=True)
    with pytest.raises(TimelineError, match="is not what was signed") as caught:
        opened()
    assert "nothing more will be signed" in caught.value.changed


@pytest.mark.parametrize(
    "attack", ["cut the tail", "delete the last checkpoint", "edit the checkpoint", "put an entry in"]
)
def test_attacks_on_a_running_timeline_are_caught(timeline: Timeline, note: Drafter, attack: str) -> None:
    """A running process refuses to sign on when another has changed the end of the log under it."""
    timeline.append([note(number) for number in range(280)])
    timeline.append([note(number) for number in range(280, 290)])
    shell(timeline.path, *ATTACKS[attack], trigger_free=True)
    for _ in range(2):
        with pytest.raises(TimelineError, match="is not what was signed"):
            timeline.append([note(1_000)])


def test_a_stolen_file_without_its_key_is_useless(opened: Opener, note: Drafter, tmp_path: Path) -> None:
    """A log whose key is gone is not continued with another one."""
    timeline = opened()
    timeline.append([note(0)])
    timeline.close()
    (tmp_path / "timeline.key").unlink()
    with pytest.raises(UsageError, match="does not exist"):
        opened()
    create_signer(tmp_path / "timeline.key", LOG)
    with pytest.raises(TimelineError, match="is not what was signed"):
        opened()


def test_two_writers_of_one_file(opened: Opener, note: Drafter) -> None:
    """Each follows what the other has appended, and the chain has no gap."""
    one, two = opened(), opened()
    for number in range(6):
        (one if number % 2 else two).append([note(number)])
    assert list(range(6)) == [stored.entry.seq for stored in one.entries("inc-1")]
    opened()


def test_a_clock_set_back_is_recorded(timeline: Timeline, note: Drafter) -> None:
    """When the wall clock steps backwards, an entry says so; the order of entries stays."""
    now = datetime(2026, 11, 23, 15, 51, tzinfo=UTC)
    timeline.clock = lambda: now
    timeline.append([note(0)])
    timeline.clock = lambda: now - timedelta(hours=1)
    timeline.append([note(1)])
    timeline.append([note(2)])
    kinds = [stored.entry.kind for stored in timeline.entries()]
    assert [Kind.NOTE, Kind.CLOCK_REGRESSED, Kind.NOTE, Kind.NOTE] == kinds
    assert "2026-11-23T15:51:00.000000Z" == timeline.entries()[1].entry.body["from"]


def test_disk_full(tmp_path: Path, note: Drafter) -> None:
    """A full disk refuses the append as a whole, says so, and the timeline goes on when there is space again."""
    path = tmp_path / "full.sqlite"
    database, reader = connect(path, busy_seconds=1.0), connect(path, busy_seconds=1.0, readonly=True)
    with Timeline(path, database, reader, create_signer(tmp_path / "full.key", LOG)) as timeline:
        timeline.append([note(0)])
        database.execute(f"PRAGMA max_page_count={pragma(database, 'page_count') + 4}")
        with pytest.raises(TimelineError, match="the disk is full") as caught:
            timeline.append([note(number, say="x" * 5_000) for number in range(1, 200)])
        assert "Nothing of this was recorded." == caught.value.changed
        assert 1 == len(timeline.entries())
        database.execute("PRAGMA max_page_count=1073741823")
        [receipt] = timeline.append([note(1)])
        assert (1, 1) == (receipt.idx, receipt.seq)


def test_locked(timeline: Timeline, note: Drafter) -> None:
    """A process that never lets go of the file makes appends fail with a sentence, not hang."""
    other = sqlite3.connect(timeline.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TimelineError, match="another process holds it"):
        timeline.append([note(0)])
    other.execute("ROLLBACK")
    other.close()
    assert 0 == timeline.append([note(0)])[0].idx


def test_reading_only(timeline: Timeline, note: Drafter) -> None:
    """A timeline that is open for reading shows everything and signs nothing."""
    timeline.append([note(0)])
    with Timeline.read(timeline.path) as reader:
        assert 1 == len(reader.entries())
        with pytest.raises(TimelineError, match="open for reading only"):
            reader.append([note(1)])


def test_wrong_files(opened: Opener, tmp_path: Path) -> None:
    """A missing file, a file that is no database, and another program's database are refused and left alone."""
    path = tmp_path / "timeline.sqlite"
    with pytest.raises(UsageError, match="There is no timeline"):
        Timeline.read(path)
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(TimelineError, match="not a database"):
        opened()
    path.unlink()
    shell(path, "CREATE TABLE mine (x)")
    with pytest.raises(UsageError, match="is a database, but not a timeline"):
        opened()
    path.unlink()
    shell(path, "PRAGMA application_id=1")
    with pytest.raises(UsageError, match="is not a timeline"):
        opened()


def test_another_format(timeline: Timeline, opened: Opener) -> None:
    """A file of a later version is refused with both versions named."""
    shell(timeline.path, "PRAGMA user_version=2")
    with pytest.raises(FiredoorError, match="has format 2, and this firedoor knows format 1"):
        opened()
