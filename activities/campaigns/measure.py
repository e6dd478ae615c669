"""How far customers are: every exposed credential of those who are still waited for is looked at, where it lies.

One round looks at each once, at most `LANES` at a time and as often as the providers' limits allow, and keeps what it
finds page by page: a round that dies is begun again and has lost a page. A provider that fails keeps the others from
nothing, and makes nobody remediated: its credentials stay as they were last known to be, with the time of that.
"""

import asyncio
import contextlib
import contextvars
import datetime
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from activities._clients import Clients
from activities.campaigns.gauge import Finding, Gauge
from activities.campaigns.listings import Listings
from firedoor.campaign import Found, Standing, Work
from firedoor.customers.model import Dependency
from firedoor.errors import StepError
from firedoor.notices.composing import PREPARED
from firedoor.outbox.store import Outbox
from firedoor.recipient import CampaignRow, Measure, Recipient
from firedoor.sinks import STORES, Place, place

#: Calls at once: each of them waits for its provider's limit by itself.
LANES = 16
#: Customers of one page, and of one transaction.
PAGE = 500
#: Old values that are shown to their providers in one round; the next round goes on with the next of them.
TRIED = 500
#: A variable that a notice may have: when the attacker was shut out, RFC 3339.
CONTAINED = "contained_at"
#: Seconds for which a look is good.
FRESH = 60.0


@dataclass(frozen=True, slots=True)
class Due:
    """A customer, what is known of its credentials, and which of them are to be looked at."""

    recipient: Recipient
    earlier: Mapping[int, Measure]
    numbers: Sequence[int]

    @property
    def credentials(self) -> Iterator[Dependency]:
        """Those that are to be looked at."""
        return (self.recipient.credentials[number] for number in self.numbers)


@dataclass
class Round:
    """One round over a campaign: whom it looks at, and whose old values are to be tried in it."""

    outbox: Outbox
    campaign: CampaignRow
    number: int
    beat: Callable[[], None]
    #: What was looked at after this moment is not looked at again (seconds since the epoch).
    before: float
    now: float
    candidates: int = 0
    _asked: int = field(default=0, init=False)

    def pages(self) -> Iterator[list[Due]]:
        """Everybody who is still waited for; everybody who has not replaced all, where nobody is."""
        waiting = True if self.campaign.spec.until else None
        after = -1
        while page := self.outbox.recipients(self.campaign.id, after=after, limit=PAGE, holding=waiting):
            after = page[-1].position
            known = self.outbox.measures(self.campaign.id, [one.customer for one in page])
            every = [self._due(one, known.get(one.customer, ())) for one in page if not one.remediated]
            yield [one for one in every if one.numbers]

    def places(self) -> Iterator[Place]:
        """Where their credentials lie; counts what could be tried on the way."""
        for page in self.pages():
            self.beat()
            for credential in (credential for one in page for credential in one.credentials):
                where = _place(credential)
                self.candidates += _triable(credential, where)
                if where is not None:
                    yield where

    def turn(self, credential: Dependency) -> bool:
        """Is it this credential's turn to be tried? Where there are many, each has its turn once in some rounds."""
        if not _triable(credential, _place(credential)):
            return False
        place_in_line = (self._asked - self.number * TRIED) % max(1, self.candidates)
        self._asked += 1
        return place_in_line < TRIED

    def _due(self, recipient: Recipient, known: Iterable[Measure]) -> Due:
        earlier = {one.credential: one for one in known}
        numbers = [number for number in range(len(recipient.credentials)) if self._open(earlier.get(number))]
        return Due(recipient, earlier, numbers)

    def _open(self, measure: Measure | None) -> bool:
        if measure is None or measure.replaced:
            return measure is None
        # A look that lies ahead is of a clock that has been set back since: it may be days until then.
        return not self.before < measure.looked <= self.now


