"""The recording interceptor: intent before, outcome after, for every target of every action.

No step author can forget them, because no step author writes them. A slice of targets is performed by some lanes at
once; the timeline's writer commits their entries in groups. See `_ledger` for what makes a crash harmless.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities._ledger import CallRecord, temporal_failure
from activities._perform import RECORDER
from activities._tally import Tally
from activities._turns import Turns
from firedoor.errors import StepError
from firedoor.incident import Call, Failure, Outcome, Report, Target
from firedoor.plan import Retry
from firedoor.steps._step import Step
from firedoor.timeline.writer import Writer

HEARTBEAT_SECONDS = 1.0
LOG = logging.getLogger("firedoor")


class RecordingInterceptor(Interceptor):
    """Give it to the worker; every activity that takes a `Call` is recorded."""

    def __init__(self, writer: Writer, contracts: dict[str, type[Step]], worker: str) -> None:
        """`worker` names this process in the timeline (`host:pid`)."""
        self._writer = writer
        self._contracts = contracts
        self._worker = worker

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wrap the activity."""
        return _Recording(next, self._writer, self._contracts, self._worker)


class _Recording(ActivityInboundInterceptor):
    def __init__(
        self, next: ActivityInboundInterceptor, writer: Writer, contracts: dict[str, type[Step]], worker: str
    ) -> None:
        super().__init__(next)
        self._writer = writer
        self._contracts = contracts
        self._worker = worker

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        call = input.args[0] if input.args else None
        if not isinstance(call, Call):
            return await self.next.execute_activity(input)
        contract = self._contracts[activity.info().activity_type]
        record = CallRecord.open(self._writer, call, contract, self._worker)
        async with _heartbeats(record):
            if not call.slice:
                return await self._single(input, record)
            return await self._slice(input, record)

    async def _single(self, input: ExecuteActivityInput, record: CallRecord) -> Report:
        result = await self._target(input, record, record.call.targets[0])
        await record.settle()
        if not isinstance(result, Outcome):
            raise temporal_failure(result)
        tally = Tally(record.call, record.contract)
        tally.add(record.call.targets[0], result)
        return Report(outcome=result, done=1, adopted=record.adopted, digests=tally.digests)

    async def _slice(self, input: ExecuteActivityInput, record: CallRecord) -> Report:
        tally = Tally(record.call, record.contract)
        work = asyncio.create_task(self._lanes(input, record, tally))
        while not work.done():
            try:
                await asyncio.shield(work)
            except asyncio.CancelledError:
                # The incident was paused or aborted, or this worker is about to end: what was begun finishes, and
                # the workflow is told what was not.
                tally.hold()
        work.result()
        await record.settle()
        again = tally.retryable()
        if again and _cancel_requested():
            # Asked again as it is, this slice adopts what is done and goes on with the rest.
            raise asyncio.CancelledError
        if again and activity.info().attempt < record.call.attempts:
            raise temporal_failure(again[0].failure, retryable=True)
        return tally.report(record.adopted)

    async def _lanes(self, input: ExecuteActivityInput, record: CallRecord, tally: Tally) -> None:
        call = record.call
        turns = Turns(call.targets)

        async def lane() -> None:
            while target := turns.begin():
                if tally.stopped:
                    tally.not_started.append(target.key)
                else:
                    tally.add(target, await self._target(input, record, target))
                turns.end(target)

        async with asyncio.TaskGroup() as lanes:
            for _ in range(call.lanes):
                lanes.create_task(lane())
                # One after the other: lanes that start together stay together, and all wait for each other's work.
                await asyncio.sleep(0)

    async def _target(self, input: ExecuteActivityInput, record: CallRecord, target: Target) -> Outcome | Failure:
        """One target: adopt what is recorded, or perform and record. Failures of the provider are returned."""
        adopted = record.adopt(target)
        if adopted is not None:
            return adopted
        entry = record.target(target)
        token = RECORDER.set(entry)
        try:
            report: Report = await self.next.execute_activity(input)
        except StepError as error:
            error.retryable = error.retryable and _worth_waiting(record.contract, error.reason)
            failure = entry.in_full(
                Failure(reason=error.reason, what=error.what, changed=error.changed, next=error.next)
            )
            entry.failed(failure, in_doubt=error.retryable and entry.changing)
            return failure
        except (ValueError, TypeError, LookupError, AttributeError, RuntimeError, OSError) as error:
            LOG.exception("%s has a fault of its own", record.contract.action)
            failure = entry.in_full(_defect(record.contract.action, error, changing=entry.changing))
            entry.failed(failure, in_doubt=entry.changing)
            return failure
        finally:
            RECORDER.reset(token)
        outcome = report.outcome or Outcome(summary="")
        entry.done(outcome)
        return outcome


def _worth_waiting(contract: type[Step], reason: str) -> bool:
    """A step that waits for its provider is retried for long; its other failures reach a person as soon as usual."""
    return not contract.waits or reason == "not_yet" or activity.info().attempt < Retry().attempts


def _cancel_requested() -> bool:
    """Does the workflow want this slice to stop, or only this worker to end?"""
    details = activity.cancellation_details()
    return details is not None and details.cancel_requested


def _defect(action: str, error: Exception, *, changing: bool) -> Failure:
    """A fault in a step's own code. Only the error's type is shown: its text could hold anything."""
    return Failure(
        reason="defect",
        what=f"{action} has a fault of its own ({type(error).__name__}); the worker's log has the trace.",
        changed="The change may have been made." if changing else "Nothing was changed.",
        next="Retry it, or skip it and do it by hand; then report the fault.",
    )


@contextlib.asynccontextmanager
async def _heartbeats(record: CallRecord) -> AsyncGenerator[None]:
    """Tell Temporal every second that this worker lives, which step it is at, and how many targets are done."""

    async def beat() -> None:
        while True:
            # Not at once: most actions are done before the first is due, and each is a call to the server.
            await asyncio.sleep(HEARTBEAT_SECONDS)
            activity.heartbeat(record.call.step, record.finished)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
