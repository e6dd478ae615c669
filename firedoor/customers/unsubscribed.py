"""Who wants no informational notices any more: addresses that were unsubscribed by a link in one. One SQLite file.

Security notices are sent all the same: nobody can opt out of being told that a key of theirs was stolen.
"""

import sqlite3
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from firedoor.errors import FiredoorError
from firedoor.sqlite import Kind, explained, transaction

BUSY_SECONDS = 5.0
#: "FDun".
KIND = Kind(
    "who was unsubscribed",
    application_id=0x4644756E,
    format=1,
    tables=(
        """CREATE TABLE unsubscribed (
            customer TEXT NOT NULL, channel TEXT NOT NULL, address TEXT NOT NULL, at REAL NOT NULL,
            PRIMARY KEY (customer, channel, address)
        ) STRICT, WITHOUT ROWID""",
    ),
)

#: A customer, a channel, an address by it.
Whose = tuple[str, str, str]


class Unsubscribed:
    """Every call opens the file, so that several processes and threads may use it. They raise `FiredoorError`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, whose: Whose, now: float) -> bool:
        """Write down that this address wants none; durable when it returns. False where it was there before."""
        with self._database() as database, transaction(database):
            return database.execute("INSERT OR IGNORE INTO unsubscribed VALUES (?,?,?,?)", (*whose, now)).rowcount > 0

    def among(self, asked: Iterable[Whose]) -> frozenset[Whose]:
        """Those of them who want none."""
        if not self._path.exists():
            return frozenset()
        query = "SELECT 1 FROM unsubscribed WHERE customer = ? AND channel = ? AND address = ?"
        with self._database() as database:
            return frozenset(one for one in asked if database.execute(query, one).fetchone())

    def known(self, customer: str) -> int:
        """How many addresses of a customer want none."""
        if not self._path.exists():
            return 0
        query = "SELECT count(*) FROM unsubscribed WHERE customer = ?"
        with self._database() as database:
            return int(database.execute(query, (customer,)).fetchone()[0])

    def forget(self, customer: str) -> None:
        """Erase what is known of a customer, for good."""
        if not self._path.exists():
            return
        with self._database() as database:
            database.execute("PRAGMA secure_delete=ON")
            with transaction(database):
                database.execute("DELETE FROM unsubscribed WHERE customer = ?", (customer,))
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _database(self) -> Generator[sqlite3.Connection]:
        with explained(FiredoorError, f"{self._path} cannot be used", "Nothing was changed."):
            database = KIND.open(self._path, BUSY_SECONDS)
            try:
                yield database
            finally:
                database.close()
