"""Quiet hours: only where a runbook has them, and by the clock of each reader. Pure."""

from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    """A time zone; UTC for one that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def quiet_until(quiet: tuple[str, ...], zone: str, now: float) -> float:
    """When the quiet hours end in which a reader in `zone` is now; 0 where they are not.

    `quiet` is (`22:00`, `07:00`), or empty. Times are seconds since the epoch. A night in which the clocks change is
    an hour shorter or longer, as it is for the reader.
    """
    if not quiet:
        return 0.0
    begin, end = (time.fromisoformat(text) for text in quiet)
    there = datetime.fromtimestamp(now, _zone(zone))
    over_midnight = begin > end
    inside = (there.time() >= begin or there.time() < end) if over_midnight else begin <= there.time() < end
    if not inside:
        return 0.0
    day = there.date() + timedelta(days=1 if over_midnight and there.time() >= begin else 0)
    return datetime.combine(day, end, there.tzinfo).timestamp()
