"""An installation whose workers are processes of their own, as `firedoor up` runs them, and what they cost."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.client import Client

from benchmarks.actions import Mark, marks
from benchmarks.measured import Measured
from benchmarks.plans import STARTER, fan_out, targets
from benchmarks.serve import BULK, URGENT, marks_path
from firedoor.config import Settings, load
from firedoor.drill.toml import toml
from firedoor.engine import Engine, connect
from firedoor.incident import IncidentState, IncidentView
from firedoor.local import dev_server, temporal_binary
from firedoor.plan import Plan
from firedoor.supervisor import Program, Supervisor
from firedoor.timeline.store import Timeline

ROOT = Path(__file__).resolve().parents[1]
#: Seconds after which a figure is given up.
PATIENCE = 600
POLL = 0.02
#: More than the 100 targets from which on work is mass work.
WARM_UP = 1_000
MEBIBYTE = 1024


@dataclass(frozen=True, slots=True)
class Installation:
    """A Temporal server, an urgent and a bulk worker; each worker is started again when it is killed."""

    client: Client
    engine: Engine
    settings: Settings
    programs: Supervisor

    async def run(self, plan: Plan, inputs: dict[str, Any]) -> str:
        """Run a plan to its end; returns the incident's id."""
        incident = await self.start(plan, inputs)
        checked(await self.engine.result(incident))
        return incident

    async def start(self, plan: Plan, inputs: dict[str, Any]) -> str:
        """Start an incident; returns its id."""
        return (await self.engine.start(plan, inputs, starter=STARTER)).incident

    def timeline(self) -> Timeline:
        """The timeline, for reading."""
        return Timeline.read(self.settings.timeline_path)

    def recorded(self) -> int:
        """How many entries the timeline holds: what its newest checkpoint says."""
        with self.timeline() as timeline:
            return int(timeline.checkpoint().splitlines()[1])

    def pid(self, name: str) -> int:
        """The process of a worker. Raises `RuntimeError` between two of them."""
        pid = self.programs.pid(name)
        if pid is None:
            raise RuntimeError(f"the {name} worker does not run")
        return pid

    def marks(self, name: str, offset: int = 0) -> list[Mark]:
        """The calls of a worker that acted."""
        return marks(marks_path(self.settings, name), offset)

    def marked(self, name: str) -> int:
        """The bytes of a worker's marks."""
        return marks_path(self.settings, name).stat().st_size

    def memory(self, name: str, what: str) -> float:
        """Memory of a worker in MiB: `VmRSS` now, `VmHWM` at its peak."""
        for line in Path(f"/proc/{self.pid(name)}/status").read_text().splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) / MEBIBYTE
        raise RuntimeError(f"the system does not tell {what}")

    def processor_seconds(self, name: str) -> float:
        """The processor time that a worker has used, in seconds."""
        fields = Path(f"/proc/{self.pid(name)}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def checked(view: IncidentView) -> None:
    """Raise `RuntimeError` unless everything was done."""
    if view.state is not IncidentState.COMPLETED or any(step.failure for step in view.steps):
        raise RuntimeError(f"the benchmark's incident went wrong: {view.steps}")


async def until(holds: Callable[[], bool | Awaitable[bool]], poll: float = POLL) -> None:
    """Wait until something holds."""
    while True:
        found = holds()
        if found if isinstance(found, bool) else await found:
            return
        await asyncio.sleep(poll)


async def until_still(count: Callable[[], int], seconds: float = 0.5) -> None:
    """Wait until a count has stood still for some time."""
    last = -1
    while last != (last := count()):
        await asyncio.sleep(seconds)


@asynccontextmanager
async def installed(
    configuration: Mapping[str, Any] | None = None, secrets: Mapping[str, str] | None = None
) -> AsyncGenerator[Installation]:
    """The installation, with its data on disk, warm: both workers have worked.

    `configuration` is its firedoor.toml, `secrets` are variables that references in there name.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "firedoor.toml").write_text(toml(configuration or {}))
        async with dev_server(temporal_binary(), database=home / "temporal.db") as address, Supervisor() as programs:
            environment = {
                "FIREDOOR_HOME": str(home),
                "TEMPORAL_ADDRESS": address,
                "TEMPORAL_CONFIG_FILE": os.devnull,
                "PYTHONPATH": str(ROOT),
                "PATH": "/usr/bin:/bin",
                **(secrets or {}),
            }
            settings = load(environment)
            # Made now: the workers then open what is there.
            Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log).close()
            client = await connect(settings)
            for name in (URGENT, BULK):
                command = (sys.executable, "-m", "benchmarks.serve", name)
                await programs.start(Program(name, command, home / f"{name}.log", environment, restarts=3, patience=15))
            site = Installation(client, Engine(client, settings), settings, programs)
            await programs.watch(site.run(fan_out(1, 100), {"targets": targets(WARM_UP)}))
            yield site


def measured(measure: Callable[[Installation], Coroutine[Any, Any, Measured]]) -> Measured:
    """Measure something in an installation of its own, which is gone afterwards."""

    async def run() -> Measured:
        async with asyncio.timeout(PATIENCE), installed() as site:
            return await site.programs.watch(measure(site))

    return asyncio.run(run())
