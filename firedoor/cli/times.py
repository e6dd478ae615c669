"""Durations as a person types them. Pure."""

from firedoor.errors import UsageError
from firedoor.runbook.values import DURATION, SECONDS


def seconds(text: str) -> int:
    """The seconds of a duration as runbooks write it: `90s`, `30m`, `12h`, `2d`. Raises `UsageError`."""
    match = DURATION.fullmatch(text)
    if match is None:
        raise UsageError(
            f"{text!r} is not a duration.",
            changed="Nothing was changed.",
            next="Write a whole number and a unit: 30m, 12h, 2d.",
        )
    return int(match[1]) * SECONDS[match[2]]
