"""The arithmetic of a rate limit: a token bucket as one number (GCRA), for calls that hurry and calls that do not.

Pure. Times are whole nanoseconds of one clock. A bucket is known by the moment at which it will be full again: each
token that is taken puts it off by one interval. Urgent calls may take a token that is still to come, and wait for it.
Mass work never does: it takes only what is there, and leaves the last share, so that no urgent call ever waits behind
it for more than the provider asks.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

SECOND = 1_000_000_000
#: The part of a burst that mass work leaves.
SHARE = 4
#: A provider that refuses a call without saying for how long is left alone for this long. Seconds.
PENALTY = 1.0
#: No answer of a provider, however hostile, stops mass work for longer than this, or urgent calls. Seconds.
LONGEST_PENALTY = 30.0
LONGEST_URGENT_PENALTY = 5.0
#: No urgent call takes a token that is further away. Nanoseconds.
FARTHEST = 60 * SECOND


class Bucket(NamedTuple):
    """The state that all workers share: when it will be full, and before when the provider wants no calls."""

    full_at: int = 0
    urgent_from: int = 0
    bulk_from: int = 0


class Grant(NamedTuple):
    """What a caller got: tokens, to be used after `wait` nanoseconds; without tokens, when it is worth asking again."""

    tokens: int
    wait: int


@dataclass(frozen=True, slots=True)
class Rate:
    """How often may be called: one call every `interval` nanoseconds, and `burst` at once after a rest."""

    interval: int
    burst: int

    @classmethod
    def of(cls, rate: float, burst: int) -> "Rate":
        """From calls a second."""
        return cls(max(1, round(SECOND / rate)), burst)

    @property
    def kept(self) -> int:
        """The tokens that mass work leaves: a share of the burst, at least one where there are two."""
        return min(self.burst - 1, max(1, self.burst // SHARE))

    def take(self, bucket: Bucket, now: int, *, wanted: int, patience: int | None) -> tuple[Bucket, Grant]:
        """Take up to `wanted` tokens. With `patience` (nanoseconds) it is an urgent call; without, mass work.

        Returns the bucket as it is then, and what was got.
        """
        bucket = self._plausible(bucket, now)
        urgent = patience is not None
        start = max(now, bucket.urgent_from if urgent else bucket.bulk_from)
        usable = self.burst if urgent else self.burst - self.kept
        there = (usable * self.interval - max(0, bucket.full_at - start)) // self.interval
        if start == now and there > 0:
            tokens = min(wanted, there)
            return bucket._replace(full_at=max(bucket.full_at, now) + tokens * self.interval), Grant(tokens, 0)
        ready = max(start, bucket.full_at - (usable - 1) * self.interval)
        if patience is None or ready - now > min(patience, FARTHEST):
            return bucket, Grant(0, ready - now)
        return bucket._replace(full_at=max(bucket.full_at, ready) + self.interval), Grant(1, ready - now)

    def _plausible(self, bucket: Bucket, now: int) -> Bucket:
        """The bucket, without what no caller could have left: the clock starts anew with the machine."""
        return Bucket(
            min(bucket.full_at, now + FARTHEST + (self.burst + 1) * self.interval),
            min(bucket.urgent_from, now + round(LONGEST_URGENT_PENALTY * SECOND)),
            min(bucket.bulk_from, now + round(LONGEST_PENALTY * SECOND)),
        )


def penalised(bucket: Bucket, now: int, seconds: float) -> Bucket:
    """The bucket of a provider that asks for `seconds` without calls. Any number is survived; none shortens a wait."""
    asked = seconds if seconds > 0 else PENALTY  # NaN is not greater than anything.
    urgent, bulk = (round(min(asked, most) * SECOND) for most in (LONGEST_URGENT_PENALTY, LONGEST_PENALTY))
    return bucket._replace(
        urgent_from=max(bucket.urgent_from, now + urgent), bulk_from=max(bucket.bulk_from, now + bulk)
    )


def retry_after(header: str, now: datetime) -> float:
    """The seconds that a Retry-After header asks for: a number or a date; `PENALTY` for what is neither."""
    try:
        seconds = float(header)
    except ValueError:
        seconds = _until(header, now)
    return PENALTY if math.isnan(seconds) or seconds < 0 else min(seconds, LONGEST_PENALTY)


def _until(date: str, now: datetime) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        return math.nan
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()
