"""What the server has of campaigns: their store, and the links that lead customers here. Opened when first needed.

A server that sends nothing makes neither file. Temporal is not needed for any of it.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Concatenate, ParamSpec, TypeVar

from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.notices.links import Links
from firedoor.outbox.publishing import Publisher
from firedoor.outbox.store import Outbox
from firedoor.timeline.disclosures import Disclosures
from firedoor.timeline.store import Timeline

P = ParamSpec("P")
T = TypeVar("T")


#: A crowd of customers must not keep alerts waiting, so these threads are not those of the doors.
THREADS = 4


class Mailroom:
    """Shared by all requests. Its calls run in threads: the store's disk may hang, the server's loop may not."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.clock = clock
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="mailroom")
        self._lock = threading.Lock()
        self._closing = ExitStack()
        self._outbox: Outbox | None = None
        self._links: Links | None = None
        self._publisher: Publisher | None = None

    async def do(self, work: Callable[Concatenate["Mailroom", P], T], *args: P.args, **named: P.kwargs) -> T:
        """Run a function that may use `outbox` and `links`, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(self, *args, **named))

    @property
    def outbox(self) -> Outbox:
        """The store of campaigns. Raises `UsageError` where there is none yet, `StoreError` where it cannot be used."""
        with self._lock:
            if self._outbox is None:
                if not self.settings.outbox_path.exists():
                    raise UsageError(
                        "There are no campaigns yet.", next="A runbook with a `campaign:` step makes the first."
                    )
                self._outbox = Outbox.open(self.settings.outbox_path)
            return self._outbox

    @property
    def links(self) -> Links:
        """The links. Raises `UsageError` where their key cannot be read."""
        with self._lock:
            if self._links is None:
                self._links = Links.open(self.settings)
            return self._links

    @property
    def publisher(self) -> Publisher:
        """What tells the timeline of the store's changes. Raises as `outbox`, `TimelineError`, `DisclosureError`."""
        outbox, settings = self.outbox, self.settings
        with self._lock:
            if self._publisher is None:
                disclosures = Disclosures.open(settings.disclosures_path)
                self._closing.callback(disclosures.close)
                timeline = Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log)
                self._closing.callback(timeline.close)
                self._publisher = Publisher(outbox, timeline, disclosures)
            return self._publisher

    def close(self) -> None:
        """Close the stores, once nobody uses them."""
        self._threads.shutdown(cancel_futures=True)
        self._closing.close()
        with self._lock:
            if self._outbox is not None:
                self._outbox.close()
                self._outbox = None
