"""Starting the AWS emulator, and refusing to pretend when it cannot be started."""

import socket
from pathlib import Path

import pytest

from firedoor.drill.emulators import Aws, emulator_python, start_aws
from firedoor.errors import UsageError
from firedoor.supervisor import Supervisor


async def test_emulator_answers_and_is_gone_afterwards(tmp_path: Path, emulator: Path) -> None:
    """It answers on loopback while the supervisor lives, writes into the drill's folder only, and ends with it."""
    async with Supervisor() as supervisor:
        aws = await start_aws(supervisor, str(emulator), tmp_path / "emulator")
        assert aws.url.startswith("http://127.0.0.1:")
        assert aws.client("iam").list_users()["Users"] == []
    port = int(aws.url.rpartition(":")[2])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert {path.name for path in (tmp_path / "emulator").iterdir()} == {"ministack.log"}


async def test_engineers_aws_profile_is_not_read(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile, a region or a proxy in the environment changes nothing: the client reaches the emulator only."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert aws.client("sts").get_caller_identity()["Account"] == "000000000000"


async def test_missing_emulator_says_how_to_install_it(tmp_path: Path) -> None:
    """A path that does not exist is refused before anything starts."""
    async with Supervisor() as supervisor:
        with pytest.raises(UsageError, match="The AWS emulator was not found: /nowhere/ministack") as caught:
            await start_aws(supervisor, "/nowhere/ministack", tmp_path)
    assert "pip install ministack==1.5.33" in caught.value.next


async def test_emulator_that_exits_ends_the_start_at_once(tmp_path: Path) -> None:
    """A Python without ministack exits; the error carries its last words instead of a timeout."""
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "ministack").touch()
    (fake / "python").symlink_to("/usr/bin/false")
    async with Supervisor() as supervisor:
        with pytest.raises(UsageError, match="aws emulator exited with code 1"):
            await start_aws(supervisor, str(fake / "ministack"), tmp_path / "emulator")


def test_python_is_the_emulators_own(emulator: Path) -> None:
    """The emulator runs with the Python of its environment, not with firedoor's."""
    assert emulator_python(str(emulator)) == emulator.resolve().parent / "python"
