"""What firedoor has posted to Slack, and what it has handled: one SQLite file (WAL, mode 0600) for all processes here.

A message has a key. The intent to post it is stored before the call and its timestamp after it, so that whoever comes
after a crash knows what is in doubt. It holds ids, keys and times only: no texts, no tokens.
"""

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from firedoor import sqlite
from firedoor.errors import FiredoorError
from firedoor.sqlite import Kind, transaction

BUSY_SECONDS = 10.0
#: Slack sends an envelope again for minutes, not for days.
CLAIM_SECONDS = 86_400.0
#: A process that posts says so for this long before each attempt. It must be longer than an attempt may take.
LEASE_SECONDS = 45.0
#: What a process sent before it died may still arrive for this long.
ARRIVAL_SECONDS = 5.0

_TABLES = (
    """CREATE TABLE message (
        key TEXT PRIMARY KEY, channel TEXT NOT NULL, thread TEXT NOT NULL, state TEXT NOT NULL, ts TEXT NOT NULL,
        since REAL NOT NULL, owner TEXT NOT NULL, lease REAL NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "CREATE TABLE claim (envelope TEXT PRIMARY KEY, at REAL NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE INDEX claim_at ON claim (at)",
    """CREATE TABLE conversation (
        incident TEXT NOT NULL, run TEXT NOT NULL, channel TEXT NOT NULL, ts TEXT NOT NULL, digest TEXT NOT NULL,
        own TEXT NOT NULL, deleted INTEGER NOT NULL, edits INTEGER NOT NULL, ended INTEGER NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (incident, run)
    ) STRICT, WITHOUT ROWID""",
    "CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
)

#: Whose keys and names hold which conversation: `INCIDENT/RUN/…`, and after a blank in a fact's name.
_FORGET = (
    """DELETE FROM fact WHERE EXISTS (SELECT 1 FROM conversation WHERE ended = 1 AND at < ?
        AND instr(fact.name, ' ' || incident || '/' || run) > 0)""",
    "DELETE FROM conversation WHERE ended = 1 AND at < ?",
    """DELETE FROM message WHERE since < ? AND NOT EXISTS
        (SELECT 1 FROM conversation WHERE instr(message.key, incident || '/' || run || '/') = 1)""",
)

#: "FDsl".
KIND = Kind("what was posted to Slack", application_id=0x4644736C, format=1, tables=_TABLES)


class StoreError(FiredoorError):
    """The store cannot be read or written."""

    reason = "slack_store"


class MessageState(StrEnum):
    """`open`: it is surely not in Slack. `sending`: a call is on its way, or was when a process died. `posted`.

    `closed`: posted, and what it asked for was decided.
    """

    OPEN = "open"
    SENDING = "sending"
    POSTED = "posted"
    CLOSED = "closed"


#: It is in Slack.
SENT = frozenset({MessageState.POSTED, MessageState.CLOSED})


@dataclass(frozen=True, slots=True)
class Message:
    """A message by its key.

    `since` is when it was first sent (seconds of the epoch); `owner` may be at it until `lease`, and nobody has sent it
    after that.
    """

    key: str
    channel: str
    thread: str
    state: MessageState
    ts: str = ""
    since: float = 0.0
    owner: str = ""
    lease: float = 0.0


@dataclass(frozen=True, slots=True)
class Conversation:
    """What Slack has of one run of an incident.

    `channel` and `ts` are its message; `digest` is of what that shows; `own` is the channel that was created for it.
    `deleted` counts how often somebody deleted the message, `edits` how often it was edited; `ended` is set once
    nothing more is to be told.
    """

    incident: str
    run: str
    channel: str = ""
    ts: str = ""
    digest: str = ""
    own: str = ""
    deleted: int = 0
    edits: int = 0
    ended: bool = False
    at: float = 0.0


class Store:
    """An open store. All methods are quick, safe to call from several threads, and durable when they return."""

    def __init__(self, path: Path, database: sqlite3.Connection, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self.owner = f"{os.getpid()}.{secrets.token_hex(8)}"
        self.clock = clock
        self._database = database
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path, *, clock: Callable[[], float] = time.time) -> Self:
        """Open it; create it (mode 0600) where there is none. Raises `StoreError`, `UsageError` for another file."""
        with _explained(path):
            database = KIND.open(path, BUSY_SECONDS)
        return cls(path, database, clock=clock)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Messages

    def message(self, key: str) -> Message | None:
        """What is known of a message."""
        with self._transaction() as database:
            return _message(database, key)

    def take(self, key: str, channel: str, thread: str = "") -> Message:
        """Say that we are about to post. What is returned is how it stood before.

        It is ours unless it is in Slack already, or `sending` by another process whose lease has not run out.
        """
        now = self.clock()
        with self._transaction() as database:
            before = _message(database, key)
            if before is None:
                before = Message(key, channel, thread, MessageState.OPEN)
            if before.state in SENT or self._is_busy(before, now):
                return before
            doubt = before.state is MessageState.SENDING
            where = (before.channel, before.thread) if doubt else (channel, thread)
            since = before.since if doubt else now
            database.execute(
                "REPLACE INTO message VALUES (?,?,?,?,?,?,?,?)",
                (key, *where, MessageState.SENDING.value, "", since, self.owner, now + LEASE_SECONDS),
            )
            return before

    def _is_busy(self, message: Message, now: float) -> bool:
        if message.state is not MessageState.SENDING or message.owner in {"", self.owner}:
            return False
        sent = message.lease - LEASE_SECONDS
        return now < (message.lease if _lives(message.owner) else sent + ARRIVAL_SECONDS)

    def busy(self, message: Message) -> bool:
        """Is another process posting it at this moment?"""
        return self._is_busy(message, self.clock())

    def posted(self, key: str, ts: str) -> None:
        """It is in Slack, at `ts`."""
        self._set("UPDATE message SET state = ?, ts = ?, owner = '' WHERE key = ?", MessageState.POSTED.value, ts, key)

    def unsent(self, key: str) -> None:
        """It is surely not in Slack: Slack refused it, or was never reached."""
        self._set(
            "UPDATE message SET state = ?, owner = '' WHERE key = ? AND owner = ?",
            MessageState.OPEN.value,
            key,
            self.owner,
        )

    def doubted(self, key: str) -> None:
        """The call has ended, and whether it is in Slack is not known: the next who posts it looks first."""
        self._set("UPDATE message SET owner = '' WHERE key = ? AND owner = ?", key, self.owner)

    def settled(self, key: str) -> None:
        """What a posted message asked for was decided, and the message says so."""
        self._set("UPDATE message SET state = ? WHERE key = ?", MessageState.CLOSED.value, key)

    def posts(self, prefix: str) -> list[Message]:
        """The messages in Slack whose keys begin so, and that are not closed."""
        query = "SELECT * FROM message WHERE state = ? AND key >= ? AND key < ?"
        with self._transaction() as database:
            rows = database.execute(query, (MessageState.POSTED.value, prefix, f"{prefix}\U0010ffff")).fetchall()
        return [_read(row) for row in rows]

    # Envelopes

    def claim(self, envelope: str, *, seconds: float = CLAIM_SECONDS) -> bool:
        """Is this process the first to claim it? Claims are forgotten after `seconds`."""
        now = self.clock()
        with self._transaction() as database:
            database.execute("DELETE FROM claim WHERE at < ?", (now - seconds,))
            return database.execute("INSERT OR IGNORE INTO claim VALUES (?,?)", (envelope, now)).rowcount == 1

    def release(self, envelope: str) -> None:
        """Give a claim back: what it was for has not begun."""
        self._set("DELETE FROM claim WHERE envelope = ?", envelope)

    # Conversations

    def conversation(self, incident: str, run: str) -> Conversation | None:
        """What Slack has of a run of an incident."""
        query = "SELECT * FROM conversation WHERE incident = ? AND run = ?"
        with self._transaction() as database:
            row = database.execute(query, (incident, run)).fetchone()
        return _conversation(row) if row else None

    def keep(self, one: Conversation) -> None:
        """Store it in place of what was known of this run."""
        values = (one.incident, one.run, one.channel, one.ts, one.digest, one.own, one.deleted, one.edits)
        self._set("REPLACE INTO conversation VALUES (?,?,?,?,?,?,?,?,?,?)", *values, int(one.ended), self.clock())

    def conversations(self, *, ended: bool | None = None) -> list[Conversation]:
        """All of them, the newest first; or only those that have ended, or have not."""
        with self._transaction() as database:
            rows = database.execute("SELECT * FROM conversation ORDER BY at DESC").fetchall()
        every = [_conversation(row) for row in rows]
        return every if ended is None else [one for one in every if one.ended is ended]

    def forget(self, seconds: float) -> None:
        """Forget whatever is older than that, but for conversations that are not told to their end, and theirs."""
        horizon = self.clock() - seconds
        with self._transaction() as database:
            for statement in _FORGET:
                database.execute(statement, (horizon,))

    # Facts

    def fact(self, name: str) -> str:
        """What was remembered under a name; empty for nothing."""
        with self._transaction() as database:
            row = database.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def remember(self, name: str, value: str) -> None:
        """Remember something about the workspace."""
        self._set("REPLACE INTO fact VALUES (?,?)", name, value)

    def _set(self, statement: str, *values: str | float) -> None:
        with self._transaction() as database:
            database.execute(statement, values)

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        with self._lock, _explained(self.path), transaction(self._database):
            yield self._database


def _lives(owner: str) -> bool:
    """Is the process of an owner there? Of another machine's nothing is known here, but none shares the file."""
    try:
        with suppress(PermissionError):
            os.kill(int(owner.partition(".")[0]), 0)
    except ProcessLookupError:
        return False
    return True


def _message(database: sqlite3.Connection, key: str) -> Message | None:
    row = database.execute("SELECT * FROM message WHERE key = ?", (key,)).fetchone()
    return _read(row) if row else None


def _read(row: tuple[str, str, str, str, str, float, str, float]) -> Message:
    key, channel, thread, state, ts, since, owner, lease = row
    return Message(key, channel, thread, MessageState(state), ts, since=since, owner=owner, lease=lease)


def _conversation(row: tuple[str, str, str, str, str, str, int, int, int, float]) -> Conversation:
    return Conversation(*row[:8], ended=bool(row[8]), at=row[9])


def _explained(path: Path) -> AbstractContextManager[None]:
    return sqlite.explained(StoreError, f"The Slack store {path} does not work", "Nothing was sent to Slack.")
