"""The life of one step: dependencies → `if` → approval → act → verdict; and what happens when it cannot go on."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import (
    Priority,
    RetryPolicy,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
)
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError

from workflows.board import STATE, Board, NeedsAttention, StepAborted, StepRecord, StepSkipped
from workflows.fanout import fan_out

with workflow.unsafe.imports_passed_through():
    from firedoor.errors import UsageError
    from firedoor.expressions import ExpressionError, evaluate, render
    from firedoor.incident import (
        Call,
        Failure,
        IncidentInput,
        IncidentState,
        IncidentView,
        Report,
        StepState,
        Target,
    )
    from firedoor.inputs import resolve_inputs
    from firedoor.plan import Effect, PlannedStep, Policy, Verdict

HEARTBEAT = timedelta(seconds=5)
URGENT = Priority(priority_key=1)
NORMAL = Priority(priority_key=3)
SEVERITY = SearchAttributeKey.for_keyword("FiredoorSeverity")
MODE = SearchAttributeKey.for_keyword("FiredoorMode")
MINUTE, HOUR = 60, 3600


async def live(board: Board, record: StepRecord) -> None:
    """Run one step to its end, whatever happens to it. Never raises."""
    await asyncio.gather(*(board.steps[name].finished.wait() for name in record.step.needs))
    while not record.finished.is_set():
        try:
            board.check(record)
            await _attempt(board, record)
            _end(record, StepState.DONE)
        except StepSkipped as reason:
            record.summary = str(reason)
            await board.note(
                f"skipped/{record.step.id}", "step.skipped", f"{record.step.id}: {reason}", step=record.step.id
            )
            _end(record, StepState.SKIPPED)
        except StepAborted:
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
    if board.planning and step.kind != "uses":
        record.summary = _planned(step)
        return
    if step.approval:
        await _approved(board, record)
    record.failure = None
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


def _planned(step: PlannedStep) -> str:
    if step.kind == "ask" and step.ask:
        return f"would ask {step.ask.of or 'anybody'}: {step.ask.prompt}"
    if step.kind == "wait":
        return f"would wait {duration(step.wait)}"
    if step.kind == "run" and step.child:
        return f"would run the runbook {step.child.name}"
    return f"would wait for approval by {step.approval}"


async def _approved(board: Board, record: StepRecord) -> None:
    """Wait until enough people of the policy have approved. A denial or an expiry asks for attention."""
    if board.planning:
        return
    step = record.step
    policy = board.input.plan.policies[step.approval]
    record.waits_for = _who(step.approval, policy)
    record.state = StepState.WAITING_APPROVAL
    record.denied = None
    board.refresh()
    in_time = await board.hold(
        record,
        lambda: record.denial() is not None or len(record.approvals) >= policy.count,
        seconds=policy.expires,
        summary=f"{step.id}: approval expires",
    )
    record.waits_for = ""
    decision = record.denial()
    if decision is not None:
        raise NeedsAttention(
            Failure(
                reason="denied",
                what=f"{decision.responder.principal} denied {step.id}: {decision.reason or 'no reason given'}.",
                changed="Nothing was changed.",
                next="Retry to ask again, skip the step, or abort.",
            )
        )
    if not in_time:
        await board.note(
            f"expired/{step.id}/{record.round}", "approval", f"{step.id}: nobody approved in time; denied", step=step.id
        )
        raise NeedsAttention(
            Failure(
                reason="approval_expired",
                what=f"Nobody approved {step.id} within {duration(policy.expires)}: that counts as a denial.",
                changed="Nothing was changed.",
                next="Retry to ask again, skip the step, or abort.",
            )
        )


def _who(name: str, policy: Policy) -> str:
    return f"{policy.count} of {name} ({', '.join(policy.sources)})"


async def _use(board: Board, record: StepRecord, scope: dict[str, Any]) -> None:
    step = record.step
    if step.loop:
        await fan_out(board, record, scope, activity_options(step))
        _check_verdict(board, record)
        return
    if step.until and not board.planning:
        await _until(board, record, scope)
        return
    await _act(board, record, scope)
    _check_verdict(board, record)


async def _act(board: Board, record: StepRecord, scope: dict[str, Any]) -> None:
    """One action on one target."""
    step = record.step
    call = Call(
        incident=board.input.incident,
        plan=board.input.digest,
        step=step.id,
        round=record.round,
        targets=(Target(key="0", arguments=render(step.arguments, scope)),),
        attempts=step.retry.attempts,
        mode=board.input.mode,
        drill=board.input.drill,
    )
    try:
        report: Report = await workflow.execute_activity(
            step.action, call, result_type=Report, summary=step.title or step.id, **activity_options(step)
        )
    except ActivityError as error:
        raise NeedsAttention(failure_of(error)) from error
    outcome = report.outcome
    if outcome is None:
        raise NeedsAttention(Failure(reason="no_outcome", what=f"{step.action} returned no outcome."))
    record.summary = outcome.summary
    record.verdict = outcome.verdict
    record.evidence = outcome.evidence
    record.result = outcome.result
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
                    f"{duration(until.within)}. It last said: {record.summary}",
                    next="Retry to wait again, skip the step, or abort.",
                )
            )
        record.state = StepState.SLEEPING
        await board.hold(record, lambda: False, seconds=until.every, summary=f"{record.step.id}: read again")
        record.round += 1


def _check_verdict(board: Board, record: StepRecord) -> None:
    """`unknown` never passes for success: a person is asked."""
    if board.planning or not record.step.containment or record.verdict is Verdict.CONTAINED:
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


async def _ask(board: Board, record: StepRecord, scope: dict[str, Any]) -> None:
    ask = record.step.ask
    if ask is None:
        return
    policy = board.input.plan.policies.get(ask.of)
    record.summary = str(render(ask.prompt, scope))
    record.waits_for = _who(ask.of, policy) if policy else "anybody"
    record.state = StepState.WAITING_ANSWER
    record.answered = None
    board.refresh()
    await board.hold(record, lambda: record.answer() is not None)
    record.waits_for = ""
    answer = record.answer()
    if answer:
        # A field that nobody filled in is null, so that `steps.NAME.field == null` holds.
        record.result = {**dict.fromkeys(ask.fields), **answer.answers, "by": answer.responder.principal}


async def _wait(board: Board, record: StepRecord, scope: dict[str, Any]) -> None:
    record.state = StepState.SLEEPING
    await board.hold(record, lambda: False, seconds=record.step.wait, summary=record.step.title or record.step.id)
    record.summary = f"waited {duration(record.step.wait)}"


async def _gate(board: Board, record: StepRecord, scope: dict[str, Any]) -> None:
    """An approval alone: the waiting was done before."""
    record.summary = "approved by " + ", ".join(sorted(record.approvals))


async def _run(board: Board, record: StepRecord, scope: dict[str, Any]) -> None:
    """Another runbook as a child: an incident of its own, with its own chain in the timeline."""
    child = record.step.child
    if child is None:
        return
    parent = board.input
    incident = f"{parent.incident}.{record.step.id}"
    try:
        inputs = resolve_inputs(child, render(record.step.arguments, scope))
    except UsageError as error:
        raise NeedsAttention(
            Failure(reason="invalid_arguments", what=error.what, changed=error.changed, next="Skip the step, or abort.")
        ) from error
    start = IncidentInput(
        incident=incident,
        plan=child,
        digest=child.digest(),
        inputs=inputs,
        starter=parent.starter,
        alert=parent.alert,
        mode=parent.mode,
        drill=parent.drill,
    )
    handle = await workflow.start_child_workflow(
        child.name,
        start,
        id=incident,
        result_type=IncidentView,
        static_summary=child.title or child.name,
        search_attributes=attributes(start),
        # An aborted parent asks its children to abort: they end in order, with their own record.
        parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
    )
    try:
        await board.hold(record, handle.done)
        view: IncidentView = await handle
    except (StepAborted, StepSkipped):
        handle.cancel()
        raise
    except ChildWorkflowError as error:
        raise NeedsAttention(Failure(reason="child_failed", what=f"{child.name} failed: {error.cause}")) from error
    record.summary = view.sentence
    record.verdict = view.verdict
    record.result = {"incident": incident}
    if view.verdict not in (None, Verdict.CONTAINED):
        raise NeedsAttention(Failure(reason="child_not_contained", what=f"{child.name}: {view.sentence}"))


_KINDS = {"uses": _use, "ask": _ask, "wait": _wait, "approval": _gate, "run": _run}


async def _attend(board: Board, record: StepRecord, failure: Failure) -> None:
    """The step stands until a person retries or skips it, or aborts the incident. The other branches go on."""
    step = record.step
    if board.planning:
        record.failure = failure
        _end(record, StepState.NEEDS_ATTENTION)
        return
    record.failure = failure
    record.state = StepState.NEEDS_ATTENTION
    board.refresh()
    await board.note(
        f"attention/{step.id}/{record.round}",
        "step.needs_attention",
        f"{step.id}: {failure.what}",
        step=step.id,
        reason=failure.reason,
    )
    await workflow.wait_condition(lambda: record.steering is not None or board.abort is not None)
    if record.steering and record.steering[0] == "retry":
        record.steering = None
        record.round += 1
        record.approvals = {} if failure.reason in ("denied", "approval_expired") else record.approvals
    board.refresh()


def _end(record: StepRecord, state: StepState) -> None:
    record.state = state
    record.ended = workflow.now()
    record.finished.set()


def activity_options(step: PlannedStep) -> dict[str, Any]:
    """Time-outs, retries and priority of a step's activity. Containment overtakes everything else."""
    retry = step.retry
    return {
        "start_to_close_timeout": timedelta(seconds=step.timeout),
        "heartbeat_timeout": HEARTBEAT,
        "retry_policy": RetryPolicy(
            initial_interval=timedelta(seconds=retry.interval),
            backoff_coefficient=retry.backoff,
            maximum_interval=timedelta(seconds=retry.ceiling),
            maximum_attempts=retry.attempts,
        ),
        "priority": URGENT if step.containment else NORMAL,
    }


def attributes(start: IncidentInput) -> TypedSearchAttributes:
    """What lists of incidents show of a child, as the engine sets it for an incident that it starts."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(STATE, IncidentState.RUNNING.value),
            SearchAttributePair(SEVERITY, start.plan.severity),
            SearchAttributePair(MODE, start.mode.value),
        ]
    )


def duration(seconds: int) -> str:
    """Seconds as people write them: `90 s`, `15 min`, `36 h`."""
    if seconds >= HOUR and seconds % HOUR == 0:
        return f"{seconds // HOUR} h"
    if seconds >= MINUTE and seconds % MINUTE == 0:
        return f"{seconds // MINUTE} min"
    return f"{seconds} s"


def failure_of(error: ActivityError) -> Failure:
    """The failure that an activity reported, or what Temporal says of one that never answered."""
    cause = error.cause
    if isinstance(cause, ApplicationError):
        if cause.details:
            return Failure.model_validate(cause.details[0])
        return Failure(reason=cause.type or "failed", what=str(cause))
    return Failure(
        reason="no_answer",
        what=f"{error.activity_type} gave no answer: {cause or error}.",
        changed="The change may have been made.",
        next="Retry: it reads the provider's state before it acts again.",
    )
