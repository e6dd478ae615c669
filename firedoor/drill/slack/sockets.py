"""Socket Mode: https://docs.slack.dev/apis/events-api/using-socket-mode

An address of `apps.connections.open` opens one socket. An envelope goes to any one that is open; one that is not
acknowledged within 3 seconds is sent again, to another one if there is one. Real Slack is known to do so for events,
and was seen to do so for commands (slackapi/bolt-js#2188): here it is done for all.
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
from firedoor.drill.slack.reply import EVENT_RETRIES, LIMIT, RETRIES, Reply
from firedoor.drill.slack.state import JSON
from firedoor.drill.slack.workspace import APP

SOCKETS: Final = 10
#: Seconds that a connection lasts, as Slack says in its hello.
CONNECTION_TIME: Final = 18_060
#: Seconds that a closing handshake may take.
CLOSING: Final = 0.2
#: Seconds between the word that a socket will be closed and its end.
GRACE: Final = 10
HOST: Final = "applink-canary-1"


class Sockets:
    """The open sockets of the app. `pace` is how long a second of Slack's takes here, for time-outs.

    `sent` are the envelopes in order, with the number of the socket that each went to; `acknowledged` the ids.
    """

    def __init__(self, pace: Callable[[], float]) -> None:
        self._pace = pace
        self._tickets: set[str] = set()
        self._open: dict[int, web.WebSocketResponse] = {}
        self._leaving: dict[int, asyncio.Task[None]] = {}
        self._transports: dict[int, asyncio.Transport] = {}
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
        socket = web.WebSocketResponse(timeout=CLOSING)
        await socket.prepare(request)
        self._numbers += 1
        if len(self._open) >= SOCKETS:
            await self._disconnect(self._numbers, socket, "too_many_websockets")
        else:
            self._open[self._numbers] = socket
            await socket.send_json(self._hello())
            await socket.ping(b"Ping from the fake Slack")
        await self._listen(self._numbers, socket, request.transport)
        return socket

    async def _listen(self, number: int, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        if transport is not None:
            self._transports[number] = transport
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    self._take(message.data)
        finally:
            self._open.pop(number, None)
            self._transports.pop(number, None)
            if leaving := self._leaving.pop(number, None):
                leaving.cancel()

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
        began, event = time.monotonic(), kind == "events_api"
        envelope: JSON = {"type": kind, "accepts_response_payload": accepts, "payload": payload}
        waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        id, last = str(uuid.uuid4()), 0
        delays = EVENT_RETRIES if event else RETRIES
        for attempt in range(len(delays) + 1):
            if attempt:
                await asyncio.wait([waiting], timeout=delays[attempt - 1] * self._pace())
            number = self._next(last)
            if number is None and not event:
                return Reply(error="dispatch_failed", attempts=attempt)
            if number is not None and not waiting.done():
                last = number
                # An event that is sent again comes in a new envelope, with the same `event_id`.
                id = str(uuid.uuid4()) if event else id
                self._waiting[id] = waiting
                retry = {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
                await self._send(number, {"envelope_id": id} | envelope | (retry if attempt or event else {}))
                await asyncio.wait([waiting], timeout=LIMIT * self._pace())
            if waiting.done():
                return Reply(waiting.result(), seconds=self._since(began), attempts=attempt + 1)
        return Reply(error="timeout", seconds=self._since(began), attempts=len(delays) + 1)

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
        """Ask all sockets to connect anew, as Slack does every few hours. They are sent nothing more."""
        sockets, self._open = self._open, {}
        for number, socket in sockets.items():
            await self._disconnect(number, socket, reason)

    async def _disconnect(self, number: int, socket: web.WebSocketResponse, reason: str) -> None:
        """Say that a socket is going to be closed, and close it later if the app does not."""
        await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": HOST}})
        self._leaving[number] = asyncio.create_task(self._close(socket))

    async def _close(self, socket: web.WebSocketResponse) -> None:
        await asyncio.sleep(GRACE * self._pace())
        await socket.close()

    async def drop(self) -> None:
        """Close all sockets without a word."""
        self._open = {}
        for transport in self._transports.values():
            transport.close()
