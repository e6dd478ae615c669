"""What people do to a running incident: each decision is recorded first, then takes effect."""

import asyncio
from datetime import timedelta

from temporalio import workflow

from workflows.board import Board
from workflows.children import SIGNAL
from workflows.record import Agreement, StepRecord, rfc3339
from workflows.rules import not_run_without, policy_of
from workflows.step import live_again

with workflow.unsafe.imports_passed_through():
    from firedoor.clock import OPEN
    from firedoor.incident import Decision, StepState, Verb

PAST: dict[Verb, str] = {
    "approve": "approved",
    "deny": "denied",
    "answer": "answered",
    "retry": "retried",
    "skip": "skipped",
    "abort": "aborted",
    "note": "noted",
    "alert": "attached",
    "pause": "paused the incident",
    "resume": "resumed the incident",
    "extend": "extended",
    "invite": "invited",
    "handover": "handed command to",
}


async def decided(board: Board, kind: str, verb: Verb, decision: Decision, **more: object) -> None:
    """Record what a person decided, before it takes effect."""
    await workflow.wait_condition(lambda: board.opened)
    board.clocks.noticed(decision.responder)
    board.notes += 1
    about = f" {decision.step or decision.person}".rstrip()
    reason = f": {decision.reason}" if decision.reason else ""
    extra = {
        name: value
        for name in ("digest", "targets", "failed", "arguments", "undo", "seconds", "person")
        if (value := getattr(decision, name))
    }
    await board.note(
        f"{verb}/{decision.step}/{board.notes}",
        kind,
        f"{decision.responder.principal} {PAST[verb]}{about}{reason}",
        actor=decision.responder,
        step=decision.step,
        attachments=decision.attachments,
        verb=verb,
        reason=decision.reason,
        answers=decision.answers,
        **extra,
        **more,
    )


async def approve(board: Board, decision: Decision) -> str:
    """Count one more approval; or go ahead alone, with glass broken."""
    record = board.steps[decision.step]
    agreement = record.agreement if record.request else None
    if agreement is None:
        return await _approve_as_before(board, record, decision)
    if decision.break_glass:
        return await _break_glass(board, record, agreement, decision)
    if not agreement.given:
        agreement.only = tuple(sorted(decision.targets))
    agreement.coming.add(decision.responder.principal)
    await decided(board, "approval", "approve", decision)
    if not agreement.open:
        return f"{decision.step} was decided before this approval was recorded; it had no effect."
    agreement.given[decision.responder.principal] = decision.responder
    needed = record.request.needed if record.request else 1
    return _approved(decision.step, max(0, needed - len(agreement.given)), len(agreement.only))


def _approved(step: str, missing: int, chosen: int) -> str:
    which = f" for {chosen} targets" if chosen else ""
    return f"{step} is approved{which}" + (f"; {missing} more needed." if missing else ".")


async def _approve_as_before(board: Board, record: StepRecord, decision: Decision) -> str:
    await decided(board, "approval", "approve", decision)
    record.approvals[decision.responder.principal] = decision.responder
    needed = board.input.plan.policies[record.step.approval].count
    return _approved(decision.step, max(0, needed - len(record.approvals)), 0)


async def _break_glass(board: Board, record: StepRecord, agreement: Agreement, decision: Decision) -> str:
    name, policy = policy_of(board, record)
    who = decision.responder.principal
    say = f"{who} broke the glass of {name} for {decision.step}, alone: {decision.reason}"
    await decided(board, "approval.break_glass", "approve", decision, policy=name, review=True)
    if not agreement.open:
        return f"{decision.step} was decided before this was recorded; the glass was broken for nothing."
    agreement.broken = decision
    board.review.append(say)
    board.tell(policy.sources, say, step=decision.step, urgent=True)
    return f"{decision.step} goes ahead on your word alone. Everyone in {name} is told, and the timeline marks it."


async def deny(board: Board, decision: Decision) -> str:
    """The step does not run; a person must decide what then."""
    record = board.steps[decision.step]
    agreement = record.agreement if record.request else None
    await decided(board, "approval", "deny", decision)
    if agreement is not None:
        if not agreement.open:
            return f"{decision.step} was decided before this denial was recorded; it had no effect."
        agreement.denied = decision
    else:
        record.denied = decision
    return f"{decision.step} is denied. It needs attention now: retry to ask again, skip it, or abort."


async def answer(board: Board, decision: Decision) -> str:
    """Give the form's values."""
    record = board.steps[decision.step]
    await _claimed(board, record, "answer", decision)
    record.answered = decision
    return f"{decision.step} is answered."


