"""`firedoor up`: Temporal, the workers and the server of this machine, kept running."""

import asyncio
import contextlib
import fcntl
import shutil
import socket
import sys
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from temporalio.client import Client
from temporalio.service import RPCError

from firedoor.app import app_folder, build_id
from firedoor.cli.console import err, out
from firedoor.cli.doors import alive, here, wanted
from firedoor.cli.follow import follow
from firedoor.cli.queue import promote, queue
from firedoor.config import Settings, load
from firedoor.engine import connect
from firedoor.errors import FiredoorError, UsageError
from firedoor.local import answers, server_command, temporal_binary
from firedoor.server.door import open_doors
from firedoor.supervisor import Program, Supervisor, tail

Port = Annotated[int, Parameter(help="Temporal's port on this machine. Default: 7233.")]
UiPort = Annotated[int, Parameter(help="The port of Temporal's own web page; 0 for none. Default: 8233.")]

READY_SECONDS = 60.0
#: A killed `firedoor up` takes its programs with it within this time.
LEAVING_SECONDS = 8.0
PAUSE = 0.1
#: The Worker Deployment of `firedoor up`, where the settings name none.
DEPLOYMENT = "firedoor"


async def up(*, port: Port = 7233, ui_port: UiPort = 8233) -> int:
    """Start everything on this machine, and keep it running.

    One Temporal server, whose data lies on disk, a worker for incidents and one for
    mass work; with [alerts], [slack] or [server] in the settings the server of
    `firedoor serve` too. They are started again when they end. Killed and started
    again, firedoor goes on where it was: incidents, timers and approvals are on
    disk. After an upgrade running incidents go on with the new version.

    Notices to people appear here too. Everything listens on this machine only.
    Ctrl-C stops it.
    """
    settings = load()
    binary = temporal_binary(settings.temporal_binary)
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(settings.home):
        served = wanted(settings)
        if served:
            open_doors(settings)  # A mistake in the settings is said now, not in a log.
        for number in (port, ui_port, settings.server.port if served else 0):
            await _free(number)
        deployment = settings.deployment or DEPLOYMENT
        local = settings.model_copy(update={"temporal_environment": _environment(port), "deployment": deployment})
        logs, address = settings.home / "logs", f"127.0.0.1:{port}"
        async with Supervisor(tell=partial(_told, build_id())) as programs:
            database = settings.temporal_db_path
            server = server_command(binary, port=port, database=database, durable=True, ui_port=ui_port)
            await programs.start(Program("temporal", tuple(server), logs / "temporal.log"))
            with err().status("Starting Temporal…"):
                await programs.watch(_until(partial(answers, address), f"Temporal did not answer at {address}."))
            await programs.watch(_workers(programs, settings, local, port))
            if served:
                await programs.watch(_server(programs, settings, local, port))
            _say(settings, port, ui_port)
            notices = asyncio.create_task(follow(logs / "worker.log", _notice))
            await programs.until_signal()
            notices.cancel()
    out().print("Stopped. Incidents go on when firedoor is started again.")
    return 0


def _told(build: str, sentence: str) -> None:
    """Say that a program is started again, and where that helps nobody: Temporal gives its work to one build only."""
    err().print(sentence, style="yellow")
    if build_id() != build:
        text = "! firedoor was upgraded while it ran, so this one gets no work: stop `firedoor up`, and start it again."
        err().print(text, style="bold yellow")


def _environment(port: int) -> dict[str, str]:
    """Temporal's own variables for this server, whatever the shell or a profile file says of another one."""
    return {"TEMPORAL_ADDRESS": f"127.0.0.1:{port}", "TEMPORAL_CONFIG_FILE": "/dev/null"}


async def _workers(programs: Supervisor, settings: Settings, local: Settings, port: int) -> None:
    """Start both workers, and give them the work: that of incidents which another version began, too."""
    build = build_id()
    logs = {False: settings.home / "logs" / "worker.log", True: settings.home / "logs" / "bulk-worker.log"}
    with err().status("Starting the workers…"):
        worker = str(app_folder() / "worker.py")
        await programs.start(Program("worker", _python(settings, local, port, worker, "--urgent"), logs[False]))
        await programs.start(Program("bulk-worker", _python(settings, local, port, worker, "--bulk"), logs[True]))
        client = await connect(local)
        for bulk, log in logs.items():
            await _until(partial(_asks, client, local, build, bulk=bulk), f"A worker asks for no work. Its log: {log}")
        await _until(partial(_promoted, client, local.deployment, build), f"Temporal does not take build {build}.")


