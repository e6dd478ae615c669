"""A loopback proxy before an emulator: it writes down every call, and answers some of them as a test says.

What no emulator does on its own is scripted here, on the wire, so that firedoor's real client meets it: stale answers,
lost answers, throttling, refusals in AWS's own format.
"""

import http.client
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from tests.emulators import Emulator

READS = ("Get", "List", "Describe", "Lookup", "Simulate")


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    content_type: str
    body: bytes


Forward = Callable[[], Reply]
#: Given a way to the emulator, what the client gets; None: the connection drops.
Rule = Callable[[Forward], Reply | None]


def refused(status: int, code: str, message: str = "No.") -> Rule:
    """A refusal of IAM or STS; the emulator is not asked."""
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    body = f"<ErrorResponse>{error}<RequestId>scripted</RequestId></ErrorResponse>".encode()
    return lambda forward: Reply(status, "text/xml", body)


def refused_json(status: int, code: str, message: str = "No.") -> Rule:
    """A refusal of Secrets Manager or CloudTrail; the emulator is not asked."""
    body = json.dumps({"__type": code, "message": message}).encode()
    return lambda forward: Reply(status, "application/x-amz-json-1.1", body)


def lost(forward: Forward) -> None:
    """The emulator acts, and its answer never arrives."""
    forward()


def forwarded(forward: Forward) -> Reply:
    """Nothing special."""
    return forward()


def replaced(old: str, new: str) -> Rule:
    """The emulator's answer with a text replaced: a stale or forged one."""

    def rule(forward: Forward) -> Reply:
        reply = forward()
        assert old.encode() in reply.body
        return Reply(reply.status, reply.content_type, reply.body.replace(old.encode(), new.encode()))

    return rule


@dataclass
class Wire:
    """The proxy. `calls` are the operations asked for, in order, and `bodies` what was sent with them."""

    emulator: Emulator
    url: str = ""
    calls: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    rules: dict[str, list[Rule]] = field(default_factory=lambda: defaultdict(list))
    always: dict[str, Rule] = field(default_factory=dict)

    def on(self, operation: str, *rules: Rule) -> None:
        """The next calls of an operation go by these rules, one each; later ones are forwarded."""
        self.rules[operation].extend(rules)

    def writes(self) -> list[str]:
        """The calls that were no reads."""
        return [call for call in self.calls if not call.startswith(READS)]

    def session(self, *arguments: Any) -> Any:
        """A boto3 session of the emulator behind."""
        return self.emulator.session(*arguments)

    def reply(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply | None:
        """What the client gets for a request."""
        operation = headers.get("X-Amz-Target", "").rpartition(".")[2] or parse_qs(body.decode())["Action"][0]
        self.calls.append(operation)
        self.bodies.append(body.decode())
        waiting = self.rules[operation]
        rule = waiting.pop(0) if waiting else self.always.get(operation, forwarded)
        return rule(lambda: self._forward(method, path, headers, body))

    def _forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.emulator.port, timeout=20)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Reply(answer.status, answer.getheader("content-type", "text/xml"), answer.read())
        finally:
            connection.close()


@contextmanager
def wired(emulator: Emulator) -> Generator[Wire]:
    """A proxy before `emulator` for one test."""
    wire = Wire(emulator)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = wire.reply("POST", self.path, dict(self.headers.items()), body)
            if reply is None:
                self.close_connection = True
                return
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    wire.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
