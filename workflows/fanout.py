"""`for_each`: slices of targets, a few activities at a time, each working on many targets at once.

One activity a target would cost 32 history events for ten targets; a slice of 500 costs about as much as one
(docs/adr/0004). The timeline holds every target's intent and outcome.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from workflows.board import Board, NeedsAttention, StepRecord

with workflow.unsafe.imports_passed_through():
    from firedoor.expressions import evaluate, render
    from firedoor.incident import Call, FailedTarget, Failure, Progress, Report, Target
    from firedoor.plan import Loop, OnError, Verdict

SLICE = 500
SLICES_IN_FLIGHT = 4
#: Below this many lanes a second activity in flight gains nothing.
LANES_PER_SLICE = 25
NAMED_FAILURES = 5


@dataclass
class _Fan:
    """One round over the open targets: what the slices share."""

    board: Board
    record: StepRecord
    loop: Loop
    items: list[Any]
    scope: dict[str, Any]
    options: dict[str, Any]
    slices: list[list[int]]
    lanes: int
    reports: list[Report]
    next_slice: int = 0
    stopped: bool = False


async def fan_out(board: Board, record: StepRecord, scope: dict[str, Any], options: dict[str, Any]) -> None:
    """Work on every target that is still open; then on_error decides. Raises `NeedsAttention`."""
    loop = record.step.loop
    if loop is None:
        return
    items = evaluate(loop.items, scope)
    if not isinstance(items, list):
        raise NeedsAttention(Failure(reason="not_a_list", what=f"`{loop.items}` is not a list of targets."))
    if record.open_targets is None:
        record.open_targets = list(range(len(items)))
        record.progress = Progress(total=len(items))
    if not items:
        record.summary = "There was nothing to act on: the list of targets is empty."
        record.result = {"total": 0, "succeeded": 0, "failed": [], "results": []}
        return
    lanes, slices = _divide(record.open_targets, loop.concurrency)
    fan = _Fan(board, record, loop, items, scope, options, slices, lanes, [])
    workers = min(len(fan.slices), max(1, min(SLICES_IN_FLIGHT, loop.concurrency // LANES_PER_SLICE)))
    await asyncio.gather(*(_work(fan) for _ in range(workers)))
    _conclude(fan)


def _divide(targets: list[int], concurrency: int) -> tuple[int, list[list[int]]]:
    """Lanes of each activity, and the slices. All activities in flight together keep to `concurrency`."""
    in_flight = max(1, min(SLICES_IN_FLIGHT, concurrency // LANES_PER_SLICE))
    size = max(1, min(SLICE, -(-len(targets) // in_flight)))
    slices = [targets[start : start + size] for start in range(0, len(targets), size)]
    return max(1, concurrency // in_flight), slices


async def _work(fan: _Fan) -> None:
    while fan.next_slice < len(fan.slices) and not fan.stopped and fan.board.abort is None:
        number = fan.next_slice
        fan.next_slice += 1
        report = await _slice(fan, number)
        fan.reports.append(report)
        if report.failed and fan.loop.on_error is OnError.STOP:
            fan.stopped = True
        _advance(fan, report)


async def _slice(fan: _Fan, number: int) -> Report:
    step, loop, record = fan.record.step, fan.loop, fan.record
    keys = fan.slices[number]
    targets = tuple(
        Target(key=str(key), arguments=render(step.arguments, {**fan.scope, loop.name: fan.items[key]})) for key in keys
    )
    call = Call(
        incident=fan.board.input.incident,
        plan=fan.board.input.digest,
        step=step.id,
        round=record.round,
        slice=str(number + 1),
        targets=targets,
        lanes=min(fan.lanes, len(keys)),
        attempts=step.retry.attempts,
        on_error=loop.on_error,
        collect=loop.collect,
        mode=fan.board.input.mode,
        drill=fan.board.input.drill,
    )
    turns = -(-len(keys) // call.lanes)
    options: dict[str, Any] = {**fan.options, "start_to_close_timeout": timedelta(seconds=step.timeout * turns)}
    summary = f"{step.title or step.id}: {len(keys)} of {len(fan.items)} targets"
    try:
        report: Report = await workflow.execute_activity(
            step.action, call, result_type=Report, summary=summary, **options
        )
    except ActivityError as error:
        return _all_failed(call, error)
    return report


def _all_failed(call: Call, error: ActivityError) -> Report:
    cause = error.cause
    reason = cause.type if isinstance(cause, ApplicationError) and cause.type else "no_answer"
    failure = Failure(
        reason=reason,
        what=f"The slice gave no answer: {cause or error}",
        changed="Some changes may have been made; the timeline shows which.",
    )
    failed = tuple(FailedTarget(key=target.key, name=target.key, failure=failure) for target in call.targets)
    return Report(failed=failed)


def _advance(fan: _Fan, report: Report) -> None:
    progress = fan.record.progress
    if progress:
        fan.record.progress = Progress(
            total=progress.total, done=progress.done + report.done, failed=progress.failed + len(report.failed)
        )


def _conclude(fan: _Fan) -> None:
    """Sum up the round in the record. Raises `NeedsAttention` where failures are a person's to decide."""
    record, total = fan.record, len(fan.items)
    failed = sorted((target for report in fan.reports for target in report.failed), key=lambda target: int(target.key))
    not_started = [key for keys in fan.slices[fan.next_slice :] for key in keys]
    not_started += [int(key) for report in fan.reports for key in report.not_started]
    record.open_targets = sorted([*(int(target.key) for target in failed), *not_started])
    done = total - len(record.open_targets)
    record.progress = Progress(total=total, done=done, failed=len(failed))
    record.result = {
        "total": total,
        "succeeded": done,
        "failed": [{"key": target.key, "name": target.name, "reason": target.failure.reason} for target in failed],
        "results": [*record.result.get("results", []), *(one for report in fan.reports for one in report.results)],
    }
    record.summary = f"{done} of {total} targets done" + (f", {len(failed)} failed" if failed else "")
    if record.step.containment:
        record.verdict = _verdict(failed, record.open_targets)
    _add_previews(fan)
    fan.board.check(record)
    if record.open_targets and fan.loop.on_error is not OnError.CONTINUE and not fan.board.planning:
        raise NeedsAttention(_failure(failed, len(not_started), done, total))


def _add_previews(fan: _Fan) -> None:
    record = fan.record
    record.previews = tuple(preview for report in fan.reports for preview in report.previews)
    for report in fan.reports:
        for kind, count in report.blast.items():
            record.blast[kind] = record.blast.get(kind, 0) + count


def _verdict(failed: list[FailedTarget], open_targets: list[int]) -> Verdict:
    """Contained only if every target is; one that failed has no proof."""
    if any(target.failure.reason == Verdict.NOT_CONTAINED.value for target in failed):
        return Verdict.NOT_CONTAINED
    return Verdict.UNKNOWN if open_targets else Verdict.CONTAINED


def _failure(failed: list[FailedTarget], not_started: int, done: int, total: int) -> Failure:
    named = "; ".join(f"{target.name}: {target.failure.what}" for target in failed[:NAMED_FAILURES])
    more = f"; and {len(failed) - NAMED_FAILURES} more" if len(failed) > NAMED_FAILURES else ""
    left = f" {not_started} were not started." if not_started else ""
    return Failure(
        reason="targets_failed",
        what=f"{len(failed)} of {total} targets failed: {named}{more}.{left}",
        changed=f"{done} of {total} targets are done and will not be done again.",
        next="Retry (only the targets that are not done), skip the step, or abort.",
    )
