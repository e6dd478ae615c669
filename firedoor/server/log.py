"""Lines of the server's log: one for each delivery, and no flood of those that strangers can cause."""

import copy
import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from firedoor.plain import plain

LOGGER = logging.getLogger("firedoor.server")
#: A minute may have as many lines of one kind.
MOST_LINES = 20
MINUTE = 60.0
#: Characters of a stranger's text, and of a sentence of ours that may hold one.
MOST_CHARACTERS, LONGEST = 120, 500
#: Characters of any line.
MOST_MESSAGE = 2_000


def shown(text: str, most: int = MOST_CHARACTERS) -> str:
    """A stranger's text for a line of the log: short, and without characters that make lines or steer a terminal."""
    return plain(text[:most]).replace("\n", " ") + ("…" if len(text) > most else "")


@dataclass(slots=True)
class _Minute:
    since: float
    said: int = 0
    kept: int = 0


class Sparing:
    """Warnings by kind, 20 a minute; the first of the next minute says how many were left out.

    The kinds are ours (a door and a word), so that there are few.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._minutes: dict[str, _Minute] = {}

    def warn(self, kind: str, sentence: str) -> None:
        """Log a warning, unless this minute has had enough of its kind."""
        now = self._clock()
        minute = self._minutes.get(kind)
        if minute is None or now - minute.since > MINUTE:
            if minute and minute.kept:
                LOGGER.warning("%s: %d more lines like the last one were left out", kind, minute.kept)
            minute = self._minutes[kind] = _Minute(now)
        if minute.said < MOST_LINES:
            minute.said += 1
            LOGGER.warning("%s: %s", kind, shown(sentence, LONGEST))
        else:
            minute.kept += 1


class Bounded(logging.Filter):
    """Lets 20 lines a minute of one logger and level through: of what strangers can make a library say."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._minutes: dict[tuple[str, int], _Minute] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """May it be written? The first of a minute says how many of the last one were not."""
        now, kind = self._clock(), (record.name, record.levelno)
        minute = self._minutes.get(kind)
        if minute is None or now - minute.since > MINUTE:
            kept = minute.kept if minute else 0
            minute = self._minutes[kind] = _Minute(now)
            if kept:
                record.msg, record.args = f"{record.getMessage()} ({kept} more lines were left out)", None
        minute.said += 1
        minute.kept += minute.said > MOST_LINES
        return minute.said <= MOST_LINES


class Lines(logging.Formatter):
    """One line for each message, whoever wrote it: titles of alerts and values of inputs are strangers' texts."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, in which nothing makes another or steers a terminal; a traceback has its own below."""
        clean = copy.copy(record)
        clean.msg, clean.args = shown(record.getMessage(), MOST_MESSAGE), None
        return plain(super().format(clean))


def to_stderr() -> None:
    """What happens to the server goes to stderr; of what its libraries do, only what went wrong, and no flood of it."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in ("aiohttp", "asyncio", "httpx", "slack_sdk", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    bounded = Bounded()
    for name in ("asyncio", "uvicorn.error"):
        logging.getLogger(name).addFilter(bounded)
