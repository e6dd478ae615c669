"""How often Slack lets an app call: https://docs.slack.dev/apis/web-api/rate-limits.

A tier is so many calls a minute of one method; `chat.postMessage` has about one a second a channel with a short burst,
and a cap for the workspace ("several hundred a minute").
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

#: Calls a minute.
TIERS: Final = {1: 1, 2: 20, 3: 50, 4: 100}
#: `auth.test` and the like: hundreds a minute.
SPECIAL: Final = 0
#: `chat.postMessage`, `chat.postEphemeral`, and in what is left of a second.
POSTING: Final = 5
#: Slack tolerates bursts, even in tier 1.
LEAST_BURST: Final = 10
A_SECOND, BURST, WORKSPACE_A_MINUTE, SPECIAL_A_MINUTE = 1.0, 4, 300, 600


@dataclass
class _Bucket:
    rate: float
    size: float
    left: float = field(init=False)
    seen: float = 0.0

    def __post_init__(self) -> None:
        self.left = self.size

    def fill(self, now: float) -> None:
        self.left = min(self.size, self.left + max(0.0, now - self.seen) * self.rate)
        self.seen = now

    def wait(self) -> float:
        """Seconds until it holds one."""
        return 0.0 if self.left >= 1 else (1 - self.left) / self.rate


@dataclass
class Limits:
    """The limits, off until `on`. `factor` makes them that many times as generous; `least` is the least Retry-After."""

    now: Callable[[], float]
    on: bool = False
    factor: float = 1.0
    least: int = 1
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def spend(self, method: str, tier: int, channel: str) -> int:
        """Take one call off; 0, or the seconds after which it may be tried again."""
        if not self.on:
            return 0
        buckets = [self._bucket(*one) for one in self._which(method, tier, channel)]
        wait = max(bucket.wait() for bucket in buckets)
        if wait > 0:
            return max(self.least, math.ceil(wait))
        for bucket in buckets:
            bucket.left -= 1
        return 0

    def _which(self, method: str, tier: int, channel: str) -> list[tuple[str, float, float]]:
        if tier == POSTING:
            # Posted or shown to one person: the channel's second is the same.
            return [
                (f"posting {channel}", A_SECOND, BURST),
                ("posting", WORKSPACE_A_MINUTE / 60, WORKSPACE_A_MINUTE),
            ]
        minute = TIERS.get(tier, SPECIAL_A_MINUTE)
        return [(method, minute / 60, max(minute, LEAST_BURST))]

    def _bucket(self, name: str, rate: float, size: float) -> _Bucket:
        bucket = self._buckets.setdefault(name, _Bucket(rate * self.factor, max(1.0, size * self.factor)))
        bucket.fill(self.now())
        return bucket
