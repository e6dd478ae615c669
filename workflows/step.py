"""The life of one step: dependencies → `if` → approval → act → verdict; and what happens when it cannot go on."""

import asyncio
from typing import Any

from temporalio import workflow

from workflows import announcing, kinds
from workflows.action import use
from workflows.approval import approved_as_before
from workflows.board import Board
from workflows.children import undo_later
from workflows.record import NeedsAttention, StepAborted, StepRecord, StepSkipped

with workflow.unsafe.imports_passed_through():
    from firedoor.expressions import ExpressionError, evaluate
    from firedoor.incident import Failure, StepState
    from firedoor.plan import Effect, PlannedStep

#: Their results may be recorded although their answer was lost: a retry in the same round adopts it.
UNANSWERED = frozenset({"no_answer", "record_failed"})
_KINDS = {
    "uses": use,
    "ask": kinds.ask,
    "wait": kinds.wait,
    "approval": kinds.gate,
    "run": kinds.run,
    "campaign": announcing.announce,
}


async def live(board: Board, record: StepRecord) -> None:
    """Run one step to its end, whatever happens to it. Never raises."""
    await asyncio.gather(*(board.steps[name].finished.wait() for name in record.step.needs))
    if record.step.always:
        others = [other for other in board.steps.values() if not other.step.always]
        await asyncio.gather(*(other.finished.wait() for other in others))
    while not record.finished.is_set():
        await _try(board, record)


async def live_again(board: Board, record: StepRecord) -> None:
    """Work once more on a finished `for_each` whose failed targets a person wants tried again. Never raises."""
    record.ended = None
    await _try(board, record)
    while record.ended is None:
        await _try(board, record)


async def _try(board: Board, record: StepRecord) -> None:
    step = record.step
    try:
        board.check(record)
        await _attempt(board, record)
        await undo_later(board, record)
        _end(record, StepState.DONE)
    except StepSkipped as reason:
        progress = record.progress
        done = f" {progress.done} of {progress.total} targets are done." if progress and record.worked else ""
        record.summary = f"{reason}{done}"
        await announcing.withdraw(board, record)
        await board.note(f"skipped/{step.id}", "step.skipped", f"{step.id}: {record.summary}", step=step.id)
        _end(record, StepState.SKIPPED)
    except StepAborted:
        await announcing.withdraw(board, record)
        _end(record, StepState.ABORTED)
    except NeedsAttention as attention:
        await _attend(board, record, attention.failure)
    except ExpressionError as error:
        await _attend(board, record, Failure(reason="expression", what=str(error), changed="Nothing was changed."))


async def _attempt(board: Board, record: StepRecord) -> None:
    step = record.step
    _check_mentions(board, step)
    scope = board.scope(step)
    if step.condition and evaluate(step.condition, scope) is not True:
        raise StepSkipped(f"its condition does not hold: {step.condition}")
    record.started = record.started or workflow.now()
    if board.planning and step.kind not in ("uses", "campaign"):
        record.summary = kinds.planned(step)
        return
    if step.approval and not board.planning and not board.in_control:
        await approved_as_before(board, record)
    record.failure = None
    if step.kind == "uses":
        await board.unpaused(record)
    record.state = StepState.RUNNING
    await _KINDS[step.kind](board, record, scope)


def _check_mentions(board: Board, step: PlannedStep) -> None:
    """A step that reads the result of a step that did not run cannot run either."""
    for name in step.mentions:
        if board.steps[name].state is not StepState.DONE:
            raise StepSkipped(f"it needs what {name} returns, and {name} was {board.steps[name].state.value}")
    if board.planning:
        unknown = [name for name in step.mentions if _only_previewed(board.steps[name])]
        if unknown:
            raise StepSkipped(f"what it would do depends on what {', '.join(unknown)} returns")


def _only_previewed(record: StepRecord) -> bool:
    return record.step.kind != "uses" or record.step.effect is not Effect.READ


async def _attend(board: Board, record: StepRecord, failure: Failure) -> None:
    """The step stands until a person retries or skips it, or aborts the incident. The other branches go on."""
    step = record.step
    record.failure = failure
    record.request = None
    if board.planning:
        _end(record, StepState.NEEDS_ATTENTION)
        return
    record.state = StepState.NEEDS_ATTENTION
    board.refresh()
    await board.note(
        f"attention/{step.id}/{record.attempt}",
        "step.needs_attention",
        f"{step.id}: {failure.what}",
        step=step.id,
        reason=failure.reason,
    )
    await workflow.wait_condition(lambda: record.steering is not None or board.ending(record))
    if record.steering and record.steering[0] == "retry":
        decision = record.steering[1]
        record.steering = None
        _prepare_retry(record, decision.arguments, failure.reason)
    board.refresh()


def _prepare_retry(record: StepRecord, arguments: dict[str, Any], reason: str) -> None:
    record.attempt += 1
    if reason not in UNANSWERED:
        record.round += 1
    record.overrides = {**record.overrides, **arguments}
    record.approvals = {} if reason in ("denied", "approval_expired") else record.approvals


def _end(record: StepRecord, state: StepState) -> None:
    record.state = state
    record.request = None
    record.until = None
    record.ended = workflow.now()
    record.finished.set()
