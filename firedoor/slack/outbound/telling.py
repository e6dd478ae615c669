"""One incident in Slack, brought to where it stands: its channel, its message, its thread.

Level-triggered: what Slack should show is drawn anew from the incident's view each time, and compared with what it does
show. Whatever was missed meanwhile is made up for, and nothing is said twice.
"""

import asyncio
import datetime
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from firedoor.canonical import digest_of
from firedoor.config import Settings
from firedoor.engine import Summary
from firedoor.errors import FiredoorError
from firedoor.incident import IncidentInput, IncidentView, Mode
from firedoor.plan import Plan
from firedoor.slack.api.client import Slack
from firedoor.slack.api.faults import SlackError, SlackUnreachableError
from firedoor.slack.api.pace import TIER_3
from firedoor.slack.drawing import blocks
from firedoor.slack.drawing.markup import bold, mrkdwn, safe, section
from firedoor.slack.drawing.picture import Picture
from firedoor.slack.drawing.threads import ASKS, PLAN_KEY, Item, decided, items
from firedoor.slack.outbound.channels import Channels
from firedoor.slack.outbound.mentions import Mentions
from firedoor.slack.store import Conversation, Message, MessageState

#: Seconds between two edits of one message, and how old a view may be when it is shown.
EDIT_SECONDS, FRESH_SECONDS = 1.5, 0.5
PLAIN = "plain blocks"
#: The channel is of no use any more.
LOST = frozenset({"is_archived", "is_inactive", "channel_not_found"})
MOVED = "moved"
GONE = frozenset({"message_not_found", "thread_not_found"})
#: Plans that are remembered.
MOST_PLANS = 500

_LOG = logging.getLogger("firedoor.slack")


