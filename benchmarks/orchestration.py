"""firedoor against hand-written Temporal programs: same server, same process, same data converter, interleaved runs."""

import asyncio
import secrets
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks import actions, baseline
from benchmarks.plans import APPROVER, ONLY, STARTER, approved, fan_out, plan_of, step, targets
from firedoor.alerts import SOURCES, Alert, match
from firedoor.config import Settings
from firedoor.drill.aws_access_key_leaked import FINDING
from firedoor.engine import Engine, connect
from firedoor.incident import Decision, IncidentState, IncidentView, StepState
from firedoor.local import dev_server, temporal_binary
from firedoor.plan import Input, Plan, Trigger
from firedoor.timeline.store import Timeline
from firedoor.timeline.writer import Writer
from worker import build, build_bulk

STEPS = 20
STEP_MILLISECONDS = 10
TARGETS = 10_000
LANES = 100
RUNS = 5
SEQUENTIAL_RUNS = 15
TRIGGERS = 31
APPROVALS = 31


@dataclass
class Bench:
    """Both programs, served by one process."""

    client: Client
    engine: Engine
    timeline: Timeline
    queue: str

    async def firedoor(self, plan: Plan, inputs: dict[str, object], alert: Alert | None = None) -> None:
        """Run a plan to its end."""
        started = await self.engine.start(plan, inputs, starter=STARTER, alert=alert)
        view = await self.engine.result(started.incident)
        if view.state is not IncidentState.COMPLETED or any(step.failure for step in view.steps):
            raise RuntimeError(f"the benchmark's incident went wrong: {view}")

    async def by_hand(self, program: Callable[..., Awaitable[int]], *arguments: object) -> None:
        """Run a hand-written workflow to its end."""
        name = f"bench-{secrets.token_hex(8)}"
        await self.client.execute_workflow(program, args=arguments, id=name, task_queue=self.queue)


