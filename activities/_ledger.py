"""What the timeline knows of one call, and what the call adds to it.

A crash is harmless because of this: the entries of earlier attempts say which targets are done (their outcomes are
adopted) and which are in doubt (an intent without outcome: the state before is kept, the provider is read first, and the
open intent is reconciled with what was found).
"""

import asyncio
import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities._tally import target_name
from firedoor.canonical import NotCanonicalError, canonical_bytes, sha256_hex
from firedoor.errors import FiredoorError, StepError
from firedoor.incident import Call, Failure, Outcome, Preview, Target
from firedoor.steps._step import Step
from firedoor.timeline.batch import Receipt
from firedoor.timeline.entry import Draft, Entry, Kind
from firedoor.timeline.writer import Writer

#: Results over this many bytes go beside the log, by their SHA-256.
INLINE = 4096
#: What makes the key of an entry unique: a reset sets the attempt back to 1, so its start belongs to it.
ATTEMPT = ("ns", "wf", "run", "act", "attempt", "started_at")


@dataclass
class Earlier:
    """The entries of earlier attempts, by the target's key."""

    #: Bodies of outcomes that are good.
    done: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: The first intent: it holds the true state before.
    intents: dict[str, Entry] = field(default_factory=dict)
    #: Ids of intents that nothing answers.
    open: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[Entry], rounds_before: Iterable[Entry]) -> "Earlier":
        """Sort the entries of this round; of earlier rounds only what is still open counts."""
        earlier = cls()
        for entry in entries:
            key = entry.part("action")["target_key"]
            if entry.kind == Kind.ACTION_INTENT:
                earlier.intents.setdefault(key, entry)
            elif entry.part("result")["status"] == "ok":
                earlier.done[key] = entry.body
            earlier._follow(entry, key)
        for entry in rounds_before:
            earlier._follow(entry, entry.part("action")["target_key"])
        return earlier

    def _follow(self, entry: Entry, key: str) -> None:
        still_open = self.open.setdefault(key, [])
        if entry.kind == Kind.ACTION_INTENT:
            still_open.append(entry.id)
        elif entry.ref in still_open:
            still_open.remove(entry.ref)


@dataclass
class CallRecord:
    """One call: the entries of earlier attempts, and what all new entries share."""

    writer: Writer
    call: Call
    contract: type[Step]
    run: str
    scope: str
    idem: str
    shared: dict[str, bytes]
    earlier: Earlier
    adopted: int = 0
    finished: int = 0
    written: list[asyncio.Future[list[Receipt]]] = field(default_factory=list)

    @classmethod
    def open(cls, writer: Writer, call: Call, contract: type[Step], worker: str) -> "CallRecord":
        """Read what earlier attempts recorded. Raises a retryable failure if the timeline cannot be read."""
        info = activity.info()
        cause = {
            "plan": call.plan,
            "step": call.step,
            "round": call.round,
            "ns": info.namespace,
            "wf": info.workflow_id,
            "run": info.workflow_run_id,
            "act": info.activity_id,
            "attempt": info.attempt,
            "started_at": info.started_time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        }
        scope = f"{info.workflow_id}/{info.workflow_run_id}/{call.step}/{call.round}/{call.slice}"
        try:
            now = [stored.entry for stored in writer.timeline.entries(scope=scope)]
            before = _earlier_rounds(writer, call, info.workflow_run_id or "") if call.round > 1 else []
        except FiredoorError as error:
            raise temporal_failure(
                Failure(reason="record_failed", what=error.what, changed="Nothing was changed.", next=error.next)
            ) from error
        return cls(
            writer,
            call,
            contract,
            info.workflow_run_id or "",
            scope,
            idem="/".join(str(cause[part]) for part in ATTEMPT),
            shared={"actor": canonical_bytes({"kind": "system", "id": worker}), "cause": canonical_bytes(cause)},
            earlier=Earlier.of(now, before),
        )

    async def settle(self) -> None:
        """Wait until every outcome is durable. A lane's next target need not wait for it; the activity's answer must.

        Raises a retryable failure if one could not be recorded: the change is then in doubt, and is read back.
        """
        try:
            await asyncio.gather(*self.written)
        except FiredoorError as error:
            raise temporal_failure(
                Failure(
                    reason="record_failed",
                    what=f"The outcome could not be recorded: {error.what}",
                    changed="The change may have been made.",
                    next=error.next,
                )
            ) from error

    def adopt(self, target: Target) -> Outcome | None:
        """The outcome that an earlier attempt recorded for this target, if it did."""
        body = self.earlier.done.get(target.key)
        if body is None:
            return None
        result = body["result"]
        data = result.get("data")
        if data is None:
            kept = self.writer.timeline.evidence(result["data_sha256"])
            if kept is None:
                return None
            data = json.loads(kept)
        self.adopted += 1
        self.finished += 1
        return Outcome.model_validate(data)

    def target(self, target: Target) -> "TargetRecord":
        """The record of one target in this attempt."""
        intent = self.earlier.intents.get(target.key)
        preview = intent.part("preview") if intent else {}
        return TargetRecord(self, target, Preview.model_validate(preview) if preview else None)


