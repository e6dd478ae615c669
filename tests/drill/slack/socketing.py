"""An app on Socket Mode: slack_sdk's aiohttp client, unmodified, that acknowledges and remembers."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.state import View
from firedoor.drill.slack.workspace import ALICE
from tests.slack_said import JSON, Client, modal, official

#: What an app does with a request; what it returns is the payload of the acknowledgement.
Answer = Callable[[SocketModeRequest], Awaitable[Any]]


class App:
    """Connected while it is entered. `deaf` hears, and does not acknowledge."""

    def __init__(self, slack: LocalSlack, answer: Answer | None = None) -> None:
        self.web = official(slack, slack.workspace.bot_token)
        self.socket: Any = SocketModeClient(app_token=slack.workspace.app_token, web_client=self.web, ping_interval=0.2)
        self.socket.socket_mode_request_listeners.append(self._take)
        self.heard: list[SocketModeRequest] = []
        self.hellos: list[dict[str, Any]] = []
        self.socket.message_listeners.append(self._message)
        self.deaf = False
        self._answer = answer
        self._slack = slack
        self._greeted = asyncio.Event()
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        before = self._slack.sockets.count
        await self.socket.connect()
        async with asyncio.timeout(5):
            await self._greeted.wait()
        assert self._slack.sockets.count > before
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.socket.close()

    async def greeted_again(self) -> None:
        """Wait until it has connected anew."""
        self._greeted.clear()
        async with asyncio.timeout(5):
            await self._greeted.wait()

    async def hears(self, count: int) -> None:
        """Wait until it has heard so many requests."""
        async with asyncio.timeout(10):
            while len(self.heard) < count:
                self._news.clear()
                await self._news.wait()

    async def _message(
        self, client: AsyncBaseSocketModeClient, message: dict[str, Any], raw: str | None = None
    ) -> None:
        if message.get("type") == "hello":
            self.hellos.append(message)
            self._greeted.set()

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        self.heard.append(request)
        self._news.set()
        if self.deaf:
            return
        payload = await self._answer(request) if self._answer else None
        await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload))


async def opened(slack: LocalSlack, client: Client, *blocks: JSON, user: str = ALICE, **more: Any) -> View:
    """A modal on somebody's screen."""
    await client.views_open(trigger_id=slack.workspace.new_trigger(user).id, view=modal(*blocks, **more))
    found = slack.act.modal(user)
    assert found is not None
    return found
