"""The Temporal dev server of this machine: found, started, stopped; or a sentence."""

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from firedoor.errors import UsageError
from firedoor.local import dev_server, free_port, server_command, temporal_binary

ROOT = Path(__file__).parents[1]


def test_no_binary_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither configured, nor on PATH, nor beside Python."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(UsageError, match="There is no Temporal server to start") as caught:
        temporal_binary()
    assert "firedoor[local]" in caught.value.next


def test_real_incidents_survive_a_power_cut() -> None:
    """`firedoor up` asks for synchronous=FULL; drills need not."""
    binary, database = Path("temporal"), Path("t.db")
    assert "synchronous=FULL" in server_command(binary, port=1, database=database, durable=True)
    assert "synchronous=NORMAL" in server_command(binary, port=1, database=database, durable=False)
    assert "127.0.0.1" in server_command(binary, port=1, database=None, durable=False)


async def test_a_server_that_exits_is_reported(tmp_path: Path) -> None:
    """With its exit code, and the command to run by hand."""
    wrong = shutil.which("false")
    assert wrong is not None
    with pytest.raises(UsageError, match="exited with code 1 before it was ready") as caught:
        async with dev_server(Path(wrong), log=tmp_path / "server.log"):
            pass
    assert "server start-dev" in caught.value.next


async def test_a_port_that_was_taken_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program was quicker: another port is as good. Where the port is given, it is that or none."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        ports = iter([port, *(free_port() for _ in range(6))])
        monkeypatch.setattr("firedoor.local.free_port", lambda: next(ports))
        async with dev_server(temporal_binary()) as address:
            assert address != f"127.0.0.1:{port}"
        with pytest.raises(UsageError, match="before it was ready"):
            async with dev_server(temporal_binary(), port=port):
                pass


def test_a_server_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """A kill -9 of a test run leaves no dev server behind."""
    code = f"""
import asyncio
from pathlib import Path
from firedoor.local import dev_server, temporal_binary
async def main():
    async with dev_server(temporal_binary(), database=Path({str(tmp_path)!r}) / "temporal.db"):
        print("up", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT) as starter:
        assert starter.stdout
        assert starter.stdout.readline() == b"up\n"
        assert running_on(tmp_path)
        starter.kill()
    deadline = time.monotonic() + 15
    while running_on(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not running_on(tmp_path)


def running_on(folder: Path) -> list[str]:
    """The processes whose command line names this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if f"{folder}/temporal.db".encode() in path.read_bytes():
                found.append(path.parent.name)
    return found
