"""The SQLite file of a timeline: its tables, its guards, how it is opened, and what its errors mean.

The guards keep our own code, and people with a database shell, from changing the past by accident. Whoever owns the
file can drop them; that is what the tree and the signed checkpoints are for.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from firedoor import sqlite
from firedoor.errors import UsageError
from firedoor.sqlite import make_durable, pragma, transaction
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
        make_durable(database, busy_seconds)
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


def _create(database: sqlite3.Connection, path: Path) -> None:
    with transaction(database):
        if pragma(database, "application_id") == 0:
            if database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                raise UsageError(f"{path} is a database, but not a timeline.", changed="It was not touched.")
            for statement in (*_TABLES, *_guards()):
                database.execute(statement)
            database.execute(f"PRAGMA application_id={APPLICATION_ID}")
            database.execute(f"PRAGMA user_version={FORMAT}")


def explained(path: Path) -> AbstractContextManager[None]:
    """Turn the errors of SQLite and of the file into `TimelineError` with a sentence that says what to do."""
    return sqlite.explained(TimelineError, f"The timeline {path} does not work", "Nothing of this was recorded.")
