"""The store of a timeline: one SQLite file, appended to and read. The only I/O of entries, tree and checkpoints.

Each append is one durable transaction (WAL, synchronous=FULL) that ends in a signed checkpoint. Several threads and
processes may append to one file. Never open it over a network share.
"""

import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from firedoor.canonical import canonical_bytes, sha256_hex
from firedoor.timeline import tree
from firedoor.timeline.checkpoint import Checkpoint, CheckpointError, Signer, Verifier, b64, create_signer, load_signer, open_note
from firedoor.timeline.database import connect, explained, pragma
from firedoor.timeline.entry import Draft, Entry, Kind, Prepared, TimelineError, prepare
from firedoor.timeline.nodes import STORED_LEVELS, Nodes

#: Rows of one INSERT. Each statement gives up the interpreter's lock once, so few large ones beat many small ones.
_CHUNKS = (128, 32, 8, 1)
_COLUMNS = "idx, idem, incident, seq, scope, leaf, body"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A durable entry: its index in the log, its id, its number in the incident.

    `duplicate`: it was there before. `conflict`: it was there before with other content; the attempt to overwrite it is
    recorded as an entry of its own.
    """

    idx: int
    id: str
    seq: int
    duplicate: bool = False
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry with its place in the log."""

    idx: int
    entry: Entry
    scope: str = ""


class MovedError(TimelineError):
    """The incident has got another entry since it was read."""

    reason = "moved"


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Timeline:
    """An open timeline. `open` to write, `read` to look."""

    def __init__(self, path: Path, database: sqlite3.Connection, reader: sqlite3.Connection, signer: Signer | None) -> None:
        self.path = path
        self.clock: Callable[[], datetime] = utc_now
        self._database = database
        self._reader = reader
        self._signer = signer
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._edge = tree.Edge()
        self._heads: dict[str, tuple[int, bytes]] = {}
        self._version = -1
        self._latest = ""
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
        signer = self.signer
        with self._writing, explained(self.path), self._transaction() as database:
            self._refresh()
            if expect is not None and self._head(expect[0])[0] != expect[1]:
                raise MovedError(f"Incident {expect[0]} has got another entry since it was read.")
            batch = _Batch(self, self._edge.copy(), self._known(prepared))
            receipts = [batch.add(item) for item in prepared]
            self._put_evidence(database, [blob for item in prepared for blob in item.draft.attachments])
            if batch.rows:
                self._latest = self._write(database, batch, signer)
            else:
                database.execute("COMMIT")
            self._edge = batch.edge
            self._heads.update(batch.heads)
        return receipts

    def _write(self, database: sqlite3.Connection, batch: "_Batch", signer: Signer) -> str:
        start = 0
        for size in _CHUNKS:
            while len(batch.rows) - start >= size:
                values = ",".join(["(?,?,?,?,?,?,?)"] * size)
                flat = [value for row in batch.rows[start : start + size] for value in row]
                database.execute(f"INSERT INTO entry ({_COLUMNS}) VALUES {values}", flat)
                start += size
        if batch.nodes:
            nodes = [(level, index, value) for (level, index), value in batch.nodes.items()]
            database.executemany("INSERT INTO node VALUES (?,?,?)", nodes)
        note = signer.sign(Checkpoint(signer.name, batch.edge.size, batch.edge.root()))
        database.execute("INSERT INTO checkpoint VALUES (?,?)", (batch.edge.size, note))
        database.execute("COMMIT")
        return note

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
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
        self._edge, self._version = edge, version
        self._heads.clear()

    def _check_head(self, edge: tree.Edge) -> None:
        row = self._database.execute("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()
        size, note = row or (0, "")
        if size != edge.size:
            raise self._disagrees(f"the newest checkpoint counts {size} entries and there are {edge.size}")
        if size:
            try:
                found = open_note(note, self.signer.verifier)
            except CheckpointError as error:
                raise self._disagrees(f"the newest checkpoint is not valid: {error}") from None
            if (found.size, found.root) != (edge.size, edge.root()):
                raise self._disagrees("the entries do not have the root that the newest checkpoint signs")
        self._latest = note

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

    def _known(self, prepared: Sequence[Prepared]) -> dict[str, Stored]:
        idems = json.dumps([item.draft.idem for item in prepared])
        rows = self._database.execute(
            "SELECT e.idem, e.idx, e.body, e.scope FROM json_each(?) AS j CROSS JOIN entry AS e ON e.idem = j.value", (idems,)
        )
        return {idem: Stored(idx, Entry.parse(body), scope) for idem, idx, body, scope in rows}

    def _head(self, incident: str) -> tuple[int, bytes]:
        """The next number of an incident, and the `prev` of its next entry as JSON."""
        head = self._heads.get(incident)
        if head is None:
            row = self._database.execute(
                "SELECT seq, leaf FROM entry WHERE incident = ? ORDER BY idx DESC LIMIT 1", (incident,)
            ).fetchone()
            head = (row[0] + 1, b'"%s"' % b64(row[1]).encode()) if row else (0, b'""')
        return head
