"""Group commit: many coroutines append, one thread writes, each transaction takes all that waited for it."""

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from firedoor.timeline.batch import Receipt
from firedoor.timeline.entry import Draft, Prepared, TimelineError
from firedoor.timeline.store import Timeline

#: Entries of one transaction at most, so that the first of a large group need not wait long for its receipt.
MAX_GROUP = 2_000


class Writer:
    """Appends to a timeline from one event loop. `async with Writer(timeline) as writer`.

    The timeline stays open when the writer closes.
    """

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="timeline")
        self._waiting: deque[tuple[list[Prepared], asyncio.Future[list[Receipt]]]] = deque()
        self._flushing = False
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def append(self, *drafts: Draft) -> list[Receipt]:
        """Append, all or nothing; returns when the entries are durable, signed, and in their order.

        Raises `EntryError` for a draft that cannot be an entry, `TimelineError` when the store fails; then none of
        these drafts was recorded. A caller that is cancelled does not know; what it appends again is recorded once.
        """
        return await self.submit(*drafts)

    def submit(self, *drafts: Draft) -> asyncio.Future[list[Receipt]]:
        """As `append`, for a caller that waits later: nothing is durable before the future is done."""
        if self._closed:
            raise TimelineError("The timeline's writer is closed.", changed="Nothing was recorded.")
        prepared = [self.timeline.prepare(draft) for draft in drafts]
        loop = asyncio.get_running_loop()
        receipts: asyncio.Future[list[Receipt]] = loop.create_future()
        self._waiting.append((prepared, receipts))
        if not self._flushing:
            # Not now: coroutines that are ready to run come first, and their drafts go into the same transaction.
            self._flushing = True
            self._idle.clear()
            loop.call_soon(self._flush)
        return receipts

    async def close(self) -> None:
        """Wait until everything appended is durable, and end the thread."""
        self._closed = True
        await self._idle.wait()
        self._thread.shutdown()

    def _flush(self) -> None:
        group: list[tuple[list[Prepared], asyncio.Future[list[Receipt]]]] = []
        count = 0
        while self._waiting and (not group or count + len(self._waiting[0][0]) <= MAX_GROUP):
            group.append(self._waiting.popleft())
            count += len(group[-1][0])
        if not group:
            self._flushing = False
            self._idle.set()
            return
        items = [item for prepared, _ in group for item in prepared]
        written = asyncio.get_running_loop().run_in_executor(self._thread, self.timeline.commit, items)
        written.add_done_callback(lambda done: self._resolve(group, done))

    def _resolve(
        self,
        group: list[tuple[list[Prepared], asyncio.Future[list[Receipt]]]],
        written: asyncio.Future[list[Receipt]],
    ) -> None:
        error = written.exception()
        start = 0
        for prepared, receipts in group:
            end = start + len(prepared)
            if receipts.done():
                pass
            elif error is not None:
                receipts.set_exception(error)
            else:
                receipts.set_result(written.result()[start:end])
            start = end
        # After the coroutines that this woke: what they append next goes into the next transaction together.
        asyncio.get_running_loop().call_soon(self._flush)
