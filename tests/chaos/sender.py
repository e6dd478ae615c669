"""A worker of the product that sends campaigns, with fail points: `python -m tests.chaos.sender`.

What waits between two attempts is shortened, so that an hour takes `HOUR` seconds. While the file `full` is in its home,
no file of this process can become longer; the file `moved` moves its clock (`tests.chaos.moved`).
"""

import asyncio
import logging
import resource
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from types import ModuleType

from activities import ACTIVITIES
from activities.campaigns import answers, lanes
from activities.transports import _connection, _replies, _ses_refusals, ses, slack, webhook
from firedoor.config import Settings, load
from firedoor.engine import connect
from firedoor.outbox.store import Outbox
from firedoor.timeline.entry import Kind
from firedoor.timeline.store import utc_now
from firedoor.timeline.writer import Writer
from tests.chaos import faults
from tests.chaos.faults import FrailTimeline, Fuse
from tests.chaos.moved import seconds
from worker import THREADS, build, build_bulk

#: What an hour of waiting takes here. Seconds.
HOUR = 6.0
WAITS: tuple[tuple[ModuleType, tuple[str, ...]], ...] = (
    (lanes, ("PATIENCE",)),
    (answers, ("PAUSE_SECONDS", "LONGEST_PAUSE")),
    (_replies, ("LATER_SECONDS", "BUSY_SECONDS")),
    (_connection, ("BUSY_SECONDS",)),
    (slack, ("PAUSE_SECONDS",)),
    (_ses_refusals, ("THROTTLED", "BUSY", "AWAY", "USED_UP")),
    (ses, ("AWAY",)),
    (webhook, ("PAUSE_SECONDS",)),
)
#: Points of a campaign, besides those of an incident.
MOMENTS = {Kind.NOTIFICATION_INTENT: "announced", Kind.NOTIFICATION_OUTCOME: "told"}
LOOK = 0.02


def hurry() -> None:
    """Shorten what waits."""
    for module, names in WAITS:
        for name in names:
            setattr(module, name, getattr(module, name) * HOUR / 3600)


def watch_reminders(fuse: Fuse) -> None:
    """Reach `reminded.after` when reminders were queued, before anybody is told so."""
    name, inner = "remind", Outbox.remind

    def remind(outbox: Outbox, campaign: str, number: int, now: float) -> int:
        count = inner(outbox, campaign, number, now)
        fuse.reach("reminded.after")
        return count

    setattr(Outbox, name, remind)


def watch_room(full: Path) -> None:
    """Let no file of this process become longer while `full` is there, in a thread for ever."""

    def run() -> None:
        while True:
            limit = 0 if full.exists() else resource.RLIM_INFINITY
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            time.sleep(LOOK)

    threading.Thread(target=run, daemon=True).start()


async def serve(settings: Settings) -> None:
    """Work until SIGTERM, or until a fault kills this process."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    fuse = Fuse(settings.home)
    faults.MOMENTS.update(MOMENTS)
    hurry()
    watch_reminders(fuse)
    watch_room(settings.home / "full")
    timeline = FrailTimeline.of(settings.timeline_path, settings.signing_key_path, settings.log, fuse)
    timeline.clock = lambda: utc_now() + timedelta(seconds=seconds(settings.home / "moved"))
    client = await connect(settings)
    async with AsyncExitStack() as stack:
        writer = await stack.enter_async_context(Writer(timeline))
        for make in (build, build_bulk):
            threads = stack.enter_context(ThreadPoolExecutor(THREADS))
            await stack.enter_async_context(make(client, settings, writer, threads, ACTIVITIES))
        await stop.wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(serve(load()))