async def measure(
    work: Work,
    outbox: Outbox,
    clients: Clients,
    *,
    beat: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.time,
    fresh: float = FRESH,
) -> Standing:
    """Look at a campaign's customers once, and say where it stands.

    What was looked at `fresh` seconds ago, or half a `recheck`, is not asked about again: a round that died goes on
    where it was, and one that somebody's acknowledgement has woken costs nothing. `beat` is called, in this event loop,
    whenever something was done. Raises `UsageError` where there is no such campaign, `StoreError` where what was found
    cannot be kept, `StepError` (`invalid_arguments`) where its `contained_at` is no moment.
    """
    campaign = await asyncio.to_thread(outbox.campaign, work.campaign)
    now = clock()
    before = now - min(fresh, campaign.spec.recheck / 2)
    this = Round(outbox, campaign, work.number, _from_threads(beat), before, now)
    async with _lanes() as threads:
        loop = asyncio.get_running_loop()
        listings = await loop.run_in_executor(threads, lambda: Listings(clients, this.places()))
        await loop.run_in_executor(threads, listings.read, this.beat)
        gauge = Gauge(clients, listings, since(campaign, clock()))
        pages = this.pages()
        while (page := await asyncio.to_thread(next, pages, None)) is not None:
            await _measured(this, gauge, page, threads, clock)
    return await asyncio.to_thread(outbox.standing, work.campaign, clock())


def since(campaign: CampaignRow, now: float) -> datetime.datetime:
    """What was written after this moment was not exposed: the notice's `contained_at`, else when it was prepared.

    A campaign is prepared once the breach is contained, so that nothing which was written since then was stolen.
    Raises `StepError`.
    """
    given = campaign.values.get(CONTAINED)
    if not given:
        moment = campaign.extra.get(PREPARED) or campaign.began or now
        return datetime.datetime.fromtimestamp(moment, datetime.UTC)
    try:
        moment = datetime.datetime.fromisoformat(str(given))
    except ValueError:
        raise StepError(
            "invalid_arguments",
            f"The campaign's value `{CONTAINED}` is no moment: {str(given)[:60]!r}.",
            next="Give it as RFC 3339, 2026-11-29T10:00:00Z: what was changed after it counts as replaced.",
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


async def _measured(
    this: Round, gauge: Gauge, page: Sequence[Due], threads: ThreadPoolExecutor, clock: Callable[[], float]
) -> None:
    """Look at the credentials of one page, and keep what was found."""
    loop = asyncio.get_running_loop()

    async def look(due: Due, number: int) -> Measure:
        credential, earlier = due.recipient.credentials[number], due.earlier.get(number)
        seen, trying = earlier is not None and earlier.found is Found.SAME, this.turn(credential)
        found = gauge.glance(credential, trying=trying)
        if found is None:
            found = await loop.run_in_executor(threads, lambda: gauge.look(credential, seen=seen, trying=trying))
            this.beat()
        return _kept(number, found, earlier, clock())

    async def all_of(due: Due) -> tuple[str, list[Measure]]:
        return due.recipient.customer, list(await asyncio.gather(*(look(due, number) for number in due.numbers)))

    found = dict(await asyncio.gather(*(all_of(one) for one in page)))
    await asyncio.to_thread(this.outbox.measured, this.campaign.id, found, clock())
    this.beat()


def _from_threads(beat: Callable[[], None]) -> Callable[[], None]:
    """`beat` for whatever thread: Temporal takes heartbeats from the activity itself only."""
    loop, context = asyncio.get_running_loop(), contextvars.copy_context()
    return lambda: _called(loop, beat, context)


def _called(loop: asyncio.AbstractEventLoop, beat: Callable[[], None], context: contextvars.Context) -> None:
    with contextlib.suppress(RuntimeError):  # A call that was on its way when the round ended.
        loop.call_soon_threadsafe(beat, context=context)


def _kept(number: int, finding: Finding, earlier: Measure | None, now: float) -> Measure:
    """What is known of a credential after a look. One that told nothing leaves what was known before."""
    if finding.found is Found.UNKNOWN:
        before = earlier or Measure(number, Found.UNKNOWN)
        return Measure(number, before.found, finding.says, before.at, before.told, now)
    at = finding.at.timestamp() if finding.at else now
    return Measure(number, finding.found, finding.says, at, now, now)


def _place(credential: Dependency) -> Place | None:
    try:
        return place(credential.store) if credential.store else None
    except StepError:
        return None


def _triable(credential: Dependency, where: Place | None) -> bool:
    """Could its provider be asked about it, by a value that can be read or, where it has no place, by its id?"""
    return STORES[where.scheme].readable if where else bool(credential.id and not credential.store)


@contextlib.asynccontextmanager
async def _lanes() -> AsyncGenerator[ThreadPoolExecutor]:
    """Threads for the calls. A round that is cancelled does not wait for those that are on their way."""
    threads = ThreadPoolExecutor(LANES, thread_name_prefix="measure")
    try:
        yield threads
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
