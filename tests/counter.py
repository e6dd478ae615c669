"""Where people give secrets in tests: an installation before an emulator, and a provider that knows some values."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.emulators import REGION, ROOT

OLD, NEW, OTHER = (f"sk-proj-canary{word}000000000000000000" for word in ("old", "new", "other"))


@dataclass
class OpenAi:
    """A provider that accepts some values; `down` answers 500 to all."""

    url: str = ""
    accepted: set[str] = field(default_factory=lambda: {NEW, OTHER})
    down: bool = False

    def status(self, authorization: str) -> int:
        """What a request gets."""
        if self.down:
            return 500
        return 200 if authorization.removeprefix("Bearer ") in self.accepted else 401


@contextmanager
def provider_on_loopback() -> Generator[OpenAi]:
    """It listens until it is closed."""
    one = OpenAi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"data": []}'
            self.send_response(one.status(self.headers.get("Authorization", "")))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def configure(home: Path, aws: str, provider: OpenAi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `home` an installation that acts at this emulator and this provider, for this process and its children."""
    home.mkdir(parents=True, exist_ok=True)
    home.joinpath("firedoor.toml").write_text(
        f'[aws]\nregion = "{REGION}"\nendpoint_url = "{aws}"\nsettle_seconds = 0\n'
        f'[providers.openai]\nbase_url = "{provider.url}"\n'
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT.secret)
    monkeypatch.setenv("FIREDOOR_HOME", str(home))