class Source(Protocol):
    """What is asked of the engine."""

    async def incidents(self, limit: int = 50) -> list[Summary]:
        """The newest incidents, those that run before those that have ended."""
        ...

    async def view(self, incident: str, run: str = "") -> IncidentView:
        """Where a run of an incident stands."""
        ...

    async def plan_of(self, incident: str, run: str = "") -> IncidentInput:
        """What a run of it was started with."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """One run of an incident, as far as a list tells of it."""

    incident: str
    run: str
    parent: str = ""

    @property
    def base(self) -> str:
        """What the keys of its messages begin with."""
        return f"{self.incident}/{self.run}"


def _shown(item: Item) -> str:
    """What a question shows, but for the time at which it is drawn."""
    return digest_of([item.text, item.blocks])


def utc_now() -> datetime.datetime:
    """The wall clock."""
    return datetime.datetime.now(datetime.UTC)


class Telling:
    """Tells Slack of incidents, one at a time."""

    def __init__(
        self, source: Source, slack: Slack, settings: Settings, *, clock: Callable[[], datetime.datetime] = utc_now
    ) -> None:
        self._source = source
        self._slack = slack
        self._store = slack.store
        self._settings = settings
        self._clock = clock
        self._channels = Channels(slack, settings)
        self._mentions = Mentions(slack, settings)
        self._plans: dict[str, tuple[Plan, IncidentView | None]] = {}
        self._edited: dict[str, float] = {}
        self._modern = self._store.fact(PLAIN) != _today()

    async def tell(self, run: Run) -> tuple[IncidentView, float]:
        """Bring Slack to where an incident stands; its view, and in how many seconds there is more to say (0: nothing).

        A channel takes a message a second. So the incident is looked at anew before each one in its thread: its message
        does not wait for what the thread lacks. Raises `SlackError`, and what the engine raises.
        """
        while True:
            view, left, more = await self._look(run)
            if not more:
                return view, left

    async def _look(self, run: Run) -> tuple[IncidentView, float, bool]:
        """Show where it stands, and say one thing in its thread; `True` where the thread lacks more."""
        picture = await self._picture(run)
        one = await asyncio.to_thread(self._store.conversation, run.incident, run.run)
        one = one or Conversation(run.incident, run.run)
        if one.ended:
            return picture.view, 0.0, False
        one = await self._own_channel(one, picture)
        channel = one.own or self._settings.slack.channel
        if not channel:
            return picture.view, 0.0, False
        try:
            left, more = await self._all(run, replace(one, channel=one.channel or channel), picture)
        except SlackError as error:
            if error.code not in LOST or not one.own or not self._settings.slack.channel:
                raise
            await self._moved(run, error)
            return picture.view, 0.0, True
        return picture.view, left, more

    async def _all(self, run: Run, one: Conversation, picture: Picture) -> tuple[float, bool]:
        one, left = await self._message(run, one, picture)
        if one.own:
            await self._around(run, one, picture)
        more = await self._thread(run, one, picture)
        if picture.ended and not left and not more:
            await self._end(run, one, picture)
        return left, more

    async def ended_outside(self, run: Run, error: FiredoorError) -> None:
        """Say of an incident that did not end by itself that it is over. Raises `SlackError`."""
        one = await asyncio.to_thread(self._store.conversation, run.incident, run.run)
        if one is None or one.ended or not one.ts:
            return
        text = f"{safe(run.incident)} was ended from outside."
        shown = section(f"✗ {bold(run.incident)} was ended from outside. {safe(error.what)}", safe(error.next))
        await self._slack.update(one.channel, one.ts, text, [shown])
        await asyncio.to_thread(self._store.keep, replace(one, ended=True))

    async def _picture(self, run: Run) -> Picture:
        view = await self._source.view(run.incident, run.run)
        if run.base not in self._plans:
            if len(self._plans) >= MOST_PLANS:
                self._plans.clear()
            start = await self._source.plan_of(run.incident, run.run)
            self._plans[run.base] = start.plan, await self._forecast(start)
        plan, forecast = self._plans[run.base]
        return Picture(view, self._clock(), plan, modern=self._modern, parent=run.parent, forecast=forecast)

    async def _forecast(self, start: IncidentInput) -> IncidentView | None:
        """What the starter was shown that it would change; Temporal may have forgotten it."""
        if not start.forecast:
            return None
        try:
            found = await self._source.view(start.forecast)
        except FiredoorError as error:
            _LOG.info("what would change is not shown for %s: %s", start.incident, error.what)
            return None
        return found if found.mode is Mode.PLAN and found.plan == start.digest else None

    # The channel of its own

    async def _own_channel(self, one: Conversation, picture: Picture) -> Conversation:
        wants = picture.plan is not None and picture.plan.channel == "create"
        if not wants or one.own or one.ts or self._store.fact(f"{MOVED} {one.incident}/{one.run}"):
            return one
        try:
            return await self._channels.opened(one, picture.view)
        except SlackUnreachableError:
            raise
        except SlackError as error:
            _LOG.warning("%s gets no channel of its own: %s %s", one.incident, error.what, error.next)
            return one

    async def _moved(self, run: Run, error: SlackError) -> None:
        """Somebody has archived or removed the incident's own channel: it goes on in the common one."""
        _LOG.warning("%s goes on in the common channel: %s", run.incident, error.what)
        await asyncio.to_thread(self._store.remember, f"{MOVED} {run.base}", error.code)
        one = await asyncio.to_thread(self._store.conversation, run.incident, run.run)
        if one:
            gone = replace(one, own="", channel="", ts="", digest="", deleted=one.deleted + 1)
            await asyncio.to_thread(self._store.keep, gone)

    async def _around(self, run: Run, one: Conversation, picture: Picture) -> None:
        """The people and links of the incident's own channel, and the line in the common one that leads there."""
        await self._channels.filled(one, picture)
        await self._channels.linked(one, "The incident", one.channel, one.ts)
        common = self._settings.slack.channel
        if not common:
            return
        title = safe(picture.view.title or picture.view.runbook)
        text = f"{title} is handled in a channel of its own"
        told = section(f"{bold(picture.view.title or picture.view.runbook)} is handled in <#{one.own}>")
        ts = await self._slack.post(common, text, [told], key=f"{run.base}/pointer", incident=run.incident)
        await self._channels.linked(one, "Where it was announced", common, ts)

    # The message

    async def _message(self, run: Run, one: Conversation, picture: Picture) -> tuple[Conversation, float]:
        """Post or edit the message; in how many seconds it has to be edited again."""
        shown = blocks.incident(picture)
        if not one.ts:
            return await self._post(run, one, picture), 0.0
        if one.digest == shown.digest:
            return one, 0.0
        pace = self._slack.web.pace
        since = pace.clock() - self._edited.get(run.base, float("-inf"))
        if (gap := EDIT_SECONDS * pace.factor - since) > 0:
            return one, gap
        if (left := pace.take("edits", TIER_3)) > FRESH_SECONDS:
            await pace.sleep(left)
            picture = await self._picture(run)
        try:
            one = await self._edit(one, picture)
        except SlackError as error:
            if error.code not in GONE:
                raise
            one = await self._anew(run, one, picture)
        self._edited[run.base] = pace.clock()
        return one, 0.0

    async def _post(self, run: Run, one: Conversation, picture: Picture) -> Conversation:
        key = f"{run.base}/message/{one.deleted}"
        before = await asyncio.to_thread(self._store.message, key)
        try:
            shown = blocks.incident(picture)
            ts = await self._slack.post(one.channel, shown.text, shown.blocks, key=key, incident=run.incident)
        except SlackError as error:
            if not await self._too_modern(error, picture):
                raise
            return await self._post(run, one, replace(picture, modern=False))
        # What an earlier attempt has posted may be older than this: the digest of nothing has it edited.
        stale = before is not None and before.state is not MessageState.OPEN
        return await self._kept(replace(one, ts=ts, digest="" if stale else shown.digest))

    async def _edit(self, one: Conversation, picture: Picture) -> Conversation:
        shown = blocks.incident(picture, f"{one.edits + 1}")
        try:
            await self._slack.update(one.channel, one.ts, shown.text, shown.blocks)
        except SlackError as error:
            if not await self._too_modern(error, picture):
                raise
            return await self._edit(one, replace(picture, modern=False))
        return await self._kept(replace(one, digest=shown.digest, edits=one.edits + 1))

    async def _too_modern(self, error: SlackError, picture: Picture) -> bool:
        """Does the workspace lack `plan` blocks? Then plain ones are used; a start on another day tries again."""
        if error.code != "invalid_blocks" or not picture.modern:
            return False
        self._modern = False
        await asyncio.to_thread(self._store.remember, PLAIN, _today())
        return True

    async def _anew(self, run: Run, one: Conversation, picture: Picture) -> Conversation:
        """Somebody has deleted the message: it is posted once more. Whoever deletes that too means it."""
        if one.deleted:
            _LOG.warning("%s: its message was deleted twice, and is not posted again", run.incident)
            return await self._kept(replace(one, digest=blocks.incident(picture).digest))
        _LOG.warning("%s: somebody has deleted its message: it is posted anew", run.incident)
        gone = await self._kept(replace(one, ts="", digest="", deleted=one.deleted + 1))
        return await self._post(run, gone, picture)

    async def _kept(self, one: Conversation) -> Conversation:
        await asyncio.to_thread(self._store.keep, one)
        return one

    # The thread

    async def _thread(self, run: Run, one: Conversation, picture: Picture) -> bool:
        """Say the first thing that the thread lacks, and put right what it asks; `True` if there is more to say.

        The plan comes first, then what asks people, then all else.
        """
        # What was said in a channel that is gone is said again where the incident goes on.
        place = f"{run.base}/{MOVED}" if self._store.fact(f"{MOVED} {run.base}") else run.base
        every = {f"{place}/{item.key}": item for item in items(picture)}
        for message in await asyncio.to_thread(self._store.posts, f"{place}/{ASKS}"):
            item = every.get(message.key)
            if item is None:
                await self._decided(run, picture, message, message.key.removeprefix(f"{place}/"))
            elif self._store.fact(f"asked {message.key}") != _shown(item):
                # Somebody has agreed meanwhile: how many are missing must be right where they are asked.
                await self._asked_again(run, item, message)
        lacking = await asyncio.to_thread(self._lacking, every)
        if lacking:
            await self._say(run, one, every[lacking[0]], lacking[0])
        return len(lacking) > 1

    def _lacking(self, every: Mapping[str, Item]) -> list[str]:
        """The keys of what is not in Slack, in the order in which it is said."""
        found = [key for key in every if not (known := self._store.message(key)) or not known.ts]
        return sorted(found, key=lambda key: not every[key].key.startswith((PLAN_KEY, ASKS)))

    async def _say(self, run: Run, one: Conversation, item: Item, key: str) -> None:
        shown = list(item.blocks)
        if mentions := await self._mentions.line(item.to):
            shown.insert(0, {"type": "section", "text": mrkdwn(mentions)})
        text = f"{item.text} {mentions}".strip()
        await self._slack.post(one.channel, text, shown, key=key, thread=one.ts, incident=run.incident)
        if item.key.startswith(ASKS):
            await asyncio.to_thread(self._store.remember, f"asked {key}", _shown(item))

    async def _asked_again(self, run: Run, item: Item, known: Message) -> None:
        """Bring a question up to date, in its place."""
        await self._slack.web.pace.wait("edits", TIER_3)
        try:
            await self._slack.update(known.channel, known.ts, item.text, item.blocks)
        except SlackUnreachableError:
            raise
        except SlackError as error:
            _LOG.info("%s: %s", run.incident, error.what)
        await asyncio.to_thread(self._store.remember, f"asked {known.key}", _shown(item))

    async def _decided(self, run: Run, picture: Picture, known: Message, name: str) -> None:
        """Take the buttons off a question that is decided."""
        item = decided(picture, name)
        await self._slack.web.pace.wait("edits", TIER_3)
        try:
            await self._slack.update(known.channel, known.ts, item.text, item.blocks)
        except SlackUnreachableError:
            raise
        except SlackError as error:
            _LOG.info("%s: %s", run.incident, error.what)
        await asyncio.to_thread(self._store.settled, known.key)

    # The end

    async def _end(self, run: Run, one: Conversation, picture: Picture) -> None:
        if one.own:
            attached = await self._channels.closed(one)
            known = await asyncio.to_thread(self._store.message, f"{run.base}/pointer")
            if known and known.ts:
                where = f"The record is attached in <#{one.own}>." if attached else f"What was said is in <#{one.own}>."
                text = f"Ended: {safe(picture.view.sentence or picture.view.title)}"
                key = f"{run.base}/pointer/ended"
                told = [section(text, where)]
                await self._slack.post(known.channel, text, told, key=key, thread=known.ts, incident=run.incident)
        await self._kept(replace(one, ended=True))
        self._plans.pop(run.base, None)
        self._edited.pop(run.base, None)


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()
