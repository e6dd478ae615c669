"""The base of fakes: an HTTP server on loopback with routes, a log of exchanges, and faults that tests put in its way.

The tests check it against the provider's official document: requests that it accepts, answers that it gives.
"""

import json
import re
import secrets
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from firedoor.steps._step import Credential


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as a route sees it. `ids` are the parts of the path that its template names."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    ids: Mapping[str, str] = field(default_factory=dict)

    def one(self, name: str, default: str = "") -> str:
        """The value of a query parameter."""
        return next((value for key, value in self.query if key == name), default)

    def json(self) -> Any:
        """The body as JSON; an empty object where there is none."""
        return json.loads(self.body or b"{}")

    def bearer(self) -> str:
        """The token of `Authorization: Bearer`."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: a status, a body (JSON unless it is bytes), headers."""

    status: int = 200
    data: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was asked and answered. `fault` names the one that was put in its way, if any."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    status: int
    answer_headers: Mapping[str, str]
    answer: bytes
    fault: str = ""


@dataclass
class Fault:
    """What goes wrong with the next `times` calls that match: an answer instead, or a reply that is lost afterwards."""

    method: str
    path: str
    times: int = 1
    instead: Said | None = None
    lose_reply: bool = False

    def fits(self, asked: Asked) -> bool:
        """Is it this call's turn to fail?"""
        return self.times > 0 and self.method == asked.method and re.fullmatch(self.path, asked.path) is not None


Handler = Callable[[Asked], Said]


@dataclass(frozen=True, slots=True)
class Planted:
    """A credential that was there before the incident, and its value."""

    credential: Credential
    value: str = field(repr=False)


@dataclass
class Allowance:
    """How many calls a fake takes: `rate` a second in the long run, `burst` at once after a rest."""

    rate: float
    burst: int
    clock: Callable[[], float] = time.monotonic
    left: float = field(init=False)
    seen: float = field(init=False)

    def __post_init__(self) -> None:
        self.left, self.seen = float(self.burst), self.clock()

    def spend(self) -> bool:
        """Take one call off it; False where none is left."""
        now = self.clock()
        self.left = min(float(self.burst), self.left + (now - self.seen) * self.rate)
        self.seen = now
        enough = self.left >= 1
        self.left -= enough
        return enough


def canary(prefix: str) -> str:
    """A value that a fake mints: recognisable as a fake, and different each time."""
    return f"{prefix}canary{secrets.token_hex(16)}"


class Fake:
    """A provider on 127.0.0.1. A subclass says its `routes` in `__init__`; use it as a context manager."""

    name: ClassVar[str]

    def __init__(self) -> None:
        self.log: list[Exchange] = []
        self.faults: list[Fault] = []
        self.lock = threading.RLock()
        #: Calls beyond it are answered 429; None takes any number.
        self.allowance: Allowance | None = None
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._server: ThreadingHTTPServer | None = None

    def route(self, method: str, template: str, handler: Handler) -> None:
        """Have `handler` answer a method and a path such as `/v1/keys/{id}`."""
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template))
        self._routes.append((method, re.compile(pattern), handler))

    @property
    def url(self) -> str:
        """Where it listens."""
        server = self._server
        if server is None:
            raise RuntimeError("the fake is not started")
        return f"http://127.0.0.1:{server.server_address[1]}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen on a free port of loopback."""
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def secrets(self) -> dict[str, str]:
        """The values of the provider's settings with which firedoor may act here: `{"admin_key": "sk-…"}`."""
        return {}

    def plant_credential(self, kind: str, name: str) -> Planted:
        """A live credential of a kind."""
        raise NotImplementedError

    def stranger(self, value: str) -> str:
        """A value that looks like this one, and was never given to anybody."""
        return value.replace("canary", "strang")

    def alive(self, kind: str) -> set[str]:
        """The values of the credentials of a kind that the provider accepts now, firedoor's own left out."""
        raise NotImplementedError

    def denied(self, asked: Asked) -> Said | None:
        """Refuse a request before any route sees it; None lets it pass."""
        return None

    def answer(self, asked: Asked) -> Said:
        """Find the route and let it answer, one request at a time."""
        with self.lock:
            if self.allowance and not self.allowance.spend():
                return Said(429, {"message": "Too many requests"}, {"retry-after": "1"})
            refusal = self.denied(asked)
            if refusal is not None:
                return refusal
            for method, pattern, handler in self._routes:
                match = pattern.fullmatch(asked.path)
                if match and method == asked.method:
                    ids = {name: unquote(value) for name, value in match.groupdict().items()}
                    return handler(Asked(asked.method, asked.path, asked.query, asked.headers, asked.body, ids))
        return Said(404, {"error": {"message": f"no route for {asked.method} {asked.path}"}})

    def serve(self, asked: Asked) -> tuple[Said, bool]:
        """The answer to a request, and whether its reply gets lost."""
        with self.lock:
            fault = next((one for one in self.faults if one.fits(asked)), None)
            if fault:
                fault.times -= 1
        said = fault.instead if fault and fault.instead else self.answer(asked)
        lost = bool(fault and fault.lose_reply)
        word = "" if fault is None else ("lost reply" if lost else "instead")
        body, headers = _encoded(said)
        with self.lock:
            self.log.append(
                Exchange(
                    asked.method, asked.path, asked.query, asked.headers, asked.body, said.status, headers, body, word
                )
            )
        return said, lost


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no mistake; all else is one, and is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _encoded(said: Said) -> tuple[bytes, dict[str, str]]:
    if isinstance(said.data, bytes):
        return said.data, {"content-type": "text/html", **said.headers}
    body = b"" if said.data is None else json.dumps(said.data).encode()
    return body, {"content-type": "application/json", "x-request-id": f"req_{time.monotonic_ns()}", **said.headers}


def _handler(fake: Fake) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        #: Header and body of an answer are two writes; without this the second waits for an acknowledgement.
        disable_nagle_algorithm = True

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            parts, length = urlsplit(self.path), int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:
                # Whoever asked has gone away in the middle.
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = parse_qsl(parts.query, keep_blank_values=True)
            said, lost = fake.serve(Asked(self.command, parts.path, query, headers, body))
            if lost:
                self.close_connection = True
                self.connection.close()
                return
            self._reply(said)

        def _reply(self, said: Said) -> None:
            body, headers = _encoded(said)
            self.send_response(said.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on stderr: the log is `Fake.log`."""

    return Answering
