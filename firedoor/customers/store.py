"""The SQLite file of the registry: its tables, how it is opened, and what its errors mean."""

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path

from firedoor import sqlite
from firedoor.errors import FiredoorError
from firedoor.sqlite import Kind

BUSY_SECONDS = 10.0
#: The version up to which a row is valid that still is.
NOW = 1 << 62

_TABLES = (
    """CREATE TABLE version (
        number INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        by TEXT NOT NULL,
        source TEXT NOT NULL,
        digest TEXT NOT NULL,
        customers INTEGER NOT NULL,
        added INTEGER NOT NULL,
        removed INTEGER NOT NULL,
        changed INTEGER NOT NULL
    ) STRICT""",
    # A customer as it was from version `since` until before version `until`. What an import leaves alone costs nothing.
    """CREATE TABLE customer (
        id TEXT NOT NULL,
        since INTEGER NOT NULL REFERENCES version,
        until INTEGER NOT NULL,
        contacts INTEGER NOT NULL,
        credentials TEXT NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (id, since)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX customer_until ON customer (until, id)",
    "CREATE INDEX customer_since ON customer (since)",
    """CREATE TABLE audience (
        digest TEXT PRIMARY KEY,
        at TEXT NOT NULL,
        version INTEGER NOT NULL,
        unknown INTEGER NOT NULL,
        data BLOB NOT NULL
    ) STRICT""",
)

#: "FDcu".
KIND = Kind("the registry of customers", application_id=0x46446375, format=1, tables=_TABLES)


class RegistryError(FiredoorError):
    """The registry of customers cannot be read or written."""

    reason = "customers_store"


def connect(path: Path) -> sqlite3.Connection:
    """Open the file; create it where there is none. Raises `RegistryError`, `UsageError` for another file."""
    with explained(path):
        return KIND.open(path, BUSY_SECONDS)


def explained(path: Path) -> AbstractContextManager[None]:
    """Turn the errors of SQLite and of the file into `RegistryError` with a sentence that says what to do."""
    return sqlite.explained(RegistryError, f"The customers in {path} cannot be stored or read", "Nothing was changed.")
