"""Slack as a part of the server: what comes in, what goes out, and the connection, started and ended together."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from firedoor.catalog import Shelves
from firedoor.config import Settings
from firedoor.engine import Engine
from firedoor.errors import FiredoorError
from firedoor.slack.api.client import Slack
from firedoor.slack.api.faults import SlackError, SlackUnreachableError
from firedoor.slack.inbound.door import Door
from firedoor.slack.inbound.handlers import Handlers
from firedoor.slack.inbound.people import People
from firedoor.slack.inbound.refusals import Refusals
from firedoor.slack.inbound.replies import Replies
from firedoor.slack.inbound.router import Router
from firedoor.slack.inbound.socket import Socket
from firedoor.slack.store import Store
from firedoor.timeline.writer import Writer

_LOG = logging.getLogger("firedoor.slack")
#: Seconds after which whatever has not ended is cancelled once more.
AGAIN = 5.0


class Teller(Protocol):
    """What keeps the messages of incidents up to date."""

    async def run(self) -> None:
        """Do so until cancelled."""
        ...

    def wake(self, incident: str) -> None:
        """Something has happened to this incident."""
        ...


@dataclass(frozen=True, slots=True)
class Outside:
    """What Slack needs of the rest of the server: incidents, runbooks, the timeline, what was posted, who posts it."""

    engine: Engine
    shelves: Shelves
    writer: Writer
    store: Store
    slack: Slack
    teller: Teller


class SlackService:
    """Slack, as long as `run` runs.

    With an app-level token it listens by Socket Mode; `router` takes what HTTP brings (`inbound.http.routes`).
    """

    def __init__(self, settings: Settings, outside: Outside, app_token: SecretStr | None = None) -> None:
        self._outside = outside
        replies = Replies(outside.slack)
        self.door = Door(
            engine=outside.engine,
            slack=outside.slack,
            store=outside.store,
            people=People(settings, outside.slack),
            refusals=Refusals(outside.writer),
            replies=replies,
            shelves=outside.shelves,
            timeline=outside.writer.timeline,
            settings=settings,
            wake=outside.teller.wake,
        )
        self.router = Router(Handlers(self.door), outside.store, replies)
        #: Why Slack does not take us, once it has said so.
        self.trouble = ""
        self.socket = Socket(settings.slack.base_url, app_token, self.router) if app_token else None

    async def run(self) -> None:
        """Listen and tell until cancelled; then what is under way is finished. Raises what ends either of the two."""
        await self._warm()
        work = [self._outside.teller.run(), *([self.socket.run()] if self.socket else [])]
        tasks = [asyncio.ensure_future(one) for one in work]
        introduced = asyncio.ensure_future(self._introduce())
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await _ended(*tasks, introduced)
            await self.stop()

    async def _introduce(self) -> None:
        """Hear now, and not at the first incident, that the bot's token is no longer one."""
        try:
            await self.door.slack.whoami()
        except SlackError as error:
            self.trouble = "" if isinstance(error, SlackUnreachableError) else error.what
            _LOG.warning("%s %s", error.what, error.next)

    async def _warm(self) -> None:
        """Compile the runbooks before the first command, which must not wait for it."""
        try:
            await self.door.shelf()
        except FiredoorError as error:
            _LOG.warning("the runbooks cannot be read: %s", error.what)

    async def stop(self) -> None:
        """Finish what is under way. Nothing new is taken by then: the transports have ended."""
        await self.router.close()


async def _ended(*tasks: asyncio.Future[None]) -> None:
    """Cancel them until they have ended: a library on the way may swallow one cancellation."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=AGAIN)
    await asyncio.gather(*tasks, return_exceptions=True)
