"""`firedoor up`: Temporal and a worker on this machine, kept running."""

import asyncio
import contextlib
import fcntl
import shutil
import socket
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from temporalio.service import RPCError

from firedoor.app import app_folder
from firedoor.cli.console import err, out
from firedoor.cli.queue import workers
from firedoor.config import Settings, load
from firedoor.engine import connect
from firedoor.errors import FiredoorError, UsageError
from firedoor.local import answers, server_command, temporal_binary
from firedoor.supervisor import Program, Supervisor

Port = Annotated[int, Parameter(help="Temporal's port on this machine. Default: 7233.")]
UiPort = Annotated[int, Parameter(help="The port of Temporal's own web page; 0 for none. Default: 8233.")]

READY_SECONDS = 60.0
#: A killed `firedoor up` takes its programs with it within this time.
LEAVING_SECONDS = 8.0
PAUSE = 0.1


async def up(*, port: Port = 7233, ui_port: UiPort = 8233) -> int:
    """Start everything on this machine, and keep it running.

    One Temporal server, whose data lies on disk, and one worker. Both are started
    again when they end. Killed and started again, firedoor goes on where it was:
    incidents, timers and approvals are on disk.

    Everything listens on this machine only. Ctrl-C stops it.
    """
    settings = load()
    binary = temporal_binary(settings.temporal_binary)
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(settings.home):
        for number in (port, ui_port):
            await _free(number)
        local = settings.model_copy(update={"temporal_environment": _environment(port)})
        logs = settings.home / "logs"
        async with Supervisor(tell=lambda sentence: err().print(sentence, style="yellow")) as programs:
            database = settings.temporal_db_path
            server = server_command(binary, port=port, database=database, durable=True, ui_port=ui_port)
            await programs.start(Program("temporal", tuple(server), logs / "temporal.log"))
            with err().status("Starting Temporal…"):
                await programs.watch(_until_answers(f"127.0.0.1:{port}"))
            await programs.start(Program("worker", _worker(settings, port), logs / "worker.log"))
            with err().status("Starting the worker…"):
                await programs.watch(_until_works(local, logs))
            _say(settings, port, ui_port)
            await programs.until_signal()
    out().print("Stopped. Incidents go on when firedoor is started again.")
    return 0


def _environment(port: int) -> dict[str, str]:
    """Temporal's own variables for this server, whatever the shell or a profile file says of another one."""
    return {"TEMPORAL_ADDRESS": f"127.0.0.1:{port}", "TEMPORAL_CONFIG_FILE": "/dev/null"}


def _worker(settings: Settings, port: int) -> tuple[str, ...]:
    """The worker's command line: our environment, but for what would lead it to another Temporal."""
    env = shutil.which("env") or "/usr/bin/env"
    unset = [word for name in settings.temporal_environment for word in ("-u", name)]
    values = [f"{name}={value}" for name, value in _environment(port).items()]
    return (env, *unset, *values, sys.executable, str(app_folder() / "worker.py"))


@contextlib.contextmanager
def _alone(home: Path) -> Generator[None]:
    """Hold the folder: two servers on one database would destroy it. The system lets go when this process ends."""
    with (home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"firedoor is up already, with its data in {home}.",
                changed="Nothing was started.",
                next="Use it as it is, stop it first, or set FIREDOOR_HOME to another folder.",
            ) from None
        yield


async def _free(port: int) -> None:
    """Wait a moment for a port, for a firedoor that was just killed still holds it."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + LEAVING_SECONDS
    told = False
    while port and _taken(port):
        if clock() > deadline:
            raise UsageError(
                f"Port {port} of this machine is in use by another program.",
                changed="Nothing was started.",
                next=f"`ss -ltnp 'sport = :{port}'` says by which. Stop it, or choose with --port and --ui-port.",
            )
        if not told:
            err().print(f"Port {port} is in use. Waiting {LEAVING_SECONDS:.0f} s, in case it is about to be free…")
            told = True
        await asyncio.sleep(PAUSE)


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


async def _until_answers(address: str) -> None:
    deadline = asyncio.get_running_loop().time() + READY_SECONDS
    while not await answers(address):
        if asyncio.get_running_loop().time() > deadline:
            raise FiredoorError(f"Temporal did not answer at {address} within {READY_SECONDS:.0f} s.")
        await asyncio.sleep(PAUSE)


async def _until_works(settings: Settings, logs: Path) -> None:
    deadline = asyncio.get_running_loop().time() + READY_SECONDS
    client = await connect(settings)
    while True:
        with contextlib.suppress(RPCError):
            if await workers(client, settings.task_queue):
                return
        if asyncio.get_running_loop().time() > deadline:
            raise FiredoorError(
                f"The worker asked for no work within {READY_SECONDS:.0f} s.", next=f"Its log: {logs / 'worker.log'}"
            )
        await asyncio.sleep(PAUSE)


def _say(settings: Settings, port: int, ui_port: int) -> None:
    console = out()
    console.print("firedoor is up.", style="bold green")
    rows = [
        ("Temporal", f"127.0.0.1:{port}" + (f", its web page http://127.0.0.1:{ui_port}" if ui_port else "")),
        ("worker", f"task queue {settings.task_queue}"),
        ("data", f"{settings.home}: {settings.temporal_db_path.name}, {settings.timeline_path.name}"),
        ("keys", f"{settings.signing_key_path.name} and {settings.codec_key_path.name}, beside the data: back them up"),
        ("logs", str(settings.home / "logs")),
    ]
    for name, value in rows:
        console.print(f"  {name:<10}{value}", soft_wrap=True)
    if port != 7233:
        console.print(f"  In other terminals first: export TEMPORAL_ADDRESS=127.0.0.1:{port}", style="yellow")
    console.print("\nIn another terminal: firedoor doctor, firedoor run RUNBOOK INPUT=VALUE")
    console.print("Ctrl-C stops it; incidents go on when it is started again.", style="dim")
    console.file.flush()
