"""Keeps the processes of one machine running: for `firedoor up` and for drills.

Each program runs in a process group of its own, with a log file of its own. One that exits is started again, at once
the first time and then with growing pauses. All are ended with the supervisor, whether it leaves by itself, is
interrupted, or is killed (see `firedoor/_reaper.py`).
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from firedoor import _reaper
from firedoor.errors import UsageError

#: A program that lived this long was healthy: the next restart is immediate again. Seconds.
HEALTHY = 10.0

#: Pauses before the restarts in a row, in seconds; the last one repeats.
PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Program:
    """A program to keep running.

    `environment` is the whole environment of the process, or None to inherit ours. `restarts` is how often it may exit
    in a row before the supervisor gives up; None = never, 0 = its first exit is the end (its state dies with it).
    """

    name: str
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] | None = None
    restarts: int | None = None
    #: Seconds between SIGTERM and SIGKILL.
    patience: float = 5.0


class Supervisor:
    """Starts programs and keeps them running; `tell` hears a sentence whenever one is started again."""

    def __init__(self, tell: Callable[[str], None] = lambda _: None) -> None:
        self._tell = tell
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._programs: list[Program] = []
        self._reaper = _reaper.Reaper()

    async def __aenter__(self) -> Self:
        self._reaper.__enter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.stop()
        finally:
            self._reaper.__exit__()

    async def start(self, program: Program) -> None:
        """Start a program and keep it. Raises `UsageError` if there is no such program."""
        process = await self._launch(program)
        self._programs.append(program)
        self._keepers.append(asyncio.create_task(self._keep(program, process), name=program.name))

    def pid(self, name: str) -> int | None:
        """The process id of a program at this moment: it changes with each restart, and is None between two."""
        process = self._running.get(name)
        return process.pid if process else None

    async def watch(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` while the programs run. Raises `UsageError` with the end of its log when a program is given up."""
        task = asyncio.create_task(work)
        try:
            await asyncio.wait({task, *self._keepers}, return_when=asyncio.FIRST_COMPLETED)
            for keeper in self._keepers:
                if keeper.done():
                    keeper.result()
            return await task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({task})

    async def until_signal(self) -> signal.Signals:
        """Wait for SIGINT, SIGTERM or SIGHUP while the programs run, and return it. Raises what `watch` raises."""
        with _signals() as arrived:
            return await self.watch(arrived.get())

    async def stop(self) -> None:
        """End all programs, the last one started first, and wait until they are gone."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for program in reversed(self._programs):
            if process := self._running.pop(program.name, None):
                await _end(process, program.patience)
                self._reaper.ended(process.pid)
        self._keepers.clear()
        self._programs.clear()

    async def _keep(self, program: Program, process: asyncio.subprocess.Process) -> None:
        """Start a program again each time it exits. Ends only with the error that says it is given up."""
        clock = asyncio.get_running_loop().time
        exits = 0
        while True:
            started = clock()
            code = await process.wait()
            self._forget(program.name, process)
            exits = 1 if clock() - started > HEALTHY else exits + 1
            if program.restarts is not None and exits > program.restarts:
                raise UsageError(
                    f"{program.name} exited with {_exit(code)}.{tail(program.log)}", next=f"Its log is {program.log}."
                )
            pause = PAUSES[min(exits, len(PAUSES)) - 1]
            when = f"in {pause:g} s" if pause else "at once"
            self._tell(f"{program.name} ended with {_exit(code)}: it is started again {when}.")
            await asyncio.sleep(pause)
            process = await self._launch(program)

    async def _launch(self, program: Program) -> asyncio.subprocess.Process:
        program.log.parent.mkdir(parents=True, exist_ok=True)
        with program.log.open("ab") as log:
            try:
                process = await asyncio.create_subprocess_exec(
                    *program.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=program.environment,
                    start_new_session=True,
                )
            except OSError as error:
                raise UsageError(
                    f"{program.name} cannot be started: {program.command[0]}: {error.strerror}.",
                    next="Install it, or correct the path in firedoor.toml.",
                ) from None
        self._running[program.name] = process
        self._reaper.started(process.pid)
        return process

    def _forget(self, name: str, process: asyncio.subprocess.Process) -> None:
        """A process is gone: end whatever it left in its group."""
        self._running.pop(name, None)
        _reaper.end({process.pid}, signal.SIGKILL)
        self._reaper.ended(process.pid)


async def _end(process: asyncio.subprocess.Process, patience: float) -> None:
    _reaper.end({process.pid}, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            await process.wait()
    _reaper.end({process.pid}, signal.SIGKILL)
    await process.wait()


@contextlib.contextmanager
def _signals() -> Generator[asyncio.Queue[signal.Signals]]:
    """A queue of the signals that ask this process to end; they no longer raise while it is open."""
    arrived: asyncio.Queue[signal.Signals] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    # Under nohup SIGHUP is ignored, and must stay so.
    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    asked = [number for number in ends if signal.getsignal(number) is not signal.SIG_IGN]
    for number in asked:
        loop.add_signal_handler(number, arrived.put_nowait, number)
    try:
        yield arrived
    finally:
        for number in asked:
            loop.remove_signal_handler(number)


def _exit(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"


def tail(log: Path, lines: int = 5) -> str:
    """The last lines of a log, indented, for an error."""
    text = log.read_text(errors="replace").splitlines()[-lines:]
    return "".join(f"\n  {line}" for line in text)
