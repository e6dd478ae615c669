"""The API's tokens: made once, shown once, kept as hashes. One SQLite file, mode 0600.

A token is `fdt_ID_SECRET`; the secret has 256 random bits, so that a plain SHA-256 of it can be kept.
"""

import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from pydantic import SecretStr

from firedoor.errors import FiredoorError, UsageError
from firedoor.sqlite import explained, make_private

PREFIX = "fdt"
ID_BYTES, SECRET_BYTES = 6, 32
#: A token's last use is written down at most so often.
USED_EVERY = timedelta(minutes=1)
BUSY_SECONDS = 5.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS token (
    id TEXT PRIMARY KEY, hash BLOB NOT NULL, name TEXT NOT NULL, principal TEXT NOT NULL, scopes TEXT NOT NULL,
    created TEXT NOT NULL, expires TEXT NOT NULL, used TEXT NOT NULL DEFAULT '', revoked TEXT NOT NULL DEFAULT ''
) STRICT
"""


class Scope(StrEnum):
    """What a token may be used for.

    `read`: everything that can be looked at. `start`: plan and start runbooks. `decide`: act on incidents, as far as
    their rules let its principal. `alerts`: attach alerts, replay and dismiss deliveries. `customers`: the registry of
    customers, and the addresses of people there, which no other scope shows.
    """

    READ = "read"
    START = "start"
    DECIDE = "decide"
    ALERTS = "alerts"
    CUSTOMERS = "customers"


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret. Times are RFC 3339 UTC; `used` and `revoked` are empty where that never was."""

    id: str
    name: str
    principal: str
    scopes: tuple[Scope, ...]
    created: str
    expires: str
    used: str = ""
    revoked: str = ""

    def ended(self, now: datetime) -> bool:
        """May it be used no more?"""
        return bool(self.revoked) or now >= datetime.fromisoformat(self.expires)


class Tokens:
    """The tokens of one installation. Every call opens the file, so that several processes and threads may use it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(
        self, name: str, principal: str, scopes: Sequence[Scope], life: timedelta, now: datetime | None = None
    ) -> tuple[Token, SecretStr]:
        """Make a token; its value is shown here and never again. Raises `UsageError` for a name that is in use."""
        moment = now or datetime.now(UTC)
        identity, secret = secrets.token_hex(ID_BYTES), secrets.token_urlsafe(SECRET_BYTES)
        token = Token(identity, name, principal, tuple(scopes), _text(moment), _text(moment + life))
        with self._database() as database:
            if any(one.name == name and not one.ended(moment) for one in _read(database)):
                raise UsageError(
                    f"There is a token {name!r} already.",
                    changed="None was made.",
                    next=f"Choose another name, or end that one first: firedoor token revoke {name}",
                )
            row = (identity, _hash(secret), name, principal, " ".join(scopes), token.created, token.expires)
            database.execute(
                "INSERT INTO token (id, hash, name, principal, scopes, created, expires) VALUES (?,?,?,?,?,?,?)", row
            )
        return token, SecretStr(f"{PREFIX}_{identity}_{secret}")

    def find(self, value: SecretStr, now: datetime | None = None) -> Token | None:
        """The token of a value that is shown; None where there is none, or it has ended."""
        moment = now or datetime.now(UTC)
        prefix, _, rest = value.get_secret_value().partition("_")
        identity, _, secret = rest.partition("_")
        if prefix != PREFIX or not self._path.exists():
            return None
        with self._database() as database:
            kept = database.execute("SELECT hash FROM token WHERE id = ?", (identity,)).fetchone()
            # Compared also where there is none: the time tells nothing of which ids exist.
            right = hmac.compare_digest(_hash(secret), kept[0] if kept else _hash(""))
            found = next((one for one in _read(database) if one.id == identity), None) if right and kept else None
            if found is None or found.ended(moment):
                return None
            if not found.used or moment - datetime.fromisoformat(found.used) > USED_EVERY:
                database.execute("UPDATE token SET used = ? WHERE id = ?", (_text(moment), identity))
        return found

    def all(self) -> tuple[Token, ...]:
        """Every token, the newest first, also those that have ended."""
        if not self._path.exists():
            return ()
        with self._database() as database:
            return tuple(_read(database))

    def revoke(self, name: str, now: datetime | None = None) -> Token:
        """End a token by its name or id, at once. Raises `UsageError` where none of them can be used."""
        moment = now or datetime.now(UTC)
        for one in self.all():
            if name in (one.name, one.id) and not one.ended(moment):
                with self._database() as database:
                    database.execute("UPDATE token SET revoked = ? WHERE id = ?", (_text(moment), one.id))
                return one
        raise UsageError(
            f"There is no token {name!r} that can be used.",
            changed="Nothing was changed.",
            next="firedoor token list shows them all.",
        )

    @contextmanager
    def _database(self) -> Generator[sqlite3.Connection]:
        """One transaction. Raises `FiredoorError` where the file cannot be used."""
        with explained(FiredoorError, f"The tokens in {self._path} cannot be used", "Nothing was changed."):
            make_private(self._path)
            database = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level="IMMEDIATE")
            try:
                database.execute(SCHEMA)
                with database:
                    yield database
            finally:
                database.close()


def _read(database: sqlite3.Connection) -> Generator[Token]:
    for row in database.execute(
        "SELECT id, name, principal, scopes, created, expires, used, revoked FROM token"
        " ORDER BY created DESC, rowid DESC"
    ):
        identity, name, principal, scopes, *times = row
        yield Token(identity, name, principal, tuple(Scope(word) for word in scopes.split()), *times)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
