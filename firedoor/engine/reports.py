"""Alerts that nobody looked at yet: each report starts an incident or joins the one that runs, and counts once.

A report stands for a batch of deliveries. The batch is the id of Temporal's update, and is kept by the incident that it
starts: sending it again after a crash changes nothing.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from firedoor.alerts import Alert
from firedoor.automation import supervised
from firedoor.config import Settings
from firedoor.engine.connection import explained
from firedoor.engine.starting import BATCH, start_options
from firedoor.errors import FiredoorError, RefusedError, UnreachableError
from firedoor.incident import AlertReport, IncidentInput
from firedoor.plan import Plan

T = TypeVar("T")

#: A worker that lives answers in much less.
ANSWER_SECONDS = 15.0
#: The same of Temporal itself, which is asked first.
LOOK_SECONDS = 5.0
#: Temporal's word for an update whose incident ended under it.
ENDED_UNDER_IT = "AcceptedUpdateCompletedWorkflow"
#: Answers that another attempt may not get.
PASSING = frozenset({RPCStatusCode.RESOURCE_EXHAUSTED, RPCStatusCode.INTERNAL})
#: Answers that mean: the incident ended while it was told.
OVERTAKEN = frozenset({RPCStatusCode.NOT_FOUND, RPCStatusCode.ABORTED})


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the newest run under an incident's id stands: none yet (`run` is empty), running, or ended at a time.

    `batch` is the one that started it.
    """

    run: str = ""
    begun: datetime | None = None
    ended: datetime | None = None
    batch: str = ""

    @property
    def running(self) -> bool:
        """Can it be joined?"""
        return bool(self.run) and self.ended is None


@dataclass(frozen=True, slots=True)
class Reported:
    """What a report did. `alerts` are how many the incident has now."""

    incident: str
    joined: bool
    alerts: int


class Reports:
    """Reports of alerts to incidents."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings

    async def standing(self, incident: str) -> Standing:
        """Where the newest run of an incident stands. Needs no worker. Raises `UnreachableError`."""
        try:
            async with _answered(incident, LOOK_SECONDS):
                found = await self._client.get_workflow_handle(incident).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return Standing()
            raise self._explained(error) from error
        running = found.status is WorkflowExecutionStatus.RUNNING
        batch = (await found.memo()).get(BATCH, "")
        return Standing(found.run_id, found.start_time, None if running else found.close_time, batch)

    async def took(self, incident: str, seen: Standing, batch: str) -> bool:
        """Did this run take the batch: was it started or told with it? Raises `UnreachableError`."""
        if not seen.run or seen.batch == batch:
            return bool(seen.run)
        update = self._client.get_workflow_handle(incident, run_id=seen.run).get_update_handle(batch)
        try:
            async with _answered(incident, LOOK_SECONDS):
                await _cancellable(update.result())
        except WorkflowUpdateFailedError:
            return True
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise self._explained(error) from error
        return True

    async def report(
        self, plan: Plan, inputs: dict[str, Any], report: AlertReport, alert: Alert, *, incident: str, seen: Standing
    ) -> Reported | None:
        """Start the incident as an alert may start it (`firedoor.automation`), or join it with the plan that it has.

        `seen` is where it stood when the caller decided to: a run that had ended is followed by a new one. None where
        that is not true any more, and then nothing was done: look again. `report` has a batch and who reports it.

        Raises `UnreachableError` where Temporal or its workers do not answer: it may or may not have been done, and the
        same report again is safe. Raises `RefusedError` or `FiredoorError` where another attempt is useless.
        """
        if report.responder is None:
            raise RefusedError("A report needs to say who reports.")
        plan = supervised(plan)
        start = IncidentInput(
            incident=incident,
            plan=plan,
            digest=plan.digest(),
            inputs=inputs,
            starter=report.responder,
            alert=alert.model_dump(mode="json", exclude={"raw"}),
            batch=report.batch,
            drill=self._settings.drill,
        )
        alerts = await self._send(start, report, anew=seen.ended is not None)
        if alerts is None:
            return None
        opener = seen.batch if seen.running else (await self.standing(incident)).batch
        return Reported(incident, joined=opener != report.batch, alerts=alerts)

    async def _send(self, start: IncidentInput, report: AlertReport, *, anew: bool) -> int | None:
        """Update with start; how many alerts the incident has, or None where it has ended meanwhile."""
        policy = WorkflowIDReusePolicy.ALLOW_DUPLICATE if anew else WorkflowIDReusePolicy.REJECT_DUPLICATE
        operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            start.plan.name,
            start,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=policy,
            **start_options(start, self._settings),
        )
        try:
            async with _answered(start.incident, ANSWER_SECONDS):
                alerts: int = await _cancellable(
                    self._client.execute_update_with_start_workflow(
                        "alert", report, start_workflow_operation=operation, id=report.batch, result_type=int
                    )
                )
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            if isinstance(cause, ApplicationError) and cause.type == ENDED_UNDER_IT:
                return None
            what = cause.message if isinstance(cause, ApplicationError) else str(cause)
            raise RefusedError(what, next=f"firedoor show {start.incident}") from error
        except (WorkflowAlreadyStartedError, RPCError) as error:
            await _look_away(operation)
            if isinstance(error, RPCError) and error.status not in OVERTAKEN:
                raise self._explained(error) from error
            return None
        except (UnreachableError, asyncio.CancelledError):
            await _look_away(operation)
            raise
        return alerts

    def _explained(self, error: RPCError) -> FiredoorError:
        if error.status in PASSING:
            return UnreachableError(
                f"Temporal cannot take it now: {error.message}.",
                changed="Nothing was changed.",
                next="It is tried again. If it stays like this: firedoor doctor",
            )
        return explained(error, self._client.service_client.config.target_host)


async def _look_away(operation: WithStartWorkflowOperation[Any, Any]) -> None:
    """The error of the start is known already; asyncio would complain that nobody asked for it."""
    with contextlib.suppress(WorkflowAlreadyStartedError, RPCError, asyncio.CancelledError):
        await operation.workflow_handle()


async def _cancellable(asking: Awaitable[T]) -> T:
    """Temporal's client calls it a time-out when our own task is cancelled, and when the call has timed out."""
    try:
        return await asking
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        if isinstance(error.__cause__, asyncio.CancelledError):
            raise error.__cause__ from None
        raise TimeoutError from error


@contextlib.asynccontextmanager
async def _answered(incident: str, seconds: float) -> AsyncGenerator[None]:
    """Raises `UnreachableError` where nobody answers in time."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise UnreachableError(
            f"Neither Temporal nor a worker has answered for {incident} within {seconds:.0f} s.",
            changed="The incident is safe in Temporal, or begins as soon as they are there.",
            next="Start a worker: `firedoor up`, or `firedoor worker`. It is reported again until it is answered.",
        ) from error
