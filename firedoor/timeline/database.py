"""The SQLite file of a timeline: its tables, its guards, how it is opened, and what its errors mean.

The guards keep our own code, and people with a database shell, from changing the past by accident. Whoever owns the
file can drop them; that is what the tree and the signed checkpoints are for.
"""

import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from firedoor.errors import UsageError
from firedoor.timeline.entry import TimelineError

#: "FDtl": how `file` and we recognise a timeline.
APPLICATION_ID = 0x4644746C
FORMAT = 1

_TABLES = (
    """CREATE TABLE entry (
        idx INTEGER PRIMARY KEY,
        idem TEXT NOT NULL UNIQUE,
        incident TEXT NOT NULL,
        seq INTEGER NOT NULL,
        scope TEXT NOT NULL,
        leaf BLOB NOT NULL,
        body BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX entry_incident ON entry (incident)",
    "CREATE INDEX entry_scope ON entry (scope) WHERE scope != ''",
    # Roots of complete subtrees at every eighth level; those between are computed from 256 leaves or nodes.
    """CREATE TABLE node (
        level INTEGER NOT NULL, idx INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, idx)
    ) STRICT, WITHOUT ROWID""",
    "CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT",
    "CREATE TABLE evidence (sha256 TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT",
)

# REPLACE deletes what is in its way and fires delete triggers only where recursive_triggers is on, which another
# connection may not have set: so inserts are guarded as well.
_INSERT_GUARDS = {
    "entry": "NEW.idx IS NOT (SELECT coalesce(max(idx) + 1, 0) FROM entry)"
    " OR EXISTS (SELECT 1 FROM entry WHERE idem = NEW.idem)",
    "node": "EXISTS (SELECT 1 FROM node WHERE level = NEW.level AND idx = NEW.idx)",
    "checkpoint": "NEW.size <= (SELECT max(size) FROM checkpoint)",
    "evidence": "EXISTS (SELECT 1 FROM evidence WHERE sha256 = NEW.sha256)",
}


# ROLLBACK, not ABORT: to undo one statement alone, SQLite would copy every page before each row (twice the time).
def _guards() -> Iterator[str]:
    for table, forbidden in _INSERT_GUARDS.items():
        yield (
            f"CREATE TRIGGER {table}_insert BEFORE INSERT ON {table} WHEN {forbidden}"
            f" BEGIN SELECT RAISE(ROLLBACK, 'the timeline only grows: {table}'); END"
        )
        for change in ("UPDATE", "DELETE"):
            yield (
                f"CREATE TRIGGER {table}_{change.lower()} BEFORE {change} ON {table}"
                f" BEGIN SELECT RAISE(ROLLBACK, 'the timeline is never changed: {table}'); END"
            )


def connect(path: Path, *, busy_seconds: float, readonly: bool = False) -> sqlite3.Connection:
    """Open a timeline's file; create it unless `readonly`. Raises `UsageError` for a file that is something else.

    One connection may be used by several threads, one at a time.
    """
    if readonly and not path.exists():
        raise UsageError(
            f"There is no timeline at {path}.",
            next="Start a worker with `firedoor up`, or name its folder in FIREDOOR_HOME.",
        )
    mode = "ro" if readonly else "rwc"
    with explained(path):
        database = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=busy_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            _prepare(database, path, readonly=readonly, busy_seconds=busy_seconds)
        except BaseException:
            database.close()
            raise
    return database


def _prepare(database: sqlite3.Connection, path: Path, *, readonly: bool, busy_seconds: float) -> None:
    if not readonly:
        _use_wal(database, busy_seconds)
        database.execute("PRAGMA synchronous=FULL")
        database.execute("PRAGMA recursive_triggers=ON")
        if pragma(database, "application_id") == 0:
            _create(database, path)
    if (found := pragma(database, "application_id")) != APPLICATION_ID:
        raise UsageError(f"{path} is not a timeline (application id {found:#x}).", changed="It was not touched.")
    if (version := pragma(database, "user_version")) != FORMAT:
        raise UsageError(
            f"The timeline {path} has format {version}, and this firedoor knows format {FORMAT}.",
            changed="It was not touched.",
            next="Use the version of firedoor that wrote it, or a newer one.",
        )


def pragma(database: sqlite3.Connection, name: str) -> int:
    """The value of a numeric pragma."""
    value: int = database.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def _use_wal(database: sqlite3.Connection, busy_seconds: float) -> None:
    # SQLite does not wait for its busy timeout here, and two processes may open a new file at the same moment.
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            database.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _create(database: sqlite3.Connection, path: Path) -> None:
    database.execute("BEGIN IMMEDIATE")
    try:
        if pragma(database, "application_id") == 0:
            if database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                raise UsageError(f"{path} is a database, but not a timeline.", changed="It was not touched.")
            for statement in (*_TABLES, *_guards()):
                database.execute(statement)
            database.execute(f"PRAGMA application_id={APPLICATION_ID}")
            database.execute(f"PRAGMA user_version={FORMAT}")
        database.execute("COMMIT")
    finally:
        if database.in_transaction:
            database.execute("ROLLBACK")


_SENTENCES = {
    sqlite3.SQLITE_BUSY: ("another process holds the timeline", "See which process writes to it, and try again."),
    sqlite3.SQLITE_LOCKED: ("another connection holds the timeline", "Try again."),
    sqlite3.SQLITE_FULL: ("the disk is full", "Free some space. What waits continues by itself when it is retried."),
    sqlite3.SQLITE_IOERR: ("the disk reports an error", "Check the disk and the system log before anything else."),
    sqlite3.SQLITE_READONLY: ("the file is read-only", "Check its owner and mode, and those of its folder."),
    sqlite3.SQLITE_CANTOPEN: ("the file cannot be opened", "Check its owner and mode, and those of its folder."),
    sqlite3.SQLITE_PERM: ("the file may not be opened", "Check its owner and mode, and those of its folder."),
    sqlite3.SQLITE_CORRUPT: ("the file is damaged", "Keep a copy of it, then restore the newest backup."),
    sqlite3.SQLITE_NOTADB: ("the file is not a database", "Keep a copy of it, then restore the newest backup."),
}


@contextmanager
def explained(path: Path) -> Generator[None]:
    """Turn SQLite's errors into `TimelineError` with a sentence that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        what, what_next = _SENTENCES.get(code, (f"SQLite says {error}", "Check the file with `firedoor doctor`."))
        raise TimelineError(
            f"The timeline {path} does not work: {what}.", changed="Nothing of this was recorded.", next=what_next
        ) from error
