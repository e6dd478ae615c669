"""`for_each`: slices of targets, a few activities at a time, each working on many targets at once.

One activity a target would cost 32 history events for ten targets; a slice of 500 costs about as much as one
(docs/adr/0004). The timeline holds every target's intent and outcome. What is approved goes in waves: the canary, those
that were chosen by name, the rest.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, ApplicationError

from workflows.approval import NAMED, About, agree, compare, expected
from workflows.board import Board
from workflows.options import activity_options
from workflows.record import Agreement, Lost, NeedsAttention, StepRecord, Targets

with workflow.unsafe.imports_passed_through():
    from firedoor.expressions import evaluate, render
    from firedoor.incident import Call, FailedTarget, Failure, Mode, Preview, Progress, Report, StepState
    from firedoor.plan import BULK, Loop, OnError, Verdict

SLICE = 500
SLICES_IN_FLIGHT = 4
#: Below this many lanes a second activity in flight gains nothing.
LANES_PER_SLICE = 25
NAMED_FAILURES = 5
PREVIEWS = 50
#: More targets than this are mass work: they wait in a queue of their own, so that a containment never does.
MASS = 100
MASS_PRIORITY = Priority(priority_key=5)


@dataclass
class _Fan:
    """One pass over targets: what the slices share."""

    board: Board
    record: StepRecord
    loop: Loop
    targets: Targets
    mode: Mode
    lanes: int
    waiting: deque[Lost]
    #: Digests of what was approved, by the target's key.
    approved: dict[str, str] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    stopped: bool = False


async def fan_out(board: Board, record: StepRecord, scope: dict[str, Any]) -> None:
    """Work on every target that is still open; then on_error decides. Raises `NeedsAttention`."""
    loop = record.step.loop
    if loop is None:
        return
    targets = record.targets = _targets(record, loop, scope)
    if record.open_targets is None:
        record.open_targets = list(range(len(targets.items)))
        record.progress = Progress(total=len(targets.items))
    if not targets.items:
        record.summary = "There was nothing to act on: the list of targets is empty."
        record.result = {"total": 0, "succeeded": 0, "failed": [], "results": []}
        return
    only = set(record.open_targets if record.only is None else record.only)
    todo = [key for key in record.open_targets if key in only]
    record.worked = set()
    reports: list[Report] = []
    failed: list[FailedTarget] = []
    if (record.step.approval or expected(board, record) is not None) and not board.planning and board.in_control:
        failed += await _in_waves(board, record, todo, reports)
    else:
        fan = _fan(board, record, todo, board.input.mode)
        await _pass(fan)
        reports += fan.reports
    _conclude(board, record, reports, failed)


def _targets(record: StepRecord, loop: Loop, scope: dict[str, Any]) -> Targets:
    items = evaluate(loop.items, scope)
    if not isinstance(items, list):
        raise NeedsAttention(Failure(reason="not_a_list", what=f"`{loop.items}` is not a list of targets."))
    if loop.spread:
        return Targets(items, dict)
    template = record.step.arguments
    return Targets(items, lambda item: {**render(template, {**scope, loop.name: item}), **record.overrides})


async def _in_waves(board: Board, record: StepRecord, todo: list[int], reports: list[Report]) -> list[FailedTarget]:
    """Show, have it approved, act: for the canary first, for those that were chosen by name, for the rest.

    Returns the targets that could not even say what would change.
    """
    targets, loop = record.targets, record.step.loop
    if targets is None or loop is None:
        return []
    total, unseen = len(todo), dict[str, FailedTarget]()
    if expected(board, record) is not None:
        compare(board, record, (await _shown(board, record, todo))[0])
    while todo:
        canary = loop.canary if loop.canary and not record.canary_done and loop.canary < len(todo) else 0
        wave = todo[:canary] if canary else todo
        shown, failed = await _shown(board, record, wave)
        unseen |= {target.key: target for target in failed}
        wave = [key for key in wave if str(key) in shown.digests]
        if wave:
            names = {str(key): targets.target(key).name for key in wave[:NAMED]}
            names |= {str(key): "" for key in wave[NAMED:]}
            about = About(names, _part(canary, len(wave), total), total, _caution(board, loop))
            await agree(board, record, shown, about)
            chosen = targets.named(shown.only, wave)[0] if shown.only else wave
            fan = _fan(board, record, chosen, Mode.RUN, shown.digests)
            record.state = StepState.RUNNING
            await _pass(fan)
            again = _void(record, fan)
            reports += fan.reports
            acted = set(chosen) - again
            todo = [key for key in todo if key not in acted and str(key) not in unseen]
            record.canary_done = record.canary_done or bool(canary)
            if canary and any(report.failed for report in fan.reports):
                break  # What the canary shows is a person's to judge before the rest is asked for.
        else:
            todo = [key for key in todo if str(key) not in unseen]
    return list(unseen.values())


def _caution(board: Board, loop: Loop) -> str:
    """Of what a campaign has left, what nobody has seen: whoever has it disabled is to know."""
    from_campaigns = (
        record.standing for name, record in board.steps.items() if f"steps.{name}.remaining" in loop.items
    )
    return " ".join(standing.blind() for standing in from_campaigns if standing and standing.unseen)


def _part(canary: int, wave: int, total: int) -> str:
    if canary:
        return f"the canary: {wave} of {total} targets; the rest is asked for afterwards"
    return "" if wave == total else f"the other {wave} of {total} targets"


def _void(record: StepRecord, fan: _Fan) -> set[int]:
    """The targets whose approval no longer fits: they are asked again, so they are neither done nor failed."""
    void = [target for report in fan.reports for target in report.failed if target.failure.reason == "approval_void"]
    if not void:
        return set()
    fan.reports = [
        report.model_copy(
            update={"failed": tuple(one for one in report.failed if one.failure.reason != "approval_void")}
        )
        for report in fan.reports
    ]
    if record.progress:
        record.progress = record.progress.model_copy(update={"failed": record.progress.failed - len(void)})
    more = f"; and {len(void) - NAMED_FAILURES} more" if len(void) > NAMED_FAILURES else ""
    record.worked -= {int(target.key) for target in void}
    record.changed = "; ".join(target.failure.what for target in void[:NAMED_FAILURES]) + more
    return {int(target.key) for target in void}


async def _shown(board: Board, record: StepRecord, keys: list[int]) -> tuple[Agreement, list[FailedTarget]]:
    """What the change of these targets would be now; and those that cannot tell."""
    progress = record.progress
    record.state = StepState.RUNNING
    fan = _fan(board, record, keys, Mode.PLAN)
    await _pass(fan)
    record.progress = progress
    board.check(record)
    failed = [target for report in fan.reports for target in report.failed]
    return Agreement(digests=_digests(fan.reports), previews=_previews(fan.reports), blast=_blast(fan.reports)), failed


def _fan(board: Board, record: StepRecord, keys: list[int], mode: Mode, approved: dict[str, str] | None = None) -> _Fan:
    """A pass over `keys`. All activities in flight together keep to the step's concurrency."""
    loop, targets = record.step.loop, record.targets
    if loop is None or targets is None:
        raise NeedsAttention(Failure(reason="not_a_list", what=f"{record.step.id} has no targets."))
    in_flight = max(1, min(SLICES_IN_FLIGHT, loop.concurrency // LANES_PER_SLICE))
    wanted = set(keys)
    # What may have recorded outcomes is asked under its old name, so that they are found and adopted.
    lost = [Lost(one.round, one.number, tuple(key for key in one.keys if key in wanted)) for one in record.lost]
    lost = [one for one in lost if one.keys] if mode is board.input.mode else []
    record.lost = [one for one in record.lost if not wanted.intersection(one.keys)] if lost else record.lost
    old = {key for one in lost for key in one.keys}
    fresh = [key for key in keys if key not in old]
    size = max(1, min(SLICE, -(-len(fresh) // in_flight)))
    waiting = deque(lost)
    for start in range(0, len(fresh), size):
        record.slices += 1
        waiting.append(Lost(record.round, record.slices, tuple(fresh[start : start + size])))
    return _Fan(board, record, loop, targets, mode, max(1, loop.concurrency // in_flight), waiting, approved or {})


async def _pass(fan: _Fan) -> None:
    """Work until nothing waits. A pause stops it in the middle of a slice, and what was not begun waits."""
    board, record = fan.board, fan.record
    while fan.waiting and not fan.stopped and not board.ending(record):
        await board.unpaused(record)
        record.state = StepState.RUNNING
        workers = min(len(fan.waiting), max(1, min(SLICES_IN_FLIGHT, fan.loop.concurrency // LANES_PER_SLICE)))
        await asyncio.gather(*(_work(fan) for _ in range(workers)))


async def _work(fan: _Fan) -> None:
    board, record = fan.board, fan.record
    while fan.waiting and not fan.stopped and board.paused is None and not board.ending(record):
        part = fan.waiting.popleft()
        report = await _slice(fan, part)
        if report is None:
            fan.waiting.append(part)
            continue
        if fan.mode is board.input.mode:
            record.worked.update(set(part.keys) - set(map(int, report.not_started)))
        if report.failed and fan.loop.on_error is OnError.STOP:
            fan.stopped = True
        elif report.not_started:
            # Begun by nobody: the worker was ending, or a person has paused the incident.
            record.slices += 1
            fan.waiting.append(Lost(record.round, record.slices, tuple(int(key) for key in report.not_started)))
            report = report.model_copy(update={"not_started": ()})
        fan.reports.append(report)
        _advance(fan, report)


async def _slice(fan: _Fan, part: Lost) -> Report | None:
    """One activity. None if a pause or an abort kept it from answering: then it is asked again as it is."""
    board, record, step = fan.board, fan.record, fan.record.step
    call = Call(
        incident=board.input.incident,
        plan=board.input.digest,
        step=step.id,
        round=part.round,
        slice=str(part.number),
        targets=tuple(fan.targets.target(key, fan.approved.get(str(key), "")) for key in part.keys),
        lanes=min(fan.lanes, len(part.keys)),
        attempts=step.retry.attempts,
        on_error=fan.loop.on_error,
        collect=fan.loop.collect,
        mode=fan.mode,
        drill=board.input.drill,
        restores=step.restores,
    )
    handle = workflow.start_activity(
        step.action, call, result_type=Report, **_options(fan, call), summary=_summary(fan, call)
    )
    board.slices.append(handle)
    try:
        report: Report = await handle
    except ActivityError as error:
        if handle in board.halted:
            return None
        if fan.mode is board.input.mode:
            record.lost.append(part)
        return _all_failed(call, error)
    finally:
        board.slices.remove(handle)
        if handle in board.halted:
            board.halted.remove(handle)
    return report


def _options(fan: _Fan, call: Call) -> dict[str, Any]:
    step = fan.record.step
    turns = -(-len(call.targets) // call.lanes)
    options: dict[str, Any] = {
        **activity_options(step),
        "start_to_close_timeout": timedelta(seconds=step.timeout * turns),
        "cancellation_type": workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    }
    if len(fan.targets.items) > MASS and fan.board.in_control:
        options["task_queue"] = workflow.info().task_queue + BULK
        options["priority"] = MASS_PRIORITY
    return options


def _summary(fan: _Fan, call: Call) -> str:
    step = fan.record.step
    looking = ": what it would change" if fan.mode is Mode.PLAN and not fan.board.planning else ""
    return f"{step.title or step.id}{looking}: {len(call.targets)} of {len(fan.targets.items)} targets"


def _all_failed(call: Call, error: ActivityError) -> Report:
    cause = error.cause
    reason = cause.type if isinstance(cause, ApplicationError) and cause.type else "no_answer"
    failure = Failure(
        reason=reason,
        what=f"The slice gave no answer: {cause or error}",
        changed="Some changes may have been made; the timeline shows which.",
    )
    failed = tuple(FailedTarget(key=target.key, name=target.name, failure=failure) for target in call.targets)
    return Report(failed=failed)


def _advance(fan: _Fan, report: Report) -> None:
    progress = fan.record.progress
    if progress:
        fan.record.progress = Progress(
            total=progress.total, done=progress.done + report.done, failed=progress.failed + len(report.failed)
        )


def _conclude(board: Board, record: StepRecord, reports: list[Report], unseen: list[FailedTarget]) -> None:
    """Sum up the round in the record. Raises `NeedsAttention` where failures are a person's to decide."""
    loop, targets = record.step.loop, record.targets
    if loop is None or targets is None or record.open_targets is None:
        return
    total = len(targets.items)
    failed = [*unseen, *(target for report in reports for target in report.failed)]
    tried = record.worked | {int(target.key) for target in unseen}
    failed += [target for target in record.failed if int(target.key) not in tried]
    failed.sort(key=lambda target: int(target.key))
    done = record.worked - {int(target.key) for target in failed}
    record.open_targets = [key for key in record.open_targets if key not in done]
    record.failed = tuple(failed)
    count = total - len(record.open_targets)
    record.progress = Progress(total=total, done=count, failed=len(failed))
    record.result = {
        "total": total,
        "succeeded": count,
        "failed": [{"key": target.key, "name": target.name, "reason": target.failure.reason} for target in failed],
        "results": [*record.result.get("results", []), *(one for report in reports for one in report.results)],
    }
    least = "at least " if record.lost else ""
    record.summary = f"{least}{count} of {total} targets done" + (f", {len(failed)} failed" if failed else "")
    record.changed_something = record.changed_something or count > 0 or bool(record.lost)
    if (record.step.containment or record.step.restores) and not board.planning:
        record.verdict = _verdict(record, failed)
    if board.planning:
        record.previews, record.blast, record.digests = _previews(reports), _blast(reports), _digests(reports)
    board.check(record)
    if record.open_targets and loop.on_error is not OnError.CONTINUE and not board.planning:
        raise NeedsAttention(_failure(record, len(record.open_targets) - len(failed), count, total))


def _previews(reports: list[Report]) -> tuple[Preview, ...]:
    in_order = sorted(reports, key=lambda report: min(map(int, report.digests), default=0))
    return tuple(preview for report in in_order for preview in report.previews)[:PREVIEWS]


def _digests(reports: list[Report]) -> dict[str, str]:
    return {key: digest for report in reports for key, digest in report.digests.items()}


def _blast(reports: list[Report]) -> dict[str, int]:
    blast: dict[str, int] = {}
    for report in reports:
        for kind, count in report.blast.items():
            blast[kind] = blast.get(kind, 0) + count
    return blast


def _verdict(record: StepRecord, failed: list[FailedTarget]) -> Verdict:
    """Contained (restored) only if every target is; one that failed has no proof."""
    reasons = {target.failure.reason for target in failed}
    if record.step.restores:
        if "changed_since" in reasons:
            return Verdict.NOT_RESTORED
        return Verdict.UNKNOWN if record.open_targets else Verdict.RESTORED
    if Verdict.NOT_CONTAINED.value in reasons:
        return Verdict.NOT_CONTAINED
    return Verdict.UNKNOWN if record.open_targets else Verdict.CONTAINED


def _failure(record: StepRecord, left: int, done: int, total: int) -> Failure:
    failed = record.failed
    reasons = _alike(failed)
    named = "; ".join(_said(alike) for alike in reasons[:NAMED_FAILURES])
    rest = sum(len(alike) for alike in reasons[NAMED_FAILURES:])
    more = f"; and {rest} more" if rest else ""
    untouched = f" {left} were not started." if left else ""
    changed = f"{done} of {total} targets are done and will not be done again."
    if record.lost:
        changed = f"At least {changed} Of slices that gave no answer the timeline shows which targets are done."
    return Failure(
        reason="targets_failed",
        what=f"{len(failed)} of {total} targets failed: {named}{more}.{untouched}",
        changed=changed,
        next="Retry (only the targets that are not done), skip the step, or abort.",
    )


def _alike(failed: Sequence[FailedTarget]) -> list[list[FailedTarget]]:
    """Those that failed for the same reason together, the most frequent first: sentences differ in the name only."""
    reasons: dict[str, list[FailedTarget]] = {}
    for target in failed:
        reasons.setdefault(target.failure.what.replace(target.name, ""), []).append(target)
    return sorted(reasons.values(), key=lambda alike: -len(alike))


def _said(alike: Sequence[FailedTarget]) -> str:
    """`s0, s1: it is gone`, as the first of them says it."""
    names = ", ".join(target.name for target in alike[:NAMED_FAILURES])
    more = f" and {len(alike) - NAMED_FAILURES} more" if len(alike) > NAMED_FAILURES else ""
    return f"{names}{more}: {alike[0].failure.what.rstrip('.')}"
