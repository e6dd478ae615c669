"""How fast Slack may be called: a lane for each method, or each channel that is posted to.

Limits: docs.slack.dev/apis/web-api/rate-limits. A message a second a channel; tier 2 is 20 calls a minute, tier 3 is
50, tier 4 is 100. A little less is used, because several processes may share them.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Lane:
    """A limit: one call every `seconds` in the long run, `burst` at once after a rest."""

    seconds: float
    burst: int = 1


MESSAGES = Lane(1.0)
TIER_2 = Lane(3.2, burst=5)
TIER_3 = Lane(1.3, burst=10)
TIER_4 = Lane(0.65, burst=20)


@dataclass(slots=True)
class _Bucket:
    """When the lane is free again, and until when Slack has told us to stay away."""

    free: float = 0.0
    held: float = 0.0


@dataclass(slots=True)
class Pace:
    """All lanes of one process. `factor` 0 is no limit but Slack's own; the clock is monotonic seconds."""

    factor: float = 1.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _buckets: dict[str, _Bucket] = field(default_factory=dict[str, _Bucket])

    async def wait(self, name: str, lane: Lane | None) -> None:
        """Wait for a place in a lane, and take it. Without a lane only for what Slack has told us."""
        if (left := self.take(name, lane)) > 0:
            await self.sleep(left)

    def take(self, name: str, lane: Lane | None) -> float:
        """Take the next place in a lane; how many seconds away it is."""
        bucket, now = self._buckets.setdefault(name, _Bucket()), self.clock()
        at = max(now, bucket.held)
        if lane:
            gap = lane.seconds * self.factor
            at = max(at, bucket.free - gap * (lane.burst - 1))
            bucket.free = max(bucket.free, at) + gap
        return at - now

    def hold(self, name: str, seconds: float) -> None:
        """Slack says: not again before `seconds` have passed."""
        bucket = self._buckets.setdefault(name, _Bucket())
        bucket.held = max(bucket.held, self.clock() + seconds)

    def held(self, name: str) -> float:
        """For how many seconds Slack wants no call in a lane."""
        bucket = self._buckets.get(name)
        return max(0.0, bucket.held - self.clock()) if bucket else 0.0
