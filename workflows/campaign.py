"""CampaignWorkflow: tells the customers of one campaign, wave after wave, and follows them until they have done it.

A child of the incident that announces it; its id is the campaign's. The rows are in the store, and so is whether it
runs, is paused or stopped: the store is asked, never remembered (docs/adr/0018). What stays here is the course: which
wave, which reminder, when to look again.
"""

import asyncio
import contextlib
import math
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, is_cancelled_exception

from workflows.options import campaign_options, failure_of, steering_options

with workflow.unsafe.imports_passed_through():
    from firedoor.campaign import STILL, CampaignInput, Flow, Standing, Steer, Work
    from firedoor.incident import Decision, Verb

CAMPAIGN = "firedoor-campaign"
SEND, MEASURE, REMIND = "campaign.send", "campaign.measure", "campaign.remind"
LOOK, CLOSE, STEER = "campaign.look", "campaign.close", "campaign.steer"
#: The signal with which a campaign tells its incident where it stands.
STANDING = "campaign_standing"
#: After the canary, these percentages of the customers.
WAVES = (1, 10, 100)
ENGINE = "system:firedoor"
#: While it does not send, the store is asked this often who may have resumed it, though somebody should have woken us.
ASKED = 60.0
SOON = 2.0
#: In these a campaign is over.
OVER = frozenset({Flow.STOPPED, Flow.ENDED})


def waves(customers: int, canary: int) -> tuple[int, ...]:
    """How many customers may have been written to after each wave: 10, 1 %, 10 %, all. Without a canary all at once."""
    if not canary:
        return (customers,)
    sizes = (canary, *(math.ceil(customers * share / 100) for share in WAVES))
    found: list[int] = []
    for size in sizes:
        if not found or size > found[-1]:
            found.append(min(size, customers))
    return tuple(dict.fromkeys(found))


