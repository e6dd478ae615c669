"""A runbook whose campaigns run in simulated days: their durations are shortened, and nothing else. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from firedoor.words import DAY

#: The lines of a campaign that hold durations.
TIMES: Final = re.compile(r"(?:remind|recheck|within|settle|after|escalate):|- \d+[smhd]$")
DURATION: Final = re.compile(r"(?<=[\[{\s,])(\d+)([smhd])(?=[\]},\s]|$)")
SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": DAY}


def shorter_days(runbook: str, day: float) -> str:
    """The text of a runbook in whose campaigns a day takes `day` seconds; nothing is shorter than one second."""
    return "\n".join([*_lines(runbook.splitlines(), day), ""])


def _lines(lines: Iterable[str], day: float) -> Iterator[str]:
    campaign = -1
    for line in lines:
        depth, text = len(line) - len(line.lstrip()), line.strip()
        if text and depth <= campaign:
            campaign = -1
        if text == "campaign:":
            campaign = depth
        yield _shorter(line, day) if campaign >= 0 and TIMES.match(text) else line


def _shorter(line: str, day: float) -> str:
    def shorter(found: re.Match[str]) -> str:
        return f"{max(1, round(int(found[1]) * SECONDS[found[2]] * day / DAY))}s"

    return DURATION.sub(shorter, line)
