"""Group commit: many lanes hand over what became of their last messages and claim the next; one thread writes.

Each transaction takes all that waited for it, so that a message costs a fraction of a write to the disk, and yet no
lane has more than its own messages in `sending`.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from firedoor.errors import FiredoorError
from firedoor.outbox import claims
from firedoor.outbox.claims import Outcome
from firedoor.outbox.store import Outbox

#: Where few wait, others are waited for this long: a write to the disk takes as long for one as for many. Seconds.
GATHER, ENOUGH = 0.002, 5


@dataclass
class Commits:
    """What waits to be written. Used from one event loop; `close` it there."""

    outbox: Outbox
    clock: Callable[[], float] = time.time
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
            # Lanes that are ready to run come first: what they hand over goes into the same transaction.
            await asyncio.sleep(GATHER if len(self._waiting) < ENOUGH else 0)
            group, self._waiting = self._waiting, []
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
