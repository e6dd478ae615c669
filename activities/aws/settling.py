"""Reading back until it is stable: IAM is eventually consistent, and an attacker may change things back."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from firedoor.plan import Verdict

T = TypeVar("T")

#: How many windows long to wait for one good window.
PATIENCE = 3


@dataclass(frozen=True, slots=True)
class Settled(Generic[T]):
    """How the reading went: the last value, whether it was as wanted, and for a whole window."""

    last: T
    good: bool
    stable: bool
    readings: int

    @property
    def verdict(self) -> Verdict:
        """`contained` after a whole window; `not_contained` if the last reading denies it; else `unknown`."""
        if self.stable:
            return Verdict.CONTAINED
        return Verdict.UNKNOWN if self.good else Verdict.NOT_CONTAINED


def settle(seconds: float, read: Callable[[], T], wanted: Callable[[T], bool]) -> Settled[T]:
    """Call `read` until `wanted` held in every reading over `seconds`, for at most three times as long.

    A reading that is not as wanted starts the window again. At least one reading; with 0 seconds exactly one.
    """
    started = time.monotonic()
    since: float | None = None
    readings = 0
    while True:
        value = read()
        readings += 1
        now = time.monotonic()
        good = wanted(value)
        since = (since if since is not None else now) if good else None
        stable = since is not None and now - since >= seconds
        if stable or now - started >= PATIENCE * seconds:
            return Settled(value, good, stable, readings)
        time.sleep(min(1.0, max(0.01, seconds / 5)))
