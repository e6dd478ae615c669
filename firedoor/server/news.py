"""News of campaigns from outside (an acknowledgement, a bounce): timeline and workflows are told, of many at once.

Nothing is lost where that fails: the store has it, what the timeline lacks is told again until it has it, and the
workflow looks into the store by itself. Customers acknowledge when a campaign has long ended, too: then there is nobody
else to tell it.
"""

import asyncio

from firedoor.engine.campaigns import wake
from firedoor.errors import FiredoorError
from firedoor.outbox import record
from firedoor.server.log import Sparing
from firedoor.server.mailroom import Mailroom

#: Seconds in which news are gathered: after a notice has gone out they come by the hundred.
PAUSE = 5.0
#: What the timeline does not have after so many seconds nobody else tells it: a sender does so twice a second.
LATE = 15.0


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
            await self.catch_up(room, sparing)

    async def catch_up(self, room: Mailroom, sparing: Sparing) -> None:
        """Tell the timeline what nobody has told it: a delivery, an event before this server's start, a stop."""
        if not room.settings.outbox_path.exists():
            return
        try:
            for campaign in await room.do(_behind):
                await room.do(_publish, campaign)
        except FiredoorError as error:
            sparing.warn("campaign", f"The timeline learns of campaigns later: {error.what}")

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


def _behind(room: Mailroom) -> list[str]:
    now = room.clock()
    return room.outbox.look(record.behind, now - LATE, now)


def _publish(room: Mailroom, campaign: str) -> None:
    room.publisher.tell(campaign)
