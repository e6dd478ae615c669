"""Whose turn it is: of all processes that share a file, one at a time dispatches. The system ends a dead one's turn."""

import asyncio
import fcntl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

#: Seconds between two looks whether it is ours.
POLL = 0.2


@asynccontextmanager
async def turn(path: Path) -> AsyncGenerator[None]:
    """Wait until no other process holds the file, and hold it until the end, however that comes."""
    with path.open("a") as file:
        while not _taken(file.fileno()):
            await asyncio.sleep(POLL)
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
