"""The one door to Temporal: start an incident, look at it, act on it."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.common import (
    Priority,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from firedoor.alerts import Alert
from firedoor.config import Settings
from firedoor.converter import data_converter, load_key
from firedoor.errors import FiredoorError, RefusedError, UnreachableError, UsageError
from firedoor.incident import (
    AlertReport,
    Decision,
    IncidentInput,
    IncidentState,
    IncidentView,
    Mode,
    Responder,
    Verb,
)
from firedoor.inputs import incident_id
from firedoor.names import named
from firedoor.plan import Plan

STATE = SearchAttributeKey.for_keyword("FiredoorState")
VERDICT = SearchAttributeKey.for_keyword("FiredoorVerdict")
SEVERITY = SearchAttributeKey.for_keyword("FiredoorSeverity")
MODE = SearchAttributeKey.for_keyword("FiredoorMode")

ENDED = frozenset({IncidentState.COMPLETED, IncidentState.ABORTED})
CONNECT_SECONDS = 5.0
QUERY_SECONDS = 10.0
WATCH_SECONDS = 0.25
#: A worker that lives answers a decision in much less.
ANSWER_SECONDS = 15.0
JOIN_ATTEMPTS = 3
#: Parts of ids are looked for in as many of the newest incidents.
FIND_AMONG = 1000


@dataclass(frozen=True, slots=True)
class Started:
    """An incident that was started, or joined because it ran already."""

    incident: str
    joined: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of `firedoor list`. `parent` and `parent_run` name the incident that started this one as a step."""

    id: str
    run: str
    parent: str
    parent_run: str
    runbook: str
    state: str
    verdict: str
    severity: str
    started: datetime
    ended: datetime | None


async def connect(settings: Settings) -> Client:
    """A client of the configured Temporal. Raises `UnreachableError` with a checklist."""
    options = ClientConfig.load_client_connect_config(override_env_vars=settings.temporal_environment)
    address = options.get("target_host") or "localhost:7233"
    settings.home.mkdir(parents=True, exist_ok=True)
    key = load_key(settings.codec_key_path) if settings.codec else None
    options.setdefault("target_host", address)
    converter = data_converter(key=key, blobs=settings.blobs_path)
    try:
        return await asyncio.wait_for(Client.connect(**options, data_converter=converter), CONNECT_SECONDS)
    except (RuntimeError, RPCError, TimeoutError, OSError) as error:
        raise unreachable(address, str(error)) from error


def unreachable(address: str, why: str, changed: str = "Nothing was changed.") -> UnreachableError:
    """What was tried, and how to start a server."""
    return UnreachableError(
        f"No Temporal server answers at {address}.",
        changed=changed,
        next="\n".join(
            (
                "What to check:",
                "  1. Is one running on this machine?      firedoor up",
                f"  2. Is the address right?                TEMPORAL_ADDRESS is {address}",
                "  3. Does a profile say otherwise?        TEMPORAL_PROFILE, `temporal config list`",
                "  4. Is a firewall or VPN between?        temporal operator cluster health --address " + address,
                f"What the connection said: {why.splitlines()[0][:160] if why else 'it timed out'}",
            )
        ),
    )


