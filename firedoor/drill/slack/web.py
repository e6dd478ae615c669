"""The HTTP side of the fake: Web API, uploads, response URLs, the door to the sockets; in a thread of its own."""

import asyncio
import json
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web

from firedoor.drill.fakes._fake import Exchange
from firedoor.drill.slack import answers, files
from firedoor.drill.slack.call import Call
from firedoor.drill.slack.faults import Fault, Faults
from firedoor.drill.slack.limits import Limits
from firedoor.drill.slack.methods import METHODS, run, token_of
from firedoor.drill.slack.refusal import Refusal
from firedoor.drill.slack.sockets import Sockets
from firedoor.drill.slack.state import JSON, Token
from firedoor.drill.slack.workspace import Workspace

T = TypeVar("T")
BODY_LIMIT = 64 * 1024 * 1024
#: slack_sdk sends many arguments in the address.
LINE_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Said:
    """An answer before it is sent."""

    status: int
    data: JSON
    headers: dict[str, str]


@dataclass
class Api:
    """What one workspace answers. `log` holds the calls of the Web API."""

    workspace: Workspace
    sockets: Sockets
    faults: Faults
    limits: Limits
    log: list[Exchange] = field(default_factory=list)

    def answer(self, name: str, bearer: str, said: Any, base_url: str) -> Said:
        """The answer to a call of a method."""
        try:
            with self.workspace.lock:
                return self._answer(name, bearer, said, base_url)
        except Refusal as refusal:
            return Said(refusal.status, refusal.answer, refusal.headers)

    def _answer(self, name: str, bearer: str, said: Any, base_url: str) -> Said:
        method = self.sockets.method if name == "apps.connections.open" else METHODS.get(name)
        if method is None:
            raise Refusal("unknown_method", more={"req_method": name})
        if not isinstance(said, dict):
            raise Refusal("json_not_object" if said is not None else "invalid_json")
        token = token_of(self.workspace, bearer or str(said.get("token") or ""))
        wait = self.limits.spend(name, method.tier, str(said.get("channel") or ""))
        if wait:
            raise limited(wait)
        accepted = ",".join(method.scopes)
        headers = {"x-oauth-scopes": _scopes(token), "x-accepted-oauth-scopes": accepted}
        try:
            return Said(200, run(method, Call(self.workspace, token, said, base_url)), headers)
        except Refusal as refusal:
            return Said(refusal.status, refusal.answer, headers | refusal.headers)


def _scopes(token: Token) -> str:
    return ",".join(sorted(token.scopes))


def limited(wait: int) -> Refusal:
    """429 with its `Retry-After`, in seconds."""
    return Refusal("ratelimited", status=429, headers={"Retry-After": str(wait)})


def arguments(query: list[tuple[str, str]], media: str, body: bytes) -> Any:
    """The arguments of a call: those of the address, and the body's. None for JSON that is broken."""
    said: JSON = dict(query)
    if not body:
        return said
    if media.startswith("application/json"):
        try:
            given = json.loads(body)
        except ValueError:
            return None
        return said | given if isinstance(given, dict) else given
    return said | dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


class Server:
    """The server and its thread. `api` may be replaced while it runs."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="fake-slack")
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def do(self, work: Coroutine[Any, Any, T], timeout: float = 30.0) -> T:
        """Do something in the server's event loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The server's event loop."""
        return self._loop

    def start(self) -> None:
        """Listen on a free port of loopback."""
        self._thread.start()
        self.do(self._start())

    async def _start(self) -> None:
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_route("*", "/api/{method}", self._call)
        app.router.add_get("/link/", self._link)
        app.router.add_post("/upload/v1/{id}", self._upload)
        app.router.add_post("/{kind:commands|actions}/{key}", self._respond)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, max_line_size=LINE_LIMIT)
        await self._runner.setup()
        await self.listen()

    async def listen(self) -> None:
        """Listen, at the same port as before if there was one."""
        if self._runner and not self._site:
            site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
            await site.start()
            self.port = self.port or self._runner.addresses[0][1]
            self._site = site

    async def refuse(self) -> None:
        """Refuse new connections."""
        if self._site:
            await self._site.stop()
            self._site = None

    def stop(self) -> None:
        """Stop listening, and end the thread."""
        self.do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        await self.api.sockets.drop()
        if self._runner:
            await self._runner.cleanup()

    # --- routes ---

    async def _call(self, request: web.Request) -> web.StreamResponse:
        api, name = self.api, request.match_info["method"]
        body = await request.read()
        fault = api.faults.take(name)
        if api.faults.down or (fault and fault.drop):
            return _hang_up(request)
        if fault and fault.slow:
            await asyncio.sleep(fault.slow)
        query = [(key, value) for key, value in request.query.items()]
        said = _instead(fault) or api.answer(
            name, _bearer(request), arguments(query, request.content_type, body), self.url
        )
        answer = json.dumps(said.data).encode()
        headers = {"Content-Type": "application/json; charset=utf-8"} | said.headers
        asked = {key.lower(): value for key, value in request.headers.items()}
        word = fault.word if fault else ""
        api.log.append(Exchange(request.method, request.path, query, asked, body, said.status, headers, answer, word))
        if fault and fault.lose_reply:
            return _hang_up(request)
        return web.Response(status=said.status, body=answer, headers=headers)

    async def _link(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=503) if self.api.faults.down else await self.api.sockets.serve(request)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        with self.api.workspace.lock:
            status, words = files.receive(self.api.workspace, request.match_info["id"], body)
        return web.Response(status=status, text=words)

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        fault = self.api.faults.take("response_url")
        if self.api.faults.down or (fault and fault.drop):
            return _hang_up(request)
        if instead := _instead(fault):
            return web.json_response(instead.data, status=instead.status, headers=instead.headers)
        try:
            with self.api.workspace.lock:
                answers.answer(self.api.workspace, request.match_info["key"], arguments([], "application/json", body))
        except Refusal as refusal:
            return web.json_response(refusal.answer, status=max(refusal.status, 400))
        return _hang_up(request) if fault and fault.lose_reply else web.Response(text="ok")


def _instead(fault: Fault | None) -> Said | None:
    if fault is None or not fault.status:
        return None
    busy = fault.status == 429
    headers = {"Retry-After": str(fault.retry_after)} if busy else {}
    error = "ratelimited" if busy else "service_unavailable"
    return Said(fault.status, {"ok": False, "error": error}, headers)


def _bearer(request: web.Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ").strip()


def _hang_up(request: web.Request) -> web.Response:
    """Close the connection; the response is what aiohttp wants to be given, and goes nowhere."""
    if request.transport:
        request.transport.close()
    return web.Response(status=503)
