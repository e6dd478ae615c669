"""From an alert's first byte to the first line of the first action: firedoor against a hand-written starter.

Both take the same signed delivery over HTTP, as processes of their own, on one Temporal server; one process serves both
kinds of workflows. Between the alert and the action lie, in ours alone, four waits for the disk and what they keep: the
delivery, before it is answered; what was matched by CEL, claimed and counted as a start; the incident's opening and the
action's intent in the timeline.

Each alert has the machine to itself: what follows an action (its outcome, the end of its workflow, the delivery's
settling) is over before the next one is sent. Ours leaves more of it, which would else be counted as the other's.
"""

import asyncio
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from temporalio.client import Client
from temporalio.worker import Worker

from activities import ACTIVITIES
from activities._action import Context, performs
from benchmarks import baseline, starter
from benchmarks.doorway import Line, environment, leak, request, serve, start
from benchmarks.installation import until
from benchmarks.measured import Measured
from firedoor.config import Settings, load
from firedoor.engine import connect
from firedoor.incident import Outcome
from firedoor.local import dev_server, free_port, temporal_binary
from firedoor.steps.aws_iam_keys import IdentifyAccessKey
from firedoor.supervisor import Supervisor
from firedoor.timeline.store import Timeline
from firedoor.timeline.writer import Writer
from worker import build

RUNS = 31
#: Seconds between two alerts. Uneven, so that no rhythm of a program's falls in with them.
RESTS = (0.11, 0.31, 0.17, 0.37, 0.23)
RUNBOOK = """
name: bench-alert
identity: [leak]
max_starts: 1000
inputs: {leak: {type: string}}
triggers:
  - alert: github
    when: alert.severity >= 7.0 && alert.labels.secret_type == "acme_token"
    inputs: {leak: '${{ alert.labels.leak }}'}
steps:
  first: {uses: aws.iam.identify_access_key, with: {access_key_id: AKIAIOSFODNN7EXAMPLE}}
"""


@performs(IdentifyAccessKey)
async def look(step: IdentifyAccessKey, context: Context) -> Outcome:
    """Instead of asking AWS: only say when."""
    baseline.FIRST_BODY.append(time.perf_counter())
    return Outcome(summary="It is somebody's.")


def alert_to_first_action() -> Measured:
    """The ratios, interleaved; in the detail the medians of both in milliseconds."""
    return asyncio.run(_measure())


async def _measure() -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "runbooks").mkdir()
        (home / "runbooks" / "bench-alert.yaml").write_text(RUNBOOK)
        async with dev_server(temporal_binary(), database=home / "temporal.db") as address, Supervisor() as programs:
            settings = load(environment(home, address))
            client = await connect(settings)
            ours = await serve(programs, home, address, home / "runbooks")
            theirs = free_port()
            await start(programs, home, ("-m", "benchmarks.starter", str(theirs)), environment(home, address))
            await until(lambda: _listens(theirs), 0.1)
            return await programs.watch(_compare(client, settings, await Line.to(ours), await Line.to(theirs)))


async def _listens(port: int) -> bool:
    try:
        (await Line.to(port)).close()
    except ConnectionError:
        return False
    return True


async def _compare(client: Client, settings: Settings, ours: Line, theirs: Line) -> Measured:
    timeline = Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log)
    actions = [one for one in ACTIVITIES if one.contract is not IdentifyAccessKey]
    by_hand = Worker(client, task_queue=starter.QUEUE, workflows=[baseline.Sequential], activities=[baseline.call])
    pairs: list[tuple[float, float]] = []
    with ThreadPoolExecutor(8) as threads:
        async with Writer(timeline) as writer, build(client, settings, writer, threads, (*actions, look)), by_hand:
            for number in range(RUNS + 1):
                pair = (
                    await _seconds(client, ours, number, f"bench-alert-acme.site-{number}"),
                    await _seconds(client, theirs, number, f"by-hand-acme/site-{number}"),
                )
                if number:
                    pairs.append(pair)
    timeline.close()
    for line in (ours, theirs):
        line.close()
    halves = [sorted(side)[RUNS // 2] * 1000 for side in zip(*pairs, strict=True)]
    detail = {"firedoor_ms": halves[0], "by_hand_ms": halves[1]}
    return Measured([one / other for one, other in pairs], detail)


async def _seconds(client: Client, line: Line, number: int, workflow: str) -> float:
    """From the first byte of a delivery to the first line of the action that it starts, in this workflow."""
    baseline.FIRST_BODY.clear()
    delivery = request(leak(number))
    begun = time.perf_counter()
    await line.post(delivery)
    async with asyncio.timeout(60):
        # The action itself says when it began.
        while not baseline.FIRST_BODY:
            await asyncio.sleep(0.01)
        await client.get_workflow_handle(workflow).result()
    await asyncio.sleep(RESTS[number % len(RESTS)])
    return baseline.FIRST_BODY[0] - begun
