"""The activities of campaigns: each opens what its work needs, and turns what goes wrong into words for a person.

What a person has to see to (`RefusedError`, `UsageError`, a `StepError` that no retry cures) is not tried again; a
store that is busy or a timeline that is full is, for as long as it takes: what has been sent is in the store.
"""

import asyncio
import contextlib
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities._clients import Clients
from activities.campaigns import measure, prepare, remind, send
from activities.campaigns.letters import ChangedError, Letters
from activities.transports._transport import Transport
from activities.transports.opening import open_transports
from firedoor.campaign import CampaignInput, Flow, Goal, Preparation, PrepareCall, Remaining, Standing, Steer, Work
from firedoor.config import Settings
from firedoor.customers.registry import Registry
from firedoor.errors import FiredoorError, RefusedError, StepError, UsageError
from firedoor.incident import Failure
from firedoor.notices.composing import Composer
from firedoor.notices.promise import PROMISED, broken, promised
from firedoor.outbox import reading
from firedoor.outbox.publishing import Publisher
from firedoor.outbox.states import OVER
from firedoor.outbox.store import Outbox
from firedoor.recipient import CampaignRow, Recipient
from firedoor.timeline.disclosures import Disclosures
from firedoor.timeline.store import Timeline

#: Reasons that a campaign which is over gives why credentials were not seen.
REASONS = 5
#: Seconds between two signs of life. The details are those of a slice: which step, how many targets are done.
BEAT = 1.0
PAGE = 500


@dataclass
class Stores:
    """The stores of campaigns, opened when they are first needed: most workers never send anything."""

    settings: Settings
    timeline: Timeline
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _publisher: Publisher | None = None
    _registry: Registry | None = None

    def __post_init__(self) -> None:
        weakref.finalize(self, self._open.close)

    def publisher(self) -> Publisher:
        """The outbox, and what tells the timeline of it."""
        with self._lock:
            if self._publisher is None:
                outbox = self._open.enter_context(Outbox.open(self.settings.outbox_path))
                disclosures = self._open.enter_context(Disclosures.open(self.settings.disclosures_path))
                self._publisher = Publisher(outbox, self.timeline, disclosures)
            return self._publisher

    def registry(self) -> Registry:
        """The registry of customers."""
        with self._lock:
            if self._registry is None:
                self._registry = self._open.enter_context(Registry.open(self.settings.customers_path))
            return self._registry


@dataclass(frozen=True, slots=True)
class CampaignActivities:
    """Activities on the campaigns of this worker."""

    settings: Settings
    clients: Clients
    stores: Stores

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        steered: list[Callable[..., Any]] = [self.open, self.steer, self.look, self.remaining, self.close]
        return [self.prepare, self.send, self.measure, self.remind, *steered]

    @activity.defn(name="campaign.prepare")
    async def prepare(self, call: PrepareCall) -> Preparation:
        """Render everything, choose every way, and keep it until it is approved."""
        async with _working(call.step):
            registry = await asyncio.to_thread(self.stores.registry)
            return await prepare.prepare(call, self.settings, await self._outbox(), registry)

    @activity.defn(name="campaign.open")
    async def open(self, start: CampaignInput) -> Standing:
        """What was approved may be sent from now on."""
        async with _working(start.step):
            outbox, by = await self._outbox(), ", ".join(start.approved)
            await asyncio.to_thread(outbox.approve, start.campaign, start.digest, by, time.time())
            return await self._told(start.campaign)

    @activity.defn(name="campaign.send")
    async def send(self, work: Work) -> Standing:
        """Send what is due to the first `upto` customers."""
        async with _working(work.step):
            row = await asyncio.to_thread((await self._outbox()).campaign, work.campaign)
            letters = await asyncio.to_thread(_letters, row, self.settings)
            transports = await asyncio.to_thread(open_transports, self.settings, self.clients.secret, row.spec.channels)
            try:
                publisher = await asyncio.to_thread(self.stores.publisher)
                return await send.send(work, letters, send.Bench(publisher.outbox, publisher, transports))
            finally:
                await _closed(transports.values())

    @activity.defn(name="campaign.measure")
    async def measure(self, work: Work) -> Standing:
        """Look which customers have done what they were told."""
        async with _working(work.step):
            await measure.measure(work, await self._outbox(), self.clients)
            return await self._told(work.campaign)

    @activity.defn(name="campaign.remind")
    async def remind(self, work: Work) -> Standing:
        """Queue a reminder for everybody who is still waited for."""
        async with _working(work.step):
            return await remind.remind(work, await self._outbox())

    @activity.defn(name="campaign.look")
    async def look(self, work: Work) -> Standing:
        """Where it stands; what is not in the timeline yet goes there."""
        async with _working(work.step):
            return await self._told(work.campaign)

    @activity.defn(name="campaign.close")
    async def close(self, work: Work) -> Standing:
        """It has ended, unless a person has stopped it before; what was not sent is marked."""
        async with _working(work.step):
            outbox = await self._outbox()
            await asyncio.to_thread(_end, outbox, work.campaign)
            standing = await self._told(work.campaign)
            if standing.flow is not Flow.ENDED or standing.goal is not Goal.ROTATED:
                return standing
            unseen = await asyncio.to_thread(outbox.look, reading.left_unseen, work.campaign, REASONS)
            return standing.model_copy(update={"unseen": unseen})

    @activity.defn(name="campaign.steer")
    async def steer(self, steer: Steer) -> Standing:
        """Pause, resume, halt or stop it: from now on no sender begins what that does not allow.

        Of one that nobody has approved a stop leaves nothing: it waits for no approval any more, and may be prepared
        again.
        """
        async with _working(steer.campaign):
            outbox = await self._outbox()
            if steer.flow is Flow.STOPPED:
                await asyncio.to_thread(outbox.forget, steer.campaign)
                if all(row.id != steer.campaign for row in await asyncio.to_thread(outbox.campaigns)):
                    return Standing(campaign=steer.campaign, flow=Flow.STOPPED)
            await asyncio.to_thread(outbox.steer, steer.campaign, steer.flow, steer.by, steer.reason, time.time())
            return await self._told(steer.campaign)

    @activity.defn(name="campaign.remaining")
    async def remaining(self, work: Work) -> list[Remaining]:
        """The exposed credentials, not replaced yet, of those for whom `until` does not hold."""
        async with _working(work.step):
            return await asyncio.to_thread(_remaining, await self._outbox(), work.campaign)

    async def _outbox(self) -> Outbox:
        return (await asyncio.to_thread(self.stores.publisher)).outbox

    async def _told(self, campaign: str) -> Standing:
        publisher = await asyncio.to_thread(self.stores.publisher)
        await asyncio.to_thread(publisher.tell, campaign)
        return await asyncio.to_thread(publisher.outbox.standing, campaign, time.time())


