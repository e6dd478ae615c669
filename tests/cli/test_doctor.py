"""`firedoor doctor` of the secrets that the settings refer to, and of the inventory."""

import asyncio
import ipaddress
import json
import sys
from pathlib import Path

import pytest

from firedoor.cli import doors
from firedoor.config import Settings
from firedoor.doors import Server
from firedoor.drill.fakes.openai import FakeOpenAI
from firedoor.drill.toml import toml
from firedoor.local import free_port
from tests.cli.conftest import Cli


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of this test's own; nothing but the settings is looked at."""
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    return tmp_path


def told(cli: Cli) -> dict[str, tuple[str, str]]:
    """Subject → level and what is said."""
    done = cli("doctor", "-o", "json")
    assert "canary" not in done.out + done.err
    return {one["subject"]: (one["level"], one["says"]) for one in json.loads(done.out)}


def test_each_secret_of_the_settings_is_read_and_tried(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the worker's side, from a file; the provider lets firedoor in, until the key is another one."""
    with FakeOpenAI() as fake:
        assert isinstance(fake, FakeOpenAI)
        key = home / "admin"
        key.write_text(fake.admin)
        key.chmod(0o600)
        settings = {"base_url": fake.url, "admin_key": f"file:{key}"}
        (home / "firedoor.toml").write_text(toml({"providers.openai": settings}))
        found = told(cli)
        assert found["[providers.openai] admin_key"] == ("ok", f"file:{key} holds a value")
        assert found["[providers.openai]"][0] == "ok"
        key.write_text("sk-canary-of-somebody-else")
        assert told(cli)["[providers.openai]"][0] == "fail"
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert told(cli)["secrets"][0] == "fail"


@pytest.mark.usefixtures("desk_here")
def test_the_inventory_is_looked_at(cli: Cli, home: Path) -> None:
    """None is worth a word; one that cannot be read counts nobody, and is a failure."""
    level, says = told(cli)["inventory"]
    assert (level, says) == ("warn", f"there is no {home}/inventory.yaml: nobody is counted as hit")
    file = home / "inventory.yaml"
    file.write_text("credentials: {a: {provider: openai, id: key_1}}")
    assert told(cli)["inventory"] == ("ok", f"{file}: 1 credential, 0 customers")
    file.write_text("credentials: {a: {provider: opeani, id: key_1}}")
    level, says = told(cli)["inventory"]
    assert level == "fail"
    assert "`opeani` is no provider that firedoor knows" in says


@pytest.mark.usefixtures("desk_here")
def test_the_doors_are_looked_at(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each could be opened or says why not; the server is asked, where the settings want one."""
    assert "server" not in told(cli)
    monkeypatch.setenv("FIREDOOR_SECRET_PAGERDUTY", "canary-canary-canary")
    good = {"secrets": ["env:FIREDOOR_SECRET_PAGERDUTY"]}
    port = free_port()
    given = {"alerts.pagerduty": good, "alerts.pagerdooty": good, "alerts.sentry": {}, "server": {"port": port}}
    (home / "firedoor.toml").write_text(toml(given))
    found = told(cli)
    assert found["[alerts.pagerduty]"] == ("ok", "/hooks/pagerduty for pagerduty, locked with 1 secret")
    assert found["[alerts.pagerdooty]"] == ("fail", "There is no source 'pagerdooty'.")
    assert found["[alerts.sentry]"] == ("fail", "It has no secrets, so that nothing could open it.")
    assert found["server"] == ("fail", f"none answers at http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"ready": True, "store": "ok"}, {"server": "ok"}),
        ({"ready": False, "store": "the disk is full", "temporal": "ok"}, {"server: store": "fail"}),
        (["somebody else"], {"server": "fail"}),
    ],
)
async def test_what_the_server_says_of_itself(home: Path, answer: object, expected: dict[str, str]) -> None:
    """It is ready; or what keeps it from that; or it is another program."""

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps(answer).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answered, "127.0.0.1", 0) as server:
        settings = Settings(home=home, server=Server(port=server.sockets[0].getsockname()[1]))
        assert {one.subject: one.level for one in await doors.server(settings)} == expected


@pytest.mark.parametrize(
    ("host", "address"),
    [
        (str(ipaddress.IPv4Address(0)), "http://127.0.0.1:8765"),
        (str(ipaddress.IPv6Address(0)), "http://[::1]:8765"),
        ("localhost", "http://localhost:8765"),
    ],
)
def test_where_the_server_is_from_here(host: str, address: str) -> None:
    """One that listens everywhere is reached on loopback."""
    assert doors.here(Settings(home=Path("/"), server=Server(host=host))) == address
    assert doors.loopback("localhost")
    assert doors.loopback("127.0.0.1")
    assert not doors.loopback("192.0.2.1")
    assert not doors.loopback("door.example")
