"""Whose turn it is among the messages that wait: the limits of providers hold, and none of them holds up the others.

Messages that count for the same limits (one domain of mail, one Slack channel) stand in one line. Of the lines whose
limits allow a message now, that goes first which will need longest for what stands in it: so everything is done as soon
as the limits allow. Pure; times are seconds of one monotonic clock.
"""

import heapq
from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

#: What a limit could not use is made up for within this time, so that a slow moment costs nothing. Seconds.
CATCH_UP = 0.5
#: Seconds of messages that are made ready in advance for a line, and how many at most.
AHEAD = 4.0
MOST = 400

#: The limits that a message counts for: a name, and messages a second.
Limits = tuple[tuple[str, float], ...]


@dataclass(slots=True)
class Pace:
    """When each limit allows the next message."""

    _next: dict[str, float] = field(default_factory=dict[str, float])

    def wait(self, limits: Limits, now: float) -> float:
        """Seconds until all of these limits allow one more message."""
        return max((self._next.get(name, now) - now for name, _ in limits), default=0.0)

    def take(self, limits: Limits, now: float) -> None:
        """Count a message."""
        for name, rate in limits:
            self._next[name] = max(self._next.get(name, now), now - CATCH_UP) + 1 / rate


@dataclass(slots=True)
class Line(Generic[T]):
    """Messages that count for the same limits: the numbers of all that wait, and those that are ready to go."""

    limits: Limits
    waiting: "array[int]" = field(default_factory=lambda: array("q"))
    #: How many of `waiting` have been made ready, or are being.
    begun: int = 0
    ready: deque[T] = field(default_factory=deque[T])
    #: It stands in the order of turns, or in that of times.
    queued: bool = False

    @property
    def interval(self) -> float:
        """Seconds between two messages, by the slowest limit."""
        return max((1 / rate for _, rate in self.limits), default=0.0)

    @property
    def left(self) -> int:
        """How many messages are not ready yet."""
        return len(self.waiting) - self.begun

    @property
    def ahead(self) -> int:
        """How many should be ready in advance."""
        interval = self.interval
        return min(MOST, max(1, round(AHEAD / interval))) if interval else MOST

    @property
    def rank(self) -> tuple[float, int]:
        """What needs longest goes first, then what stood first."""
        return -(self.left + len(self.ready)) * self.interval, self.waiting[0]


class Lines(Generic[T]):
    """The lines of one channel. Limits that every message counts for are looked at once for all of them."""

    def __init__(self, messages: Iterable[tuple[int, Sequence[tuple[str, float]]]], pace: Pace) -> None:
        """`messages` are numbers with their limits, in their order; a rate of 0 is no limit."""
        lines: dict[Limits, Line[T]] = {}
        for id, limits in messages:
            key = tuple(limits)
            line = lines.get(key)
            if line is None:
                line = lines[key] = Line(tuple(limit for limit in key if limit[1] > 0))
            line.waiting.append(id)
        own = [set(line.limits) for line in lines.values()]
        common = set.intersection(*own) if own else set[tuple[str, float]]()
        self._pace = pace
        self._shared: Limits = tuple(sorted(common))
        for line in lines.values():
            line.limits = tuple(limit for limit in line.limits if limit not in common)
        self._unready = deque(lines.values())
        self._turns: list[tuple[tuple[float, int], int, Line[T]]] = []
        self._times: list[tuple[float, int, Line[T]]] = []
        self._count = 0
        #: How many messages are ready.
        self.ready = 0

    @property
    def left(self) -> bool:
        """Are there messages that nobody has made ready yet?"""
        return bool(self._unready)

    def wanted(self, most: int) -> list[tuple[int, Line[T]]]:
        """Up to `most` messages that should be made ready now, a few of each line, with their lines."""
        found: list[tuple[int, Line[T]]] = []
        for _ in range(len(self._unready)):
            if len(found) >= most:
                break
            line = self._unready.popleft()
            count = min(line.ahead - len(line.ready), line.left, most - len(found))
            if count > 0:
                found += [(id, line) for id in line.waiting[line.begun : line.begun + count]]
                line.begun += count
            if line.left:
                self._unready.append(line)
        return found

    def put(self, line: Line[T], letter: T, now: float) -> None:
        """A message of a line is ready."""
        line.ready.append(letter)
        self.ready += 1
        if not line.queued:
            self._queue(line, now)

    def next(self, now: float) -> tuple[T | None, float]:
        """The message whose turn it is, or None and the seconds until there may be one (infinite: none is ready)."""
        wait = self._pace.wait(self._shared, now)
        if wait > 0:
            return None, wait
        while self._times and self._times[0][0] <= now:
            line = heapq.heappop(self._times)[2]
            heapq.heappush(self._turns, (line.rank, self._number(), line))
        if not self._turns:
            return None, self._times[0][0] - now if self._times else float("inf")
        line = heapq.heappop(self._turns)[2]
        letter = line.ready.popleft()
        self.ready -= 1
        self._pace.take((*line.limits, *self._shared), now)
        line.queued = False
        if line.ready:
            self._queue(line, now)
        return letter, 0.0

    def _queue(self, line: Line[T], now: float) -> None:
        line.queued = True
        heapq.heappush(self._times, (now + self._pace.wait(line.limits, now), self._number(), line))

    def _number(self) -> int:
        self._count += 1
        return self._count
