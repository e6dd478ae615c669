"""SQLite files: how one of ours is opened and told from others, its transactions, and what SQLite's errors mean.

What a file holds, and what its errors are called, stands with whoever keeps it: the timeline, the deliveries, the Slack
store, the API's tokens.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from firedoor.errors import FiredoorError, UsageError

_MODE = ("the file is read-only", "Check its owner and mode, and those of its folder.")
_BACKUP = "Keep a copy of it, then restore the newest backup."
_SENTENCES = {
    sqlite3.SQLITE_BUSY: ("another process holds it", "See which process writes to it, and try again."),
    sqlite3.SQLITE_LOCKED: ("another connection holds it", "Try again."),
    sqlite3.SQLITE_FULL: ("the disk is full", "Free some space. What waits continues by itself when it is retried."),
    sqlite3.SQLITE_IOERR: ("the disk reports an error", "Check the disk and the system log before anything else."),
    sqlite3.SQLITE_READONLY: _MODE,
    sqlite3.SQLITE_CANTOPEN: ("the file cannot be opened", _MODE[1]),
    sqlite3.SQLITE_PERM: ("the file may not be opened", _MODE[1]),
    sqlite3.SQLITE_CORRUPT: ("the file is damaged", _BACKUP),
    sqlite3.SQLITE_NOTADB: ("the file is not a database", _BACKUP),
}

#: No thread connects to a file that another one is just making.
_MAKING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Kind:
    """What one of our files holds: the numbers by which `file` and we recognise it, and the statements that make it.

    `upgrades` are the statements that make the format of an earlier one, by its number.
    """

    holds: str
    application_id: int
    format: int
    tables: tuple[str, ...]
    upgrades: Mapping[int, tuple[str, ...]] = field(default_factory=dict[int, tuple[str, ...]])

    def open(self, path: Path, busy_seconds: float) -> sqlite3.Connection:
        """Open the file; create it (mode 0600) where there is none.

        One connection may be used by several threads, one at a time. Raises `UsageError` for a file that is something
        else, which is not touched; `sqlite3.Error`, `OSError`.
        """
        make_private(path)
        database = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
        try:
            self._refuse_other(database, path)
            make_durable(database, busy_seconds)
            database.execute("PRAGMA foreign_keys=ON")
            self._make(database)
        except BaseException:
            database.close()
            raise
        return database

    def _refuse_other(self, database: sqlite3.Connection, path: Path) -> None:
        # One look at all three: another process may be making the file at this moment.
        database.execute("BEGIN")
        try:
            found, version = pragma(database, "application_id"), pragma(database, "user_version")
            tables: int = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        finally:
            if database.in_transaction:
                database.execute("ROLLBACK")
        known = {(0, 0), *((self.application_id, one) for one in (self.format, *self.upgrades))}
        if (found, version) not in known or (version == 0 and tables):
            raise UsageError(
                f"{path} does not hold {self.holds} in format {self.format} (application id {found:#x}, "
                f"format {version}).",
                changed="It was not touched.",
                next="Use the version of firedoor that wrote it, or move the file away.",
            )

    def _make(self, database: sqlite3.Connection) -> None:
        """Make the tables, or what they are now of what they were, unless another process has: all or nothing."""
        with transaction(database):
            version = pragma(database, "user_version")
            if version == self.format:
                return
            for statement in self.upgrades[version] if version else self.tables:
                database.execute(statement)
            database.execute(f"PRAGMA application_id={self.application_id}")
            database.execute(f"PRAGMA user_version={self.format}")


def make_private(path: Path) -> None:
    """Create a file with mode 0600, and its folders, where they are not there. Raises `OSError`.

    SQLite gives the files that it puts beside it the same mode. A file that is there is never opened here: to close it
    again would take away the locks of every connection that this process has to it (POSIX), and another process that
    opened and closed it would then delete the journal under them (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _MAKING, suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def make_durable(database: sqlite3.Connection, busy_seconds: float) -> None:
    """WAL, and each transaction on the disk before it is said to be."""
    log_ahead(database, busy_seconds)
    database.execute("PRAGMA synchronous=FULL")


def log_ahead(database: sqlite3.Connection, busy_seconds: float) -> None:
    """WAL, also where another process makes the same file at this moment. Raises `sqlite3.Error`.

    SQLite does not wait for its busy timeout where the journal is changed.
    """
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            database.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            break


def pragma(database: sqlite3.Connection, name: str) -> int:
    """The value of a numeric pragma."""
    value: int = database.execute(f"PRAGMA {name}").fetchone()[0]
    return value


@contextmanager
def transaction(database: sqlite3.Connection) -> Generator[None]:
    """All or nothing, and durable when it ends. The connection has `isolation_level=None`."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    finally:
        if database.in_transaction:
            database.execute("ROLLBACK")


def scour(database: sqlite3.Connection) -> bool:
    """Rewrite a file without what was deleted from it, and empty its log. False while somebody else uses it."""
    try:
        database.execute("VACUUM")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise
        return False
    return not database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]


@contextmanager
def explained(kind: type[FiredoorError], broken: str, changed: str) -> Generator[None]:
    """Turn the errors of SQLite and of the file system into `kind`: `broken`, why, and what to do."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        unknown = (f"SQLite says {error}", "Check the file and its disk; `firedoor doctor` looks as well.")
        why, what_next = _SENTENCES.get(code, unknown)
        raise kind(f"{broken}: {why}.", changed=changed, next=what_next) from error
    except OSError as error:
        raise kind(f"{broken}: {error.strerror}.", changed=changed, next=_MODE[1]) from error
