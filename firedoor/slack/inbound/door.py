"""What every handler of Slack's messages stands on: who it is, which incident is meant, and what was refused."""

import asyncio
import datetime
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from firedoor.catalog import Shelf, Shelves
from firedoor.config import Settings
from firedoor.engine import Engine, Summary
from firedoor.errors import RefusedError, UnreachableError
from firedoor.incident import Responder
from firedoor.plan import Plan
from firedoor.slack.api.client import Slack
from firedoor.slack.drawing.picture import Picture
from firedoor.slack.inbound.choices import is_open, own
from firedoor.slack.inbound.people import Known, People, Visitor
from firedoor.slack.inbound.refusals import Refusals
from firedoor.slack.inbound.replies import Place, Replies
from firedoor.slack.store import Store
from firedoor.timeline.store import Timeline

#: Incidents that are looked through for open ones.
AMONG = 200
#: What a policy of the runbook says who may.
BY_POLICY = frozenset({"approve", "deny", "answer"})
#: What has to take effect within a second, with Temporal away as well: then the groups of all runbooks let somebody in.
AT_ONCE = frozenset({"pause_sending", "stop_sending"})
PATIENCE = 0.5
#: The shortest part of an id that names an incident at the beginning of a note.
SHORTEST_PART = 4


@dataclass(slots=True)
class Door:
    """The door of Slack. `wake` is told of an incident whose message should be brought up to date.

    While `held` is taken nobody reads the runbooks.
    """

    engine: Engine
    slack: Slack
    store: Store
    people: People
    refusals: Refusals
    replies: Replies
    shelves: Shelves
    timeline: Timeline
    settings: Settings
    wake: Callable[[str], None]
    held: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def shelf(self) -> Shelf:
        """The runbooks as they are now. Raises `UsageError` where a configured folder does not exist."""
        # One thread looks or compiles, and those who come meanwhile hold none.
        async with self.held:
            return await asyncio.to_thread(self.shelves.now)

    async def plan_of(self, incident: str) -> Plan:
        """The plan that an incident runs now: its id may run again later, with another plan. Raises `UsageError`."""
        return (await self.engine.plan_of(incident)).plan

    async def picture(self, incident: str) -> Picture:
        """An incident as it stands now, to be drawn. Raises `FiredoorError`."""
        view = await self.engine.view(incident)
        return Picture(view, datetime.datetime.now(datetime.UTC), await self.plan_of(incident))

    async def known(self, who: Visitor, verb: str, incident: str = "") -> Known:
        """Who it is, with the groups that count for `verb`. Raises `RefusedError`, recorded, for a stranger.

        Without an incident the groups of all runbooks let somebody in.
        """
        plans = await self._plans(verb, incident)
        stranger = Responder(principal=f"user:{who.identity()}", auth="slack", identity=who.identity())
        async with self.recording(stranger, verb, incident=incident):
            return await self.people.known(who, plans if incident and verb in BY_POLICY else (), plans)

    async def _plans(self, verb: str, incident: str) -> list[Plan]:
        """The plan of the incident, or all that there are: where none is named, or a hand on the tap cannot wait."""
        if incident and verb not in AT_ONCE:
            return [await self.plan_of(incident)]
        if incident:
            with suppress(TimeoutError, UnreachableError):
                async with asyncio.timeout(PATIENCE):
                    return [await self.plan_of(incident)]
        return list((await self.shelf()).plans.values())

    @asynccontextmanager
    async def recording(
        self, who: Responder, verb: str, *, incident: str = "", step: str = "", more: str = ""
    ) -> AsyncGenerator[None]:
        """What is refused inside is in the timeline, and raised again; `more` is added to what the person is told."""
        try:
            yield
        except RefusedError as error:
            what = f"{error.what} {more}".strip()
            await self.refusals.record(who, verb, what, incident=incident, step=step)
            raise RefusedError(what, changed=error.changed, next=error.next) from error

    async def open_incidents(self) -> list[Summary]:
        """The incidents that still run, the newest first."""
        return [one for one in own(await self.engine.incidents(limit=AMONG)) if is_open(one)]

    def told_in(self, place: Place, message: str = "") -> str:
        """The incident that a channel, a thread or a message is about, or nothing."""
        stamps = {stamp for stamp in (place.thread, message) if stamp}
        for one in self.store.conversations():
            if place.channel and (one.own == place.channel or (one.channel == place.channel and one.ts in stamps)):
                return one.incident
        return ""

    async def meant(self, text: str, place: Place, message: str = "") -> "str | Sequence[Summary]":
        """The incident that is meant: the one that `text` names, that of this place, or the only open one.

        Where several may be meant, these. Raises `UsageError` where `text` names none.
        """
        if text:
            return await self.engine.find(text)
        if here := self.told_in(place, message):
            return here
        found = await self.open_incidents() or own(await self.engine.incidents(limit=AMONG))
        return found[0].id if len(found) == 1 else found

    async def named_by(self, word: str) -> str:
        """The open incident that the first word of a note names, or nothing: then it belongs to the text."""
        for one in await self.open_incidents():
            short = one.id.removeprefix(f"{one.runbook}-")
            if word in {one.id, short} or (len(word) >= SHORTEST_PART and short.endswith(word)):
                return one.id
        return ""
