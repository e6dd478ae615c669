"""Who calls is asked first: whoever shows no token gets no byte of a body read."""

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from firedoor.errors import FiredoorError
from firedoor.server.api.answers import told
from firedoor.server.api.office import known


class Turnstile:
    """ASGI middleware: for what is below `prefix`, but not for `open` itself, `state.caller` is who calls.

    FastAPI reads and parses a body before it asks its dependencies anything: 2 MB of brackets from nobody at all would
    keep the senders of alerts waiting.
    """

    def __init__(self, app: ASGIApp, prefix: str, open: str) -> None:
        self._app = app
        self._prefix = f"{prefix}/"
        self._open = open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith(self._prefix) and path != self._open:
            request = Request(scope)
            try:
                request.state.caller = await known(request)
            except FiredoorError as error:
                answer = await told(request, error)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)
