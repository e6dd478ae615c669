"""One installation in a folder of its own, its processes, and an incident that is run in it."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from firedoor.config import Settings, load
from firedoor.engine import Engine
from firedoor.errors import FiredoorError, UnreachableError
from firedoor.incident import Decision, IncidentState, IncidentView, Responder
from firedoor.local import answers, free_port, server_command, temporal_binary
from firedoor.plan import Plan
from firedoor.supervisor import Program, Supervisor
from firedoor.timeline.store import Timeline
from tests.chaos.faults import Fault, Fuse

ADA = Responder(principal="user:ada", auth="os")
ROOT = Path(__file__).resolve().parents[2]
#: Seconds after which a case says what did not happen.
PATIENCE = 120
POLL = 0.2
RESTING = frozenset({IncidentState.NEEDS_ATTENTION, IncidentState.COMPLETED, IncidentState.ABORTED})


async def until(condition: Callable[[], Awaitable[bool]], what: str, seconds: float = PATIENCE) -> None:
    """Poll until a condition holds. Raises `AssertionError` with what was waited for."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(POLL)


@dataclass
class Site:
    """A home with its processes; each is started again when it is killed, as by `firedoor up`."""

    home: Path
    address: str
    account: str
    endpoint: str
    proxy: str
    supervisor: Supervisor

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        lines = [
            f'task_queue = "chaos-{self.home.name}"',
            "[aws]",
            f'endpoint_url = "{self.endpoint}"',
            # One reading: the emulator is not eventually consistent, and here a reading may take a while.
            "settle_seconds = 0",
        ]
        for provider in ("aws.iam", "aws.iam.write", "aws.sts"):
            lines += [f'[limits."{provider}"]', "rate = 1000", "burst = 1000"]
        (self.home / "firedoor.toml").write_text("\n".join(lines))
        settings = self.settings
        # Made now: the workers then open what is there.
        Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log).close()

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of a worker."""
        variables = {
            "FIREDOOR_HOME": str(self.home),
            "TEMPORAL_ADDRESS": self.address,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "root",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "PATH": "/usr/bin:/bin",
        }
        return variables | ({"HTTP_PROXY": self.proxy} if self.proxy else {})

    @property
    def settings(self) -> Settings:
        """What the workers read."""
        return load(self.environment)

    def timeline(self) -> Timeline:
        """The timeline, for reading."""
        return Timeline.read(self.settings.timeline_path)

    async def start_worker(self, name: str, serves: str) -> None:
        """Keep a worker running that serves `urgent` work, `bulk` work, or `all`."""
        command = (sys.executable, "-m", "tests.chaos.worker", serves)
        environment = self.environment | {"PYTHONPATH": str(ROOT)}
        await self.supervisor.start(Program(name, command, self.home / f"{name}.log", environment, patience=15))

    async def run(self, engine: Engine, plan: Plan, inputs: dict[str, object]) -> str:
        """Start an incident; returns its id."""
        started = await engine.start(plan, inputs, starter=ADA)
        return started.incident

    async def rests(self, engine: Engine, incident: str) -> IncidentView | None:
        """The view of an incident in which nothing goes on any more; None while something does, or nobody answers."""
        try:
            view = await engine.view(incident)
        except UnreachableError:
            return None
        except FiredoorError as error:
            # While the server is away, Temporal's client has several words for it.
            if "did not end by itself" in error.what:
                raise
            return None
        return view if view.state in RESTING else None

    async def rest(self, engine: Engine, incident: str) -> IncidentView:
        """Wait until nothing goes on any more: the incident has ended, or a person is needed."""
        seen: list[IncidentView] = []

        async def found() -> bool:
            view = await self.rests(engine, incident)
            seen.extend([view] if view else [])
            return bool(seen)

        await until(found, f"{incident} ends or needs attention")
        return seen[0]

    async def retry(self, engine: Engine, incident: str) -> None:
        """A person retries the step, as often as it takes until the decision is taken."""

        async def taken() -> bool:
            try:
                await engine.decide(incident, "retry", Decision(responder=ADA, step="act", reason="mended"))
            except UnreachableError:
                return (await engine.view(incident)).state is not IncidentState.NEEDS_ATTENTION
            return True

        await until(taken, f"the retry of {incident} is taken")


async def start_server(supervisor: Supervisor, folder: Path) -> str:
    """A Temporal server with its data in a file, started again on the same port when it is killed; its address."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = server_command(temporal_binary(), port=port, database=folder / "temporal.db", durable=False)
    await supervisor.start(Program("temporal", tuple(command), folder / "temporal.log"))
    address = f"127.0.0.1:{port}"
    await until(lambda: answers(address), f"the Temporal server at {address} answers", 30)
    return address


def armed(home: Path, fault: Fault | None, server_pid: int | None) -> None:
    """Arm the workers to come with a fault, if there is one."""
    if fault is not None:
        Fuse.arm(home, fault.model_copy(update={"server": server_pid or 0}))
