"""What every request must keep to, whatever it asks for: a body of at most 2 MB that arrives within 10 s."""

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firedoor.alerts._reading import MOST_BYTES
from firedoor.server.metrics import Metrics

#: Seconds from the headers to the end of the body.
BODY_SECONDS = 10.0
#: What is read and thrown away of a body that is too large, so that its sender gets to read the answer.
MOST_DISCARDED = 4 * MOST_BYTES
#: The rest of the body is not read: nothing else can follow on this connection.
CLOSE = {"connection": "close"}


class Guard:
    """ASGI middleware: 413 for a body that is too large, whatever its headers say, and 408 for one that is too slow."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its body watched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._metrics.requests.track_inprogress():
            await self._app(scope, _Body(scope, receive), send)


class _Body:
    """`receive` of one request. Raises `HTTPException`, which the application turns into an answer."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        said = Headers(scope=scope).get("content-length", "0")
        self._said = int(said) if said.isdecimal() else 0
        self._receive = receive
        self._until = asyncio.get_running_loop().time() + BODY_SECONDS
        self._size = 0
        self._ended = False

    async def __call__(self) -> Message:
        """The next message of the request."""
        if self._ended:
            return await self._receive()
        if self._said > MOST_DISCARDED:
            raise _too_large()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._next()
                while MOST_BYTES < self._size < MOST_DISCARDED and message.get("more_body", False):
                    message = await self._next()
        except TimeoutError:
            raise HTTPException(408, "The body took too long.", CLOSE) from None
        if self._size > MOST_BYTES:
            raise _too_large()
        return message

    async def _next(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        return message


def _too_large() -> HTTPException:
    return HTTPException(413, f"More than {MOST_BYTES:,} bytes are not taken.", CLOSE)
