"""Socket Mode: Slack's messages over a connection that we open, so that nobody has to reach us.

Two or more processes may run: each message goes to any one of them. The app-level token (xapp-) has the scope
connections:write. https://docs.slack.dev/apis/events-api/using-socket-mode
"""

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
from pydantic import SecretStr
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from firedoor.slack.inbound.router import Envelope, Router

#: Seconds between two looks at the connection, and after how long without one a new client is made: slack_sdk goes on
#: trying an address that is good for one attempt only.
LOOK_SECONDS = 2.0
LOST_SECONDS = 30.0

_ADDRESS = re.compile(r"wss?://\S+")

_LOG = logging.getLogger("firedoor.slack")
_SDK_LOG = logging.getLogger("firedoor.slack.socket")
# Below this it logs whole messages, which may hold anything that people type.
_SDK_LOG.setLevel(logging.WARNING)


def _without_address(record: logging.LogRecord) -> bool:
    """Whoever has the address of a connection can open it: it is left out of what slack_sdk logs, traces included."""
    record.msg, record.args, record.exc_info = _ADDRESS.sub("wss://…", record.getMessage()), (), None
    return True


_SDK_LOG.addFilter(_without_address)


class Socket:
    """A connection by Socket Mode, which is made again when it is lost."""

    def __init__(self, base_url: str, token: SecretStr, router: Router) -> None:
        self._base_url = base_url
        self._token = token
        self._router = router
        self._client: SocketModeClient | None = None

    async def run(self) -> None:
        """Listen until cancelled. Without Slack it goes on trying."""
        try:
            while True:
                self._client = client = self._made()
                # slack_sdk says nothing of their types.
                connect: Callable[[], Coroutine[Any, Any, None]] = client.connect
                close: Callable[[], Coroutine[Any, Any, None]] = client.close
                connecting = asyncio.ensure_future(connect())
                try:
                    await self._until_lost(client)
                    _LOG.warning("there has been no connection to Slack for %.0f s: trying anew", LOST_SECONDS)
                finally:
                    connecting.cancel()
                    await asyncio.gather(connecting, return_exceptions=True)
                    await close()
        finally:
            self._client = None

    async def connected(self) -> bool:
        """Is there a connection now?"""
        client = self._client
        return client is not None and bool(await client.is_connected())

    def _made(self) -> SocketModeClient:
        web = AsyncWebClient(base_url=self._base_url, logger=_SDK_LOG)
        client = SocketModeClient(self._token.get_secret_value(), web_client=web, logger=_SDK_LOG)
        client.socket_mode_request_listeners.append(self._take)
        return client

    async def _until_lost(self, client: SocketModeClient) -> None:
        clock = asyncio.get_running_loop().time
        seen = clock()
        while clock() - seen < LOST_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
            if await client.is_connected():
                seen = clock()

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        answer = await self._router.take(Envelope(request.type, request.payload, request.envelope_id))
        try:
            await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, answer or None))
        except (ConnectionError, aiohttp.ClientError) as error:
            # Slack sends it again, by another connection; it is recognised then.
            _LOG.warning("an acknowledgement was lost (%s)", type(error).__name__)
