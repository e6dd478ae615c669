"""Rate limits of providers that hold across all workers of one installation (docs/adr/0006).

The buckets lie in one small SQLite file; `_bucket` has the arithmetic. What Temporal offers counts activities, and an
activity here makes many calls. The file holds nothing that matters: when it cannot be used, this process counts alone.
"""

import logging
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from activities._bucket import PENALTY, SECOND, Bucket, Grant, Rate, penalised
from firedoor.config import LIMITS, OTHERS, Limit
from firedoor.errors import StepError
from firedoor.sqlite import log_ahead

LOG = logging.getLogger("firedoor")
#: A call that would have to wait longer fails as throttled: Temporal tries it again later, and no thread is held.
#: Nanoseconds. Mass work waits out every penalty.
PATIENCE = 20 * SECOND
BULK_PATIENCE = 45 * SECOND
#: Mass work looks at least so often whether it is its turn: urgent calls may have overtaken it, or the limit changed.
LOOK_AGAIN = SECOND
#: Tokens are fetched from the file for so long at most, more of them each time they are used up before that.
LEASE = SECOND // 20
BUSY_SECONDS = 2.0

T = TypeVar("T")


@dataclass
class Lane:
    """The calls of this process that share a bucket, and the tokens that it holds for them until `until`."""

    key: str
    rate: Rate
    turn: threading.Lock = field(default_factory=threading.Lock)
    size: int = 1
    left: int = 0
    until: int = 0


class Limits:
    """The limits of one worker. `urgent` workers overtake the others; safe to share between threads."""

    def __init__(
        self,
        path: Path,
        limits: Mapping[str, Limit],
        *,
        urgent: bool = True,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`clock` must be the same for all processes of the machine, in nanoseconds."""
        self._limits = {**LIMITS, **limits}
        self._urgent = urgent
        self._clock = clock
        self._sleep = sleep
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._buckets = Buckets(path)

    def wait(self, provider: str, account: str = "") -> None:
        """Sleep until this provider may be called in this account. Blocks: call it in a thread.

        Raises `StepError` (`throttled`) where that would take too long.
        """
        lane = self._lane(provider, account)
        if self._urgent:
            with lane.turn:
                grant = self._take(lane)
            if not grant.tokens:
                raise _throttled(provider, account, grant.wait)
            if grant.wait:
                self._sleep(grant.wait / SECOND)
            return
        deadline = self._clock() + BULK_PATIENCE
        # One thread asks, the others stand in line: a crowd that wakes together would only disturb the urgent calls.
        if not lane.turn.acquire(timeout=BULK_PATIENCE / SECOND):
            raise _throttled(provider, account, BULK_PATIENCE)
        try:
            while not (grant := self._take(lane)).tokens:
                if self._clock() + grant.wait > deadline:
                    raise _throttled(provider, account, grant.wait)
                self._sleep(min(grant.wait, LOOK_AGAIN) / SECOND)
        finally:
            lane.turn.release()

    def penalise(self, provider: str, account: str = "", seconds: float = PENALTY) -> None:
        """The provider has refused a call because there were too many, and asks for `seconds` without. Capped."""
        lane = self._lane(provider, account)
        now = self._clock()
        # Without its turn: mass work sleeps while it holds that. A lease that is lost or kept here is a few calls.
        lane.left = 0
        self._buckets.change(lane.key, lambda bucket: (penalised(bucket, now, seconds), None))
        LOG.warning("%s throttles firedoor%s", provider, f" in {account}" if account else "")

    def _take(self, lane: Lane) -> Grant:
        """One token for one call, from the lease or from the file."""
        now = self._clock()
        if lane.left > 0 and now < lane.until:
            lane.left -= 1
            return Grant(1, 0)
        lane.size = min(lane.size * 2, max(1, LEASE // lane.rate.interval)) if now < lane.until else 1
        patience = PATIENCE if self._urgent else None
        grant = self._buckets.change(
            lane.key, lambda bucket: lane.rate.take(bucket, now, wanted=lane.size, patience=patience)
        )
        lane.left, lane.until = max(0, grant.tokens - 1), now + LEASE
        return grant

    def _lane(self, provider: str, account: str) -> Lane:
        # Two threads may make the same lane at once; `setdefault` lets one of them win.
        if lane := self._lanes.get((provider, account)):
            return lane
        limit = self._limits.get(provider, self._limits[OTHERS])
        return self._lanes.setdefault(
            (provider, account), Lane(f"{provider} {account}", Rate.of(limit.rate, limit.burst))
        )


class Buckets:
    """The buckets of all workers, in a file; in memory while the file cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._alone = _opened(":memory:")
        self._shared: sqlite3.Connection | None = None
        self._warned = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._shared = _opened(path)
        except (sqlite3.Error, OSError) as error:
            self._warn(error)
        weakref.finalize(self, _close, self._alone, self._shared)

    def change(self, key: str, step: Callable[[Bucket], tuple[Bucket, T]]) -> T:
        """Replace a bucket by what `step` makes of it, in one transaction, and return what else it says."""
        with self._lock:
            if self._shared:
                try:
                    return _change(self._shared, key, step)
                except sqlite3.Error as error:
                    self._warn(error)
            return _change(self._alone, key, step)

    def _warn(self, error: Exception) -> None:
        """Once: a full disk would fill the log with it."""
        if not self._warned:
            self._warned = True
            LOG.warning(
                "%s cannot be used (%s). Containment goes on, but this worker counts its calls of providers without "
                "the other workers. Stop the workers, delete the file, and start them again.",
                self._path,
                error,
            )


def _opened(path: Path | str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        log_ahead(database, BUSY_SECONDS)
        # A power cut may cost the counts of the last seconds, or the file: nothing that anybody needs.
        database.execute("PRAGMA synchronous=OFF")
        database.execute(
            "CREATE TABLE IF NOT EXISTS bucket (key TEXT PRIMARY KEY, full_at INTEGER NOT NULL,"
            " urgent_from INTEGER NOT NULL, bulk_from INTEGER NOT NULL) WITHOUT ROWID, STRICT"
        )
    except sqlite3.Error:
        database.close()
        raise
    return database


def _change(database: sqlite3.Connection, key: str, step: Callable[[Bucket], tuple[Bucket, T]]) -> T:
    database.execute("BEGIN IMMEDIATE")
    try:
        row = database.execute("SELECT full_at, urgent_from, bulk_from FROM bucket WHERE key = ?", (key,)).fetchone()
        before = Bucket(*row) if row else Bucket()
        after, answer = step(before)
        if after != before:
            database.execute("INSERT OR REPLACE INTO bucket VALUES (?,?,?,?)", (key, *after))
    except sqlite3.Error:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
    return answer


def _close(*databases: sqlite3.Connection | None) -> None:
    for database in databases:
        if database:
            database.close()


def _throttled(provider: str, account: str, wait: int) -> StepError:
    where = f"{provider} in {account}" if account else provider
    return StepError(
        "throttled",
        f"So many calls of {where} are waiting that this one would wait {wait / SECOND:.0f} s or more.",
        next="firedoor tries again by itself. `[limits]` in firedoor.toml says how often it calls each provider.",
    )
