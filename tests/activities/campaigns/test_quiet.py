"""Quiet hours: by the reader's own clock, also in the night in which it changes."""

from datetime import UTC, datetime

import pytest

from activities.campaigns.quiet import quiet_until

NIGHT = ("22:00", "07:00")


def at(text: str) -> float:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("quiet", "zone", "now", "until"),
    [
        ((), "Europe/Berlin", "2026-11-29T23:00", None),
        (NIGHT, "Europe/Berlin", "2026-11-29T20:59", None),
        (NIGHT, "Europe/Berlin", "2026-11-29T21:00", "2026-11-30T06:00"),
        (NIGHT, "Europe/Berlin", "2026-11-30T05:59", "2026-11-30T06:00"),
        (NIGHT, "Europe/Berlin", "2026-11-30T06:00", None),
        (NIGHT, "Asia/Kolkata", "2026-11-29T17:00", "2026-11-30T01:30"),
        (NIGHT, "Nowhere/Else", "2026-11-29T22:30", "2026-11-30T07:00"),
        (("12:00", "13:00"), "UTC", "2026-11-29T12:30", "2026-11-29T13:00"),
        # Clocks go forward in this night: it ends an hour earlier.
        (NIGHT, "Europe/Berlin", "2027-03-27T22:00", "2027-03-28T05:00"),
    ],
)
def test_quiet_hours(quiet: tuple[str, ...], zone: str, now: str, until: str | None) -> None:
    """When they end for a reader; not at all where it is day, or the runbook has none."""
    assert quiet_until(quiet, zone, at(now)) == (at(until) if until else 0)
