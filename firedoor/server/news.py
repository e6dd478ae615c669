"""News of campaigns from outside (an acknowledgement, a bounce): their workflows are told, of many at once.

Nothing is lost where that fails: the store has it, and the workflow looks there by itself; it tells the timeline.
"""

import asyncio

from firedoor.config import Settings
from firedoor.engine.campaigns import wake
from firedoor.server.log import Sparing

#: Seconds in which news are gathered: after a notice has gone out they come by the hundred.
PAUSE = 5.0


class News:
    """The campaigns of which there are news."""

    def __init__(self) -> None:
        self._campaigns: set[str] = set()

    def of(self, campaign: str) -> None:
        """There are news of a campaign."""
        self._campaigns.add(campaign)

    async def run(self, settings: Settings, sparing: Sparing) -> None:
        """Tell them until cancelled."""
        while True:
            await asyncio.sleep(PAUSE)
            await self.tell(settings, sparing)

    async def tell(self, settings: Settings, sparing: Sparing) -> None:
        """Wake the workflow of each campaign once."""
        while self._campaigns:
            campaign = self._campaigns.pop()
            if asleep := await wake(settings, campaign):
                sparing.warn("campaign", f"{campaign}: {asleep}")
