"""What the timeline knows of one call, and what the call adds to it.

A crash is harmless because of this: the entries of earlier attempts say which targets are done (their outcomes are
adopted) and which are in doubt (an intent without outcome: the state before is kept, the provider is read first, and
the open intent is reconciled with what was found).
"""

import asyncio
import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from firedoor.canonical import NotCanonicalError, canonical_bytes, sha256_hex
from firedoor.errors import FiredoorError, StepError
from firedoor.incident import Call, Failure, Outcome, Preview, Target
from firedoor.steps._step import Step
from firedoor.timeline.batch import Receipt
from firedoor.timeline.entry import Draft, Entry, Kind
from firedoor.timeline.store import Timeline
from firedoor.timeline.writer import Writer

NOTHING = "Nothing was changed."
#: Results over this many bytes go beside the log, by their SHA-256.
INLINE = 4096
#: What makes the key of an entry unique: a reset sets the attempt back to 1, so its start belongs to it.
ATTEMPT = ("ns", "wf", "run", "act", "attempt", "started_at")
#: What an entry's cause has in common with that of every attempt at the same call.
OWN = ("ns", "wf", "run", "step", "round")


@dataclass
class Earlier:
    """The entries of earlier attempts, by the target's key."""

    #: Bodies of outcomes that are good.
    done: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: The first intent: it holds the true state before.
    intents: dict[str, Entry] = field(default_factory=dict)
    #: The first intent of the newest earlier round, if no round since has done it: a person has it tried again.
    begun: dict[str, Entry] = field(default_factory=dict)
    #: Ids of intents that nothing answers.
    open: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[Entry], rounds_before: Iterable[Entry]) -> "Earlier":
        """Sort the entries of this round; of earlier rounds only what is still open, or was not done, counts."""
        earlier = cls()
        for entry in entries:
            key = entry.part("action")["target_key"]
            if entry.kind == Kind.ACTION_INTENT:
                earlier.intents.setdefault(key, entry)
            elif entry.kind == Kind.ACTION_OUTCOME and entry.part("result")["status"] == "ok":
                earlier.done[key] = entry.body
            earlier._follow(entry, key)
        for entry in rounds_before:
            key = entry.part("action")["target_key"]
            earlier._begin(entry, key)
            earlier._follow(entry, key)
        return earlier

    def _begin(self, entry: Entry, key: str) -> None:
        if entry.kind == Kind.ACTION_OUTCOME and entry.part("result")["status"] == "ok":
            self.begun.pop(key, None)
        elif entry.kind == Kind.ACTION_INTENT and "preview" in entry.body:
            known = self.begun.get(key)
            if known is None or known.part("cause")["round"] < entry.part("cause")["round"]:
                self.begun[key] = entry

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
    #: Outcomes that wait for the end of this turn of the event loop, to be handed over together.
    outcomes: list[Draft] = field(default_factory=list)
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
            found = [stored.entry for stored in writer.timeline.entries(scope=scope)]
            before = _earlier_rounds(writer, call, info.workflow_run_id or "") if call.round > 1 else []
        except FiredoorError as error:
            raise temporal_failure(
                Failure(reason="record_failed", what=error.what, changed="Nothing was changed.", next=error.next)
            ) from error
        # The scope is only an index; what the signed entry itself says decides whether it is ours.
        now = [entry for entry in found if all(entry.part("cause").get(part) == cause[part] for part in OWN)]
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
        self._hand_over()
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

    def append(self, draft: Draft) -> None:
        """Have an outcome recorded; `settle` waits for it."""
        if not self.outcomes:
            asyncio.get_running_loop().call_soon(self._hand_over)
        self.outcomes.append(draft)

    def _hand_over(self) -> None:
        if self.outcomes:
            self.written.append(self.writer.submit(*self.outcomes))
            self.outcomes = []

    def adopt(self, target: Target) -> Outcome | None:
        """The outcome that an earlier attempt recorded for this target, if it did."""
        body = self.earlier.done.get(target.key)
        if body is None:
            return None
        result = {key: value for key, value in body["result"].items() if key != "status"}
        if "data_sha256" in result:
            kept = self.writer.timeline.evidence(result["data_sha256"])
            if kept is None:
                return None
            result = json.loads(kept)
        self.adopted += 1
        self.finished += 1
        answers = [item for item in body["evidence"] if "source" in item]
        return Outcome.model_validate({**result, "evidence": answers})

    def target(self, target: Target) -> "TargetRecord":
        """The record of one target in this attempt."""
        intent, begun = self.earlier.intents.get(target.key), self.earlier.begun.get(target.key)
        before = _preview(begun) if begun else None
        if intent is None or "preview" not in intent.body:
            return TargetRecord(self, target, None, begun=before)
        return TargetRecord(self, target, _preview(intent), datetime.fromisoformat(intent.recorded_at), before)


