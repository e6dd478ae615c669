"""How fast each `for_each` goes, measured over the last seconds of what was seen."""

import datetime
from collections import deque
from collections.abc import Iterable

from firedoor.cli.views.progress import reached
from firedoor.incident import IncidentView, StepState

#: Rates are taken over so many seconds: long enough to be steady, short enough to show that something stands still.
WINDOW = 10.0
LEAST = 2.0


class Pace:
    """Targets a second, by incident and step."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], deque[tuple[datetime.datetime, int]]] = {}

    def see(self, views: Iterable[IncidentView], now: datetime.datetime) -> None:
        """Take note of how far each step is."""
        for view in views:
            for step in view.steps:
                if step.progress and step.state is StepState.RUNNING:
                    self._add((view.id, step.id), reached(step.progress), now)
                else:
                    self._seen.pop((view.id, step.id), None)

    def _add(self, key: tuple[str, str], number: int, now: datetime.datetime) -> None:
        samples = self._seen.setdefault(key, deque())
        if samples and samples[-1][1] > number:
            samples.clear()  # A person retried: it counts from the start.
        samples.append((now, number))
        while len(samples) > 2 and (now - samples[1][0]).total_seconds() >= WINDOW:
            samples.popleft()

    def rates(self) -> dict[tuple[str, str], float]:
        """What was measured for long enough to mean something."""
        found: dict[tuple[str, str], float] = {}
        for key, samples in self._seen.items():
            (begun, first), (until, last) = samples[0], samples[-1]
            if (seconds := (until - begun).total_seconds()) >= LEAST:
                found[key] = (last - first) / seconds
        return found
