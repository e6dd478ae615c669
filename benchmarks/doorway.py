"""`firedoor serve` as a process of its own, with one signed door, and a line to it that costs little to use."""

import asyncio
import hashlib
import hmac
import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.installation import ROOT, until
from firedoor.drill.toml import toml
from firedoor.local import free_port
from firedoor.supervisor import Program, Supervisor

SECRET = secrets.token_hex(16)
VARIABLE = "FIREDOOR_SECRET_BENCH"
DOOR = "/hooks/github"
HTTP_ACCEPTED = (200, 202)


@dataclass
class Line:
    """One connection that stays open."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, port: int) -> "Line":
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def post(self, request: bytes) -> None:
        """Send a request and read its answer. Raises `RuntimeError` for one that does not accept it."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        body = await self.reader.readexactly(length)
        if int(head.split(b" ", 2)[1]) not in HTTP_ACCEPTED:
            raise RuntimeError(f"the door answered {head.decode()}{body.decode()}")

    def close(self) -> None:
        """Hang up."""
        self.writer.close()


def request(body: bytes, path: str = DOOR) -> bytes:
    """A delivery of GitHub's, signed."""
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: door\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"X-GitHub-Event: secret_scanning_alert\r\nX-Hub-Signature-256: sha256={signature}\r\n\r\n"
    )
    return head.encode() + body


def leak(number: int) -> bytes:
    """What GitHub sends of one leak."""
    alert = {
        "number": number,
        "created_at": "2026-11-29T11:00:00Z",
        "updated_at": "2026-11-29T11:00:00Z",
        "html_url": f"https://github.com/acme/site/security/secret-scanning/{number}",
        "secret_type": "acme_token",
        "secret_type_display_name": "Acme token",
        "validity": "active",
        "state": "open",
        "publicly_leaked": False,
    }
    repository = {"id": 1, "name": "site", "full_name": "acme/site", "description": "x" * 2_000, "private": True}
    return json.dumps({"action": "created", "alert": alert, "repository": repository}).encode()


async def serve(programs: Supervisor, home: Path, address: str, runbooks: Path | None = None) -> int:
    """Start the server on the Temporal at `address`; returns its port when it answers."""
    door = {"alerts.github": {"secrets": [f"env:{VARIABLE}"]}}
    (home / "firedoor.toml").write_text(toml({**({"runbooks": [str(runbooks)]} if runbooks else {}), **door}))
    port = free_port()
    await start(programs, home, ("-m", "firedoor", "serve", "--port", str(port)), environment(home, address))
    await until(lambda: _answers(port), 0.1)
    return port


def environment(home: Path, address: str) -> dict[str, str]:
    """The whole environment of a program at this home and this Temporal."""
    return {
        "FIREDOOR_HOME": str(home),
        "TEMPORAL_ADDRESS": address,
        "TEMPORAL_CONFIG_FILE": os.devnull,
        VARIABLE: SECRET,
        "PYTHONPATH": str(ROOT),
        "PATH": "/usr/bin:/bin",
    }


async def start(programs: Supervisor, home: Path, arguments: tuple[str, ...], variables: Mapping[str, str]) -> None:
    """Start a program of ours."""
    name = arguments[1]
    await programs.start(Program(name, (sys.executable, *arguments), home / f"{name}.log", variables, restarts=0))


async def _answers(port: int) -> bool:
    try:
        line = await Line.to(port)
    except ConnectionError:
        return False
    line.close()
    return True