class Engine:
    """What the front doors may ask of incidents."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings

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
    ) -> Started:
        """Start an incident, or join the one that runs under the same identity.

        `inputs` are complete and checked (`firedoor.inputs.resolve_inputs`). Raises `FiredoorError`.
        """
        name = incident_id(plan, inputs, secrets.token_hex(4))
        if mode is Mode.PLAN:
            name = f"plan.{name}.{secrets.token_hex(4)}"
        start = IncidentInput(
            incident=name,
            plan=plan,
            digest=plan.digest(),
            inputs=inputs,
            starter=starter,
            alert=alert.model_dump(mode="json") if alert else {},
            mode=mode,
            drill=drill,
        )
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
        plan = start.plan
        attributes = TypedSearchAttributes(
            [
                SearchAttributePair(STATE, IncidentState.RUNNING.value),
                SearchAttributePair(SEVERITY, plan.severity),
                SearchAttributePair(MODE, start.mode.value),
            ]
        )
        try:
            await self._client.start_workflow(
                plan.name,
                start,
                id=start.incident,
                task_queue=self._settings.task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                search_attributes=attributes,
                memo={"title": plan.title, "starter": start.starter.principal},
                static_summary=plan.title or plan.name,
                priority=Priority(priority_key=1),
                request_eager_start=True,
            )
        except RPCError as error:
            changed = f"Whether {start.incident} was started is not known. Starting it again is safe: it joins."
            raise self._rpc(error, changed=changed) from error

    async def _join(self, name: str, starter: Responder, alert: Alert | None) -> bool:
        """Tell the running incident that it was reported again. False if it has ended meanwhile."""
        try:
            if alert:
                report = AlertReport(source=alert.source, id=alert.id, title=alert.title)
                await self._update(name, "alert", report)
            else:
                again = Decision(responder=starter, reason="started again; joined the running incident")
                await self._update(name, "note", again)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise self._rpc(error, name) from error
        return True

    async def view(self, incident: str) -> IncidentView:
        """Where an incident stands. Raises `UsageError` for an id that does not exist."""
        handle = self._client.get_workflow_handle(incident)
        description = await self._describe(handle)
        if description.status is not WorkflowExecutionStatus.RUNNING:
            return await self.result(incident)
        try:
            view: IncidentView = await handle.query(
                "view", result_type=IncidentView, rpc_timeout=timedelta(seconds=QUERY_SECONDS)
            )
        except (RPCError, WorkflowQueryFailedError) as error:
            if isinstance(error, RPCError) and error.status is RPCStatusCode.UNAVAILABLE:
                raise self._rpc(error) from error
            raise UnreachableError(
                f"{incident} is safe in Temporal, but no worker answers for it ({error}).",
                changed="Nothing was changed; nothing is lost.",
                next="Start a worker: `firedoor up`, or `firedoor worker` where Temporal runs elsewhere.\n"
                f"What has been recorded so far: firedoor timeline {incident}",
            ) from error
        return view

    async def watch(self, incident: str) -> AsyncIterator[IncidentView]:
        """The views of an incident as they change, until it ends. Outages are waited out."""
        last: IncidentView | None = None
        while last is None or last.state not in ENDED:
            try:
                view = await self.view(incident)
            except UnreachableError:
                if last is None:
                    raise
                await asyncio.sleep(1)
                continue
            if view != last:
                last = view
                yield view
            if view.state not in ENDED:
                await asyncio.sleep(WATCH_SECONDS)

    async def result(self, incident: str) -> IncidentView:
        """Wait for the end. Raises `FiredoorError` if the workflow was ended from outside."""
        handle = self._client.get_workflow_handle(incident, result_type=IncidentView)
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
        """The newest incidents first. Plans are not incidents."""
        query = f"FiredoorMode = '{Mode.RUN.value}'"
        try:
            found = [_summary(one) async for one in self._client.list_workflows(query, limit=limit)]
        except RPCError as error:
            raise self._rpc(error) from error
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
            await self._client.get_workflow_handle(name).describe()
        except RPCError as error:
            # What cannot be an id is refused as an invalid argument: an empty word, one that is too long.
            if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT):
                return False
            raise self._rpc(error) from error
        return True

    async def decide(self, incident: str, verb: Verb, decision: Decision) -> str:
        """Act on an incident as a person; returns the sentence of what was done.

        Raises `RefusedError` with the workflow's reason, and then nothing was changed; `UnreachableError` when no
        worker answers, with what is known of the decision.
        """
        try:
            sentence: str = await self._update(incident, verb, decision)
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            what = cause.message if isinstance(cause, ApplicationError) else str(cause)
            raise RefusedError(what, changed="Nothing was changed.", next=f"firedoor show {incident}") from error
        except RPCError as error:
            changed = f"Whether `{verb}` was taken is not known; once Temporal answers, `firedoor show` says."
            raise self._rpc(error, incident, changed=changed) from error
        return sentence

    async def _update(self, incident: str, verb: Verb, argument: Decision | AlertReport) -> Any:
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
            raise _unanswered(incident, verb, accepted=accepted) from error

    async def _describe(self, handle: WorkflowHandle[Any, Any]) -> WorkflowExecution:
        try:
            return await handle.describe()
        except RPCError as error:
            raise self._rpc(error, handle.id) from error

    def _rpc(self, error: RPCError, incident: str = "", *, changed: str = "Nothing was changed.") -> FiredoorError:
        """What an answer of Temporal's means for a person."""
        if error.status is RPCStatusCode.NOT_FOUND and incident:
            return UsageError(
                f"There is no running incident {incident!r}: it never existed, or has ended.",
                next="firedoor list shows them.",
            )
        if error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
            address = self._client.service_client.config.target_host
            return unreachable(address, error.message, changed)
        if "search attribute" in error.message.lower():
            return FiredoorError(
                f"Temporal does not know firedoor's search attributes: {error.message}.",
                changed="Nothing was changed.",
                next="docs/how-to/temporal-cluster.md has the four commands that register them.",
            )
        return FiredoorError(f"Temporal refused: {error.message}.", changed="Nothing was changed.")


def _summary(execution: WorkflowExecution) -> Summary:
    attributes = execution.typed_search_attributes
    state = attributes.get(STATE) or "unknown"
    if execution.status not in (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED):
        state = execution.status.name.lower() if execution.status else state
    return Summary(
        id=execution.id,
        run=execution.run_id,
        parent=execution.parent_id or "",
        parent_run=execution.parent_run_id or "",
        runbook=execution.workflow_type,
        state=state,
        verdict=attributes.get(VERDICT) or "",
        severity=attributes.get(SEVERITY) or "",
        started=execution.start_time,
        ended=execution.close_time,
    )


def _unanswered(incident: str, verb: Verb, *, accepted: bool) -> UnreachableError:
    start = "Start a worker (`firedoor up`, or `firedoor worker`)"
    if accepted:
        return UnreachableError(
            f"{incident} has accepted `{verb}`, and did not finish it within {ANSWER_SECONDS:.0f} s.",
            changed="It is stored in Temporal and will not be lost: it takes effect as soon as it is in the timeline.",
            next=f"Do not repeat it. `firedoor doctor` says what is wrong; then look: firedoor show {incident}",
        )
    return UnreachableError(
        f"{incident} gave no answer within {ANSWER_SECONDS:.0f} s: no worker has taken `{verb}`.",
        changed="It has not taken effect, and is stored nowhere: Temporal holds it in memory until a worker comes, and"
        "\nforgets it when it is restarted. The incident itself is safe.",
        next=f"{start}, then look: firedoor show {incident}\nIf it has not taken effect by then, repeat it.",
    )
