"""A worker of the product, as a process of its own, that knows `bench.call` as well: `python -m benchmarks.serve bulk`.

As `firedoor up` runs them: one for incidents, and one for mass work that leaves the machine to others.
"""

import asyncio
import logging
import os
import sys
from functools import partial
from pathlib import Path

from activities import ACTIVITIES
from benchmarks.actions import marking
from firedoor.config import Settings, load
from worker import NICE, build, build_bulk, log_to_stderr, serve

URGENT = "urgent"
BULK = "bulk"
BUILDS = {URGENT: build, BULK: build_bulk}


def marks_path(settings: Settings, name: str) -> Path:
    """The file in which a worker marks the calls that act."""
    return settings.home / f"{name}.marks"


def main(name: str) -> None:
    """Serve until stopped."""
    log_to_stderr()
    if name == BULK:
        os.nice(NICE)
    settings = load()
    actions = (*ACTIVITIES, marking(marks_path(settings, name)))
    asyncio.run(serve(settings, [partial(BUILDS[name], actions=actions)]))


if __name__ == "__main__":
    main(sys.argv[1])
    logging.shutdown()
    # As worker.py does: Temporal's library may crash while the interpreter ends.
    os._exit(0)