@asynccontextmanager
async def bench() -> AsyncGenerator[Bench]:
    """A Temporal server with its data on disk, and one process that serves both programs."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with dev_server(temporal_binary(), database=home / "temporal.db") as address:
            settings = Settings(home=home, temporal_environment={"TEMPORAL_ADDRESS": address})
            client = await connect(settings)
            timeline = Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log)
            queue = "by-hand"
            by_hand = Worker(
                client,
                task_queue=queue,
                workflows=[baseline.Sequential, baseline.FanOut, baseline.Approved],
                activities=[baseline.call, baseline.call_batch],
                max_concurrent_activities=200,
                max_heartbeat_throttle_interval=timedelta(seconds=0.5),
            )
            with ThreadPoolExecutor(8) as threads:
                async with (
                    Writer(timeline) as writer,
                    build(client, settings, writer, threads, (actions.call,)),
                    build_bulk(client, settings, writer, threads, (actions.call,)),
                    by_hand,
                ):
                    yield Bench(client, Engine(client, settings), timeline, queue)


async def _seconds(work: Awaitable[None]) -> float:
    start = time.perf_counter()
    await work
    return time.perf_counter() - start


async def _ratios(
    ours: Callable[[], Awaitable[None]], theirs: Callable[[], Awaitable[None]], runs: int = RUNS
) -> list[float]:
    """The ratio of each pair, after one pair to warm up."""
    ratios = list[float]()
    for number in range(runs + 1):
        pair = (await _seconds(ours()), await _seconds(theirs()))
        if number:
            ratios.append(pair[0] / pair[1])
    return ratios


async def _sequential(site: Bench) -> list[float]:
    names = [f"step_{number:02}" for number in range(STEPS)]
    steps = [step(name, (names[number - 1],) if number else (), STEP_MILLISECONDS) for number, name in enumerate(names)]
    plan = plan_of(*steps)
    return await _ratios(
        lambda: site.firedoor(plan, {}),
        lambda: site.by_hand(baseline.Sequential.run, STEPS, STEP_MILLISECONDS),
        SEQUENTIAL_RUNS,
    )


async def _fan_out(site: Bench, milliseconds: int) -> list[float]:
    plan = fan_out(milliseconds, LANES * baseline.IN_FLIGHT)
    names = targets(TARGETS)
    return await _ratios(
        lambda: site.firedoor(plan, {"targets": names}),
        lambda: site.by_hand(baseline.FanOut.run, names, milliseconds, LANES),
    )


async def _trigger(site: Bench) -> list[float]:
    trigger = Trigger(
        alert="guardduty",
        when='alert.severity >= 4.0 && alert.type.contains(":IAMUser/")',
        inputs={"key": "${{ alert.access_key_id }}"},
    )
    plan = plan_of(step("first")).model_copy(update={"triggers": (trigger,), "inputs": {"key": Input(type="string")}})
    finding = FINDING.read_bytes()

    async def alerted() -> None:
        (alert,) = SOURCES["guardduty"].parse({}, finding).alerts
        matched, inputs = match(alert, [plan])
        await site.firedoor(matched, inputs, alert)

    async def ours() -> float:
        return await _until_body(alerted)

    async def theirs() -> float:
        return await _until_body(lambda: site.by_hand(baseline.Sequential.run, 1, 1))

    await ours()
    await theirs()
    return [await ours() / await theirs() for _ in range(TRIGGERS)]


async def _until_body(work: Callable[[], Awaitable[None]]) -> float:
    baseline.FIRST_BODY.clear()
    start = time.perf_counter()
    await work()
    return baseline.FIRST_BODY[0] - start


async def _approval(site: Bench) -> list[float]:
    ratios = list[float]()
    for number in range(APPROVALS + 1):
        pair = await _ours_approved(site), await _theirs_approved(site)
        if number:
            ratios.append(pair[0] / pair[1])
    return ratios


async def _ours_approved(site: Bench) -> float:
    """Seconds from the click to the first line of the action after its intent."""
    started = await site.engine.start(approved(), {}, starter=STARTER)
    digest = await _shown(site.engine.watch(started.incident))
    decision = Decision(responder=APPROVER, step=ONLY, digest=digest)
    actions.ACTED.clear()
    start = time.perf_counter()
    await site.engine.decide(started.incident, "approve", decision)
    await site.engine.result(started.incident)
    return actions.ACTED[0] - start


async def _shown(views: AsyncIterator[IncidentView]) -> str:
    """The digest of what is shown when the approval is asked for."""
    async for view in views:
        only = view.steps[0]
        if only.state is StepState.WAITING_APPROVAL and only.request is not None:
            return only.request.digest
    raise RuntimeError("the incident ended before an approval was asked for")


async def _theirs_approved(site: Bench) -> float:
    name = f"bench-{secrets.token_hex(8)}"
    handle = await site.client.start_workflow(baseline.Approved.run, 1, id=name, task_queue=site.queue)
    assert await handle.query(baseline.Approved.waits)
    baseline.FIRST_BODY.clear()
    start = time.perf_counter()
    await handle.execute_update(baseline.Approved.approve, APPROVER.principal)
    await handle.result()
    return baseline.FIRST_BODY[0] - start


def _measured(measure: Callable[[Bench], Awaitable[list[float]]]) -> list[float]:
    async def run() -> list[float]:
        async with bench() as site:
            return await measure(site)

    return asyncio.run(run())


def sequential() -> list[float]:
    """Twenty steps of 10 ms one after the other, timeline included."""
    return _measured(_sequential)


def fanout_100ms() -> list[float]:
    """10,000 targets of 100 ms in slices; ours records an intent and an outcome for each."""
    return _measured(lambda site: _fan_out(site, 100))


def fanout_10ms() -> list[float]:
    """The same with targets of 10 ms."""
    return _measured(lambda site: _fan_out(site, 10))


def trigger_to_first_action() -> list[float]:
    """From an alert's bytes (parse, match a trigger, start) to the first line of the first action.

    By hand it is from the request to start, without an alert.
    """
    return _measured(_trigger)


def approval_to_action() -> list[float]:
    """From the click to the first line of the action after its intent; by hand to the first line of the activity.

    Between them lie, in ours alone, two entries that are durable first: the approval before it takes effect, and the
    intent; and a second look at whether the change is still the one that was shown.
    """
    return _measured(_approval)
