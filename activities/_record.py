"""The recording interceptor: intent before, outcome after, for every target of every action.

It also is what makes a crash harmless: it reads the outcomes that earlier attempts recorded, adopts them, and performs
only the rest. A slice of targets is performed by some lanes at once; the timeline's writer commits their entries in
groups.
"""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities._perform import RECORDER
from firedoor.canonical import NotCanonicalError, check_canonical, sha256_hex
from firedoor.errors import FiredoorError, StepError
from firedoor.incident import (
    Call,
    FailedTarget,
    Failure,
    Mode,
    Outcome,
    Preview,
    Report,
    Target,
)
from firedoor.plan import OnError, Verdict
from firedoor.steps._step import Step
from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.writer import Writer

HEARTBEAT_SECONDS = 1.0
#: Results over this many characters go beside the log, by their SHA-256.
INLINE = 4096
PREVIEWS = 50
NAME_ARGUMENTS = 2


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
        record = await CallRecord.open(self._writer, call, contract, self._worker)
        async with _heartbeats(record):
            if not call.slice:
                return await self._single(input, record)
            return await self._slice(input, record)

    async def _single(self, input: ExecuteActivityInput, record: "CallRecord") -> Report:
        result = await self._target(input, record, record.call.targets[0])
        if isinstance(result, Outcome):
            return Report(outcome=result, done=1, adopted=record.adopted)
        raise _temporal_failure(result)

    async def _slice(self, input: ExecuteActivityInput, record: "CallRecord") -> Report:
        call = record.call
        tally = Tally(call, record.contract)
        queue = iter(call.targets)

        async def lane() -> None:
            for target in queue:
                if tally.stopped:
                    tally.not_started.append(target.key)
                    continue
                tally.add(target, await self._target(input, record, target))

        await asyncio.gather(*(lane() for _ in range(call.lanes)))
        again = tally.retryable()
        if again and activity.info().attempt < call.attempts:
            raise _temporal_failure(again[0].failure, retryable=True)
        return tally.report(record.adopted)

    async def _target(self, input: ExecuteActivityInput, record: "CallRecord", target: Target) -> Outcome | Failure:
        """One target: adopt what is recorded, or perform and record. Failures of the provider are returned."""
        adopted = record.recorded(target)
        if adopted is not None:
            record.adopted += 1
            record.finished += 1
            return adopted
        entry = TargetRecord(record, target, record.earlier_intent(target))
        single = record.call if not record.call.slice else record.call.model_copy(update={"targets": (target,)})
        token = RECORDER.set(entry)
        try:
            report: Report = await self.next.execute_activity(replace(input, args=[single]))
        except StepError as error:
            failure = Failure(reason=error.reason, what=error.what, changed=error.changed, next=error.next)
            await entry.failed(failure, in_doubt=error.retryable and entry.changing)
            return failure
        except (ValueError, TypeError, LookupError, AttributeError, RuntimeError, OSError) as error:
            failure = _defect(record.contract.action, error, changing=entry.changing)
            await entry.failed(failure, in_doubt=entry.changing)
            return failure
        finally:
            RECORDER.reset(token)
        outcome = report.outcome or Outcome(summary="")
        await entry.done(outcome)
        return outcome


