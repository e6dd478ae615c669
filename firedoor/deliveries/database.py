"""The SQLite file of deliveries: its tables, how it is opened, and what its errors mean."""

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path

from firedoor import sqlite
from firedoor.errors import FiredoorError
from firedoor.sqlite import Kind

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


#: "FDdl".
KIND = Kind("deliveries", application_id=0x4644646C, format=1, tables=_TABLES)


class StoreError(FiredoorError):
    """The store of deliveries cannot be read or written."""

    reason = "deliveries_store"


def connect(path: Path) -> sqlite3.Connection:
    """Open the file; create it where there is none. Raises `StoreError`, `UsageError` for another file."""
    with explained(path):
        return KIND.open(path, BUSY_SECONDS)


def explained(path: Path) -> AbstractContextManager[None]:
    """Turn the errors of SQLite and of the file into `StoreError` with a sentence that says what to do."""
    return sqlite.explained(StoreError, f"The deliveries in {path} cannot be stored or read", "Nothing was stored.")
