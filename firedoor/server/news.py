"""News of campaigns from outside (an acknowledgement, a bounce): timeline and workflows are told, of many at once.

Nothing is lost where that fails: the store has it, and whoever comes next tells the timeline; the workflow looks into
the store by itself. Customers acknowledge when a campaign has long ended, too: then there is nobody else to tell it.
"""

import asyncio

from firedoor.engine.campaigns import wake
from firedoor.errors import FiredoorError
from firedoor.server.log import Sparing
from firedoor.server.mailroom import Mailroom

#: Seconds in which news are gathered: after a notice has gone out they come by the hundred.
PAUSE = 5.0


class News:
    """The campaigns of which there are news."""

    def __init__(self) -> None:
        self._campaigns: set[str] = set()

    def of(self, campaign: str) -> None:
        """There are news of a campaign."""
        self._campaigns.add(campaign)

    async def run(self, room: Mailroom, sparing: Sparing) -> None:
        """Tell them until cancelled."""
        while True:
            await asyncio.sleep(PAUSE)
            await self.tell(room, sparing)

    async def tell(self, room: Mailroom, sparing: Sparing) -> None:
        """Tell the timeline, then wake the workflow, once for each campaign."""
        while self._campaigns:
            campaign = self._campaigns.pop()
            try:
                await room.do(_publish, campaign)
            except FiredoorError as error:
                sparing.warn("campaign", f"{campaign}: the timeline learns of it later: {error.what}")
            if asleep := await wake(room.settings, campaign):
                sparing.warn("campaign", f"{campaign}: {asleep}")


def _publish(room: Mailroom, campaign: str) -> None:
    room.publisher.tell(campaign)