@workflow.defn(name=CAMPAIGN)
class CampaignWorkflow:
    """A campaign under way."""

    @workflow.init
    def __init__(self, campaign: CampaignInput) -> None:
        self.input = campaign
        self.began = campaign.began or workflow.now().timestamp()
        self.waves, self.reminders, self.again = campaign.waves, campaign.reminders, campaign.again
        self.held = campaign.held
        self.now = Standing(campaign=campaign.campaign, flow=Flow.RUNNING, customers=campaign.customers)
        self._told: Standing | None = None
        self._told_at = 0.0
        self._woken = False
        #: Seconds after the beginning at which the providers were last asked.
        self._measured = -math.inf

    @workflow.run
    async def run(self, campaign: CampaignInput) -> Standing:
        """Send, follow, close. What stops it in Temporal stops it in the store as well."""
        first = asyncio.create_task(self._look_first())
        try:
            await self._do(LOOK)
            await self._send()
            if self.now.flow not in OVER:
                await workflow.wait([first])
            await self._follow()
        except (asyncio.CancelledError, CancelledError, ActivityError) as error:
            if not is_cancelled_exception(error):
                raise
            await self._steer(Flow.STOPPED, ENGINE, "cancelled in Temporal")
        first.cancel()
        await self._do(CLOSE)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.now

    @workflow.query(description="Where the campaign stands")
    def standing(self) -> Standing:
        """As it was when the store was last asked."""
        return self.now

    @workflow.signal(description="Look again now: somebody has steered it, or has news")
    def look(self) -> None:
        """The store has changed."""
        self._woken = True

    @workflow.signal
    async def from_parent(self, verb: Verb, decision: Decision) -> None:
        """The incident is paused or resumed. What a person has paused by itself stays so."""
        if verb == "pause" and self.now.flow is Flow.RUNNING:
            self.held = True
            reason = f"the incident is paused{f': {decision.reason}' if decision.reason else ''}"
            await self._steer(Flow.PAUSED, decision.responder.principal, reason)
        elif verb == "resume" and self.held:
            self.held = False
            await self._steer(Flow.RUNNING, decision.responder.principal, "the incident goes on")
        self._woken = True

    # --- sending ------------------------------------------------------------------------------------------------------

    async def _send(self) -> None:
        """The canary, then the waves, with a pause after each in which bounces come back."""
        sizes = waves(self.input.customers, self.input.spec.canary)
        while self.waves < len(sizes):
            if not await self._written(sizes[self.waves]):
                return
            self.waves += 1
            if self.waves < len(sizes) or not self.input.spec.until:
                await self._settled()
            await self._renewed()
        if self.now.queued and not self.input.spec.until:
            # What came back while it settled goes to the next contact; nobody is followed after that.
            await self._written(self.input.customers)

    async def _written(self, upto: int) -> bool:
        """Have the first `upto` customers been written to? False: the campaign is over."""
        while await self._flowing():
            await self._do(SEND, upto=upto, number=self.waves)
            # Somebody may have paused and resumed it meanwhile: then nothing is put off, and yet not all is sent.
            left = self.now.queued and upto >= self.input.customers
            if self.now.flow is Flow.RUNNING and not self.now.wait and not left:
                await self._tell(whole=True)
                return True
            if self.now.flow is Flow.RUNNING:
                await self._sleep(self.now.wait or SOON, "what had to be put off")
            await self._renewed()
        return False

    async def _settled(self) -> None:
        """The pause after a wave. News do not shorten it, unless they are that it runs no longer."""
        until = workflow.now() + timedelta(seconds=self.input.spec.settle)
        while (left := (until - workflow.now()).total_seconds()) > 0 and self.now.flow is Flow.RUNNING:
            await self._sleep(left, "until bounces are back")
            await self._do(LOOK)

    async def _flowing(self) -> bool:
        """Wait while it is paused or halted. False: it is over."""
        while self.now.flow in STILL - OVER:
            await self._sleep(ASKED, f"{self.now.flow.value}: has somebody resumed it?")
            await self._do(LOOK)
            await self._renewed()
        return self.now.flow not in OVER

    # --- following ----------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Measure, remind, until nobody is held, or it is somebody else's turn: the escalation's, or nobody's."""
        if not self.input.spec.until:
            return
        while self.now.flow not in OVER:
            asked = await self._measure()
            if self._done():
                if self.now.holding and not asked:
                    # Somebody acts on what is left: who has done it a minute ago is not among them.
                    await self._do(MEASURE, number=self.again)
                return
            if self.now.flow is Flow.RUNNING:
                await self._remind()
                if self.now.queued and not await self._written(self.input.customers):
                    return
            await self._renewed()
            await self._sleep(self._pause(), "who has done it by now?")

    async def _look_first(self) -> None:
        """Beside the first messages: what is gone at the next look was there. It holds up nobody, and halts nothing."""
        if not self.input.spec.until or self.waves:
            return
        self.again += 1
        with contextlib.suppress(ActivityError):
            await workflow.execute_activity(
                MEASURE, self._work(0, self.again), result_type=Standing, **campaign_options(MEASURE)
            )

    async def _measure(self) -> bool:
        """Ask the providers, when it is time (True); when news have woken us before, only the store."""
        if self._measured + self.input.spec.recheck > self._elapsed():
            await self._do(LOOK)
            return False
        self._measured = self._elapsed()
        await self._do(MEASURE, number=self.again)
        return True

    def _done(self) -> bool:
        """Is nobody left, or the time over? While it is paused or halted no time is: people are at it."""
        spec, elapsed = self.input.spec, self._elapsed()
        if self.now.flow in OVER:
            return True
        if not self.now.holding and not self.now.queued:
            return True
        ends = min(spec.within, spec.escalates or spec.within)
        return self.now.flow is Flow.RUNNING and elapsed >= ends

    async def _remind(self) -> None:
        """The reminder that is due. Of several that were missed, the last: nobody gets three at once."""
        due = sum(1 for after in self.input.spec.remind if after <= self._elapsed())
        if due > self.reminders:
            self.reminders = due
            await self._do(REMIND, number=due)

    def _pause(self) -> float:
        """Seconds until the next look, reminder or end."""
        spec, elapsed = self.input.spec, self._elapsed()
        moments = (*spec.remind[self.reminders :], spec.escalates, spec.within, self._measured + spec.recheck)
        nearest = min((moment - elapsed for moment in moments if moment > elapsed), default=float(spec.recheck))
        wait = self.now.wait if self.now.queued and self.now.wait else nearest
        return max(0.1, min(spec.recheck, nearest, wait))

    def _elapsed(self) -> float:
        return workflow.now().timestamp() - self.began

    # --- the store ----------------------------------------------------------------------------------------------------

    async def _do(self, name: str, *, upto: int = 0, number: int = 0) -> None:
        """One piece of work. What cannot be done by trying again halts the campaign, for a person to look at."""
        self.again += 1
        work = self._work(upto, number)
        options = campaign_options(name) if name in (SEND, MEASURE, REMIND) else steering_options()
        try:
            self.now = await workflow.execute_activity(name, work, result_type=Standing, **options)
        except ActivityError as error:
            if is_cancelled_exception(error) or name in (LOOK, CLOSE):
                raise
            # Where somebody has paused or stopped it meanwhile, that stands.
            failure = failure_of(error)
            await self._steer(Flow.HALTED, ENGINE, f"{failure.what} {failure.next}".strip())
        await self._tell()

    async def _steer(self, flow: Flow, by: str, reason: str) -> None:
        """Write it into the store, where every sender looks. What that refuses has been overtaken by somebody."""
        steer = Steer(campaign=self.input.campaign, flow=flow, by=by, reason=reason)
        try:
            self.now = await workflow.execute_activity(STEER, steer, result_type=Standing, **steering_options())
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            await self._do(LOOK)
            return
        await self._tell()

    def _work(self, upto: int, number: int) -> Work:
        campaign = self.input
        return Work(
            campaign=campaign.campaign,
            incident=campaign.incident,
            step=campaign.step,
            digest=campaign.digest,
            upto=upto,
            number=number,
            again=self.again,
            drill=campaign.drill,
        )

    async def _tell(self, *, whole: bool = False) -> None:
        """Tell the incident, where something has changed. One that has ended need not know.

        Its history has an end: until a wave is through (`whole`) counts are told as seldom as each hundredth of the
        campaign's age, which makes some 1,500 times in a month.
        """
        parent, told, elapsed = workflow.info().parent, self._told, self._elapsed()
        if self.now == told or parent is None:
            return
        same = told is not None and told.flow is self.now.flow and told.reason == self.now.reason
        if same and not whole and elapsed - self._told_at < max(1.0, elapsed / 100):
            return
        self._told, self._told_at = self.now, elapsed
        handle: workflow.ExternalWorkflowHandle[Any] = workflow.get_external_workflow_handle(
            parent.workflow_id, run_id=parent.run_id
        )
        try:
            await handle.signal(STANDING, args=[self.input.step, self.now])
        except ApplicationError:
            workflow.logger.info("%s has ended: it is not told", parent.workflow_id)

    async def _sleep(self, seconds: float, why: str) -> None:
        """Sleep; news end it early."""
        summary = f"{self.input.step}: {why}"
        try:
            await workflow.wait_condition(
                lambda: self._woken, timeout=timedelta(seconds=seconds), timeout_summary=summary
            )
        except TimeoutError:
            return
        self._woken = False

    async def _renewed(self) -> None:
        """Continue as new once the history is long: a campaign may take a year."""
        if not workflow.info().is_continue_as_new_suggested():
            return
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(
            self.input.model_copy(
                update={
                    "began": self.began,
                    "waves": self.waves,
                    "reminders": self.reminders,
                    "again": self.again,
                    "held": self.held,
                    "round": self.input.round + 1,
                }
            )
        )
