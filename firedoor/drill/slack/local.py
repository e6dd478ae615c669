"""All of the fake Slack on loopback: what tests and drills start.

    with LocalSlack() as slack:
        client = AsyncWebClient(token=slack.workspace.bot_token, base_url=slack.base_url)
        slack.act.type_command(ALICE, INCIDENTS, "/firedoor status").wait()

A thread serves it. The workspace's `lock` is held by whoever reads or changes it meanwhile; `act` does so itself.
"""

import asyncio
import concurrent.futures
import contextlib
import threading
import time
from collections.abc import Callable, Generator
from typing import Protocol, Self, TypeVar

from firedoor.drill.fakes._fake import Exchange
from firedoor.drill.slack.acting import Acting, Then
from firedoor.drill.slack.faults import Faults
from firedoor.drill.slack.limits import Limits
from firedoor.drill.slack.reply import Delivery, Reply
from firedoor.drill.slack.requests import Requests
from firedoor.drill.slack.sockets import Sockets
from firedoor.drill.slack.state import JSON, Clock
from firedoor.drill.slack.web import Api, Server
from firedoor.drill.slack.workspace import Workspace, standard

T = TypeVar("T")


class Transport(Protocol):
    """How payloads reach the app."""

    async def deliver(self, kind: str, payload: JSON, *, accepts: bool) -> Reply:
        """Send a payload of a kind, and give what the app said."""
        ...


class LocalSlack:
    """A Slack with one workspace.

    `pace` is how long one of Slack's seconds takes where it waits for the app: with 0.1 the 3 seconds for an
    acknowledgement are 0.3. `clock.advance` lets trigger ids and response URLs grow old. `limits.on = True` counts
    calls.
    """

    def __init__(self) -> None:
        self.pace = 1.0
        self._deliveries: list[concurrent.futures.Future[Reply]] = []
        self._fill()
        self._server = Server(self._api)

    def _fill(self) -> None:
        self.clock = Clock()
        self.workspace: Workspace = standard(self.clock)
        self.faults = Faults()
        self.limits = Limits(self.clock.now)
        self.sockets = Sockets(lambda: self.pace)
        self._api = Api(self.workspace, self.sockets, self.faults, self.limits)
        self.transport: Transport = self.sockets

    def __enter__(self) -> Self:
        self._server.start()
        self._people()
        return self

    def __exit__(self, *_: object) -> None:
        self._call_off()
        self._server.stop()

    def _people(self) -> None:
        self.act = Acting(self.workspace, self._deliver, self.url)

    def reset(self) -> None:
        """A new workspace with new tokens, nothing in the way, no sockets, the default pace."""
        self._call_off()
        self._server.do(self._server.listen())
        self._server.do(self.sockets.drop())
        self.pace = 1.0
        self._fill()
        self._server.api = self._api
        self._people()

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._server.url

    @property
    def base_url(self) -> str:
        """What slack_sdk is given as `base_url`."""
        return f"{self.url}/api/"

    @property
    def log(self) -> list[Exchange]:
        """All calls of the Web API, in order."""
        return self._api.log

    def deliver_by_http(self, commands: str = "", interactivity: str = "", events: str = "") -> Requests:
        """From now on deliver signed requests to these addresses instead of sockets."""
        addresses = {"slash_commands": commands, "interactive": interactivity, "events_api": events}
        requests = Requests(addresses, self.workspace.signing_secret, lambda: self.pace, self.clock.now)
        self.transport = requests
        return requests

    def verify_url(self, requests: Requests) -> bool:
        """Have the address for events prove that it is the app's (`url_verification`)."""
        return self._server.do(requests.verify_url())

    def _deliver(self, kind: str, payload: JSON, then: Then, *, accepts: bool) -> Delivery:
        transport, workspace = self.transport, self.workspace

        async def work() -> Reply:
            reply = await transport.deliver(kind, payload, accepts=accepts)
            with workspace.lock:
                then(reply)
            return reply

        future: concurrent.futures.Future[Reply] = asyncio.run_coroutine_threadsafe(work(), self._server.loop)
        self._deliveries.append(future)
        return Delivery(future)

    def _call_off(self) -> None:
        """Send nothing again that is still on its way."""
        for delivery in self._deliveries:
            delivery.cancel()
        self._deliveries.clear()

    # --- what happens to it ---

    @contextlib.contextmanager
    def down(self) -> Generator[None]:
        """Nobody is there: connections are refused, open ones and sockets are dropped."""
        self.faults.down = True
        self._server.do(self._server.refuse())
        self._server.do(self.sockets.drop())
        try:
            yield
        finally:
            self.faults.down = False
            self._server.do(self._server.listen())

    def drop_sockets(self) -> None:
        """Close all sockets without a word."""
        self._server.do(self.sockets.drop())

    def refresh_sockets(self, reason: str = "refresh_requested") -> None:
        """Ask all sockets to connect anew."""
        self._server.do(self.sockets.disconnect(reason))

    # --- waiting ---

    def until(self, check: Callable[[], T | None], timeout: float = 10.0) -> T:
        """Wait in a thread until `check` gives something true: it is asked after each change. Raises `TimeoutError`."""
        changed, end = threading.Event(), time.monotonic() + timeout
        self.workspace.watchers.append(changed.set)
        try:
            while True:
                changed.clear()
                with self.workspace.lock:
                    found = check()
                if found:
                    return found
                if not changed.wait(end - time.monotonic()):
                    raise TimeoutError("what was waited for did not come")
        finally:
            self.workspace.watchers.remove(changed.set)

    async def eventually(self, check: Callable[[], T | None], timeout: float = 10.0) -> T:
        """The same in an event loop."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            loop.call_soon_threadsafe(changed.set)

        self.workspace.watchers.append(tell)
        try:
            async with asyncio.timeout(timeout):
                while True:
                    changed.clear()
                    with self.workspace.lock:
                        found = check()
                    if found:
                        return found
                    await changed.wait()
        finally:
            self.workspace.watchers.remove(tell)
