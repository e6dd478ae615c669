"""Verdicts of reading back, on a clock that only moves when somebody waits."""

from collections.abc import Callable

import pytest

from activities.aws import settling
from firedoor.plan import Verdict
from tests.activities.clock import Clock


@pytest.mark.parametrize(
    ("good_at", "verdict", "seconds"),
    [
        (lambda now: True, Verdict.CONTAINED, 10),
        (lambda now: now >= 4, Verdict.CONTAINED, 14),
        (lambda now: now != 9, Verdict.CONTAINED, 20),
        (lambda now: False, Verdict.NOT_CONTAINED, 30),
        (lambda now: now < 9 or 9 < now < 18 or 18 < now < 27, Verdict.NOT_CONTAINED, 30),
        (lambda now: now >= 25, Verdict.UNKNOWN, 30),
    ],
    ids=["good", "late", "one stale reading", "never", "changed back", "too late"],
)
def test_verdict(
    monkeypatch: pytest.MonkeyPatch, good_at: Callable[[float], bool], verdict: Verdict, seconds: float
) -> None:
    """A whole good window of 10 s within 30 s is contained; a bad end is not; a good end too late is unknown."""
    clock = Clock()
    monkeypatch.setattr(settling, "time", clock)
    settled = settling.settle(10, lambda: good_at(clock.now), bool)
    assert (settled.verdict, clock.now) == (verdict, seconds)
