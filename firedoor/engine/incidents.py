"""What the front doors may ask of incidents: start, look, act, undo."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from firedoor.alerts import Alert
from firedoor.automation import supervised
from firedoor.clock import ClockView
from firedoor.config import Settings
from firedoor.engine.connection import connect, explained, unanswered
from firedoor.engine.progress import pending, with_pending
from firedoor.engine.reports import Reports
from firedoor.engine.starting import start_options
from firedoor.engine.summaries import Summary, summary_of
from firedoor.engine.undoing import checked_steps
from firedoor.errors import FiredoorError, RefusedError, UnreachableError, UsageError
from firedoor.incident import (
    AlertReport,
    Decision,
    FailedTarget,
    IncidentInput,
    IncidentState,
    IncidentView,
    Mode,
    Responder,
    Timing,
    Verb,
)
from firedoor.inputs import incident_id
from firedoor.names import named
from firedoor.plan import Plan
from firedoor.undo import undo_plan

T = TypeVar("T")
ENDED = frozenset({IncidentState.COMPLETED, IncidentState.ABORTED})
QUERY_SECONDS = 10.0
WATCH_SECONDS = 0.25
#: A worker that lives answers a decision in much less.
ANSWER_SECONDS = 15.0
JOIN_ATTEMPTS = 3
#: The type of a campaign's workflow (`workflows/campaign.py`), which runs under an incident.
CAMPAIGN = "firedoor-campaign"
#: Parts of ids are looked for in as many of the newest incidents.
FIND_AMONG = 1000


@dataclass(frozen=True, slots=True)
class Started:
    """An incident that was started, or joined because it ran already."""

    incident: str
    joined: bool


class Engine:
    """What the front doors may ask of incidents."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        #: What alerts start and join by themselves.
        self.reports = Reports(client, settings)

    @classmethod
    async def connect(cls, settings: Settings) -> "Engine":
        """Connect. Raises `UnreachableError`."""
        return cls(await connect(settings), settings)

    async def start(
        self,
        plan: Plan,
        inputs: dict[str, Any],
        *,
        starter: Responder,
        alert: Alert | None = None,
        mode: Mode = Mode.RUN,
        drill: bool = False,
        shown: Mapping[str, str] | None = None,
        forecast: str = "",
    ) -> Started:
        """Start an incident, or join the one that runs under the same identity.

        `inputs` are complete and checked (`firedoor.inputs.resolve_inputs`). What an alert starts asks people for what
        its runbook does not allow by itself (`firedoor.automation`). `shown` binds steps to the digests that a
        saved plan has of what they would change. `forecast` names the run in plan mode that the starter was shown.
        Raises `FiredoorError`.
        """
        plan = supervised(plan) if alert else plan
        start = IncidentInput(
            incident=incident_id(plan, inputs, secrets.token_hex(4)),
            plan=plan,
            digest=plan.digest(),
            inputs=inputs,
            starter=starter,
            alert=alert.model_dump(mode="json", exclude={"raw"}) if alert else {},
            mode=mode,
            drill=drill or self._settings.drill,
            shown=dict(shown or {}),
            forecast=forecast,
        )
        return await self._start_or_join(start, alert)

    async def _start_or_join(self, start: IncidentInput, alert: Alert | None = None) -> Started:
        name, starter = start.incident, start.starter
        if start.mode is Mode.PLAN:
            name = f"plan.{name}.{secrets.token_hex(4)}"
            start = start.model_copy(update={"incident": name})
        for _ in range(JOIN_ATTEMPTS):
            try:
                await self._start(start)
            except WorkflowAlreadyStartedError:
                if await self._join(name, starter, alert):
                    return Started(name, joined=True)
                continue  # It ended between the two calls: start it anew.
            return Started(name, joined=False)
        raise FiredoorError(f"{name} was opened and closed again and again while this start tried to join it.")

    async def _start(self, start: IncidentInput) -> None:
        try:
            await self._client.start_workflow(
                start.plan.name,
                start,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                request_eager_start=True,
                **start_options(start, self._settings),
            )
        except RPCError as error:
            changed = f"Whether {start.incident} was started is not known. Starting it again is safe: it joins."
            raise self._rpc(error, changed=changed) from error

    async def _join(self, name: str, starter: Responder, alert: Alert | None) -> bool:
        """Tell the running incident that it was reported again. False if it has ended meanwhile."""
        try:
            if alert:
                await self._update(name, "alert", _report(alert, starter))
            else:
                again = Decision(responder=starter, reason="started again; joined the running incident")
                await self._update(name, "note", again)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise self._rpc(error, name) from error
        return True

    async def plan_of(self, incident: str, run: str = "") -> IncidentInput:
        """What an incident (its newest run) was started with, plan included. Needs no worker. Raises `UsageError`."""
        handle = self._client.get_workflow_handle(incident, run_id=run or None)
        try:
            async for event in handle.fetch_history_events(page_size=1):
                payloads = event.workflow_execution_started_event_attributes.input.payloads
                [start] = await self._client.data_converter.decode(payloads, [IncidentInput])
                found: IncidentInput = start
                return found
        except RPCError as error:
            raise self._rpc(error, incident) from error
        raise FiredoorError(f"The history of {incident} is empty.")

    async def undo(
        self, incident: str, steps: Sequence[str] = (), *, starter: Responder, mode: Mode = Mode.RUN
    ) -> Started:
        """Start the incident that takes back what `steps` (all, if empty) of an incident changed, or plan it.

        Raises `UsageError` for steps that do not exist or cannot be taken back, and for an undo of an undo.
        """
        original = await self.plan_of(incident)
        plan = undo_plan(original.plan, incident, checked_steps(original.plan, incident, steps))
        suffix = f".{'.'.join(steps)}" if steps else ""
        start = IncidentInput(
            incident=f"{incident}.undo{suffix}",
            plan=plan,
            digest=plan.digest(),
            starter=starter,
            mode=mode,
            drill=original.drill,
        )
        return await self._start_or_join(start)

    async def attach(self, incident: str, alert: Alert, responder: Responder) -> int:
        """Attach an alert to a running incident; returns how many it has."""
        try:
            return int(await self._update(incident, "alert", _report(alert, responder)))
        except WorkflowUpdateFailedError as error:
            raise _refused(incident, error) from error
        except RPCError as error:
            raise self._rpc(error, incident) from error

    async def failures(self, incident: str, step: str, offset: int = 0) -> tuple[FailedTarget, ...]:
        """The failed targets of a step, 500 at a time. Raises `UnreachableError` where no worker answers."""
        return tuple(await self.ask(incident, "failures", list[FailedTarget], step, offset))

    async def ask(self, workflow: str, query: str, kind: type[T], *arguments: Any) -> T:
        """What a workflow answers to a query. Raises `UnreachableError` where no worker answers."""
        handle = self._client.get_workflow_handle(workflow)
        patience = timedelta(seconds=QUERY_SECONDS)
        try:
            found: T = await handle.query(query, args=arguments, result_type=kind, rpc_timeout=patience)
        except (RPCError, WorkflowQueryFailedError) as error:
            raise self._silent(workflow, error) from error
        return found

    async def executions(self, query: str, limit: int | None = None) -> list[WorkflowExecution]:
        """The workflows that Temporal finds by a query over what it can search."""
        try:
            return [one async for one in self._client.list_workflows(query, limit=limit)]
        except RPCError as error:
            raise self._rpc(error) from error

    async def view(self, incident: str, run: str = "") -> IncidentView:
        """Where an incident (its newest run) stands. Raises `UsageError` for an id that does not exist."""
        handle = self._client.get_workflow_handle(incident, run_id=run or None)
        description = await self._describe(handle)
        if description.status is not WorkflowExecutionStatus.RUNNING:
            return await self._with_clocks(await self.result(incident, run))
        try:
            view: IncidentView = await handle.query(
                "view", result_type=IncidentView, rpc_timeout=timedelta(seconds=QUERY_SECONDS)
            )
        except (RPCError, WorkflowQueryFailedError) as error:
            raise self._silent(incident, error) from error
        return with_pending(view, await pending(description, self._client.data_converter))

    async def _with_clocks(self, view: IncidentView) -> IncidentView:
        """The view of an incident that has ended, its clocks as they are by now."""
        if not view.timekeeper:
            return view
        try:
            clocks = await self.ask(view.timekeeper, "view", list[ClockView])
        except UsageError:  # Temporal keeps it no longer: nothing is owed any more, and the timeline has it.
            return view
        return view.model_copy(update={"clocks": tuple(clocks)})

    def _silent(self, incident: str, error: RPCError | WorkflowQueryFailedError) -> FiredoorError:
        """No worker answers a query."""
        if isinstance(error, RPCError) and error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.NOT_FOUND):
            return self._rpc(error, incident)
        return UnreachableError(
            f"{incident} is safe in Temporal, but no worker answers for it ({error}).",
            changed="Nothing was changed; nothing is lost.",
            next="Start a worker: `firedoor up`, or `firedoor worker` where Temporal runs elsewhere.\n"
            f"What has been recorded so far: firedoor timeline {incident}",
        )

    async def watch(self, incident: str, patience: float = 0.0) -> AsyncIterator[IncidentView]:
        """The views of an incident as they change, until it ends. Outages are waited out.

        Raises `UnreachableError` where no worker has ever answered for `patience` seconds: one may just be starting.
        """
        last: IncidentView | None = None
        began = time.monotonic()
        while last is None or last.state not in ENDED:
            try:
                view = await self.view(incident)
            except UnreachableError:
                if last is None and time.monotonic() - began >= patience:
                    raise
                await asyncio.sleep(1)
                continue
            if view != last:
                last = view
                yield view
            if view.state not in ENDED:
                await asyncio.sleep(WATCH_SECONDS)

    async def result(self, incident: str, run: str = "") -> IncidentView:
        """Wait for the end. Raises `FiredoorError` if the workflow was ended from outside."""
        handle = self._client.get_workflow_handle(incident, run_id=run or None, result_type=IncidentView)
        try:
            view: IncidentView = await handle.result()
        except WorkflowFailureError as error:
            raise FiredoorError(
                f"{incident} did not end by itself: {error.cause}.",
                changed="What was done until then is in its timeline.",
                next=f"firedoor timeline {incident}",
            ) from error
        except RPCError as error:
            raise self._rpc(error, incident) from error
        return view

    async def incidents(self, limit: int = 50) -> list[Summary]:
        """The newest incidents first. Plans are not incidents.

        Temporal lists what runs before what has ended, so that `limit` cuts off what ended long ago.
        """
        found = map(summary_of, await self.executions(f"FiredoorMode = '{Mode.RUN.value}'", limit))
        return sorted(found, key=lambda one: one.started, reverse=True)

    async def find(self, text: str) -> str:
        """The id of the incident that `text` names: the whole id, or a part that only one id starts or ends with.

        Raises `UsageError` that names the ids which exist.
        """
        if await self._exists(text):
            return text
        newest = {one.id: one.parent for one in await self.incidents(limit=FIND_AMONG)}
        hint = "firedoor list shows them all."
        return named(text, newest, nowhere=f"There is no incident {text!r}", otherwise=hint)

    async def _exists(self, name: str) -> bool:
        try:
            found = await self._client.get_workflow_handle(name).describe()
        except RPCError as error:
            # What cannot be an id is refused as an invalid argument: an empty word, one that is too long.
            if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT):
                return False
            raise self._rpc(error) from error
        if found.workflow_type == CAMPAIGN:
            raise UsageError(f"{name} is a campaign, no incident.", next=f"firedoor campaign show {name}")
        return True

    async def decide(self, incident: str, verb: Verb | Timing, decision: Decision) -> str:
        """Act on an incident as a person; returns the sentence of what was done.

        Raises `RefusedError` with the workflow's reason, and then nothing was changed; `UnreachableError` when no
        worker answers, with what is known of the decision.
        """
        try:
            sentence: str = await self._update(incident, verb, decision)
        except WorkflowUpdateFailedError as error:
            raise _refused(incident, error) from error
        except RPCError as error:
            changed = f"Whether `{verb}` was taken is not known; once Temporal answers, `firedoor show` says."
            raise self._rpc(error, incident, changed=changed) from error
        return sentence

    async def _update(self, incident: str, verb: Verb | Timing, argument: Decision | AlertReport) -> Any:
        """Send an update and wait a bounded time for its result.

        Temporal stores an update when a worker has accepted it, not before: until then the server holds it in memory.
        """
        handle = self._client.get_workflow_handle(incident)
        patience = timedelta(seconds=ANSWER_SECONDS)
        accepted = False
        try:
            update: WorkflowUpdateHandle[Any] = await handle.start_update(
                verb, argument, wait_for_stage=WorkflowUpdateStage.ACCEPTED, rpc_timeout=patience
            )
            accepted = True
            return await update.result(rpc_timeout=patience)
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            if isinstance(error.__cause__, asyncio.CancelledError):
                # Our own task was cancelled (Ctrl-C); Temporal's client calls that a time-out.
                raise error.__cause__ from None
            raise unanswered(incident, verb, ANSWER_SECONDS, accepted=accepted) from error

    async def _describe(self, handle: WorkflowHandle[Any, Any]) -> WorkflowExecutionDescription:
        try:
            return await handle.describe()
        except RPCError as error:
            raise self._rpc(error, handle.id) from error

    def _rpc(self, error: RPCError, incident: str = "", *, changed: str = "Nothing was changed.") -> FiredoorError:
        return explained(error, self._client.service_client.config.target_host, incident, changed=changed)


def _report(alert: Alert, responder: Responder) -> AlertReport:
    return AlertReport(source=alert.source, id=alert.id, title=alert.title, responder=responder)


def _refused(incident: str, error: WorkflowUpdateFailedError) -> RefusedError:
    """The workflow's own reason."""
    cause = error.cause
    what = cause.message if isinstance(cause, ApplicationError) else str(cause)
    return RefusedError(what, changed="Nothing was changed.", next=f"firedoor show {incident}")