async def _claimed(board: Board, record: StepRecord, verb: Verb, decision: Decision) -> None:
    """Record it; meanwhile nobody else decides about the same step."""
    record.claimed = decision
    try:
        await decided(board, "decision", verb, decision)
    finally:
        record.claimed = None


async def retry(board: Board, decision: Decision) -> str:
    """Run the step again; of a for_each only the targets that are not done."""
    record = board.steps[decision.step]
    await _claimed(board, record, "retry", decision)
    record.only = _chosen(record, decision)
    which = f" for {len(record.only)} targets" if record.only is not None else ""
    if record.state is StepState.DONE:
        record.round += 1
        record.attempt += 1
        record.state = StepState.RUNNING
        board.lives.append(asyncio.create_task(live_again(board, record)))
    else:
        record.steering = ("retry", decision)
    return f"{decision.step} runs again{which}."


def _chosen(record: StepRecord, decision: Decision) -> tuple[int, ...] | None:
    if decision.targets and record.targets is not None:
        return tuple(record.targets.named(decision.targets, record.open_targets or [])[0])
    if decision.failed:
        return tuple(int(target.key) for target in record.failed)
    return None


async def skip(board: Board, decision: Decision) -> str:
    """The step does not run; what reads its result does not run either."""
    record = board.steps[decision.step]
    dependents = not_run_without(board, decision.step)
    await _claimed(board, record, "skip", decision)
    record.steering = ("skip", decision)
    also = f" These need its result and will not run: {', '.join(dependents)}." if dependents else ""
    return f"{decision.step} is skipped.{also}"


async def abort(board: Board, decision: Decision) -> str:
    """No new action starts; what runs finishes. A second abort ends the closing steps as well."""
    await decided(board, "decision", "abort", decision)
    if board.abort is not None:
        board.abort_all = decision
        return "The closing steps are aborted as well."
    board.abort = decision
    board.paused = None
    if board.in_control:
        board.halt()
    closing = [record.step.id for record in board.unfinished() if record.step.always]
    run = f" These steps run at the end all the same: {', '.join(closing)}." if closing else ""
    undo = (
        " Then what was changed is taken back, step by step, with the approvals that it takes."
        if decision.undo
        else (" Nothing is undone.")
    )
    owed = [name for name, one in board.clocks.standings.items() if one.state in OPEN and not board.input.drill]
    clocks = f" Its clocks go on, until they are met or waived: {', '.join(owed)}." if owed else ""
    return f"The incident is aborted: no new action starts, what is running finishes.{run}{undo}{clocks}"


async def pause(board: Board, decision: Decision) -> str:
    """No new action starts; what runs finishes."""
    await decided(board, "decision", "pause", decision)
    if board.paused is None and board.abort is None:
        board.paused = decision
        board.halt()
        await _pass_on(board, "pause", decision)
        board.refresh()
    return "The incident is paused: no new action starts, what is running finishes. Timers and approvals go on."


async def resume(board: Board, decision: Decision) -> str:
    """Go on."""
    await decided(board, "decision", "resume", decision)
    board.paused = None
    await _pass_on(board, "resume", decision)
    board.refresh()
    return "The incident goes on."


async def _pass_on(board: Board, verb: Verb, decision: Decision) -> None:
    for handle in list(board.children.values()):
        await handle.signal(SIGNAL, args=[verb, decision])


async def extend(board: Board, decision: Decision) -> str:
    """Move the end of a wait."""
    record = board.steps[decision.step]
    await _claimed(board, record, "extend", decision)
    if record.until is None:
        return f"{decision.step} had ended before this was recorded; it had no effect."
    record.until += timedelta(seconds=decision.seconds)
    return f"{record.step.title or decision.step}: waits until {rfc3339(record.until)} now."


async def invite(board: Board, decision: Decision) -> str:
    """One more responder, who is told."""
    await decided(board, "decision", "invite", decision)
    if decision.person not in board.responders:
        board.responders.append(decision.person)
    incident = board.input.incident
    say = f"{decision.responder.principal} asks you to help with {incident}"
    board.tell((decision.person,), say, command=f"firedoor show {incident}")
    return f"{decision.person} is a responder of this incident now, and is told."


async def handover(board: Board, decision: Decision) -> str:
    """Somebody else is in command, and is told."""
    await decided(board, "decision", "handover", decision)
    before, board.commander = board.commander, decision.person
    if decision.person not in board.responders:
        board.responders.append(decision.person)
    incident = board.input.incident
    say = f"{decision.responder.principal} handed you the command of {incident}"
    board.tell((decision.person,), say, command=f"firedoor show {incident}")
    return f"{decision.person} is in command now; before it was {before}."
