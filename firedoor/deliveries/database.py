"""The SQLite file of deliveries: its tables, how it is opened, and what its errors mean."""

import os
import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from firedoor.errors import FiredoorError, UsageError

#: "FDdl": how `file` and we recognise it.
APPLICATION_ID = 0x4644646C
FORMAT = 1
#: Senders wait for an answer: a door says that it cannot store before they give up.
BUSY_SECONDS = 5.0

_TABLES = (
    """CREATE TABLE delivery (
        id TEXT PRIMARY KEY,
        door TEXT NOT NULL,
        source TEXT NOT NULL,
        key TEXT NOT NULL,
        received_at TEXT NOT NULL,
        headers TEXT NOT NULL,
        body BLOB NOT NULL,
        title TEXT NOT NULL DEFAULT '',
        state TEXT NOT NULL DEFAULT 'received',
        matched INTEGER NOT NULL DEFAULT 0,
        incidents TEXT NOT NULL DEFAULT '',
        reason TEXT NOT NULL DEFAULT '',
        against TEXT NOT NULL DEFAULT '',
        failed TEXT NOT NULL DEFAULT '',
        attempts INTEGER NOT NULL DEFAULT 0,
        seen INTEGER NOT NULL DEFAULT 1,
        handled_at TEXT NOT NULL DEFAULT '',
        UNIQUE (door, key)
    ) STRICT""",
    "CREATE INDEX delivery_unmatched ON delivery (id) WHERE state = 'received' AND matched = 0",
    "CREATE INDEX delivery_state ON delivery (state, id)",
    """CREATE TABLE hit (
        delivery TEXT NOT NULL REFERENCES delivery ON DELETE CASCADE,
        number INTEGER NOT NULL,
        runbook TEXT NOT NULL,
        incident TEXT NOT NULL,
        inputs TEXT NOT NULL,
        alert TEXT NOT NULL,
        alert_id TEXT NOT NULL,
        batch TEXT NOT NULL DEFAULT '',
        state TEXT NOT NULL DEFAULT 'received',
        reason TEXT NOT NULL DEFAULT '',
        at TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (delivery, number, runbook)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX hit_waiting ON hit (incident, batch) WHERE state = 'received'",
    "CREATE INDEX hit_batch ON hit (batch) WHERE batch != ''",
    "CREATE INDEX hit_alert ON hit (incident, alert_id)",
    # How many batches were reported to the run of an incident: Temporal allows 2,000.
    "CREATE TABLE incident (id TEXT PRIMARY KEY, batches INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    # Written before an incident is started, so that `max_starts` counts those whose answer never came.
    "CREATE TABLE start (batch TEXT PRIMARY KEY, runbook TEXT NOT NULL, at TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE INDEX start_at ON start (runbook, at)",
)


class StoreError(FiredoorError):
    """The store of deliveries cannot be read or written."""

    reason = "deliveries_store"


def connect(path: Path) -> sqlite3.Connection:
    """Open the file; create it (mode 0600) where there is none.

    Raises `StoreError`; `UsageError` for a file that is something else. One connection may be used by several threads,
    one at a time.
    """
    with explained(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # SQLite gives the files beside it the same mode.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise StoreError(
                f"The deliveries in {path} cannot be opened: {error.strerror}.",
                changed="Nothing was stored.",
                next="Check the owner and the mode of the file and of its folder.",
            ) from None
        database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            _prepare(database, path)
        except BaseException:
            database.close()
            raise
    return database


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    _refuse_foreign(database, path)
    _use_wal(database)
    database.execute("PRAGMA synchronous=FULL")
    database.execute("PRAGMA foreign_keys=ON")
    with transaction(database):
        if _pragma(database, "application_id") == 0:
            for statement in _TABLES:
                database.execute(statement)
            database.execute(f"PRAGMA application_id={APPLICATION_ID}")
            database.execute(f"PRAGMA user_version={FORMAT}")


def _refuse_foreign(database: sqlite3.Connection, path: Path) -> None:
    """Raises `UsageError` for a database that holds something else, before anything in it is changed."""
    found, version = _pragma(database, "application_id"), _pragma(database, "user_version")
    tables: int = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if (found, version, tables) != (0, 0, 0) and (found, version) != (APPLICATION_ID, FORMAT):
        raise UsageError(
            f"{path} does not hold deliveries in format {FORMAT} (application id {found:#x}, format {version}).",
            changed="It was not touched.",
            next="Use the version of firedoor that wrote it, or move the file away.",
        )


def _use_wal(database: sqlite3.Connection) -> None:
    # SQLite does not wait for its busy timeout here, and two processes may open a new file at the same moment.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _pragma(database: sqlite3.Connection, name: str) -> int:
    value: int = database.execute(f"PRAGMA {name}").fetchone()[0]
    return value


@contextmanager
def transaction(database: sqlite3.Connection) -> Generator[None]:
    """All or nothing, and durable when it ends."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    finally:
        if database.in_transaction:
            database.execute("ROLLBACK")


_SENTENCES = {
    sqlite3.SQLITE_BUSY: ("another process holds it", "See which process writes to it, and try again."),
    sqlite3.SQLITE_FULL: ("the disk is full", "Free some space: senders that try again are then heard."),
    sqlite3.SQLITE_IOERR: ("the disk reports an error", "Check the disk and the system log before anything else."),
    sqlite3.SQLITE_READONLY: ("the file is read-only", "Check its owner and mode, and those of its folder."),
    sqlite3.SQLITE_CANTOPEN: ("the file cannot be opened", "Check its owner and mode, and those of its folder."),
    sqlite3.SQLITE_CORRUPT: ("the file is damaged", "Keep a copy of it, then restore the newest backup."),
    sqlite3.SQLITE_NOTADB: ("the file is not a database", "Keep a copy of it, then restore the newest backup."),
}


@contextmanager
def explained(path: Path) -> Generator[None]:
    """Turn SQLite's errors into `StoreError` with a sentence that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        what, what_next = _SENTENCES.get(code, (f"SQLite says {error}", "Check the file and its disk."))
        raise StoreError(
            f"The deliveries in {path} cannot be stored or read: {what}.", changed="Nothing was stored.", next=what_next
        ) from error
