"""Socket Mode: https://docs.slack.dev/apis/events-api/using-socket-mode

An address of `apps.connections.open` opens one socket. An envelope goes to any one that is open; one that is not
acknowledged within 3 seconds is sent again, to another one if there is one.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from typing import Any, Final

from aiohttp import WSMsgType, web

from firedoor.drill.fakes._fake import canary
from firedoor.drill.slack.call import Call
from firedoor.drill.slack.limits import TIERS
from firedoor.drill.slack.methods import Method
from firedoor.drill.slack.reply import LIMIT, Reply
from firedoor.drill.slack.state import JSON
from firedoor.drill.slack.workspace import APP

SOCKETS: Final = 10
RETRIES: Final = 3
#: Seconds that a connection lasts, as Slack says in its hello.
CONNECTION_TIME: Final = 18_060
HOST: Final = "applink-canary-1"


class Sockets:
    """The open sockets of the app. `pace` is how long a second of Slack's takes here, for time-outs.

    `sent` are the envelopes in order, with the number of the socket that each went to; `acknowledged` the ids.
    """

    def __init__(self, pace: Callable[[], float]) -> None:
        self._pace = pace
        self._tickets: set[str] = set()
        self._open: dict[int, web.WebSocketResponse] = {}
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._numbers = 0
        self._turn = 0
        self.sent: list[tuple[int, JSON]] = []
        self.acknowledged: list[str] = []
        #: While it is set, an address of `apps.connections.open` leads nowhere.
        self.closed = False
        self.method = Method(self._connections_open, min(TIERS), ("connections:write",), kind="app")

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def _connections_open(self, call: Call) -> JSON:
        ticket = canary("")
        self._tickets.add(ticket)
        address = call.base_url.replace("http://", "ws://")
        return {"ok": True, "url": f"{address}/link/?ticket={ticket}&app_id={APP}"}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One socket, as long as it lives."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets or self.closed:
            return web.Response(status=403)
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if len(self._open) >= SOCKETS:
            await self._disconnect(socket, "too_many_websockets")
            return socket
        self._numbers += 1
        number = self._numbers
        self._open[number] = socket
        try:
            await socket.send_json(self._hello())
            await socket.ping(b"Ping from the fake Slack")
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    self._take(message.data)
        finally:
            self._open.pop(number, None)
        return socket

    def _hello(self) -> JSON:
        return {
            "type": "hello",
            "num_connections": len(self._open),
            "debug_info": {
                "host": HOST,
                "build_number": 1,
                "approximate_connection_time": CONNECTION_TIME,
            },
            "connection_info": {"app_id": APP},
        }

    def _take(self, text: str) -> None:
        try:
            said = json.loads(text)
        except ValueError:
            return
        if isinstance(said, dict) and (id := said.get("envelope_id")):
            self.acknowledged.append(id)
            waiting = self._waiting.get(id)
            if waiting and not waiting.done():
                waiting.set_result(said.get("payload"))

    async def deliver(self, kind: str, payload: JSON, *, accepts: bool) -> Reply:
        """Send an envelope until somebody acknowledges it. `kind`: `slash_commands`, `interactive`, `events_api`."""
        id, began = str(uuid.uuid4()), time.monotonic()
        envelope: JSON = {
            "envelope_id": id,
            "type": kind,
            "accepts_response_payload": accepts,
            "payload": payload,
        }
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[id] = waiting
        last = 0
        for attempt in range(RETRIES + 1):
            retry = {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
            number = self._next(last)
            if number is None and kind != "events_api":
                return Reply(error="dispatch_failed", attempts=attempt)
            if number is not None:
                last = number
                await self._send(number, envelope | (retry if attempt or kind == "events_api" else {}))
            await asyncio.wait([waiting], timeout=LIMIT * self._pace())
            if waiting.done():
                return Reply(waiting.result(), seconds=self._since(began), attempts=attempt + 1)
        return Reply(error="timeout", seconds=self._since(began), attempts=RETRIES + 1)

    def _since(self, began: float) -> float:
        return (time.monotonic() - began) / self._pace()

    def _next(self, last: int) -> int | None:
        """The socket whose turn it is; not the last one if there is another."""
        numbers = [number for number in self._open if number != last] or list(self._open)
        if not numbers:
            return None
        self._turn += 1
        return numbers[self._turn % len(numbers)]

    async def _send(self, number: int, envelope: JSON) -> None:
        self.sent.append((number, envelope))
        try:
            await self._open[number].send_json(envelope)
        except ConnectionError:
            # It went away in this moment; the envelope is sent again like any that nobody acknowledges.
            self._open.pop(number, None)

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask all sockets to connect anew, and close them, as Slack does every few hours."""
        for number, socket in list(self._open.items()):
            self._open.pop(number, None)
            await self._disconnect(socket, reason)

    async def _disconnect(self, socket: web.WebSocketResponse, reason: str) -> None:
        await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": HOST}})
        await socket.close()

    async def drop(self) -> None:
        """Close all sockets without a word."""
        sockets, self._open = list(self._open.values()), {}
        for socket in sockets:
            await socket.close()
