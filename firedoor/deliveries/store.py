"""The store of deliveries: one SQLite file (WAL, synchronous=FULL, mode 0600) that several processes may use.

Group commit, as the timeline's: coroutines add, one thread writes, each transaction takes all that waited for it.
"""

import asyncio
import secrets
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from firedoor.alerts._reading import MOST_BYTES
from firedoor.deliveries import ledger
from firedoor.deliveries.database import StoreError, connect, explained
from firedoor.deliveries.delivery import Added, Delivery, NewDelivery, State, kept_headers, new_id, rfc3339
from firedoor.errors import FiredoorError, UsageError
from firedoor.sqlite import transaction

#: Deliveries of one transaction at most, so that the first of many need not wait long.
MAX_GROUP = 500

P = ParamSpec("P")
T = TypeVar("T")
Change = Callable[Concatenate[sqlite3.Connection, P], T]
Waiting = tuple[tuple[str, str, NewDelivery], asyncio.Future[Added]]


class Deliveries:
    """An open store, used from one event loop."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self.path = path
        self._database = database
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="deliveries")
        self._waiting: deque[Waiting] = deque()
        self._draining: asyncio.Task[None] | None = None
        self._closed = False
        self._last = ""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file; create it where there is none. Raises `StoreError`, or `UsageError` for another file."""
        return cls(path, connect(path))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Wait until everything that was added is durable, and close the file."""
        self._closed = True
        if self._draining is not None:
            await self._draining
        await asyncio.get_running_loop().run_in_executor(self._thread, self._database.close)
        self._thread.shutdown()

    async def add(self, new: NewDelivery) -> Added:
        """Store a delivery; returns when it is durable. The same key at the same door again is a duplicate.

        Headers that prove or let in are left out. Raises `UsageError` for a body over 2 MB, `StoreError` where it
        could not be stored: the sender must hear that, and send again.
        """
        if len(new.body) > MOST_BYTES:
            raise UsageError(f"The delivery has {len(new.body):,} bytes, more than {MOST_BYTES:,}.")
        if self._closed:
            raise StoreError(f"The deliveries in {self.path} are closed.", changed="Nothing was stored.")
        loop = asyncio.get_running_loop()
        added: asyncio.Future[Added] = loop.create_future()
        self._last = new_id(self._last, secrets.token_hex(2))
        new = replace(new, headers=kept_headers(new.headers))
        self._waiting.append(((self._last, rfc3339(datetime.now(UTC)), new), added))
        if self._draining is None:
            self._draining = loop.create_task(self._drain())
        return await added

    async def change(self, operation: Change[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Run a function of `ledger` as one durable transaction. Raises `StoreError`; then nothing was changed."""

        def work() -> T:
            with explained(self.path), transaction(self._database):
                return operation(self._database, *args, **named)

        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def look(self, operation: Change[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Run a function of `ledger` that only reads. Raises `StoreError`."""

        def work() -> T:
            with explained(self.path):
                return operation(self._database, *args, **named)

        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def counts_by_state(self) -> dict[State, int]:
        """How many deliveries there are in each state."""
        return await self.look(ledger.counts)

    async def backlog(self) -> tuple[int, str]:
        """How many deliveries wait to be dealt with, and since when the oldest of them (RFC 3339, or empty)."""
        return await self.look(ledger.backlog)

    async def find(self, text: str) -> Delivery:
        """The delivery with this id, or with an id that begins or ends so. Raises `UsageError`."""
        found = await self.look(ledger.named, text) if text else []
        names = [text] if text in found else found
        if len(names) == 1 and (delivery := await self.look(ledger.whole, names[0])):
            return delivery
        if names:
            raise UsageError(f"{text!r} fits {len(names)} deliveries: {', '.join(names)}.", next="Name more of the id.")
        raise UsageError(f"There is no delivery {text!r}.", next="firedoor alerts lists them.")

    async def _drain(self) -> None:
        """Write what waits, group after group, until nothing does."""
        while self._waiting:
            # Coroutines that are ready to run come first: what they add goes into the same transaction.
            await asyncio.sleep(0)
            group = [self._waiting.popleft() for _ in range(min(MAX_GROUP, len(self._waiting)))]
            try:
                results = await self.change(ledger.add, [news for news, _ in group])
            except FiredoorError as error:
                for _, added in group:
                    if not added.done():
                        added.set_exception(error)
                continue
            for (_, added), result in zip(group, results, strict=True):
                # Where its caller went away, the delivery is stored all the same.
                if not added.done():
                    added.set_result(result)
        self._draining = None
