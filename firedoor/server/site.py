"""What the server is made of while it runs: doors, the store of deliveries, the way to Temporal, and its tasks."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from temporalio.client import Client

from firedoor.catalog import Shelves
from firedoor.config import Settings
from firedoor.deliveries import Deliveries, Dispatcher
from firedoor.engine import Engine, connect
from firedoor.errors import FiredoorError
from firedoor.server.chat import Chat, tokens
from firedoor.server.door import Door, open_doors
from firedoor.server.fetch import Fetch
from firedoor.server.log import LOGGER, Sparing
from firedoor.server.mailroom import Mailroom
from firedoor.server.metrics import Metrics
from firedoor.server.news import News
from firedoor.server.pace import Pace
from firedoor.server.stranded import Stranded

#: Signatures are checked and bodies are read in as many threads.
THREADS = 8
#: Seconds for the tasks to end, and then for the store to be closed.
LAST_SECONDS = 2.0
#: Seconds between two attempts to reach Temporal.
PAUSES = (0.5, 1.0, 2.0, 5.0)


@dataclass
class Site:
    """One running server. `client` and `engine` are there once Temporal has answered; deliveries are taken before.

    `chat` is there where the settings have a token of Slack. `broken` says which task ended that must not end: then the
    server stops, to be started again.
    """

    settings: Settings
    shelves: Shelves
    doors: Mapping[str, Door]
    deliveries: Deliveries
    fetch: Fetch
    threads: ThreadPoolExecutor
    mailroom: Mailroom
    pace: Pace = field(default_factory=Pace)
    news: News = field(default_factory=News)
    metrics: Metrics = field(default_factory=Metrics)
    sparing: Sparing = field(default_factory=Sparing)
    client: Client | None = None
    engine: Engine | None = None
    dispatcher: Dispatcher | None = None
    chat: Chat | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    #: Whoever has a large body in hand, and whoever may have to ask SNS, which leaves threads to the others.
    heavy: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    asking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(THREADS // 2))
    #: Whoever has to look at all customers, the whole inventory or the whole timeline: that may take seconds.
    whole: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    #: Looks at the store for `/readyz` and `/metrics` that are under way: strangers may ask as often as they like.
    looks: dict[str, "asyncio.Task[Any]"] = field(default_factory=dict[str, "asyncio.Task[Any]"])
    closing: bool = False
    broken: "asyncio.Future[str]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def wake(self) -> None:
        """A delivery has arrived."""
        if self.dispatcher is not None:
            self.dispatcher.wake()

    def heard(self, campaign: str) -> None:
        """There are news of a campaign from outside, in its store already: its workflow is told soon."""
        self.news.of(campaign)

    async def work(self) -> None:
        """Reach Temporal, however long it takes, then dispatch what is delivered until cancelled."""
        self.client = await self._connected()
        self.engine = Engine(self.client, self.settings)
        self.metrics.connected.set(1)
        self.dispatcher = Dispatcher(self.engine, self.deliveries, self.settings, self.shelves)
        self.reached.set()
        await self.dispatcher.run()

    async def talk(self) -> None:
        """Be Slack's other end once Temporal has answered, until cancelled."""
        await self.reached.wait()
        if self.chat is not None and self.engine is not None:
            await self.chat.run(self.engine)

    async def _connected(self) -> Client:
        attempts = 0
        while True:
            try:
                return await connect(self.settings)
            except FiredoorError as error:
                self.sparing.warn("temporal", f"{error.what} Deliveries are kept until one does.")
            await asyncio.sleep(PAUSES[min(attempts, len(PAUSES) - 1)])
            attempts += 1


@contextlib.asynccontextmanager
async def open_site(settings: Settings, fetch: Fetch | None = None) -> AsyncGenerator[Site]:
    """A site whose tasks run. Raises `UsageError` for doors that cannot be opened, `FiredoorError` for the store."""
    doors, known = open_doors(settings), tokens(settings)
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with contextlib.AsyncExitStack() as stack:
        asking = fetch or Fetch()
        stack.callback(asking.close)
        threads = ThreadPoolExecutor(THREADS, thread_name_prefix="door")
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        deliveries = Deliveries.open(settings.deliveries_path)
        stack.push_async_callback(_closed, deliveries)
        mailroom = Mailroom(settings)
        stack.callback(mailroom.close)
        site = Site(settings, Shelves(settings), doors, deliveries, asking, threads, mailroom)
        tasks: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "dispatcher": site.work,
            "news": partial(site.news.run, mailroom, site.sparing),
        }
        if known is not None:
            site.chat = Chat(settings, site.shelves, known, site.metrics, site.sparing)
            tasks["slack"] = site.talk
            tasks["stranded"] = partial(Stranded(settings, deliveries).run, site.chat, site.sparing)
        await stack.enter_async_context(_kept(site, tasks))
        yield site
        site.closing = True


async def _closed(deliveries: Deliveries) -> None:
    """Close the store. A disk that hangs does not keep the server from ending: what is not durable was not accepted."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_SECONDS):
            await deliveries.close()


@contextlib.asynccontextmanager
async def _kept(site: Site, tasks: Mapping[str, Callable[[], Coroutine[Any, Any, None]]]) -> AsyncGenerator[None]:
    """Tasks that run until the end; one that ends by itself breaks the site."""

    def ended(task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or site.broken.done():
            return
        LOGGER.error("%s ended: the server stops, to be started again", task.get_name(), exc_info=error)
        site.broken.set_result(task.get_name())

    running: list[asyncio.Task[None]] = []
    for name, work in tasks.items():
        task = asyncio.create_task(work(), name=name)
        task.add_done_callback(ended)
        running.append(task)
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=LAST_SECONDS)