def _earlier_rounds(writer: Writer, call: Call, run: str) -> list[Entry]:
    """The entries of this step in earlier rounds: a person retried it after an attempt that never ended."""
    return [
        stored.entry
        for stored in writer.timeline.entries(incident=call.incident)
        if stored.entry.kind in (Kind.ACTION_INTENT, Kind.ACTION_OUTCOME, Kind.ACTION_RECONCILED)
        and (cause := stored.entry.part("cause"))
        and (cause["run"], cause["step"]) == (run, call.step)
        and cause["round"] < call.round
    ]


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
            body["change"] = preview.change
            body["preview"] = preview.model_dump(mode="json", exclude_defaults=True)
        try:
            [receipt] = await self.record.writer.append(self._draft(Kind.ACTION_INTENT, "intent", body))
        except FiredoorError as error:
            raise StepError(
                "record_failed",
                f"The intent could not be recorded, so the action did not run. {error.what}",
                next=error.next,
            ) from error
        self.intent_id = receipt.id
        self.changing = preview is not None

    def done(self, outcome: Outcome) -> None:
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
        self._append(self._draft(Kind.ACTION_OUTCOME, "outcome", body, (beside,) if beside else ()))
        for intent in self.record.earlier.open.get(self.target.key, ()):
            self._reconcile(intent, outcome)

    def failed(self, failure: Failure, *, in_doubt: bool) -> None:
        """Record a failure; `unknown` where the change may have reached the provider all the same."""
        body = self._body()
        summary = " ".join(part for part in (failure.what, failure.changed) if part)
        body["result"] = {"status": "unknown" if in_doubt else "failed", "reason": failure.reason, "summary": summary}
        self._append(self._draft(Kind.ACTION_OUTCOME, "outcome", body))

    def _reconcile(self, intent: str, outcome: Outcome) -> None:
        """Close the intent of an attempt that died: what it had begun was read back, and finished or found done."""
        body = self._body()
        summary = f"The attempt that began this died. It was read back and finished by another: {outcome.summary}"
        body["result"] = {"status": "ok", "summary": summary}
        draft = self._draft(Kind.ACTION_RECONCILED, f"reconciled/{intent}", body)
        self._append(Draft(draft.kind, draft.incident, draft.idem, body, draft.scope, intent, (), draft.shared))

    def _append(self, draft: Draft) -> None:
        self.record.written.append(self.record.writer.submit(draft))

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
            shared=record.shared,
        )

    def _body(self) -> dict[str, Any]:
        action = {
            "name": self.record.contract.action,
            "target": target_name(self.target),
            "target_key": self.target.key,
            "mode": "drill" if self.record.call.drill else "live",
        }
        return {"action": action}


def _put_data(result: dict[str, Any], outcome: Outcome) -> bytes:
    """Put the outcome into the entry's result if it is small and canonical; else its digest, and return the bytes."""
    data = outcome.model_dump(mode="json", exclude_defaults=True)
    with contextlib.suppress(NotCanonicalError):
        if len(canonical_bytes(data)) <= INLINE:
            result["data"] = data
            return b""
    kept = json.dumps(data).encode()
    result["data_sha256"] = sha256_hex(kept)
    return kept


def temporal_failure(failure: Failure, *, retryable: bool | None = None) -> ApplicationError:
    """The failure as Temporal carries it: its reason is the type, so that metrics and tests can tell it."""
    again = StepError.REASONS.get(failure.reason, False) if retryable is None else retryable
    return ApplicationError(failure.what, failure.model_dump(mode="json"), type=failure.reason, non_retryable=not again)
