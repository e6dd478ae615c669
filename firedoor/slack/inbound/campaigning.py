"""Campaigns in Slack: how far they are, and pause, resume and stop, which the store has when they are answered."""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from firedoor.campaign import Flow
from firedoor.engine.campaigns import Campaigns
from firedoor.slack.drawing.buttons import Press
from firedoor.slack.drawing.campaigns import campaign
from firedoor.slack.drawing.fields import Block
from firedoor.slack.inbound.commands import Campaign, expected
from firedoor.slack.inbound.door import Door
from firedoor.slack.inbound.forms import Slip, reason_of
from firedoor.slack.inbound.people import Visitor
from firedoor.slack.inbound.replies import Place

STOP = "stop_sending"
#: What each verb makes of a campaign, and what is said of it.
STEERS: dict[str, tuple[Flow, str]] = {
    "pause_sending": (Flow.PAUSED, "is paused: no further message leaves."),
    "resume_sending": (Flow.RUNNING, "goes on."),
    STOP: (Flow.STOPPED, "is stopped for good: what has not left will not."),
}
#: Campaigns that are shown at once.
MOST = 5
OVER = frozenset({Flow.STOPPED, Flow.ENDED})


class Campaigning:
    """Shows campaigns, and steers them."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def pressed(self, press: Press, who: Visitor, place: Place) -> None:
        """A button whose dialog has said what happens."""
        await self._steer(Slip(press.verb, press.incident, press.step), who, place)

    async def submitted(self, slip: Slip, form: Mapping[str, Any], who: Visitor, place: Place) -> None:
        """Stop for good, for a reason that a form has asked for."""
        await self._steer(slip, who, place, reason_of(form))

    async def shown(self, command: Campaign, who: Visitor, place: Place) -> None:
        """`/firedoor campaign`: the one that is named, those of the incident that is meant here, or all under way."""
        await self._door.known(who, "campaign")
        here = self._door.told_in(place)
        blocks = await asyncio.to_thread(self._drawn, command.name, here)
        if not blocks:
            raise expected("campaign", "No campaign is under way.")
        await self._door.replies.say(place, blocks=blocks, brief="Campaigns")

    def _drawn(self, name: str, incident: str) -> list[Block]:
        with Campaigns.open(self._door.settings) as campaigns:
            every = campaigns.all()
            if name:
                found = campaigns.find(name)
                every = [one for one in every if one[0].id == found]
            else:
                under_way = [one for one in every if one[0].flow not in OVER]
                every = [one for one in under_way if one[0].incident == incident] or under_way
        drawn = (campaign(row.incident, row.step, now) for row, now in every[:MOST])
        return [block for blocks in drawn for block in blocks]

    async def _steer(self, slip: Slip, who: Visitor, place: Place, reason: str = "") -> None:
        """Do it in the store, and say what could not be told to whom. Raises `RefusedError`, recorded."""
        known = await self._door.known(who, slip.verb, slip.incident)
        flow, says = STEERS[slip.verb]
        async with self._door.recording(known.responder, slip.verb, incident=slip.incident, step=slip.step):
            with ExitStack() as stack:
                opened = Campaigns.open(self._door.settings)
                campaigns = await asyncio.to_thread(stack.enter_context, opened)
                steered = await campaigns.steer(f"{slip.incident}.{slip.step}", flow, known.responder, reason)
        self._door.wake(slip.incident)
        await self._door.replies.say(place, f"{slip.incident}: {slip.step} {says}", *steered.behind)