@dataclass
class CallRecord:
    """What the timeline knows of one call: the entries of earlier attempts, and what all new entries share."""

    writer: Writer
    call: Call
    run: str
    contract: type[Step]
    scope: str
    idem: str
    actor: dict[str, Any]
    cause: dict[str, Any]
    outcomes: dict[str, dict[str, Any]]
    intents: dict[str, dict[str, Any]]
    adopted: int = 0
    finished: int = 0

    @classmethod
    async def open(cls, writer: Writer, call: Call, contract: type[Step], worker: str) -> "CallRecord":
        """Read what earlier attempts recorded. Raises a retryable failure if the timeline cannot be read."""
        info = activity.info()
        started = info.started_time.astimezone(UTC)
        scope = f"{info.workflow_id}/{info.workflow_run_id}/{call.step}/{call.round}/{call.slice}"
        cause = {
            "plan": call.plan,
            "step": call.step,
            "round": call.round,
            "ns": info.namespace,
            "wf": info.workflow_id,
            "run": info.workflow_run_id,
            "act": info.activity_id,
            "attempt": info.attempt,
            "started_at": started.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        }
        idem = "/".join(str(cause[part]) for part in ("ns", "wf", "run", "act", "attempt", "started_at"))
        outcomes: dict[str, dict[str, Any]] = {}
        intents: dict[str, dict[str, Any]] = {}
        try:
            for stored in writer.timeline.entries(scope=scope):
                entry = stored.entry
                key = entry.part("action")["target_key"]
                if entry.kind == Kind.ACTION_INTENT:
                    intents.setdefault(key, entry.body)
                elif entry.part("result")["status"] == "ok":
                    outcomes[key] = entry.body
        except FiredoorError as error:
            raise _temporal_failure(
                Failure(reason="record_failed", what=error.what, changed="Nothing was changed.", next=error.next)
            ) from error
        actor = {"kind": "system", "id": worker}
        return cls(writer, call, info.workflow_run_id or "", contract, scope, idem, actor, cause, outcomes, intents)

    def recorded(self, target: Target) -> Outcome | None:
        """The outcome that an earlier attempt recorded for this target, if it did."""
        body = self.outcomes.get(target.key)
        if body is None:
            return None
        if "data" in body["result"]:
            return Outcome.model_validate(body["result"]["data"])
        kept = self.writer.timeline.evidence(body["result"]["data_sha256"])
        return Outcome.model_validate_json(kept) if kept else None

    def earlier_intent(self, target: Target) -> Preview | None:
        """The intent of an earlier attempt that never got an outcome: the change is in doubt."""
        body = self.intents.get(target.key)
        return Preview.model_validate(body["preview"]) if body and body.get("preview") else None


@dataclass
class TargetRecord:
    """The entries of one target in one attempt. This is the `Recorder` that a performance sees."""

    record: CallRecord
    target: Target
    earlier: Preview | None
    intent_id: str = ""
    #: True once a change may have begun.
    changing: bool = False

    @property
    def run(self) -> str:
        """The run of the incident."""
        return self.record.run

    async def intent(self, preview: Preview | None) -> None:
        """Make the intent durable, or raise `StepError` so that the action does not run."""
        body = self._body()
        body["action"]["params"] = self.target.arguments
        if preview is not None:
            body["preview"] = preview.model_dump(mode="json", exclude_defaults=True)
        draft = self._draft(Kind.ACTION_INTENT, "intent", body)
        try:
            [receipt] = await self.record.writer.append(draft)
        except FiredoorError as error:
            raise StepError(
                "record_failed",
                f"The intent could not be recorded, so the action did not run. {error.what}",
                next=error.next,
            ) from error
        self.intent_id = receipt.id
        self.changing = preview is not None

    async def done(self, outcome: Outcome) -> None:
        """Record what came of it. In plan mode a change has no intent, and so no outcome."""
        self.record.finished += 1
        if not self.intent_id:
            return
        result: dict[str, Any] = {"status": "ok", "summary": outcome.summary, "changed": outcome.changed}
        if outcome.verdict:
            result["verdict"] = outcome.verdict.value
        body = self._body()
        body["result"] = result
        body["evidence"] = [item.model_dump(mode="json") for item in outcome.evidence]
        beside = _put_data(result, outcome)
        if beside:
            body["evidence"].append({"sha256": sha256_hex(beside), "size": len(beside), "type": "application/json"})
        await self._append(body, (beside,) if beside else ())

    async def failed(self, failure: Failure, *, in_doubt: bool) -> None:
        """Record a failure; `unknown` where the change may have reached the provider all the same."""
        body = self._body()
        summary = " ".join(part for part in (failure.what, failure.changed) if part)
        body["result"] = {"status": "unknown" if in_doubt else "failed", "reason": failure.reason, "summary": summary}
        await self._append(body)

    async def _append(self, body: dict[str, Any], attachments: tuple[bytes, ...] = ()) -> None:
        draft = self._draft(Kind.ACTION_OUTCOME, "outcome", body, attachments)
        try:
            await self.record.writer.append(draft)
        except FiredoorError as error:
            raise _temporal_failure(
                Failure(
                    reason="record_failed",
                    what=f"The outcome could not be recorded: {error.what}",
                    changed="The change may have been made.",
                    next=error.next,
                )
            ) from error

    def _draft(self, kind: Kind, word: str, body: dict[str, Any], attachments: tuple[bytes, ...] = ()) -> Draft:
        record = self.record
        return Draft(
            kind=kind,
            incident=record.call.incident,
            idem=f"{record.idem}/{self.target.key}/{word}",
            body=body,
            scope=record.scope,
            ref=self.intent_id,
            attachments=attachments,
        )

    def _body(self) -> dict[str, Any]:
        action = {
            "name": self.record.contract.action,
            "target": target_name(self.target),
            "target_key": self.target.key,
            "mode": "drill" if self.record.call.drill else "live",
        }
        return {"actor": self.record.actor, "cause": self.record.cause, "action": action}