async def _server(programs: Supervisor, settings: Settings, local: Settings, port: int) -> None:
    """Start the server, and wait until it answers."""
    log = settings.home / "logs" / "server.log"
    # Ten seconds for what is in flight, as `firedoor serve` says.
    command = _python(settings, local, port, "-m", "firedoor", "serve")
    await programs.start(Program("server", command, log, patience=10.0))
    with err().status("Starting the server…"):
        try:
            await _until(
                partial(alive, here(settings)), f"The server does not answer at {here(settings)}. Its log: {log}"
            )
        except FiredoorError as error:
            # Most often a setting that it refuses: that stands in the last lines.
            raise FiredoorError(f"{error.what}{tail(log)}", next=error.next) from None


def _python(settings: Settings, local: Settings, port: int, *arguments: str) -> tuple[str, ...]:
    """A command line of ours: this environment, but for what would lead it to another Temporal."""
    env = shutil.which("env") or "/usr/bin/env"
    unset = [word for name in settings.temporal_environment for word in ("-u", name)]
    values = [f"{name}={value}" for name, value in _environment(port).items()]
    values.append(f"FIREDOOR_DEPLOYMENT={local.deployment}")
    return (env, *unset, *values, sys.executable, *arguments)


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
                next=f"`ss -ltnp 'sport = :{port}'` says by which. Stop it, or choose another: --port and --ui-port,"
                " or `port` of [server] in firedoor.toml.",
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


async def _until(holds: Callable[[], Awaitable[bool]], otherwise: str) -> None:
    """Wait until something holds. Raises `FiredoorError` when it takes too long."""
    deadline = asyncio.get_running_loop().time() + READY_SECONDS
    while not await holds():
        if asyncio.get_running_loop().time() > deadline:
            raise FiredoorError(
                otherwise, next=f"It was waited for for {READY_SECONDS:.0f} s. `firedoor doctor` says more."
            )
        await asyncio.sleep(PAUSE)


async def _asks(client: Client, settings: Settings, build: str, *, bulk: bool) -> bool:
    """Does a worker of this build ask for work?"""
    name = settings.bulk_queue if bulk else settings.task_queue
    with contextlib.suppress(RPCError):
        return build in (await queue(client, name, bulk=bulk)).builds
    return False


async def _promoted(client: Client, deployment: str, build: str) -> bool:
    """Give a build all work; False while Temporal has not taken notice of its workers yet."""
    with contextlib.suppress(RPCError):
        await promote(client, deployment, build)
        return True
    return False


def _notice(sentence: str) -> None:
    err().print(f"Notice: {sentence}", style="bold yellow", soft_wrap=True)


def _say(settings: Settings, port: int, ui_port: int) -> None:
    console = out()
    console.print("firedoor is up.", style="bold green")
    rows = [
        ("Temporal", f"127.0.0.1:{port}" + (f", its web page http://127.0.0.1:{ui_port}" if ui_port else "")),
        ("workers", f"task queues {settings.task_queue} and {settings.bulk_queue}, build {build_id()}"),
        ("data", f"{settings.home}: {settings.temporal_db_path.name}, {settings.timeline_path.name}"),
        ("keys", f"{settings.signing_key_path.name} and {settings.codec_key_path.name}, beside the data: back them up"),
        ("logs", str(settings.home / "logs")),
    ]
    if wanted(settings):
        doors = ", ".join(f"/hooks/{name}" for name in settings.alerts) or "no doors for alerts"
        slack = ", Slack" if settings.slack.bot_token else ""
        rows.insert(2, ("server", f"{here(settings)}: {doors}{slack}"))
    for name, value in rows:
        console.print(f"  {name:<10}{value}", soft_wrap=True)
    if port != 7233:
        console.print(f"  In other terminals first: export TEMPORAL_ADDRESS=127.0.0.1:{port}", style="yellow")
    console.print("\nIn another terminal: firedoor doctor, firedoor run RUNBOOK INPUT=VALUE")
    console.print("Ctrl-C stops it; incidents go on when it is started again.", style="dim")
    console.file.flush()
