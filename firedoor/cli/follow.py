"""Shows notices in the terminal of `firedoor up`, as they come into the worker's log."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

LOOK_SECONDS = 0.5
#: A line of the worker's logger for notices (activities/people.py).
NOTICE = re.compile(r" firedoor\.notice (.*)$")


async def follow(log: Path, tell: Callable[[str], None]) -> None:
    """Tell each notice that is written to `log` from now on. Ends only when it is cancelled."""
    place = _end(log)
    rest = b""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        found, place = _more(log, place)
        *lines, rest = (rest + found).split(b"\n")
        for line in lines:
            if match := NOTICE.search(line.decode(errors="replace")):
                tell(match[1])


def _end(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _more(log: Path, place: int) -> tuple[bytes, int]:
    """What stands behind `place`, and the new end."""
    try:
        with log.open("rb") as file:
            file.seek(place)
            found = file.read()
    except OSError:
        return b"", place
    return found, place + len(found)
