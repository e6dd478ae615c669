"""The worker: connects, registers, serves. `python worker.py`, or `firedoor worker`."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker

from activities import ACTIVITIES
from activities._action import Action
from activities._perform import definitions
from activities._record import RecordingInterceptor
from activities.aws.accounts import Accounts
from activities.timeline import TimelineActivities
from firedoor.config import Settings, load
from firedoor.engine import connect
from firedoor.errors import FiredoorError
from firedoor.timeline.store import Timeline
from firedoor.timeline.writer import Writer
from workflows import WORKFLOWS

THREADS = 64
ACTIVITIES_AT_ONCE = 200


def build(
    client: Client,
    settings: Settings,
    writer: Writer,
    threads: ThreadPoolExecutor,
    actions: Sequence[Action] = ACTIVITIES,
) -> Worker:
    """The worker of this process, wired."""
    contracts = {action.contract.action: action.contract for action in actions}
    aws = Accounts(settings.aws, variables=settings.secret_environment)
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        activities=[*definitions(actions, aws, threads), TimelineActivities(writer).record],
        interceptors=[RecordingInterceptor(writer, contracts, f"{socket.gethostname()}:{os.getpid()}")],
        max_concurrent_activities=ACTIVITIES_AT_ONCE,
        # A killed worker is noticed after the heartbeat time-out plus this, not after Temporal's 10 s.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
        max_heartbeat_throttle_interval=timedelta(seconds=0.5),
        max_eager_activity_reservations_per_workflow_task=50,
        graceful_shutdown_timeout=timedelta(seconds=10),
    )


async def serve(settings: Settings) -> None:
    """Work until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    timeline = Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log)
    client = await connect(settings)
    with ThreadPoolExecutor(THREADS) as threads:
        async with Writer(timeline) as writer, build(client, settings, writer, threads):
            logging.getLogger("firedoor").info("worker ready on task queue %s", settings.task_queue)
            await stop.wait()


def main() -> int:
    """Serve; a failure to start is a sentence and an exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(serve(load()))
    except FiredoorError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit)
    return 0


if __name__ == "__main__":
    sys.exit(main())
