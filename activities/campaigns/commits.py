"""Group commit: many lanes hand over what became of their last messages and claim the next; one thread writes.

Each transaction takes all that waited for it, so that a message costs a fraction of a write to the disk, and yet no
lane has more than its own messages in `sending`.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from firedoor.errors import FiredoorError
from firedoor.outbox import claims
from firedoor.outbox.claims import Outcome
from firedoor.outbox.store import Outbox

#: Lanes that have nothing to hand over yet are waited for this long, where fewer have: one write to the disk costs as
#: much as ten messages in it. Seconds.
GATHER, ENOUGH = 0.002, 10


@dataclass
class Commits:
    """What waits to be written. Used from one event loop; `close` it there."""

    outbox: Outbox
    clock: Callable[[], float] = time.time
    lanes: int = 1
    """How many there are: where all of them wait, nobody else is waited for."""
    _full: asyncio.Event = field(default_factory=asyncio.Event)
    _waiting: list[tuple[Sequence[Outcome], Sequence[int], asyncio.Future[list[int]]]] = field(default_factory=list)
    _draining: asyncio.Task[None] | None = None
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="outbox"))

    async def settle(self, outcomes: Sequence[Outcome], wanted: Sequence[int]) -> list[int]:
        """Write down outcomes and claim messages, durably; returns those that may be sent now, by this caller only.

        Raises `StoreError`; then nothing of it was written.
        """
        loop = asyncio.get_running_loop()
        claimed: asyncio.Future[list[int]] = loop.create_future()
        self._waiting.append((outcomes, wanted, claimed))
        if len(self._waiting) >= min(self.lanes, ENOUGH):
            self._full.set()
        if self._draining is None:
            self._draining = loop.create_task(self._drain())
        return await claimed

    async def close(self) -> None:
        """Wait until everything is written, and end the thread."""
        if self._draining is not None:
            await self._draining
        self._thread.shutdown()

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATHER):
                    await self._full.wait()
            group, self._waiting = self._waiting, []
            self._full.clear()
            try:
                claimed = await loop.run_in_executor(self._thread, self._write, group)
            except FiredoorError as error:
                for *_, waiting in group:
                    if not waiting.done():
                        waiting.set_exception(error)
                continue
            for (*_, waiting), own in zip(group, claimed, strict=True):
                # Where its lane was cancelled, what it claimed stays `sending` and is looked for by the next sender.
                if not waiting.done():
                    waiting.set_result(own)
        self._draining = None

    def _write(
        self, group: Sequence[tuple[Sequence[Outcome], Sequence[int], asyncio.Future[list[int]]]]
    ) -> list[list[int]]:
        outcomes = [one for every, _, _ in group for one in every]
        return self.outbox.change(claims.settle, outcomes, [wanted for _, wanted, _ in group], self.clock())
