"""What may be erased: the values behind the digests of the timeline, in a SQLite file of their own.

The timeline only grows and is never changed; people have a right to be forgotten. So an entry holds salted digests
(`sealed`), and this file the values, by the subject that they are about. Why a file of its own: docs/adr/0015.
"""

import hashlib
import json
import secrets
import sqlite3
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

from firedoor import sqlite
from firedoor.errors import FiredoorError, RefusedError
from firedoor.sqlite import Kind, transaction
from firedoor.timeline.sealed import Disclosed, digest_of, disclosure, opened

BUSY_SECONDS = 10.0
#: 128 bits, as the RFC recommends.
SALT_BYTES = 16
#: The subject of a hold on everything.
EVERYBODY = "*"

_TABLES = (
    # In the order in which they were sealed, so that values cost no more pages than they fill. To find a digest or a
    # subject is to read all of it: exports do that, once for all digests, and erasures, which rewrite the file anyway.
    # Of what was erased the digest stays.
    """CREATE TABLE disclosure (
        number INTEGER PRIMARY KEY,
        digest TEXT NOT NULL,
        subject TEXT,
        text TEXT
    ) STRICT""",
    # What was sealed under a name gets the same digests when it is sealed again: the numbers from `first` on.
    """CREATE TABLE named (
        name BLOB PRIMARY KEY,
        first INTEGER NOT NULL,
        count INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE hold (
        subject TEXT PRIMARY KEY,
        reason TEXT NOT NULL,
        by TEXT NOT NULL,
        at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
)
#: Format 1 had the values by their digests, which stand anywhere.
_FROM_1 = (
    "DROP INDEX disclosure_subject",
    "ALTER TABLE disclosure RENAME TO disclosure_1",
    "ALTER TABLE named RENAME TO named_1",
    *_TABLES[:2],
    """INSERT INTO disclosure SELECT row_number() OVER (ORDER BY name, position), digest, subject, text
        FROM named_1 LEFT JOIN disclosure_1 USING (digest)""",
    """INSERT INTO named SELECT name, min(number), count(*) FROM
        (SELECT name, row_number() OVER (ORDER BY name, position) AS number FROM named_1) GROUP BY name""",
    """INSERT INTO disclosure (digest, subject, text) SELECT digest, subject, text FROM disclosure_1
        WHERE digest NOT IN (SELECT digest FROM named_1)""",
    "DROP TABLE disclosure_1",
    "DROP TABLE named_1",
)

_NEXT = "SELECT coalesce(max(number), 0) + 1 FROM disclosure"
#: One statement for all: at each one Python gives other threads their turn, and takes its own again later.
_KEEP = """INSERT INTO disclosure SELECT ? + key, json_extract(value, '$[0]'), json_extract(value, '$[1]'),
    json_extract(value, '$[2]') FROM json_each(?)"""
_NAMED = """SELECT digest FROM named JOIN disclosure ON number BETWEEN first AND first + count - 1 WHERE name = ?
    ORDER BY number"""
_TEXTS = "SELECT digest, text FROM disclosure WHERE digest IN (SELECT value FROM json_each(?)) AND text IS NOT NULL"

#: "FDds".
KIND = Kind("disclosures", application_id=0x46446473, format=2, tables=_TABLES, upgrades={1: _FROM_1})


class DisclosureError(FiredoorError):
    """The store of disclosures cannot be read or written."""

    reason = "record_failed"


class Value(NamedTuple):
    """A value to be sealed: whom it is about, what it is called, and itself (JSON)."""

    subject: str
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: nothing about the subject (`*`: about anybody) may be erased. `at` is RFC 3339, UTC."""

    subject: str
    reason: str
    by: str
    at: str


class Disclosures:
    """An open store. Threads and processes may share the file; every call is one durable transaction."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self.path = path
        self._database = database
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file; create it where there is none. Raises `DisclosureError`, `UsageError` for another file."""
        with _explained(path):
            database = KIND.open(path, BUSY_SECONDS)
            # What is deleted is overwritten, and does not wait in a free page for somebody who looks.
            database.execute("PRAGMA secure_delete=ON")
        return cls(path, database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def seal(self, subject: str, values: Sequence[tuple[str, Any]], *, name: str = "") -> list[str]:
        """The digests of what is known of one subject: `(key, value)` each. See `seal_all`."""
        return self.seal_all([Value(subject, key, value) for key, value in values], name=name)

    def seal_all(self, values: Sequence[Value], *, name: str = "") -> list[str]:
        """Keep values, of any subjects, and return their digests in that order. They are durable when it returns.

        Sealed again under the same `name` (that of the entry which will hold them) they have the same digests, so that
        an entry which is written twice is one; also if the values were erased meanwhile, which stay so. Raises
        `DisclosureError`; then nothing was kept.
        """
        mark = hashlib.sha256(name.encode()).digest() if name else b""
        with self._changing() as database:
            if mark and (known := _named(database, mark)):
                if len(known) != len(values):
                    raise DisclosureError(
                        f"{name} was sealed with {len(known)} values, and now has {len(values)}.",
                        changed="Nothing was stored.",
                        next="This is a mistake in whoever records it. Report it with this message.",
                    )
                return known
            texts = [disclosure(secrets.token_urlsafe(SALT_BYTES), one.key, one.value) for one in values]
            digests = [digest_of(text) for text in texts]
            rows = [(digest, one.subject, text) for digest, one, text in zip(digests, values, texts, strict=True)]
            first: int = database.execute(_NEXT).fetchone()[0]
            database.execute(_KEEP, (first, json.dumps(rows)))
            if mark and rows:
                database.execute("INSERT INTO named VALUES (?,?,?)", (mark, first, len(rows)))
        return digests

    def value(self, digest: str) -> Disclosed | None:
        """What is behind a digest; None where it was erased, or never was."""
        text = self.texts([digest]).get(digest)
        return None if text is None else opened(text)

    def texts(self, digests: Iterable[str]) -> dict[str, str]:
        """The disclosures of digests, as far as there are any: one look through the file for all of them."""
        with self._lock, _explained(self.path):
            return dict(self._database.execute(_TEXTS, (json.dumps(list(digests)),)))

    def of(self, subject: str) -> list[str]:
        """The digests of everything that is kept about a subject, in their order."""
        query = "SELECT digest FROM disclosure WHERE subject = ? ORDER BY digest"
        with self._lock, _explained(self.path):
            return [row[0] for row in self._database.execute(query, (subject,))]

    def hold(self, hold: Hold) -> None:
        """Let nothing about a subject be erased until `release`."""
        with self._changing() as database:
            database.execute(
                "INSERT OR REPLACE INTO hold VALUES (?,?,?,?)", (hold.subject, hold.reason, hold.by, hold.at)
            )

    def release(self, subject: str) -> bool:
        """End a hold. False where there was none."""
        with self._changing() as database:
            return bool(database.execute("DELETE FROM hold WHERE subject = ?", (subject,)).rowcount)

    def holds(self) -> list[Hold]:
        """Every hold, by subject."""
        with self._lock, _explained(self.path):
            return [Hold(*row) for row in self._database.execute("SELECT * FROM hold ORDER BY subject")]

    def refuse_held(self, subject: str) -> None:
        """Raise `RefusedError` while a hold keeps what is known of a subject."""
        with self._lock, _explained(self.path):
            _refuse_held(self._database, subject)

    def erase(self, subject: str) -> int:
        """Delete everything that is kept about a subject, for good; returns how many values that were.

        Raises `RefusedError` while it is on hold. Whoever calls it has recorded it: `erasure.erase_subject` does both.
        """
        with self._changing() as database:
            _refuse_held(database, subject)
            query = "UPDATE disclosure SET subject = NULL, text = NULL WHERE subject = ?"
            return database.execute(query, (subject,)).rowcount

    def scour(self) -> bool:
        """Rewrite the file without what was deleted, and empty its log. False while somebody else reads it."""
        with self._lock, _explained(self.path):
            return sqlite.scour(self._database)

    @contextmanager
    def _changing(self) -> Generator[sqlite3.Connection]:
        with self._lock, _explained(self.path), transaction(self._database):
            yield self._database


def _named(database: sqlite3.Connection, mark: bytes) -> list[str]:
    return [row[0] for row in database.execute(_NAMED, (mark,))]


def _refuse_held(database: sqlite3.Connection, subject: str) -> None:
    query = "SELECT * FROM hold WHERE subject IN (?, ?) ORDER BY subject DESC"
    row = database.execute(query, (subject, EVERYBODY)).fetchone()
    if row is None:
        return
    one = Hold(*row)
    whose = "Everything" if one.subject == EVERYBODY else f"What is kept about {subject}"
    raise RefusedError(
        f"{whose} is on legal hold since {one.at[:10]}, by {one.by}: {one.reason}",
        changed="Nothing was erased.",
        next=f"Ask them. `firedoor erase '{one.subject}' --release --reason TEXT` ends the hold.",
    )


def _explained(path: Path) -> AbstractContextManager[None]:
    return sqlite.explained(DisclosureError, f"The disclosures in {path} cannot be used", "Nothing was changed.")
