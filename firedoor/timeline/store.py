"""The store of a timeline: one SQLite file, appended to and read. The only I/O of entries, tree and checkpoints.

Each append is one durable transaction (WAL, synchronous=FULL) that ends in a signed checkpoint. Several threads and
processes may append to one file. Never open it over a network share.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from firedoor.canonical import sha256_hex
from firedoor.names import named
from firedoor.sqlite import pragma
from firedoor.timeline import tree
from firedoor.timeline.batch import Batch, Head, Receipt, Stamp, Stored
from firedoor.timeline.checkpoint import (
    Checkpoint,
    CheckpointError,
    Signer,
    Verifier,
    b64,
    create_signer,
    load_signer,
    open_note,
)
from firedoor.timeline.database import connect, explained
from firedoor.timeline.entry import Draft, Entry, Kind, Prepared, TimelineError, prepare
from firedoor.timeline.nodes import STORED_LEVELS, Nodes

__all__ = ["MovedError", "Receipt", "Stored", "Timeline"]

_CACHED_HEADS = 10_000
_ROW = "(?,?,?,?,?,?,?)"
#: By number of rows. Each execution waits for the interpreter's lock, so a few large ones beat many small ones.
_INSERTS = {
    size: " ".join(("INSERT OR ROLLBACK INTO entry VALUES", ",".join([_ROW] * size))) for size in (64, 16, 4, 1)
}
#: By whether an incident and a scope are asked for. `scope != ''` lets SQLite use the index of scopes, which leaves
#: out the empty one.
_QUERIES = {
    (False, False): "SELECT idx, body, scope FROM entry ORDER BY idx",
    (True, False): "SELECT idx, body, scope FROM entry WHERE incident = ? ORDER BY idx",
    (False, True): "SELECT idx, body, scope FROM entry WHERE scope = ? AND scope != '' ORDER BY idx",
    (True, True): "SELECT idx, body, scope FROM entry WHERE incident = ? AND scope = ? AND scope != '' ORDER BY idx",
}


class MovedError(TimelineError):
    """The incident has got another entry since it was read."""

    reason = "moved"


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Timeline:
    """An open timeline. `open` to write, `read` to look."""

    def __init__(
        self, path: Path, database: sqlite3.Connection, reader: sqlite3.Connection, signer: Signer | None
    ) -> None:
        self.path = path
        self.clock: Callable[[], datetime] = utc_now
        self._database = database
        self._reader = reader
        self._signer = signer
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._edge = tree.Edge()
        self._heads: dict[str, Head] = {}
        self._version = -1
        self._last_at = ""
        self._boot = _boot_id()

    @classmethod
    def open(cls, path: Path, key_path: Path, log: str, *, busy_seconds: float = 10.0) -> Self:
        """Open for writing; create file and signing key (mode 0600) where there is no timeline yet.

        Every entry is hashed again and the root compared with the newest checkpoint: about 4 s for a million entries.
        Raises `TimelineError` when they disagree, and `UsageError` when file or key are not what they should be.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        database = connect(path, busy_seconds=busy_seconds)
        try:
            with explained(path):
                empty = database.execute("SELECT max(idx) FROM entry").fetchone()[0] is None
            signer = create_signer(key_path, log) if empty else load_signer(key_path, log)
            reader = connect(path, busy_seconds=busy_seconds, readonly=True)
        except BaseException:
            database.close()
            raise
        timeline = cls(path, database, reader, signer)
        try:
            timeline.audit()
        except BaseException:
            timeline.close()
            raise
        return timeline

    @classmethod
    def read(cls, path: Path) -> Self:
        """Open for reading only; needs no key. Raises `UsageError` when there is no timeline."""
        reader = connect(path, busy_seconds=10.0, readonly=True)
        return cls(path, reader, reader, None)

    def close(self) -> None:
        """Close the file. Appends that have returned are durable."""
        with self._writing, self._reading:
            self._database.close()
            self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def signer(self) -> Signer:
        """Who signs. Raises `TimelineError` in a timeline that is open for reading."""
        if self._signer is None:
            raise TimelineError(f"The timeline {self.path} is open for reading only.", changed="Nothing was recorded.")
        return self._signer

    @property
    def verifier(self) -> Verifier:
        """The public key of this log."""
        return self.signer.verifier

    def prepare(self, draft: Draft) -> Prepared:
        """Check a draft and write its bytes, for `commit`. Raises `EntryError`."""
        return prepare(draft, self.signer.name)

    def append(self, drafts: Sequence[Draft]) -> list[Receipt]:
        """Append in one durable transaction, all or nothing. Raises `TimelineError`; then nothing was recorded."""
        return self.commit([self.prepare(draft) for draft in drafts])

    def commit(self, prepared: Sequence[Prepared], *, expect: tuple[str, int] | None = None) -> list[Receipt]:
        """Append what `prepare` made. With `expect` = (incident, count), only if the incident has that many entries.

        Raises `MovedError` if it has not, `TimelineError` otherwise; then nothing was recorded.
        """
        with self._writing, explained(self.path):
            try:
                return self._commit(prepared, expect, again=False)
            except sqlite3.IntegrityError:
                # A guard has found a name that is already there: a retry. Now every name is looked up.
                return self._commit(prepared, expect, again=True)

    def _commit(self, prepared: Sequence[Prepared], expect: tuple[str, int] | None, *, again: bool) -> list[Receipt]:
        with self._transaction() as database:
            self._refresh()
            if expect is not None and self._head(expect[0])[0] != expect[1]:
                raise MovedError(f"Incident {expect[0]} has got another entry since it was read.")
            batch = self._batch(self._known if again else _unknown)
            receipts = [batch.add(item) for item in prepared]
            for item in prepared:
                for blob in item.draft.attachments:
                    _put(database, blob)
            if batch.rows:
                self._write(database, batch, self.signer)
            else:
                database.execute("COMMIT")
            self._edge = batch.edge
            self._last_at = max(self._last_at, batch.recorded_at)
            if len(self._heads) > _CACHED_HEADS:
                self._heads.clear()
            self._heads.update(batch.heads)
        return receipts

    def _batch(self, known: Callable[[str], Stored | None]) -> Batch:
        stamp = Stamp(self.clock(), time.monotonic_ns() // 1000, self._boot)
        batch = Batch(self.signer.name, self._edge.copy(), stamp, known=known, head=self._head)
        if stamp.recorded_at < self._last_at:
            body = {"actor": {"kind": "system", "id": "timeline"}, "from": self._last_at, "to": stamp.recorded_at}
            body["say"] = "The clock of this machine was set back. The order of entries is their index, not their time."
            idem = f"clock/{self._last_at}/{stamp.recorded_at}"
            batch.add(self.prepare(Draft(Kind.CLOCK_REGRESSED, "", idem, body)))
        return batch

    def _write(self, database: sqlite3.Connection, batch: Batch, signer: Signer) -> None:
        start = 0
        for size, statement in _INSERTS.items():
            while len(batch.rows) - start >= size:
                database.execute(statement, [value for row in batch.rows[start : start + size] for value in row])
                start += size
        if batch.nodes:
            nodes = [(level, index, value) for (level, index), value in batch.nodes.items()]
            database.executemany("INSERT OR ROLLBACK INTO node VALUES (?,?,?)", nodes)
        note = signer.sign(Checkpoint(signer.name, batch.edge.size, batch.edge.root()))
        database.execute("INSERT OR ROLLBACK INTO checkpoint VALUES (?,?)", (batch.edge.size, note))
        database.execute("COMMIT")

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
        except BaseException:
            # Whatever was in memory may be ahead of the file: read it again before the next append.
            self._version = -1
            raise
        finally:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")

    def _refresh(self) -> None:
        """Follow what other processes have appended, and refuse to go on from a log that does not fit."""
        version = pragma(self._database, "data_version")
        if version == self._version:
            return
        edge = self._edge.copy()
        rows = self._database.execute("SELECT idx, body FROM entry WHERE idx >= ? ORDER BY idx", (edge.size,))
        for idx, body in rows:
            if idx != edge.size:
                raise self._disagrees(f"entry {edge.size} is missing")
            edge.append(tree.leaf_hash(body))
        self._check_head(edge)
        last = self._database.execute("SELECT body FROM entry WHERE idx = ?", (edge.size - 1,)).fetchone()
        self._last_at = Entry.parse(last[0]).recorded_at if last else ""
        self._edge, self._version = edge, version
        self._heads.clear()

    def _check_head(self, edge: tree.Edge) -> None:
        row = self._database.execute("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()
        size, note = row or (0, "")
        last = self._database.execute("SELECT coalesce(max(idx), -1) FROM entry").fetchone()[0]
        if last + 1 != edge.size:
            raise self._disagrees(f"there were {edge.size} entries and there are {last + 1}")
        if size != edge.size:
            raise self._disagrees(f"the newest checkpoint counts {size} entries and there are {edge.size}")
        if size:
            try:
                found = open_note(note, self.signer.verifier)
            except CheckpointError as error:
                raise self._disagrees(f"the newest checkpoint is not valid: {error}") from None
            if (found.size, found.root) != (edge.size, edge.root()):
                raise self._disagrees("the entries do not have the root that the newest checkpoint signs")

    def audit(self) -> None:
        """Hash every entry again and compare leaves, nodes and newest checkpoint. Raises `TimelineError`."""
        with self._writing, explained(self.path):
            self._database.execute("BEGIN")
            try:
                edge, nodes = tree.Edge(), dict[tuple[int, int], bytes]()
                for idx, leaf, body in self._database.execute("SELECT idx, leaf, body FROM entry ORDER BY idx"):
                    if idx != edge.size:
                        raise self._disagrees(f"entry {edge.size} is missing")
                    if tree.leaf_hash(body) != leaf:
                        raise self._disagrees(f"entry {idx} was changed")
                    edge.append(leaf, nodes, STORED_LEVELS)
                stored = {(level, index): value for level, index, value in self._database.execute("SELECT * FROM node")}
                if stored != nodes:
                    raise self._disagrees("the stored hashes of the tree were changed")
                self._check_head(edge)
                self._edge = edge
            finally:
                self._database.execute("ROLLBACK")

    def _disagrees(self, what: str) -> TimelineError:
        return TimelineError(
            f"The timeline {self.path} is not what was signed: {what}.",
            changed="Nothing was recorded, and nothing more will be signed.",
            next="Keep this file as evidence, restore the newest backup beside it, and find out who changed it.",
        )

    def _known(self, idem: str) -> Stored | None:
        row = self._database.execute("SELECT idx, body, scope FROM entry WHERE idem = ?", (idem,)).fetchone()
        return Stored(row[0], Entry.parse(row[1]), row[2]) if row else None

    def _head(self, incident: str) -> Head:
        """The next number of an incident, and the `prev` of its next entry as JSON."""
        head = self._heads.get(incident)
        if head is None:
            row = self._database.execute(
                "SELECT seq, leaf FROM entry WHERE incident = ? ORDER BY idx DESC LIMIT 1", (incident,)
            ).fetchone()
            head = (row[0] + 1, b'"%s"' % b64(row[1]).encode()) if row else (0, b'""')
        return head

    def entries(self, incident: str | None = None, scope: str | None = None) -> list[Stored]:
        """Entries in their order: all, those of an incident, or those recorded under a scope."""
        query = _QUERIES[incident is not None, scope is not None]
        values = [value for value in (incident, scope) if value is not None]
        with self._reading, explained(self.path):
            rows = self._reader.execute(query, values).fetchall()
        return [Stored(idx, Entry.parse(body), scope) for idx, body, scope in rows]

    def incidents(self) -> list[str]:
        """The ids of all incidents, in the order of their first entries."""
        query = "SELECT incident FROM entry WHERE incident > '' GROUP BY incident ORDER BY min(idx)"
        with self._reading, explained(self.path):
            return [row[0] for row in self._reader.execute(query)]

    def find(self, text: str, otherwise: str = "") -> str:
        """The id of an incident, by the whole of it or by a part that only one begins or ends with.

        What plans read is on record too: it is found by its name, and not offered. Raises `UsageError`, which ends in
        `otherwise`.
        """
        every = self.incidents()
        known = every if text in every else [name for name in every if not name.startswith("plan.")]
        return named(
            text, dict.fromkeys(known, ""), nowhere=f"The timeline has no incident {text!r}", otherwise=otherwise
        )

    def checkpoint(self) -> str:
        """The newest signed checkpoint; empty while nothing has been recorded."""
        with self._reading, explained(self.path):
            row = self._reader.execute("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()
        return row[0] if row else ""

    def proofs(self, indexes: Sequence[int], size: int) -> list[list[bytes]]:
        """The inclusion proofs of entries in the tree of `size` entries."""
        with self._reading, explained(self.path):
            nodes = Nodes(self._reader)
            return [tree.inclusion_proof(index, size, nodes) for index in indexes]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree of `new` entries extends the tree of `old` entries."""
        with self._reading, explained(self.path):
            return tree.consistency_proof(old, new, Nodes(self._reader))

    def put_evidence(self, data: bytes) -> str:
        """Store evidence durably; returns its SHA-256 in hex. Evidence of an entry is cheaper as its attachment."""
        with self._writing, explained(self.path), self._transaction() as database:
            digest = _put(database, data)
            database.execute("COMMIT")
        return digest

    def evidence(self, sha256: str) -> bytes | None:
        """Stored evidence, or None. Raises `TimelineError` when it is not what was stored."""
        with self._reading, explained(self.path):
            row = self._reader.execute("SELECT data FROM evidence WHERE sha256 = ?", (sha256,)).fetchone()
        if row is None:
            return None
        data: bytes = row[0]
        if sha256_hex(data) != sha256:
            raise self._disagrees(f"the evidence {sha256} was changed")
        return data


def _put(database: sqlite3.Connection, data: bytes) -> str:
    digest = sha256_hex(data)
    if database.execute("SELECT 1 FROM evidence WHERE sha256 = ?", (digest,)).fetchone() is None:
        database.execute("INSERT OR ROLLBACK INTO evidence VALUES (?,?)", (digest, data))
    return digest


def _unknown(idem: str) -> None:
    """What is known of a name before the guards have objected to it."""


def _boot_id() -> str:
    """The id of this boot; empty where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