@dataclass
class Tally:
    """What came of the targets of a slice."""

    call: Call
    contract: type[Step]
    done: int = 0
    failed: list[FailedTarget] = field(default_factory=list)
    not_started: list[str] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    previews: list[Preview] = field(default_factory=list)
    blast: Counter[str] = field(default_factory=Counter)
    stopped: bool = False

    def add(self, target: Target, result: Outcome | Failure) -> None:
        """Count one target. A containment that is not proved counts as failed."""
        failure = result if isinstance(result, Failure) else self._unproved(result)
        if failure is not None:
            self.failed.append(FailedTarget(key=target.key, name=target_name(target), failure=failure))
            self.stopped = self.call.on_error is OnError.STOP
        elif isinstance(result, Outcome):
            self._count(result)

    def retryable(self) -> list[FailedTarget]:
        """Failures that Temporal's retry may cure."""
        return [one for one in self.failed if StepError.REASONS.get(one.failure.reason, False)]

    def report(self, adopted: int) -> Report:
        """The activity's answer."""
        return Report(
            done=self.done,
            adopted=adopted,
            failed=tuple(self.failed),
            not_started=tuple(self.not_started),
            results=tuple(self.results),
            previews=tuple(self.previews),
            blast=dict(self.blast),
        )

    def _count(self, outcome: Outcome) -> None:
        self.done += 1
        if self.call.collect:
            self.results.append(outcome.result)
        if outcome.preview:
            self.blast.update(outcome.preview.blast)
            if len(self.previews) < PREVIEWS:
                self.previews.append(outcome.preview)

    def _unproved(self, outcome: Outcome) -> Failure | None:
        if not self.contract.containment or self.call.mode is Mode.PLAN or outcome.verdict is Verdict.CONTAINED:
            return None
        verdict = outcome.verdict or Verdict.UNKNOWN
        return Failure(reason=verdict.value, what=outcome.summary, changed="The change may have been made.")


def target_name(target: Target) -> str:
    """A printable name: the first arguments that are text. Arguments are never secret."""
    words = [value for value in target.arguments.values() if isinstance(value, str) and value]
    return " ".join(words[:NAME_ARGUMENTS]) or target.key


def _put_data(result: dict[str, Any], outcome: Outcome) -> bytes:
    """Put the outcome into the entry's result if it is small and canonical; else its digest, and return the bytes."""
    data = outcome.model_dump(mode="json", exclude_defaults=True)
    text = json.dumps(data)
    if len(text) <= INLINE:
        with contextlib.suppress(NotCanonicalError):
            check_canonical(data)
            result["data"] = data
            return b""
    kept = text.encode()
    result["data_sha256"] = sha256_hex(kept)
    return kept


def _defect(action: str, error: Exception, *, changing: bool) -> Failure:
    """A fault in a step's own code. Only the error's type is shown: its text could hold anything."""
    return Failure(
        reason="defect",
        what=f"{action} has a fault of its own ({type(error).__name__}); the worker's log has the trace.",
        changed="The change may have been made." if changing else "Nothing was changed.",
        next="Retry it, or skip it and do it by hand; then report the fault.",
    )


def _temporal_failure(failure: Failure, *, retryable: bool | None = None) -> ApplicationError:
    """The failure as Temporal carries it: its reason is the type, so that metrics and tests can tell it."""
    again = StepError.REASONS.get(failure.reason, False) if retryable is None else retryable
    return ApplicationError(failure.what, failure.model_dump(mode="json"), type=failure.reason, non_retryable=not again)


@contextlib.asynccontextmanager
async def _heartbeats(record: CallRecord) -> AsyncGenerator[None]:
    """Tell Temporal every second that this worker lives, and how many targets are done."""

    async def beat() -> None:
        while True:
            # Not at once: most actions are done before the first is due, and each is a call to the server.
            await asyncio.sleep(HEARTBEAT_SECONDS)
            activity.heartbeat(record.finished)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
