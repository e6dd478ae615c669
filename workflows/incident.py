"""IncidentWorkflow: one execution per incident. Walks a plan; people and alerts reach it by updates.

It is dynamic: the workflow's type is the runbook's name, so that Temporal's own tools show it by name. The plan comes
in the input and stays as it is, whatever happens to the runbook (docs/adr/0003).
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, SearchAttributeKey
from temporalio.exceptions import ApplicationError

from workflows.board import STATE, Board, StepRecord, may
from workflows.step import live

with workflow.unsafe.imports_passed_through():
    from firedoor.incident import (
        FINAL_STATES,
        AlertReport,
        Decision,
        IncidentInput,
        IncidentView,
        Responder,
        StepState,
        Verb,
    )

VERDICT = SearchAttributeKey.for_keyword("FiredoorVerdict")

SKIPPABLE = frozenset(
    {
        StepState.PENDING,
        StepState.WAITING_APPROVAL,
        StepState.WAITING_ANSWER,
        StepState.SLEEPING,
        StepState.NEEDS_ATTENTION,
    }
)
PAST: dict[Verb, str] = {
    "approve": "approved",
    "deny": "denied",
    "answer": "answered",
    "retry": "retried",
    "skip": "skipped",
    "abort": "aborted",
    "note": "noted",
    "alert": "attached",
}
NOBODY = "Who is this? A decision needs a responder whom a front door has authenticated."
ENGINE = Responder(principal="system:firedoor", auth="internal")


def refuse(sentence: str) -> ApplicationError:
    """What a validator raises: the update leaves no trace, and the sentence reaches the person."""
    return ApplicationError(sentence, type="refused", non_retryable=True)


@workflow.defn(dynamic=True)
class IncidentWorkflow:
    """An incident."""

    @workflow.init
    def __init__(self, arguments: Sequence[RawValue]) -> None:
        incident = workflow.payload_converter().from_payload(arguments[0].payload, IncidentInput)
        self.board = Board(incident)

    @workflow.run
    async def run(self, arguments: Sequence[RawValue]) -> IncidentView:
        """Walk the plan to its end."""
        board = self.board
        incident = board.input
        if incident.plan.digest() != incident.digest:
            raise ApplicationError(
                "The plan does not have the digest it was approved with. Nothing was done.",
                type="plan_altered",
                non_retryable=True,
            )
        await board.note(
            "opened",
            "incident.opened",
            f"{incident.plan.title or incident.plan.name}: opened by {incident.starter.principal}",
            actor=incident.starter,
            runbook=incident.plan.name,
            runbook_sha256=incident.plan.runbook_sha256,
            plan=incident.digest,
            inputs=incident.inputs,
            alert=_alert_body(incident.alert),
            mode=incident.mode.value,
            drill=incident.drill,
        )
        board.opened = True
        lives = asyncio.gather(*(live(board, record) for record in board.steps.values()))
        try:
            # Shielded: a cancellation is an abort, in which what runs finishes and is recorded.
            await asyncio.shield(lives)
        except asyncio.CancelledError:
            board.abort = Decision(responder=ENGINE, reason="cancelled in Temporal")
            await lives
        await self._close()
        return board.view()

    async def _close(self) -> None:
        board = self.board
        board.ended = workflow.now()
        view = board.view()
        await board.note(
            "closed",
            "incident.closed",
            view.sentence,
            state=view.state.value,
            verdict=view.verdict.value if view.verdict else "none",
            steps={step.id: step.state.value for step in view.steps},
        )
        workflow.upsert_search_attributes(
            [STATE.value_set(view.state.value), VERDICT.value_set(view.verdict.value if view.verdict else "none")]
        )
        workflow.set_current_details(board.details())
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.query(description="Where the incident stands")
    def view(self) -> IncidentView:
        """What every front door shows."""
        return self.board.view()

    @workflow.update(description="Attach an alert that reports this incident again")
    async def alert(self, report: AlertReport) -> int:
        """One more alert of the same incident; returns how many there are."""
        await self._opened()
        self.board.alerts += 1
        number = self.board.alerts
        await self.board.note(
            f"alert/{report.source}/{report.id}",
            "incident.detected",
            f"{report.source}: {report.title or report.id}",
            alert={"source": report.source, "id": report.id},
        )
        return number

    @workflow.update(description="Approve a step that waits for approval")
    async def approve(self, decision: Decision) -> str:
        """Count one more approval."""
        record = self.board.steps[decision.step]
        await self._decided("approval", "approve", decision)
        record.approvals[decision.responder.principal] = decision.responder
        missing = max(0, self.board.input.plan.policies[record.step.approval].count - len(record.approvals))
        return f"{decision.step} is approved" + (f"; {missing} more needed." if missing else ".")

    @approve.validator
    def _may_approve(self, decision: Decision) -> None:
        record = self._waiting_for_approval(decision)
        policy = self.board.input.plan.policies[record.step.approval]
        if decision.responder.principal == self.board.input.starter.principal and not policy.allow_self:
            raise refuse(
                f"{decision.responder.principal} started this incident, and {record.step.approval} does not let the "
                "starter approve. Ask somebody else of " + ", ".join(policy.sources) + "."
            )
        if decision.responder.principal in record.approvals:
            raise refuse(
                f"{decision.responder.principal} has approved {decision.step} already; one person counts once."
            )

    @workflow.update(description="Deny a step that waits for approval")
    async def deny(self, decision: Decision) -> str:
        """The step does not run; a person must decide what then."""
        record = self.board.steps[decision.step]
        await self._decided("approval", "deny", decision)
        record.denied = decision
        return f"{decision.step} is denied. It needs attention now: retry to ask again, skip it, or abort."

    @deny.validator
    def _may_deny(self, decision: Decision) -> None:
        self._waiting_for_approval(decision)

    @workflow.update(description="Answer a question")
    async def answer(self, decision: Decision) -> str:
        """Give the form's values."""
        await self._decided("decision", "answer", decision)
        self.board.steps[decision.step].answered = decision
        return f"{decision.step} is answered."

    @answer.validator
    def _may_answer(self, decision: Decision) -> None:
        record = self._step(decision)
        ask = record.step.ask
        if record.state is not StepState.WAITING_ANSWER or ask is None or record.answered:
            raise refuse(f"{decision.step} waits for no answer: it is {record.state.value}.")
        policy = self.board.input.plan.policies.get(ask.of)
        if policy and not may(decision.responder, policy.sources):
            raise refuse(_stranger(decision.responder, ask.of, policy.sources))
        problems = answer_problems(ask.fields, decision.answers)
        if problems:
            raise refuse(f"The answer to {decision.step} does not fit: {'; '.join(problems)}.")

    @workflow.update(description="Try a failed step again")
    async def retry(self, decision: Decision) -> str:
        """Run the step again; of a for_each only the targets that are not done."""
        await self._decided("decision", "retry", decision)
        self.board.steps[decision.step].steering = ("retry", decision)
        return f"{decision.step} runs again."

    @retry.validator
    def _may_retry(self, decision: Decision) -> None:
        record = self._step(decision)
        if record.state is not StepState.NEEDS_ATTENTION or record.steering:
            raise refuse(
                f"{decision.step} cannot be retried: it is {record.state.value}. Only a step that needs attention can."
            )

    @workflow.update(description="Skip a step, with a reason")
    async def skip(self, decision: Decision) -> str:
        """The step does not run; what reads its result does not run either."""
        dependents = [record.step.id for record in self.board.steps.values() if decision.step in record.step.mentions]
        await self._decided("decision", "skip", decision)
        self.board.steps[decision.step].steering = ("skip", decision)
        also = f" These need its result and will not run: {', '.join(dependents)}." if dependents else ""
        return f"{decision.step} is skipped.{also}"

    @skip.validator
    def _may_skip(self, decision: Decision) -> None:
        record = self._step(decision)
        if record.state not in SKIPPABLE or record.steering:
            raise refuse(f"{decision.step} cannot be skipped: it is {record.state.value}.")
        if not decision.reason.strip():
            raise refuse("Skipping a step needs a reason; the timeline keeps it.")

    @workflow.update(description="End the incident now, with a reason")
    async def abort(self, decision: Decision) -> str:
        """No new action starts; what runs finishes."""
        await self._decided("decision", "abort", decision)
        self.board.abort = decision
        return "The incident is aborted: no new action starts, what is running finishes. Nothing is undone."

    @abort.validator
    def _may_abort(self, decision: Decision) -> None:
        if not decision.responder.principal or not decision.responder.auth:
            raise refuse(NOBODY)
        if self.board.abort or self.board.ended:
            raise refuse("The incident has ended already.")
        if not decision.reason.strip():
            raise refuse("Aborting an incident needs a reason; the timeline keeps it.")

    @workflow.update(description="Add a note to the timeline")
    async def note(self, decision: Decision) -> str:
        """A sentence of a person."""
        await self._decided("note", "note", decision)
        return "The note is in the timeline."

    @note.validator
    def _may_note(self, decision: Decision) -> None:
        if not decision.reason.strip():
            raise refuse("The note is empty.")
        if not decision.responder.principal or not decision.responder.auth:
            raise refuse(NOBODY)

    async def _decided(self, kind: str, verb: Verb, decision: Decision) -> None:
        """Record what a person decided, before it takes effect."""
        await self._opened()
        self.board.notes += 1
        about = f" {decision.step}" if decision.step else ""
        reason = f": {decision.reason}" if decision.reason else ""
        await self.board.note(
            f"{verb}/{decision.step}/{self.board.notes}",
            kind,
            f"{decision.responder.principal} {PAST[verb]}{about}{reason}",
            actor=decision.responder,
            step=decision.step,
            verb=verb,
            reason=decision.reason,
            answers=decision.answers,
        )

    async def _opened(self) -> None:
        """An update may come before the first line of `run`; the opening is the first entry all the same."""
        await workflow.wait_condition(lambda: self.board.opened)

    def _step(self, decision: Decision) -> StepRecord:
        if not decision.responder.principal or not decision.responder.auth:
            raise refuse(NOBODY)
        record = self.board.steps.get(decision.step)
        if record is None:
            raise refuse(f"This incident has no step {decision.step!r}. Its steps: {', '.join(self.board.steps)}.")
        if record.state in FINAL_STATES:
            raise refuse(f"{decision.step} has ended already: it is {record.state.value}.")
        return record

    def _waiting_for_approval(self, decision: Decision) -> StepRecord:
        record = self._step(decision)
        if record.state is not StepState.WAITING_APPROVAL or record.denied:
            raise refuse(f"{decision.step} waits for no approval: it is {record.state.value}.")
        policy = self.board.input.plan.policies[record.step.approval]
        if not may(decision.responder, policy.sources):
            raise refuse(_stranger(decision.responder, record.step.approval, policy.sources))
        return record


def answer_problems(fields: dict[str, Any], answers: dict[str, Any]) -> list[str]:
    """What is wrong with the values of a form, field by field."""
    types = {"string": str, "integer": int, "boolean": bool}
    problems = [f"{name} is not a field (fields: {', '.join(fields)})" for name in answers if name not in fields]
    for name, field in fields.items():
        value = answers.get(name)
        if value is None:
            if field.required:
                problems.append(f"{name} ({field.type}) is missing")
        elif type(value) is not types[field.type]:
            problems.append(f"{name} must be {field.type}, not {value!r}")
        elif field.choices and value not in field.choices:
            problems.append(f"{name} must be one of {', '.join(field.choices)}, not {value!r}")
    return problems


def _stranger(responder: Responder, policy: str, sources: tuple[str, ...]) -> str:
    return f"{responder.principal} is not in {policy}: it takes one of {', '.join(sources)}."


def _alert_body(alert: dict[str, Any]) -> dict[str, Any]:
    """The part of an alert that the timeline keeps: no floats there, so a severity is text."""
    return {key: str(value) if isinstance(value, float) else value for key, value in alert.items()}
