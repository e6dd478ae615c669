"""The worker: connects, registers, serves. `python worker.py [--urgent | --bulk | --all]`, or `firedoor worker`.

Incidents and mass work are served from task queues of their own, so that ten thousand notices cannot stand before the
next leaked key. With one process for each they do not share an interpreter either (`firedoor up` starts two).
"""

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities import ACTIVITIES
from activities._action import Action
from activities._clients import Clients
from activities._limits import Limits
from activities._perform import definitions
from activities._record import RecordingInterceptor
from activities.campaigns.activities import CampaignActivities, Stores
from activities.campaigns.contracts import ContractActivities
from activities.clocks import due
from activities.people import PeopleActivities
from activities.timeline import TimelineActivities
from firedoor.app import build_id
from firedoor.config import Settings, load
from firedoor.engine import connect
from firedoor.errors import FiredoorError
from firedoor.timeline.store import Timeline
from firedoor.timeline.writer import Writer
from workflows import WORKFLOWS

THREADS = 64
ACTIVITIES_AT_ONCE = 200
#: A slice has lanes of its own, and 500 targets in memory.
SLICES_AT_ONCE = 32
#: What mass work leaves to the others of the machine: its priority for the system's scheduler.
NICE = 10

#: The workflow's modules are imported once, not again for every incident (docs/adr/0010).
RESTRICTIONS = SandboxRestrictions.default.with_passthrough_modules("workflows")

Build = Callable[[Client, Settings, Writer, ThreadPoolExecutor], Worker]


def build(
    client: Client,
    settings: Settings,
    writer: Writer,
    threads: ThreadPoolExecutor,
    actions: Sequence[Action] = ACTIVITIES,
    *,
    campaigns: Sequence[Callable[..., Any]] | None = None,
) -> Worker:
    """The worker of incidents: their workflows and all activities. Slices go to the one that `build_bulk` makes.

    `campaigns` stand in for the activities of campaigns.
    """
    options = _options(settings, writer, threads, actions, campaigns, urgent=True)
    options["activities"] += [TimelineActivities(writer).record, PeopleActivities(writer, settings).tell, due]
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        workflow_runner=SandboxedWorkflowRunner(restrictions=RESTRICTIONS),
        max_concurrent_activities=ACTIVITIES_AT_ONCE,
        **options,
    )


def build_bulk(
    client: Client,
    settings: Settings,
    writer: Writer,
    threads: ThreadPoolExecutor,
    actions: Sequence[Action] = ACTIVITIES,
    *,
    campaigns: Sequence[Callable[..., Any]] | None = None,
) -> Worker:
    """The worker of mass work: slices of a `for_each`, campaigns; no workflows. Urgent calls overtake its calls."""
    options = _options(settings, writer, threads, actions, campaigns, urgent=False)
    return Worker(client, task_queue=settings.bulk_queue, max_concurrent_activities=SLICES_AT_ONCE, **options)


def _options(
    settings: Settings,
    writer: Writer,
    threads: ThreadPoolExecutor,
    actions: Sequence[Action],
    campaigns: Sequence[Callable[..., Any]] | None,
    *,
    urgent: bool,
) -> dict[str, Any]:
    """What both kinds of workers have."""
    contracts = {action.contract.action: action.contract for action in actions}
    clients = Clients(settings, Limits(settings.limits_path, settings.limits, urgent=urgent))
    stores = Stores(settings, writer.timeline)
    real = CampaignActivities(settings, clients, stores).all()
    return {
        "activities": [
            *definitions(actions, clients, threads),
            *(real if campaigns is None else campaigns),
            ContractActivities(stores).contracts,
        ],
        "interceptors": [RecordingInterceptor(writer, contracts, f"{socket.gethostname()}:{os.getpid()}")],
        "deployment_config": _deployment(settings),
        # A killed worker is noticed after the heartbeat time-out plus this, not after Temporal's 10 s.
        "sticky_queue_schedule_to_start_timeout": timedelta(seconds=1),
        "max_heartbeat_throttle_interval": timedelta(seconds=0.5),
        "max_eager_activity_reservations_per_workflow_task": 50,
        "graceful_shutdown_timeout": timedelta(seconds=10),
    }


def _deployment(settings: Settings) -> WorkerDeploymentConfig | None:
    """Which build this is. An incident goes on with the newest one: it may live for days (docs/adr/0007)."""
    if not settings.deployment:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.deployment, build_id()),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


async def serve(settings: Settings, builds: Sequence[Build]) -> None:
    """Work until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    timeline = Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log)
    client = await connect(settings)
    async with AsyncExitStack() as stack:
        stack.callback(timeline.close)
        # Each has threads of its own, so that mass work cannot hold those of incidents.
        pools = [stack.enter_context(ThreadPoolExecutor(THREADS)) for _ in builds]
        writer = await stack.enter_async_context(Writer(timeline))
        workers = [make(client, settings, writer, threads) for make, threads in zip(builds, pools, strict=True)]
        for worker in workers:
            await stack.enter_async_context(worker)
            logging.getLogger("firedoor").info("worker ready on task queue %s", worker.task_queue)
        await stop.wait()
        await asyncio.gather(*(worker.shutdown() for worker in workers))


def main(arguments: Sequence[str]) -> int:
    """Serve; a failure to start is a sentence and an exit code."""
    log_to_stderr()
    builds = _asked(arguments)
    if builds == [build_bulk]:
        os.nice(NICE)
    try:
        asyncio.run(serve(load(), builds))
    except FiredoorError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit)
    return 0


def log_to_stderr() -> None:
    """What happens to this worker. Not every call that it makes: the timeline has those that matter."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)


def _asked(arguments: Sequence[str]) -> list[Build]:
    parser = argparse.ArgumentParser(prog="worker.py", description="Serve incidents until stopped.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--urgent", action="store_const", dest="builds", const=[build], help="incidents only")
    which.add_argument(
        "--bulk", action="store_const", dest="builds", const=[build_bulk], help="mass work only, nice 10"
    )
    which.add_argument("--all", action="store_const", dest="builds", const=[build, build_bulk], help="both (default)")
    asked: list[Build] | None = parser.parse_args(arguments).builds
    return asked or [build, build_bulk]


if __name__ == "__main__":
    code = main(sys.argv[1:])
    logging.shutdown()
    sys.stderr.flush()
    # Temporal's library may crash while the interpreter ends. Everything that matters is closed and flushed by now.
    os._exit(code)