def _preview(intent: Entry) -> Preview:
    """The preview that an intent recorded."""
    return Preview.model_validate({**intent.part("preview"), "change": intent.body["change"]})


def _earlier_rounds(writer: Writer, call: Call, run: str) -> list[Entry]:
    """The entries of this step in earlier rounds, oldest first: a person had it tried again."""
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
    #: When the first attempt that began it was recorded.
    since: datetime | None = None
    #: What an earlier round, which did not end well, recorded as its intent.
    begun: Preview | None = None
    intent_id: str = ""
    #: True once a change may have begun.
    changing: bool = False

    @property
    def run(self) -> str:
        """The run of the incident."""
        return self.record.run

    @property
    def timeline(self) -> Timeline:
        """The timeline, for steps that read it."""
        return self.record.writer.timeline

    async def intent(self, preview: Preview | None) -> None:
        """Make the intent durable, or raise `StepError` so that the action does not run."""
        body: dict[str, Any] = {"params": self.target.arguments}
        if preview is not None:
            body["change"] = preview.change
            body["preview"] = preview.model_dump(mode="json", exclude_defaults=True, exclude={"change"})
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
        dumped = outcome.model_dump(mode="json", exclude_defaults=True)
        evidence = dumped.pop("evidence", [])
        result, beside = _result(outcome, dumped)
        if beside:
            evidence.append({"sha256": sha256_hex(beside), "size": len(beside), "type": "application/json"})
        draft = self._draft(Kind.ACTION_OUTCOME, "outcome", {"evidence": evidence}, result)
        self.record.append(replace(draft, attachments=(beside,)) if beside else draft)
        for intent in self.record.earlier.open.get(self.target.key, ()):
            summary = f"The attempt that began this died. It was read back and finished by another: {outcome.summary}"
            body = {"result": {"status": "ok", "summary": summary}}
            draft = self._draft(Kind.ACTION_RECONCILED, f"reconciled/{intent}", body)
            self.record.append(replace(draft, ref=intent))

    def in_full(self, failure: Failure) -> Failure:
        """The failure, which must not say that nothing was changed where an earlier attempt may have changed it."""
        if self.earlier is None or failure.changed not in ("", NOTHING):
            return failure
        return failure.model_copy(update={"changed": "An earlier attempt may have made the change; this one did not."})

    def failed(self, failure: Failure, *, in_doubt: bool) -> None:
        """Record a failure; `unknown` where the change may have reached the provider all the same."""
        summary = " ".join(part for part in (failure.what, failure.changed) if part)
        status = "unknown" if in_doubt else "failed"
        body = {"result": {"status": status, "reason": failure.reason, "summary": summary}}
        self.record.append(self._draft(Kind.ACTION_OUTCOME, "outcome", body))

    def _draft(self, kind: Kind, word: str, body: dict[str, Any], result: bytes = b"") -> Draft:
        record = self.record
        shared = {**record.shared, "action": self.action}
        if result:
            shared["result"] = result
        return Draft(
            kind=kind,
            incident=record.call.incident,
            idem=f"{record.idem}/{self.target.key}/{word}",
            body=body,
            scope=record.scope,
            ref=self.intent_id,
            shared=shared,
        )

    @cached_property
    def action(self) -> bytes:
        """What is done to what, as every entry of this target says it."""
        return canonical_bytes(
            {
                "name": self.record.contract.action,
                "target": self.target.name,
                "target_key": self.target.key,
                "mode": "drill" if self.record.call.drill else "live",
            }
        )


def _result(outcome: Outcome, dumped: dict[str, Any]) -> tuple[bytes, bytes]:
    """The result in the entry; and the bytes that go beside the log if it is too large, or not canonical."""
    with contextlib.suppress(NotCanonicalError):
        result = canonical_bytes({"status": "ok", **dumped})
        if len(result) <= INLINE:
            return result, b""
    beside = json.dumps(dumped).encode()
    short = {"status": "ok", "summary": outcome.summary, "changed": outcome.changed}
    verdict = {"verdict": outcome.verdict.value} if outcome.verdict else {}
    return canonical_bytes({**short, **verdict, "data_sha256": sha256_hex(beside)}), beside


def temporal_failure(failure: Failure, *, retryable: bool | None = None) -> ApplicationError:
    """The failure as Temporal carries it: its reason is the type, so that metrics and tests can tell it."""
    again = StepError.REASONS.get(failure.reason, False) if retryable is None else retryable
    return ApplicationError(failure.what, failure.model_dump(mode="json"), type=failure.reason, non_retryable=not again)
