"""The registry of customers: imported whole, version after version, and never half. One SQLite file.

Whoever reads it sees one version, whatever is imported meanwhile; earlier ones stay readable.
"""

import json
import sqlite3
import threading
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter

from firedoor.campaign import Audience
from firedoor.canonical import sha256_hex
from firedoor.customers.model import Affected, Customer, Dependency
from firedoor.customers.store import NOW, RegistryError, connect, explained
from firedoor.errors import RefusedError, UsageError
from firedoor.sqlite import transaction
from firedoor.words import plural

#: An import that would forget more than this part of the customers looks like an export that was cut off.
MOST_REMOVED = 0.2
FEW = 10
#: Of SQLite's parameters in one statement.
_MANY = 500
_AUDIENCE = TypeAdapter(list[Affected])
_DEPENDENCIES = TypeAdapter(tuple[Dependency, ...])


@dataclass(frozen=True, slots=True)
class Version:
    """One import: when (RFC 3339, UTC), by whom, from where, how many customers, and what it changed.

    `digest` is the SHA-256 (hex) of all customers as they were then. Number 0 is the registry before any import.
    """

    number: int
    at: str = ""
    by: str = ""
    source: str = ""
    digest: str = ""
    customers: int = 0
    added: int = 0
    removed: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """What an import changes: ids, sorted."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


class Registry:
    """An open registry. Threads and processes may share the file."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self.path = path
        self._database = database
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file; create it where there is none. Raises `RegistryError`, `UsageError` for another file."""
        return cls(path, connect(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def compare(self, customers: Sequence[Customer]) -> Difference:
        """What an import of these would change."""
        with self._lock, explained(self.path):
            return _difference(self._stored(), {one.id: one.model_dump_json() for one in customers})

    def loss(self, found: Difference) -> str:
        """Why `replace` would refuse what changes so much, as a sentence; empty: it would not."""
        with self._lock, explained(self.path):
            return _loss(found, self._version().customers)

    def replace(self, customers: Sequence[Customer], *, source: str, by: str, anyway: bool = False) -> Version:
        """Make these the customers, in one transaction; returns the version, or the one that says the same already.

        `source` says where they came from, and holds no secret. Raises `RefusedError` for an import that would forget
        many customers, unless `anyway`; `RegistryError`; then nothing was changed.
        """
        new = {one.id: one for one in customers}
        texts = {id: one.model_dump_json() for id, one in new.items()}
        with self._lock, explained(self.path), transaction(self._database):
            before = self._version()
            stored = self._stored()
            found = _difference(stored, texts)
            if before.number and not found:
                return before
            if not anyway and (loss := _loss(found, len(stored))):
                raise RefusedError(
                    f"{loss} An export that was cut off looks like that.",
                    changed="Nothing was changed: what was imported before stands.",
                    next="Look at the source. If they have really gone, import it with --anyway.",
                )
            version = Version(
                number=before.number + 1,
                at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
                by=by,
                source=source,
                digest=sha256_hex("\n".join(texts[id] for id in sorted(texts)).encode()),
                customers=len(new),
                added=len(found.added),
                removed=len(found.removed),
                changed=len(found.changed),
            )
            self._write(version, found, new, texts)
        return version

    def _write(self, version: Version, found: Difference, new: dict[str, Customer], texts: dict[str, str]) -> None:
        values = [getattr(version, name) for name in Version.__slots__]
        self._database.execute("INSERT INTO version VALUES (?,?,?,?,?,?,?,?,?)", values)
        ended = ((version.number, id, NOW) for id in (*found.removed, *found.changed))
        self._database.executemany("UPDATE customer SET until = ? WHERE id = ? AND until = ?", ended)
        rows = (
            (id, version.number, NOW, len(new[id].contacts), _dependencies(new[id]), texts[id])
            for id in (*found.added, *found.changed)
        )
        self._database.executemany("INSERT INTO customer VALUES (?,?,?,?,?,?)", rows)

    def version(self) -> Version:
        """The newest import; number 0 before the first."""
        with self._lock, explained(self.path):
            return self._version()

    def versions(self) -> list[Version]:
        """Every import, the newest first."""
        with self._lock, explained(self.path):
            return [Version(*row) for row in self._database.execute("SELECT * FROM version ORDER BY number DESC")]

    def difference(self, number: int) -> Difference:
        """What one import changed; nothing for 0, which is none."""
        query = "SELECT id, since = ?, until = ? FROM customer WHERE since = ? OR until = ?"
        with self._lock, explained(self.path):
            rows = self._database.execute(query, (number,) * 4).fetchall()
        began, ended = ({row[0] for row in rows if row[at]} for at in (1, 2))
        return Difference(*(tuple(sorted(ids)) for ids in (began - ended, ended - began, began & ended)))

    def customer(self, id: str, version: int = 0) -> Customer:
        """One customer, in the newest version or an older one. Raises `UsageError`."""
        at = version or NOW - 1
        query = "SELECT data FROM customer WHERE id = ? AND since <= ? AND until > ?"
        with self._lock, explained(self.path):
            row = self._database.execute(query, (id, at, at)).fetchone()
        if row is None:
            raise UsageError(
                f"There is no customer {id!r}{f' in version {version}' if version else ''}.",
                next="firedoor customers list shows them all.",
            )
        return Customer.model_validate_json(row[0])

    def customers(self, ids: Collection[str]) -> dict[str, Customer]:
        """The customers with these ids, as far as there are any."""
        wanted, found = sorted(set(ids)), dict[str, Customer]()
        with self._lock, explained(self.path):
            for start in range(0, len(wanted), _MANY):
                part = wanted[start : start + _MANY]
                marks = ",".join("?" * len(part))
                query = "SELECT id, data FROM customer WHERE until = ? AND id IN"
                rows = self._database.execute(f"{query} ({marks})", (NOW, *part))
                found |= {id: Customer.model_validate_json(data) for id, data in rows}
        return found

    def strangers(self, ids: Collection[str]) -> list[str]:
        """Those of these ids that are no customer's, sorted."""
        with self._lock, explained(self.path):
            rows = self._database.execute("SELECT id FROM customer WHERE until = ?", (NOW,)).fetchall()
        return sorted(set(ids) - {row[0] for row in rows})

    def all(self, version: int = 0) -> list[Customer]:
        """Every customer by id, in the newest version or an older one."""
        at = version or NOW - 1
        query = "SELECT data FROM customer WHERE since <= ? AND until > ? ORDER BY id"
        with self._lock, explained(self.path):
            rows = self._database.execute(query, (at, at)).fetchall()
        return [Customer.model_validate_json(row[0]) for row in rows]

    def part(self, after: str, most: int, version: int = 0, *, lonely: bool = False) -> list[Customer]:
        """The first `most` customers behind the id `after`, by id; with `lonely` those without any contact."""
        at = version or NOW - 1
        query = "SELECT data FROM customer WHERE id > ? AND since <= ? AND until > ? AND (contacts = 0 OR NOT ?)"
        with self._lock, explained(self.path):
            rows = self._database.execute(f"{query} ORDER BY id LIMIT ?", (after, at, at, lonely, most)).fetchall()
        return [Customer.model_validate_json(row[0]) for row in rows]

    def lonely(self) -> int:
        """How many customers have no contact at all."""
        with self._lock, explained(self.path):
            query = "SELECT count(*) FROM customer WHERE until = ? AND contacts = 0"
            return int(self._database.execute(query, (NOW,)).fetchone()[0])

    def traces(self, id: str) -> tuple[int, bool]:
        """In how many earlier versions a customer stands, as something else than today; and whether it is one today."""
        with self._lock, explained(self.path):
            rows = self._database.execute("SELECT until = ? FROM customer WHERE id = ?", (NOW, id)).fetchall()
        today = sum(row[0] for row in rows)
        return len(rows) - today, bool(today)

    def forget(self, id: str) -> int:
        """Delete what earlier versions say of a customer, for good; returns in how many it was. Today's stays.

        An import without it takes it out of today's. Counts and digests of the versions stay as they were.
        """
        with self._lock, explained(self.path):
            self._database.execute("PRAGMA secure_delete=ON")
            with transaction(self._database):
                query = "DELETE FROM customer WHERE id = ? AND until != ?"
                count = self._database.execute(query, (id, NOW)).rowcount
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def dependencies(self) -> tuple[Version, Iterator[tuple[str, tuple[Dependency, ...]]]]:
        """The newest version, and of it every customer that has credentials, with these."""
        query = "SELECT id, credentials FROM customer WHERE until = ? AND credentials != '[]' ORDER BY id"
        with self._lock, explained(self.path):
            self._database.execute("BEGIN")  # Both of one moment, whatever is imported meanwhile.
            try:
                version = self._version()
                rows = self._database.execute(query, (NOW,)).fetchall()
            finally:
                self._database.execute("ROLLBACK")
        return version, ((id, _DEPENDENCIES.validate_json(credentials)) for id, credentials in rows)

    def keep_audience(self, affected: Sequence[Affected], unknown: int = 0) -> Audience:
        """Keep a list of affected customers under its digest; what travels is only that, and counts.

        `unknown` counts credentials and places of which no customer is known.
        """
        data = _AUDIENCE.dump_json(sorted(affected, key=lambda one: one.customer))
        digest = sha256_hex(data)
        at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        with self._lock, explained(self.path), transaction(self._database):
            row = (digest, at, self._version().number, unknown, zlib.compress(data, 1))
            self._database.execute("INSERT OR IGNORE INTO audience VALUES (?,?,?,?,?)", row)
        exposures = Counter(str(one.exposure) for one in affected)
        return Audience(list=digest, count=len(affected), exposures=dict(sorted(exposures.items())), unknown=unknown)

    def audience(self, digest: str) -> list[Affected]:
        """The list that was kept under a digest, by customer. Raises `UsageError`, `RegistryError`."""
        return _AUDIENCE.validate_json(self._kept(digest))

    def each_of(self, digest: str) -> Iterator[Affected]:
        """The same, one after the other: 100,000 at once would take half a gigabyte. Raises as `audience` does."""
        return _one_by_one(self._kept(digest).decode())

    def _kept(self, digest: str) -> bytes:
        """The bytes that were kept under a digest. Raises `UsageError`, `RegistryError`."""
        with self._lock, explained(self.path):
            row = self._database.execute("SELECT data FROM audience WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            raise UsageError(
                f"No list of customers is kept under {digest[:16]}….",
                next="`customers.affected_by` keeps it in the data folder of the worker that ran it. Retry that step.",
            )
        data = zlib.decompress(row[0])
        if sha256_hex(data) != digest:
            raise RegistryError(f"The list {digest[:16]}… in {self.path} is not what was kept.", next="Retry the step.")
        return data

    def _version(self) -> Version:
        row = self._database.execute("SELECT * FROM version ORDER BY number DESC LIMIT 1").fetchone()
        return Version(*row) if row else Version(0)

    def _stored(self) -> dict[str, str]:
        return dict(self._database.execute("SELECT id, data FROM customer WHERE until = ?", (NOW,)))


def _one_by_one(text: str) -> Iterator[Affected]:
    """The members of the JSON list that `_AUDIENCE` has written: `[{…},{…}]`."""
    decoder, at = json.JSONDecoder(), 1
    while at < len(text) - 1:
        one, at = decoder.raw_decode(text, at)
        at += 1  # the comma
        yield Affected.model_validate(one)


def _difference(stored: dict[str, str], new: dict[str, str]) -> Difference:
    return Difference(
        added=tuple(sorted(new.keys() - stored.keys())),
        removed=tuple(sorted(stored.keys() - new.keys())),
        changed=tuple(sorted(id for id in new.keys() & stored.keys() if new[id] != stored[id])),
    )


def _loss(found: Difference, before: int) -> str:
    """What is said of an import that would forget many of them; empty where it would not."""
    if len(found.removed) <= max(FEW, before * MOST_REMOVED):
        return ""
    return (
        f"This import would forget {plural(len(found.removed), 'customers')} of {before:,}: {found.removed[0]}, "
        f"{found.removed[1]}, …."
    )


def _dependencies(customer: Customer) -> str:
    return json.dumps([one.model_dump(exclude_defaults=True) for one in customer.credentials], ensure_ascii=False)
