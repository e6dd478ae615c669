"""Slack as a part of the server. It opens when Temporal has answered, and opens again where it could not."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from pydantic import SecretStr
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Route
from starlette.routing import Router as Routes
from starlette.types import Receive, Scope, Send

from firedoor.catalog import Shelves
from firedoor.config import Settings
from firedoor.engine import Engine
from firedoor.errors import FiredoorError, UsageError
from firedoor.server.log import Sparing
from firedoor.server.metrics import OTHERS, Metrics
from firedoor.server.secrets import read
from firedoor.slack.api.client import Slack
from firedoor.slack.inbound.http import routes
from firedoor.slack.outbound.reconciler import Reconciler
from firedoor.slack.service import Outside, SlackService
from firedoor.slack.store import Store
from firedoor.timeline.store import Timeline
from firedoor.timeline.writer import Writer

#: How failed authentications of Slack's door are counted, beside the doors of alerts.
DOOR = "slack"
PATHS = ("/slack/commands", "/slack/interactivity", "/slack/events")
#: Seconds until it is opened again.
PAUSE = 5.0
OK = "ok"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the settings refer to. `app` is for Socket Mode, `signing` for HTTP; one of them is there."""

    bot: SecretStr
    app: SecretStr | None
    signing: SecretStr | None

    def ways(self) -> str:
        """How Slack reaches us, for a person."""
        return " and ".join(
            way for way, there in (("Socket Mode", self.app), ("signed requests to /slack/…", self.signing)) if there
        )


def tokens(settings: Settings) -> Tokens | None:
    """The tokens of Slack; None where the settings configure none. Raises `UsageError`."""
    given = settings.slack
    if not given.bot_token:
        return None
    if not given.app_token and not given.signing_secret:
        raise UsageError(
            "[slack] has a bot_token, and no way by which Slack's messages come in.",
            changed="Nothing was started.",
            next="Set app_token for Socket Mode, or signing_secret for HTTP: docs/reference/settings.md",
        )
    found = [
        read(reference, settings.secret_environment) if reference else None
        for reference in (given.app_token, given.signing_secret)
    ]
    return Tokens(read(given.bot_token, settings.secret_environment), *found)


class Chat:
    """Slack, while `run` runs. `service` is there once it is open; `trouble` says what keeps it from that."""

    def __init__(
        self, settings: Settings, shelves: Shelves, tokens: Tokens, metrics: Metrics, sparing: Sparing
    ) -> None:
        self._settings = settings
        self._shelves = shelves
        self._tokens = tokens
        self.ways = tokens.ways()
        self._metrics = metrics
        self._sparing = sparing
        self._routes: Routes | None = None
        self.service: SlackService | None = None
        self.trouble = "it waits for Temporal"

    async def run(self, engine: Engine) -> None:
        """Be open until cancelled. What keeps it shut is no reason to shut the doors of alerts."""
        while True:
            try:
                async with self._open(engine) as service:
                    self.service, self.trouble = service, ""
                    await service.run()
            except FiredoorError as error:
                self.trouble = error.what
                self._sparing.warn(DOOR, error.what)
            finally:
                self.service = self._routes = None
            await asyncio.sleep(PAUSE)

    async def state(self) -> str:
        """`ok`, or what is wrong."""
        service = self.service
        if service is None:
            return self.trouble
        if service.socket is not None and not await service.socket.connected():
            return "it has no connection by Socket Mode"
        return service.trouble or OK

    def http(self) -> list[BaseRoute]:
        """Its routes, where it takes Slack's messages by HTTP; until it is open they answer 503."""
        if self._tokens.signing is None:
            return []
        return [Route(path, _Late(self), methods=["POST"]) for path in PATHS]

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of Slack's."""
        if self._routes is None:
            closed = PlainTextResponse("Slack is not open here yet.", 503, {"retry-after": "5"})
            await closed(scope, receive, send)
        else:
            await self._routes(scope, receive, send)

    @contextlib.asynccontextmanager
    async def _open(self, engine: Engine) -> AsyncGenerator[SlackService]:
        settings = self._settings
        # It hashes every entry again, and the doors of alerts must not wait for that.
        timeline = await asyncio.to_thread(
            Timeline.open, settings.timeline_path, settings.signing_key_path, settings.log
        )
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(timeline.close)
            store = stack.enter_context(Store.open(settings.slack_path))
            slack = await stack.enter_async_context(Slack(settings, store, self._tokens.bot))
            writer = await stack.enter_async_context(Writer(timeline))
            teller = Reconciler(engine, slack, store, settings)
            outside = Outside(engine, self._shelves, writer, store, slack, teller)
            service = SlackService(settings, outside, self._tokens.app)
            if self._tokens.signing is not None:
                self._routes = Routes(routes(service.router, self._tokens.signing, refused=self._refused))
            yield service

    def _refused(self, why: str) -> None:
        count = self._metrics.failed(DOOR, OTHERS)
        self._sparing.warn(f"{DOOR}: unauthenticated", f"{why} (number {count})")


class _Late:
    """A route of something that may not be open yet: as an ASGI application."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._chat.answer(scope, receive, send)
