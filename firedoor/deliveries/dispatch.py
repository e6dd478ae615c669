"""The dispatcher: what was delivered is parsed, matched with the runbooks, and reported to incidents.

Of all processes that share the store one dispatches; when it dies, another goes on at once. All it knows stands in the
store: what it had claimed is reported again under the same name, and counts once.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from firedoor.catalog import Shelves
from firedoor.config import Settings
from firedoor.deliveries import ledger
from firedoor.deliveries.database import StoreError
from firedoor.deliveries.delivery import Batch, Delivery, Matched
from firedoor.deliveries.flow import Flow
from firedoor.deliveries.matching import examined
from firedoor.deliveries.reporting import Reporter
from firedoor.deliveries.runbooks import Known, Runbooks
from firedoor.deliveries.store import Deliveries
from firedoor.engine import Engine
from firedoor.errors import FiredoorError, UnreachableError
from firedoor.turn import Turn

LOGGER = logging.getLogger("firedoor.deliveries")

#: Seconds between two looks whether it is our turn.
TURN = 0.2
#: Seconds between two looks at the store: another process may have added to it.
POLL = 0.5
#: Deliveries that are parsed and matched at a time; the door has its turn in between.
MATCHED_AT_ONCE = 100
#: Seconds between two rounds of a storm at least: of deliveries that come together, or less than so many seconds apart.
BREATH = 0.02
RARE = 0.1
#: Incidents that are reported to at a time.
LANES = 16
#: Seconds until the store is tried again.
PAUSE = 1.0
#: Handled deliveries are removed after this time; looked for every so many seconds.
KEPT = timedelta(days=30)
SWEEP = 3600.0
#: Seconds between two lines of the log that say the same.
SPARING = 60.0


class Dispatcher:
    """Deals with the deliveries of a store until it is cancelled. `shelves` is shared by all parts of one server."""

    def __init__(
        self, engine: Engine, deliveries: Deliveries, settings: Settings, shelves: Shelves | None = None
    ) -> None:
        self._deliveries = deliveries
        self._turn = Turn(settings.deliveries_path.with_suffix(".lock"))
        self._doors = settings.alerts
        self._runbooks = Runbooks(shelves or Shelves(settings))
        self._reporter = Reporter(engine, deliveries, self._runbooks)
        self._flows: dict[str, Flow] = {}
        self._woken = asyncio.Event()
        self._swept = 0.0
        self._matched = float("-inf")
        self._broken: BaseException | None = None
        self._told: dict[str, float] = {}

    def wake(self) -> None:
        """Something was added: look at once."""
        self._woken.set()

    async def run(self) -> None:
        """Wait for this process's turn, then dispatch until cancelled. Errors are told in the log, and waited out."""
        clock = asyncio.get_running_loop().time
        try:
            while not self._turn.take():
                await asyncio.sleep(TURN)
            LOGGER.info("This process dispatches the deliveries in %s", self._deliveries.path)
            while True:
                begun = clock()
                storm, pause = await self._round()
                took = clock() - begun
                if storm or took > BREATH:
                    # Every delivery wakes us: take many at a time, and leave the door its half.
                    await asyncio.sleep(max(BREATH, took))
                await self._sleep(pause)
        finally:
            await self._stop()
            self._turn.give()

    async def _round(self) -> tuple[bool, float]:
        """Do what can be done now. Is it a storm, or trouble? And how many seconds until there may be more to do?"""
        self._woken.clear()
        if self._broken:
            raise self._broken
        begun = asyncio.get_running_loop().time()
        try:
            matched = await self._match()
            if matched == MATCHED_AT_ONCE:
                self._woken.set()
            pause = await self._report()
            await self._sweep()
        except FiredoorError as error:
            self._tell(error)
            return True, PAUSE
        if not matched:
            return False, pause
        before, self._matched = self._matched, begun
        return matched > 1 or begun < before + RARE, pause

    async def _sleep(self, seconds: float) -> None:
        # Not `wait_for`: it may swallow a cancellation (Python 3.11).
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    async def _match(self) -> int:
        """Parse and match what has come, and report at once what can be; how many deliveries that were."""
        waiting = await self._deliveries.look(ledger.unmatched, MATCHED_AT_ONCE)
        if not waiting:
            return 0
        try:
            known, found = await asyncio.to_thread(self._examined, waiting)
        except FiredoorError as error:
            await self._deliveries.change(ledger.stuck, error.what)
            raise
        idle = self._idle(hit.incident for one in found for hit in one.hits)
        # One transaction, where the disk is waited for once: nothing stands between an alert and what it starts.
        batches = await self._deliveries.change(ledger.take, found, idle, known.limits, datetime.now(UTC))
        for batch in batches:
            self._begin(batch.first.incident, batch)
        for one in found:
            if one.failed:
                LOGGER.warning("The delivery %s is dead: %s", one.delivery, one.failed.splitlines()[0])
        return len(waiting)

    def _examined(self, waiting: Sequence[Delivery]) -> tuple[Known, list[Matched]]:
        known = self._runbooks.known()
        return known, [examined(delivery, known, self._doors) for delivery in waiting]

    async def _report(self) -> float:
        """Start a task for each incident that is due; the seconds until the next one is."""
        waiting = await self._deliveries.look(ledger.waiting)
        now = asyncio.get_running_loop().time()
        self._flows = {name: flow for name, flow in self._flows.items() if name in waiting or not flow.over(now)}
        for incident in self._idle(waiting):
            self._begin(incident)
        flows = (self._flows.get(incident, Flow()) for incident in waiting)
        return min((flow.due - now for flow in flows if flow.task is None and flow.due > now), default=POLL)

    def _idle(self, incidents: Iterable[str]) -> list[str]:
        """Those that may be told now, as many as there are lanes for."""
        now = asyncio.get_running_loop().time()
        free = LANES - sum(flow.task is not None for flow in self._flows.values())
        flows = {incident: self._flows.get(incident, Flow()) for incident in incidents}
        return [name for name, flow in flows.items() if flow.task is None and flow.due <= now][:free]

    def _begin(self, incident: str, batch: Batch | None = None) -> None:
        """Start the task that reports to an incident: what was claimed for it, or what waits."""
        flow = self._flows.setdefault(incident, Flow())
        flow.task = asyncio.create_task(self._deliver(incident, flow, batch))
        flow.task.add_done_callback(self._ended)

    async def _deliver(self, incident: str, flow: Flow, batch: Batch | None) -> None:
        """Report to one incident what waits for it."""
        clock = asyncio.get_running_loop().time
        try:
            if batch is None:
                known = await self._runbooks.current()
                batch = await self._deliveries.change(ledger.claim, incident, known.limits, datetime.now(UTC))
            if batch is not None:
                await self._deliver_batch(batch)
                flow.sent(clock(), batch.number)
        except FiredoorError as error:
            self._tell(error)
            flow.failed(clock())

    async def _deliver_batch(self, batch: Batch) -> None:
        try:
            await self._reporter.deliver(batch)
        except UnreachableError as error:
            await self._deliveries.change(ledger.postpone, batch.id, error.what)
            raise
        except StoreError:
            raise
        except FiredoorError as error:
            await self._reporter.bury(batch, error.what)

    def _ended(self, task: asyncio.Task[None]) -> None:
        for flow in self._flows.values():
            if flow.task is task:
                flow.task = None
        if not task.cancelled() and (error := task.exception()):
            self._broken = error
        self.wake()

    async def _sweep(self) -> None:
        """Remove what was handled long ago."""
        now = asyncio.get_running_loop().time()
        if self._swept and now < self._swept + SWEEP:
            return
        self._swept = now
        if removed := await self._deliveries.change(ledger.forget, datetime.now(UTC) - KEPT):
            LOGGER.info("%d deliveries were removed: handled, and older than %d days", removed, KEPT.days)

    def _tell(self, error: FiredoorError) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._told.get(error.reason, -SPARING) >= SPARING:
            self._told[error.reason] = now
            LOGGER.warning("Alerts wait: %s", error.what)

    async def _stop(self) -> None:
        tasks = [flow.task for flow in self._flows.values() if flow.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
