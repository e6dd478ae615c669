"""An app on Socket Mode: slack_sdk's aiohttp client, unmodified, that acknowledges and remembers."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from firedoor.drill.slack.local import LocalSlack

#: What an app does with a request; what it returns is the payload of the acknowledgement.
Answer = Callable[[SocketModeRequest], Awaitable[Any]]


class App:
    """Connected while it is entered. `deaf` hears, and does not acknowledge."""

    def __init__(self, slack: LocalSlack, answer: Answer | None = None) -> None:
        self.web = AsyncWebClient(token=slack.workspace.bot_token, base_url=slack.base_url)
        self.socket = SocketModeClient(app_token=slack.workspace.app_token, web_client=self.web, ping_interval=0.2)
        self.socket.socket_mode_request_listeners.append(self._take)
        self.heard: list[SocketModeRequest] = []
        self.hellos: list[dict[str, Any]] = []
        self.disconnects: list[str] = []
        self.socket.message_listeners.append(self._message)
        self.deaf = False
        self._answer = answer
        self._slack = slack
        self._greeted = asyncio.Event()

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

    async def _message(
        self, client: AsyncBaseSocketModeClient, message: dict[str, Any], raw: str | None = None
    ) -> None:
        if message.get("type") == "hello":
            self.hellos.append(message)
            self._greeted.set()

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        self.heard.append(request)
        if self.deaf:
            return
        payload = await self._answer(request) if self._answer else None
        await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload))
