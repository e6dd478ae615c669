"""Incidents that an incident starts: another runbook, an undo after an abort, the end of a temporary change."""

from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import WorkflowAlreadyStartedError

from workflows.board import STATE, Board
from workflows.record import StepRecord

with workflow.unsafe.imports_passed_through():
    from firedoor.incident import IncidentInput, IncidentState, IncidentView, Responder
    from firedoor.plan import Plan
    from firedoor.undo import undo_plan, undoable

SEVERITY = SearchAttributeKey.for_keyword("FiredoorSeverity")
#: How an incident passes a pause on to what it has started.
SIGNAL = "from_parent"
MODE = SearchAttributeKey.for_keyword("FiredoorMode")


async def start_child(
    board: Board,
    plan: Plan,
    incident: str,
    *,
    close: workflow.ParentClosePolicy,
    inputs: dict[str, Any] | None = None,
    starter: Responder | None = None,
) -> workflow.ChildWorkflowHandle[Any, Any]:
    """Start an incident of its own, as the engine would. Raises `WorkflowAlreadyStartedError`."""
    parent = board.input
    start = IncidentInput(
        incident=incident,
        plan=plan,
        digest=plan.digest(),
        inputs=inputs or {},
        starter=starter or parent.starter,
        alert=parent.alert if not plan.undoes else {},
        mode=parent.mode,
        drill=parent.drill,
    )
    return await workflow.start_child_workflow(
        plan.name,
        start,
        id=incident,
        result_type=IncidentView,
        static_summary=plan.title or plan.name,
        search_attributes=attributes(start),
        memo={"clocks": str(len(plan.clocks))} if plan.clocks else None,
        parent_close_policy=close,
    )


async def undo_after_abort(board: Board) -> None:
    """Take back what was changed, if whoever aborted wants it. It goes on by itself when this incident has ended."""
    decision = board.abort
    if decision is None or not decision.undo or not any(undoable(step) for step in board.input.plan.steps):
        return
    name = f"{board.input.incident}.undo"
    plan = undo_plan(board.input.plan, board.input.incident)
    await _start_undo(board, plan, name, decision.responder)
    board.undo = name


async def undo_later(board: Board, record: StepRecord) -> None:
    """A temporary change: start the incident that waits until its end and takes it back."""
    step = record.step
    if not step.temporary or not record.changed_something or board.planning or not board.in_control:
        return
    record.undoes_itself = f"{board.input.incident}.undo.{step.id}"
    plan = undo_plan(board.input.plan, board.input.incident, [step.id], after=step.temporary, ask=False)
    await _start_undo(board, plan, record.undoes_itself, board.input.starter)
    await board.note(
        f"temporary/{step.id}/{record.attempt}",
        "step.undo_scheduled",
        f"{step.id} is temporary: {record.undoes_itself} takes it back",
        step=step.id,
        seconds=step.temporary,
        incident_of_undo=record.undoes_itself,
    )


async def _start_undo(board: Board, plan: Plan, name: str, starter: Responder) -> None:
    try:
        await start_child(board, plan, name, close=workflow.ParentClosePolicy.ABANDON, starter=starter)
    except WorkflowAlreadyStartedError:
        # An earlier run of this incident has left one that still waits: it reads what to undo when its time comes.
        workflow.logger.info("%s is under way already", name)


def attributes(start: IncidentInput) -> TypedSearchAttributes:
    """What lists of incidents show of a child, as the engine sets it for an incident that it starts."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(STATE, IncidentState.RUNNING.value),
            SearchAttributePair(SEVERITY, start.plan.severity),
            SearchAttributePair(MODE, start.mode.value),
        ]
    )
