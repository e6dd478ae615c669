"""`uses`: an action on one target, or a read that is repeated until an expression holds."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

from workflows.approval import About, agree, compare, difference, expected
from workflows.board import Board
from workflows.fanout import fan_out
from workflows.options import activity_options, failure_of
from workflows.record import Agreement, NeedsAttention, StepRecord

with workflow.unsafe.imports_passed_through():
    from firedoor.expressions import evaluate, render
    from firedoor.incident import Call, Failure, Mode, Outcome, Report, StepState, Target
    from firedoor.plan import PROVED, Verdict
    from firedoor.words import span

ONLY = "0"


async def use(board: Board, record: StepRecord, scope: dict[str, Any]) -> None:
    """Run the step's action."""
    step = record.step
    if step.loop:
        await fan_out(board, record, scope)
    elif step.until and not board.planning:
        await _until(board, record, scope)
        return
    else:
        await _act(board, record, scope)
    _check_verdict(board, record)


async def _act(board: Board, record: StepRecord, scope: dict[str, Any]) -> None:
    """The action on one target; asked again where it would not be what was approved."""
    step = record.step
    record.arguments = {**render(step.arguments, scope), **record.overrides}
    target = Target(key=ONLY, arguments=record.arguments)
    bound = not board.planning and (bool(step.approval) or expected(board, record) is not None) and board.in_control
    while True:
        if bound:
            before, shown = record.previews, await _shown(board, record, target)
            if record.changed:
                record.changed = difference(before, shown.previews) or record.changed
            compare(board, record, shown)
            await agree(board, record, shown, About({ONLY: target.name}))
            target = target.model_copy(update={"approved": shown.digests.get(ONLY, "")})
        await board.unpaused(record)
        record.state = StepState.RUNNING
        try:
            outcome = await _performed(board, record, target, board.input.mode)
        except NeedsAttention as attention:
            if attention.failure.reason != "approval_void" or not bound:
                raise
            await void(board, record, attention.failure)
            continue
        _note_outcome(record, outcome)
        return


async def void(board: Board, record: StepRecord, failure: Failure) -> None:
    """The approval no longer fits: it is asked again, and the timeline says why."""
    record.changed = failure.what
    step = record.step.id
    await board.note(
        f"void/{step}/{record.requests}", "approval.void", f"{step}: the approval is void. {failure.what}", step=step
    )


async def _shown(board: Board, record: StepRecord, target: Target) -> Agreement:
    """What the change would be now: its preview, as people are shown it."""
    record.state = StepState.RUNNING
    outcome, digests = await _report(board, record, target, Mode.PLAN)
    preview = outcome.preview
    return Agreement(
        digests=digests,
        previews=(preview,) if preview else (),
        blast=dict(preview.blast) if preview else {},
    )


async def _performed(board: Board, record: StepRecord, target: Target, mode: Mode) -> Outcome:
    outcome, digests = await _report(board, record, target, mode)
    if mode is Mode.PLAN:
        record.digests = digests
    return outcome


async def _report(board: Board, record: StepRecord, target: Target, mode: Mode) -> tuple[Outcome, dict[str, str]]:
    step = record.step
    call = Call(
        incident=board.input.incident,
        plan=board.input.digest,
        step=step.id,
        round=record.round,
        targets=(target,),
        attempts=step.retry.attempts,
        mode=mode,
        drill=board.input.drill,
        restores=step.restores,
    )
    looking = mode is Mode.PLAN and not board.planning
    summary = f"{step.title or step.id}{': what it would change' if looking else ''}"
    try:
        report: Report = await workflow.execute_activity(
            step.action, call, result_type=Report, summary=summary, **activity_options(step)
        )
    except ActivityError as error:
        raise NeedsAttention(failure_of(error)) from error
    if report.outcome is None:
        raise NeedsAttention(Failure(reason="no_outcome", what=f"{step.action} returned no outcome."))
    return report.outcome, report.digests


def _note_outcome(record: StepRecord, outcome: Outcome) -> None:
    record.summary = outcome.summary
    record.verdict = outcome.verdict
    record.evidence = outcome.evidence
    record.result = outcome.result
    record.changed_something = outcome.changed
    if outcome.preview:
        record.previews = (outcome.preview,)
        record.blast = outcome.preview.blast


async def _until(board: Board, record: StepRecord, scope: dict[str, Any]) -> None:
    """Read again and again until the expression holds."""
    until = record.step.until
    if until is None:
        return
    deadline = workflow.now() + timedelta(seconds=until.within)
    while True:
        record.state = StepState.RUNNING
        await _act(board, record, scope)
        if evaluate(until.expression, board.scope(record.step, (record.step.id,))) is True:
            return
        if workflow.now() + timedelta(seconds=until.every) > deadline:
            raise NeedsAttention(
                Failure(
                    reason="until_expired",
                    what=f"{record.step.id} did not reach `{until.expression}` within "
                    f"{span(until.within)}. It last said: {record.summary}",
                    next="Retry to wait again, skip the step, or abort.",
                )
            )
        record.state = StepState.SLEEPING
        await board.hold(record, lambda: False, seconds=until.every, summary=f"{record.step.id}: read again")
        record.round += 1
        record.attempt += 1


def _check_verdict(board: Board, record: StepRecord) -> None:
    """`unknown` never passes for success: a person is asked."""
    if board.planning or not (record.step.containment or record.step.restores) or record.verdict in PROVED:
        return
    if record.progress is not None and record.progress.total == 0:
        return
    verdict = record.verdict or Verdict.UNKNOWN
    raise NeedsAttention(
        Failure(
            reason=verdict.value,
            what=f"{record.step.id} is not proved: {record.summary or 'the provider gave no answer that proves it'}",
            changed="The change may have been made.",
            next="Look at the provider, then retry, skip the step with a reason, or abort.",
        )
    )
