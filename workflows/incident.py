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

from workflows import announcing, clocks, rules, steering
from workflows.board import STATE, Board
from workflows.campaign import STANDING
from workflows.children import SIGNAL, undo_after_abort
from workflows.step import live

with workflow.unsafe.imports_passed_through():
    from firedoor.campaign import Standing
    from firedoor.incident import AlertReport, Decision, FailedTarget, IncidentInput, IncidentView, Responder, Verb

VERDICT = SearchAttributeKey.for_keyword("FiredoorVerdict")
#: As many failed targets are told at a time.
PAGE = 500
ENGINE = Responder(principal="system:firedoor", auth="internal")


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
        board.begin()
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
            undoes=incident.plan.undoes,
        )
        board.opened = True
        board.lives += [asyncio.create_task(live(board, record)) for record in board.steps.values()]
        keeping = asyncio.create_task(clocks.keep(board))
        await self._all_ended()
        await undo_after_abort(board)
        board.clocks.stop()
        await keeping
        await self._close()
        await clocks.hand_over(board)
        return board.view()

    async def _all_ended(self) -> None:
        """Wait for every step. A cancellation is an abort, in which what runs finishes and is recorded."""
        board = self.board
        while any(not life.done() for life in board.lives):
            lives = asyncio.gather(*board.lives)
            try:
                await asyncio.shield(lives)
            except asyncio.CancelledError:
                if board.abort is None:
                    board.abort = Decision(responder=ENGINE, reason="cancelled in Temporal")
                else:
                    board.abort_all = Decision(responder=ENGINE, reason="cancelled in Temporal once more")
                board.paused = None
                if board.in_control:
                    board.halt()

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
        await board.told_all()
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.query(description="Where the incident stands")
    def view(self) -> IncidentView:
        """What every front door shows."""
        return self.board.view()

    @workflow.query(description="The targets of a step that failed, a page at a time")
    def failures(self, step: str, offset: int) -> list[FailedTarget]:
        """From `offset` on, each with its arguments."""
        record = self.board.steps.get(step)
        if record is None or record.targets is None:
            return []
        targets = record.targets
        return [
            one.model_copy(update={"arguments": targets.target(int(one.key)).arguments})
            for one in record.failed[offset : offset + PAGE]
        ]

    @workflow.signal(name=SIGNAL)
    async def from_parent(self, verb: Verb, decision: Decision) -> None:
        """The incident that runs this one as a step was paused or resumed."""
        if verb == "pause" and self.board.paused is None and self.board.abort is None:
            await steering.pause(self.board, decision)
        elif verb == "resume" and self.board.paused is not None:
            await steering.resume(self.board, decision)

    @workflow.signal(name=STANDING)
    async def from_campaign(self, step: str, standing: Standing) -> None:
        """A campaign of this incident says where it stands."""
        await announcing.told(self.board, step, standing)

    @workflow.update(description="Attach an alert that reports this incident again")
    async def alert(self, report: AlertReport) -> int:
        """One more alert of the same incident; returns how many there are."""
        board = self.board
        await workflow.wait_condition(lambda: board.opened)
        opener = bool(report.batch) and report.batch == board.input.batch
        more = report.count - 1 if opener else report.count
        board.alerts += more
        number = board.alerts
        if more:
            key = f"alert/{report.source}/{report.id}" + (f"/{report.batch}" if report.batch else "")
            times = f" ({more} times)" if more > 1 else ""
            await board.note(
                key,
                "incident.detected",
                f"{report.source}: {report.title or report.id}{times}",
                actor=report.responder,
                alert={"source": report.source, "id": report.id, "count": more},
            )
        return number

    @alert.validator
    def _may_alert(self, report: AlertReport) -> None:
        rules.known(report.responder)

    @workflow.update(description="Approve a step that waits for approval")
    async def approve(self, decision: Decision) -> str:
        """Count one more approval, or break the glass."""
        return await steering.approve(self.board, decision)

    @approve.validator
    def _may_approve(self, decision: Decision) -> None:
        rules.may_approve(self.board, decision)

    @workflow.update(description="Deny a step that waits for approval")
    async def deny(self, decision: Decision) -> str:
        """The step does not run; a person must decide what then."""
        return await steering.deny(self.board, decision)

    @deny.validator
    def _may_deny(self, decision: Decision) -> None:
        rules.waiting_for_approval(self.board, decision)

    @workflow.update(description="Answer a question")
    async def answer(self, decision: Decision) -> str:
        """Give the form's values."""
        return await steering.answer(self.board, decision)

    @answer.validator
    def _may_answer(self, decision: Decision) -> None:
        rules.may_answer(self.board, decision)

    @workflow.update(description="Try a failed step again")
    async def retry(self, decision: Decision) -> str:
        """Run the step again; of a for_each only the targets that are not done."""
        return await steering.retry(self.board, decision)

    @retry.validator
    def _may_retry(self, decision: Decision) -> None:
        rules.may_retry(self.board, decision)

    @workflow.update(description="Skip a step, with a reason")
    async def skip(self, decision: Decision) -> str:
        """The step does not run; what reads its result does not run either."""
        return await steering.skip(self.board, decision)

    @skip.validator
    def _may_skip(self, decision: Decision) -> None:
        rules.may_skip(self.board, decision)

    @workflow.update(description="End the incident now, with a reason")
    async def abort(self, decision: Decision) -> str:
        """No new action starts; what runs finishes."""
        return await steering.abort(self.board, decision)

    @abort.validator
    def _may_abort(self, decision: Decision) -> None:
        rules.may_abort(self.board, decision)

    @workflow.update(description="Start no new action for now")
    async def pause(self, decision: Decision) -> str:
        """No new action starts; what runs finishes."""
        return await steering.pause(self.board, decision)

    @pause.validator
    def _may_pause(self, decision: Decision) -> None:
        rules.may_pause(self.board, decision)

    @workflow.update(description="Go on after a pause")
    async def resume(self, decision: Decision) -> str:
        """Go on."""
        return await steering.resume(self.board, decision)

    @resume.validator
    def _may_resume(self, decision: Decision) -> None:
        rules.may_resume(self.board, decision)

    @workflow.update(description="Make a wait longer")
    async def extend(self, decision: Decision) -> str:
        """Move the end of a wait."""
        return await steering.extend(self.board, decision)

    @extend.validator
    def _may_extend(self, decision: Decision) -> None:
        rules.may_extend(self.board, decision)

    @workflow.update(description="Add a responder")
    async def invite(self, decision: Decision) -> str:
        """One more responder, who is told."""
        return await steering.invite(self.board, decision)

    @invite.validator
    def _may_invite(self, decision: Decision) -> None:
        rules.may_name(self.board, decision)

    @workflow.update(description="Hand over the command")
    async def handover(self, decision: Decision) -> str:
        """Somebody else is in command."""
        return await steering.handover(self.board, decision)

    @handover.validator
    def _may_handover(self, decision: Decision) -> None:
        rules.may_name(self.board, decision)

    @workflow.update(description="Something happened that starts clocks")
    async def declare(self, decision: Decision) -> str:
        """Record it, with the facts known then."""
        return await clocks.declare(self.board.clocks, decision)

    @declare.validator
    def _may_declare(self, decision: Decision) -> None:
        clocks.may_change(self.board)
        clocks.may_declare(decision)

    @workflow.update(description="A clock was met")
    async def meet(self, decision: Decision) -> str:
        """Record when and why a person says so. Nothing is filed."""
        return await self.board.clocks.meet(decision.clock, decision)

    @meet.validator
    def _may_meet(self, decision: Decision) -> None:
        clocks.may_change(self.board)
        clocks.may_meet(self.board.clocks, decision)

    @workflow.update(description="It was decided not to notify")
    async def waive(self, decision: Decision) -> str:
        """Record it: also this is a decision."""
        return await self.board.clocks.waive(decision.clock, decision)

    @waive.validator
    def _may_waive(self, decision: Decision) -> None:
        clocks.may_change(self.board)
        clocks.may_waive(self.board.clocks, decision)

    @workflow.update(description="Add a note to the timeline")
    async def note(self, decision: Decision) -> str:
        """A sentence of a person, with files."""
        await steering.decided(self.board, "note", "note", decision)
        files = f" with {len(decision.attachments)} files" if decision.attachments else ""
        return f"The note is in the timeline{files}."

    @note.validator
    def _may_note(self, decision: Decision) -> None:
        rules.known(decision.responder)
        if not decision.reason.strip():
            raise rules.refuse("The note is empty.")


def _alert_body(alert: dict[str, Any]) -> dict[str, Any]:
    """The part of an alert that the timeline keeps: no floats there, so a severity is text."""
    return {key: str(value) if isinstance(value, float) else value for key, value in alert.items()}
