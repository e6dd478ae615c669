"""The supervisor: real processes, real signals."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from firedoor import _reaper
from firedoor.errors import UsageError
from firedoor.supervisor import Program, Supervisor

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"


def program(folder: Path, code: str, *, name: str = "sleeper", restarts: int | None = None) -> Program:
    """A Python program with a log of its own."""
    return Program(name, (sys.executable, "-c", code), folder / f"{name}.log", restarts=restarts, patience=0.5)


def alive(pid: int) -> bool:
    """Does a process run? One that waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the condition did not come true within 20 s")


async def until_logged(log: Path, text: str, times: int = 1) -> None:
    """Wait until the log holds `text` so often."""
    await until(lambda: log.exists() and log.read_text().count(text) >= times)


async def test_killed_program_is_started_again_at_once(tmp_path: Path) -> None:
    """A kill -9 of a program costs its restart and nothing else, and the supervisor says so."""
    said: list[str] = []
    async with Supervisor(said.append) as supervisor:
        await supervisor.start(program(tmp_path, SLEEPER))
        await until_logged(tmp_path / "sleeper.log", "up")
        first = supervisor.pid("sleeper")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until_logged(tmp_path / "sleeper.log", "up", times=2)
        second = supervisor.pid("sleeper")
    assert second not in (None, first)
    assert said == ["sleeper ended with signal SIGKILL: it is started again at once."]


async def test_everything_ends_with_the_supervisor_even_what_ignores_sigterm(tmp_path: Path) -> None:
    """Leaving the supervisor ends each program, by SIGKILL if need be."""
    async with Supervisor() as supervisor:
        await supervisor.start(program(tmp_path, SLEEPER))
        await supervisor.start(program(tmp_path, STUBBORN, name="stubborn"))
        await until_logged(tmp_path / "sleeper.log", "up")
        await until_logged(tmp_path / "stubborn.log", "up")
        pids = [supervisor.pid("sleeper"), supervisor.pid("stubborn")]
    assert not any(alive(pid) for pid in pids if pid)
    assert supervisor.pid("sleeper") is None


async def test_program_that_is_given_up_ends_the_work_with_its_last_words(tmp_path: Path) -> None:
    """A program that may not exit, and does, fails the work with the end of its log."""
    async with Supervisor() as supervisor:
        await supervisor.start(program(tmp_path, "print('no such table'); raise SystemExit(7)", restarts=1))
        with pytest.raises(UsageError, match=r"sleeper exited with code 7\.\n  no such table") as caught:
            await supervisor.watch(asyncio.sleep(60))
    assert str(tmp_path / "sleeper.log") in caught.value.next


async def test_program_that_does_not_exist_is_refused_by_name(tmp_path: Path) -> None:
    """A missing binary is a sentence, not a traceback."""
    async with Supervisor() as supervisor:
        with pytest.raises(UsageError, match=r"ghost cannot be started: /nowhere/ghost: No such file"):
            await supervisor.start(Program("ghost", ("/nowhere/ghost",), tmp_path / "ghost.log"))


async def test_work_returns_while_programs_go_on(tmp_path: Path) -> None:
    """`watch` gives what the work returns and leaves the programs alone."""
    async with Supervisor() as supervisor:
        await supervisor.start(program(tmp_path, SLEEPER))
        assert await supervisor.watch(asyncio.sleep(0, "done")) == "done"
        pid = supervisor.pid("sleeper")
        assert pid is not None
        assert alive(pid)


async def test_signal_is_reported_and_raises_nothing(tmp_path: Path) -> None:
    """SIGTERM ends the waiting, so that the caller can end everything in order."""
    async with Supervisor() as supervisor:
        await supervisor.start(program(tmp_path, SLEEPER))
        waiting = asyncio.create_task(supervisor.until_signal())
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await asyncio.wait_for(waiting, 5) is signal.SIGTERM


async def test_children_of_a_program_end_with_it(tmp_path: Path) -> None:
    """A program's whole process group ends when the program does: no orphan keeps a port or a file."""
    code = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid, flush=True)"
    async with Supervisor() as supervisor:
        await supervisor.start(program(tmp_path, code, restarts=0))
        with pytest.raises(UsageError):
            await supervisor.watch(asyncio.sleep(60))
    child = int((tmp_path / "sleeper.log").read_text())
    await until(lambda: not alive(child))


def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    """A kill -9 of the supervisor itself: the reaper ends what it left."""
    code = f"""
import asyncio, pathlib, sys
from firedoor.supervisor import Program, Supervisor
async def main():
    async with Supervisor() as supervisor:
        await supervisor.start(Program("sleeper", (sys.executable, "-c", {SLEEPER!r}), pathlib.Path({str(tmp_path)!r}) / "log"))
        print(supervisor.pid("sleeper"), flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""
    supervisor = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])
    with supervisor:
        assert supervisor.stdout
        pid = int(supervisor.stdout.readline())
        assert alive(pid)
        supervisor.kill()
        supervisor.wait(10)
        deadline = time.monotonic() + 15
        while alive(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not alive(pid)


def test_reaper_ends_only_what_is_left() -> None:
    """Groups that have ended are forgotten: their numbers may belong to somebody else by now."""
    assert _reaper.groups_left(["+10\n", "+11\n", "-10\n"]) == {11}
    with contextlib.suppress(ProcessLookupError):
        _reaper.end({2**22 - 1}, signal.SIGTERM)
