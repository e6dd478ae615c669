"""Slack's messages over HTTP, for those who want an address: signed, fresh, not too large.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from pydantic import SecretStr
from slack_sdk.signature import Clock, SignatureVerifier
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from firedoor.slack.inbound.router import Envelope, Router

#: Slack's own messages are far smaller.
MOST_BYTES = 1_000_000
MOST_FIELDS = 100

_LOG = logging.getLogger("firedoor.slack")

Refused = Callable[[str], None]


class _Door:
    """The three addresses of one app."""

    def __init__(self, router: Router, secret: SecretStr, refused: Refused, clock: Clock) -> None:
        self._router = router
        self._secret = secret
        self._refused = refused
        self._clock = clock

    async def commands(self, request: Request) -> Response:
        """Slash commands: a form."""
        return await self._answered(request, lambda body: Envelope("slash_commands", _form(body)))

    async def interactivity(self, request: Request) -> Response:
        """Buttons, forms and shortcuts: a form with the field `payload`."""
        return await self._answered(request, lambda body: Envelope("interactive", _object(_form(body)["payload"])))

    async def events(self, request: Request) -> Response:
        """Events: JSON. The first one proves that the address is ours."""
        return await self._answered(request, lambda body: Envelope("events_api", _object(body)))

    async def _answered(self, request: Request, read: Callable[[bytes], Envelope]) -> Response:
        try:
            body = await _body(request)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return PlainTextResponse("It is too large.", 413)
        if why := self._stranger(body, request.headers):
            self._refused(why)
            return PlainTextResponse("The signature is not Slack's.", 401)
        try:
            envelope = read(body)
        except (ValueError, KeyError, RecursionError):
            _LOG.warning("a request to %s is not what Slack sends", request.url.path)
            return PlainTextResponse("This is not what Slack sends.", 400)
        if envelope.payload.get("type") == "url_verification":
            return PlainTextResponse(str(envelope.payload.get("challenge", "")))
        answer = await self._router.take(envelope)
        return JSONResponse(answer) if answer else Response()

    def _stranger(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Why a request is not Slack's, or nothing. The comparison takes the same time whatever differs."""
        timestamp, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
        if not timestamp or not signature:
            return "it has no signature"
        # What follows takes a text as it is, and would fall over these.
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12 and signature.isascii()):
            return "its timestamp or signature is none"
        verifier = SignatureVerifier(self._secret.get_secret_value(), self._clock)
        try:
            valid = verifier.is_valid(body, timestamp, signature)
        except UnicodeDecodeError:
            return "its body is not UTF-8"
        return "" if valid else "its signature is wrong, or older than 5 minutes"


def _log(why: str) -> None:
    _LOG.warning("a request that was to come from Slack was refused: %s", why)


def routes(router: Router, secret: SecretStr, *, refused: Refused = _log, clock: Clock | None = None) -> list[Route]:
    """`/slack/commands`, `/slack/interactivity` and `/slack/events`. `refused` is told why a request was refused."""
    door = _Door(router, secret, refused, clock or _Now())
    handlers: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/slack/commands": door.commands,
        "/slack/interactivity": door.interactivity,
        "/slack/events": door.events,
    }
    return [Route(path, handler, methods=["POST"]) for path, handler in handlers.items()]


class _Now(Clock):
    def now(self) -> float:
        return time.time()


async def _body(request: Request) -> bytes | None:
    """The raw bytes; None where there are too many."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)


def _form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))


def _object(text: str | bytes) -> dict[str, Any]:
    match json.loads(text):
        case dict() as value:
            return value
        case _:
            raise ValueError("not an object")
