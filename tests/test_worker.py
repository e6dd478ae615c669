"""The worker's processes: one for incidents, one for mass work, and the builds that follow each other."""

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.client import Client

from firedoor.app import build_id
from firedoor.cli import checks
from firedoor.cli.queue import promote, queue
from firedoor.compiler import compile_runbook
from firedoor.config import Settings
from firedoor.engine import Engine, connect
from firedoor.incident import Decision, IncidentState, Responder, StepState
from firedoor.plan import Plan

ROOT = Path(__file__).parents[1]
ADA = Responder(principal="user:ada", auth="os", identity="os:ada")

QUESTION = """
name: question
inputs: {door: {type: string}}
identity: [door]
steps:
  healthy: {ask: {prompt: Is it healthy?, fields: {yes: {type: boolean}}}}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """An installation whose workers are processes."""

    settings: Settings
    address: str

    @contextmanager
    def worker(self, *flags: str, app: Path = ROOT, deployment: str = "") -> Generator[subprocess.Popen[bytes]]:
        """A worker process with an environment of its own; asked to end, and waited for."""
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.settings.home),
            "FIREDOOR_HOME": str(self.settings.home),
            "FIREDOOR_TASK_QUEUE": self.settings.task_queue,
            "FIREDOOR_DEPLOYMENT": deployment,
            "TEMPORAL_ADDRESS": self.address,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        log = self.settings.home / "worker.log"
        with log.open("ab") as output:
            command = (sys.executable, str(app / "worker.py"), *flags)
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.terminate()
            assert process.wait(30) == 0, log.read_text()

    async def serves(self, client: Client, *, bulk: bool) -> list[int]:
        """The process ids of the workers of a queue."""
        name = self.settings.bulk_queue if bulk else self.settings.task_queue
        return [int(one.partition("@")[0]) for one in (await queue(client, name, bulk=bulk)).working]


@pytest.fixture
def place(temporal_address: str, tmp_path: Path) -> Place:
    """An installation without workers yet."""
    settings = Settings(
        home=tmp_path,
        task_queue=f"worker-{secrets.token_hex(4)}",
        temporal_environment={"TEMPORAL_ADDRESS": temporal_address},
    )
    return Place(settings, temporal_address)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(60):
        while not await holds():
            await asyncio.sleep(0.05)


async def test_a_process_for_incidents_and_one_for_mass_work(place: Place) -> None:
    """Each serves its own queue only, mass work is nice, and doctor says who is missing."""
    client = await connect(place.settings)
    with place.worker("--urgent") as urgent:
        await until(lambda: _is([urgent.pid], place.serves(client, bulk=False)))
        found = {one.subject: one async for one in checks.temporal(place.settings)}
        assert (found["worker"].level, found["bulk worker"].level) == ("ok", "fail")
        assert "every for_each would wait" in found["bulk worker"].says
        with place.worker("--bulk") as bulk:
            await until(lambda: _is([bulk.pid], place.serves(client, bulk=True)))
            assert await place.serves(client, bulk=False) == [urgent.pid]
            niceness = os.getpriority(os.PRIO_PROCESS, bulk.pid) - os.getpriority(os.PRIO_PROCESS, urgent.pid)
            assert niceness == 10
            found = {one.subject: one async for one in checks.temporal(place.settings)}
            assert (found["worker"].level, found["bulk worker"].level) == ("ok", "ok")


async def test_one_process_for_everything(place: Place) -> None:
    """Without a flag a worker serves both queues."""
    client = await connect(place.settings)
    with place.worker() as both:
        await until(lambda: _is([both.pid], place.serves(client, bulk=False)))
        await until(lambda: _is([both.pid], place.serves(client, bulk=True)))


async def _is(expected: list[int], found: Awaitable[list[int]]) -> bool:
    return await found == expected


def test_flags_that_contradict_each_other() -> None:
    """A sentence and an exit code; nothing is started."""
    done = subprocess.run(
        (sys.executable, str(ROOT / "worker.py"), "--urgent", "--bulk"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "not allowed with argument" in done.stderr


def test_a_build_is_named_after_its_code(tmp_path: Path) -> None:
    """The version, and a digest that another line of workflow code changes."""
    assert build_id() == build_id()
    other = subprocess.run(
        (sys.executable, "-c", "from firedoor.app import build_id; print(build_id())"),
        cwd=another_build(tmp_path),
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    version, _, digest = build_id().rpartition("-")
    assert other.startswith(f"{version}-")
    assert other != f"{version}-{digest}"


def another_build(folder: Path) -> Path:
    """A copy of the application with a change in its workflows."""
    app = folder / "next"
    app.mkdir()
    for name in ("firedoor", "workflows", "activities", "runbooks"):
        shutil.copytree(ROOT / name, app / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "worker.py", app)
    with (app / "workflows" / "__init__.py").open("a") as file:
        file.write("\n# The next version.\n")
    return app


async def test_incidents_go_on_with_the_next_build(place: Place, tmp_path: Path) -> None:
    """One that began unversioned and one that began on the first build end on the second, once that is current."""
    deployment = f"firedoor-{secrets.token_hex(4)}"
    client = await connect(place.settings)
    engine = Engine(client, place.settings)
    (tmp_path / "question.yaml").write_text(QUESTION)
    plan = compile_runbook(tmp_path / "question.yaml")
    with place.worker():
        old = await asked(engine, plan, "old")
    with place.worker(deployment=deployment):
        await current(place, client, deployment, build_id())
        new = await asked(engine, plan, "new")
        await engine.decide(old, "note", Decision(responder=ADA, reason="still there"))
        assert await builds_of(client, old) == ["", build_id()]
    app = another_build(tmp_path)
    with place.worker(app=app, deployment=deployment):
        await until(lambda: seen(place, client, 2))
        [found] = [one async for one in checks.temporal(place.settings) if one.subject == "worker"]
        assert found.level == "ok"  # The first build's worker asked a moment ago.
        second = next(iter((await queue(client, place.settings.task_queue)).builds - {"", build_id()}))
        await current(place, client, deployment, second)
        for incident in (old, new):
            await engine.decide(incident, "answer", Decision(responder=ADA, step="healthy", answers={"yes": True}))
            assert (await engine.result(incident)).state is IncidentState.COMPLETED
            assert (await builds_of(client, incident))[-1] == second


async def asked(engine: Engine, plan: Plan, door: str) -> str:
    """An incident that waits for its answer."""
    started = await engine.start(plan, {"door": door}, starter=ADA)
    async for view in engine.watch(started.incident, patience=30):
        if view.steps[0].state is StepState.WAITING_ANSWER:
            break
    return started.incident


async def current(place: Place, client: Client, deployment: str, build: str) -> None:
    """Make a build current, as soon as its workers are there."""

    async def working() -> bool:
        found = await queue(client, place.settings.task_queue)
        bulk = await queue(client, place.settings.bulk_queue, bulk=True)
        if build in found.builds & bulk.builds and found.current != build:
            await promote(client, deployment, build)
        return found.current == build and bool(found.working)

    await until(working)


async def seen(place: Place, client: Client, count: int) -> bool:
    """Have workers of so many builds asked?"""
    return len((await queue(client, place.settings.task_queue)).builds - {""}) == count


async def builds_of(client: Client, incident: str) -> list[str]:
    """The builds that worked on an incident, in order; an empty word for workers without one."""
    builds: list[str] = []
    async for event in client.get_workflow_handle(incident).fetch_history_events():
        if event.HasField("workflow_task_completed_event_attributes"):
            build = event.workflow_task_completed_event_attributes.deployment_version.build_id
            if builds[-1:] != [build]:
                builds.append(build)
    return builds


def test_a_worker_that_cannot_start_says_why(tmp_path: Path) -> None:
    """No Temporal: a sentence, and its exit code; the process ends at once."""
    environment = {"PATH": "/usr/bin:/bin", "FIREDOOR_HOME": str(tmp_path), "TEMPORAL_ADDRESS": "127.0.0.1:1"}
    done = subprocess.run(
        (sys.executable, str(ROOT / "worker.py"), "--bulk"),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert "No Temporal server answers at 127.0.0.1:1." in done.stderr