@contextlib.asynccontextmanager
async def _working(step: str) -> AsyncGenerator[None]:
    """Show that we are alive; what goes wrong becomes a failure that says whether to try again."""
    beating = asyncio.create_task(_beat(step))
    try:
        yield
    except FiredoorError as error:
        raise failed(error) from error
    finally:
        beating.cancel()


async def _beat(step: str) -> None:
    while True:
        activity.heartbeat(step, 0)
        await asyncio.sleep(BEAT)


def failed(error: FiredoorError) -> ApplicationError:
    """A failure for Temporal, with the sentences for a person."""
    final = isinstance(error, RefusedError | UsageError | ChangedError)
    final = final or (isinstance(error, StepError) and not error.retryable)
    said = Failure(reason=error.reason, what=error.what, changed=error.changed, next=error.next)
    return ApplicationError(error.what, said, type=error.reason, non_retryable=final)


def _letters(row: CampaignRow, settings: Settings) -> Letters:
    composer = Composer(settings, row)
    if other := broken(row.extra.get(PROMISED, {}), promised(settings, row.spec, composer)):
        raise ChangedError(
            f"What would be sent is no longer what was approved: {', '.join(other)} changed since.",
            changed="Nothing more was sent.",
            next="Put back what was changed and resume, or stop the campaign and prepare a new one.",
        )
    informational = composer.notice.manifest.kind == "informational"
    return Letters(row, composer, informational=informational, unsubscribe=composer.unsubscribe)


async def _closed(transports: Any) -> None:
    """Close all of them, whatever one of them says."""
    opened: list[Transport] = list(transports)
    await asyncio.gather(*(one.close() for one in opened), return_exceptions=True)


def _end(outbox: Outbox, campaign: str) -> None:
    now = time.time()
    if outbox.campaign(campaign).flow not in OVER:
        outbox.steer(campaign, Flow.ENDED, "system:firedoor", "its course is over", now)
    outbox.unsend(campaign, now)


def _remaining(outbox: Outbox, campaign: str) -> list[Remaining]:
    row = outbox.campaign(campaign)
    since = measure.since(row, time.time()).astimezone(UTC)
    found: list[Remaining] = []
    after = -1
    while page := outbox.recipients(campaign, after=after, limit=PAGE, holding=True):
        after = page[-1].position
        measures = outbox.measures(campaign, [one.customer for one in page])
        for recipient in page:
            done = {one.credential for one in measures.get(recipient.customer, ()) if one.replaced}
            found += _left(recipient, done, since)
    return found


def _left(recipient: Recipient, done: set[int], since: datetime) -> list[Remaining]:
    moment = since.isoformat(timespec="seconds").replace("+00:00", "Z")
    return [
        Remaining(
            customer=recipient.customer,
            provider=one.provider,
            id=one.id,
            fingerprint=one.fingerprint,
            where=one.store,
            kind=one.kind,
            scope=one.scope,
            name=one.name or recipient.customer,
            owner=recipient.name,
            since=moment,
        )
        for number, one in enumerate(recipient.credentials)
        if number not in done
    ]
