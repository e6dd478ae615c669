"""A worker of the product with fail points, a process to be killed: `python -m tests.chaos.worker all`."""

import asyncio
import logging
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

from activities import ACTIVITIES
from firedoor.config import Settings, load
from firedoor.engine import connect
from firedoor.timeline.writer import Writer
from tests.chaos.actions import Ledger, switch_off
from tests.chaos.faults import FrailTimeline, Fuse, watch_aws
from worker import THREADS, build, build_bulk

BUILDS = {"all": (build, build_bulk), "urgent": (build,), "bulk": (build_bulk,)}


async def serve(settings: Settings, serves: str) -> None:
    """Work until SIGTERM, or until a fault kills this process."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    fuse = Fuse(settings.home)
    watch_aws(fuse)
    timeline = FrailTimeline.of(settings.timeline_path, settings.signing_key_path, settings.log, fuse)
    client = await connect(settings)
    actions = (*ACTIVITIES, switch_off(Ledger(settings.home / "effects"), fuse))
    async with AsyncExitStack() as stack:
        writer = await stack.enter_async_context(Writer(timeline))
        for make in BUILDS[serves]:
            threads = stack.enter_context(ThreadPoolExecutor(THREADS))
            await stack.enter_async_context(make(client, settings, writer, threads, actions))
        await stop.wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(serve(load(), sys.argv[1]))
