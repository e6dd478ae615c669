"""How often an incident is told of more alerts: at once when it is quiet, then less and less often. Pure."""

import asyncio
from dataclasses import dataclass

#: Seconds until the second report, and between two of a storm that has lasted.
FIRST, LONGEST = 1.0, 60.0
#: Temporal takes 2,000 updates of one incident, those of people among them. From so many reports on, the pauses may
#: grow to so many seconds: the other half lasts for weeks.
LONGER = ((1_000, 3600.0), (500, 600.0))


@dataclass
class Flow:
    """The reports to one incident. Times are the loop's seconds."""

    due: float = 0.0
    pause: float = 0.0
    failures: int = 0
    task: asyncio.Task[None] | None = None

    def sent(self, now: float, batches: int) -> None:
        """A report was made, the incident's number `batches`."""
        self.failures = 0
        self.pause = min(max(FIRST, self.pause * 2), _longest(batches))
        self.due = now + self.pause

    def failed(self, now: float) -> None:
        """It could not be made: try again later, and later."""
        self.failures += 1
        self.due = now + min(FIRST * 2 ** (self.failures - 1), LONGEST)

    def over(self, now: float) -> bool:
        """Was it quiet for so long that the next report may go at once?"""
        return self.task is None and now > self.due + max(self.pause, LONGEST)


def _longest(batches: int) -> float:
    return next((seconds for reports, seconds in LONGER if batches >= reports), LONGEST)
