"""`campaign`: prepare it, show it, have it approved, open it, and wait for the child workflow that sends and follows.

People approve what is sent to whom, by its digest. Between their word and the first message it is prepared once more:
where that gives anything else, they are asked again.
"""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError, WorkflowAlreadyStartedError

from workflows.action import void
from workflows.approval import About, agree, compare, difference
from workflows.board import Board
from workflows.campaign import ENGINE, STEER, CampaignWorkflow
from workflows.children import SIGNAL
from workflows.options import campaign_options, failure_of, retry_policy, steering_options
from workflows.record import Agreement, NeedsAttention, StepAborted, StepRecord, StepSkipped

with workflow.unsafe.imports_passed_through():
    from firedoor.campaign import CampaignInput, Flow, Preparation, PrepareCall, Remaining, Standing, Steer, Work
    from firedoor.expressions import render
    from firedoor.incident import Failure, Preview, StepState
    from firedoor.plan import Campaign, Effect, Retry
    from firedoor.words import full_stop, plural

PREPARE, OPEN, REMAINING = "campaign.prepare", "campaign.open", "campaign.remaining"
ONLY = "0"
#: After a stop the store lets nothing more leave; so long the child is given to say how far it was.
LAST_WORD = timedelta(minutes=1)
HALTED = "campaign_halted"
#: Then a person is asked: nothing has been sent that could be lost.
A_FEW = retry_policy(Retry())


async def announce(board: Board, record: StepRecord, scope: dict[str, Any]) -> None:
    """Run the campaign of a step to its end."""
    call = _call(board, record, scope)
    if board.planning:
        _show(record, call, await _prepared(call))
        return
    # One that was opened before and failed goes on: who was written to is not asked about again.
    start = record.campaign or await _start(board, record, call)
    if start.customers:
        standing = await _followed(board, record, start)
    else:
        standing = Standing(campaign=start.campaign, flow=Flow.ENDED)
        await withdraw(board, record)
    await _conclude(board, record, start, standing)


async def withdraw(board: Board, record: StepRecord) -> None:
    """The step ends and nobody has approved its campaign: the store forgets what was prepared. Raises nothing."""
    if record.step.kind != "campaign" or record.campaign or not record.previews or board.planning:
        return
    await _steer(f"{board.input.incident}.{record.step.id}", Flow.STOPPED, ENGINE, "it was never approved")


async def _start(board: Board, record: StepRecord, call: PrepareCall) -> CampaignInput:
    preparation = await _agreed(board, record, call)
    return CampaignInput(
        campaign=call.campaign,
        incident=call.incident,
        step=call.step,
        spec=call.spec,
        digest=preparation.digest,
        customers=preparation.customers,
        approved=_approvers(record),
        drill=call.drill,
    )


def _call(board: Board, record: StepRecord, scope: dict[str, Any]) -> PrepareCall:
    step, incident = record.step, board.input
    spec = step.campaign or Campaign(notice="")
    corrects = str(render(spec.corrects, scope))
    record.arguments = render(step.arguments, scope)
    return PrepareCall(
        campaign=f"{incident.incident}.{step.id}",
        incident=incident.incident,
        step=step.id,
        spec=spec.model_copy(update={"corrects": corrects, "to": ()}),
        to=render(spec.to, scope),
        values=record.arguments,
        drill=incident.drill,
        store=not board.planning,
    )


async def _agreed(board: Board, record: StepRecord, call: PrepareCall) -> Preparation:
    """What people have approved, and what still is the same; open from here on. Raises `NeedsAttention`."""
    before: tuple[Preview, ...] = record.previews
    while True:
        record.state = StepState.RUNNING
        preparation = await _prepared(call)
        shown = _show(record, call, preparation)
        if not preparation.customers:
            return preparation  # Nobody has to agree to nothing.
        if record.changed:
            record.changed = difference(before, shown.previews) or record.changed
        compare(board, record, shown)
        await agree(board, record, shown, About({ONLY: call.campaign}))
        await board.unpaused(record)
        record.state = StepState.RUNNING
        again = await _prepared(call) if record.step.approval else preparation
        if again.digest == preparation.digest:
            return preparation
        before = shown.previews
        what = "What would be sent, or to whom, is no longer what was approved."
        await void(board, record, Failure(reason="approval_void", what=what))


async def _prepared(call: PrepareCall) -> Preparation:
    """Everything rendered and every way chosen. Raises `NeedsAttention` with what keeps it from being sent."""
    try:
        preparation: Preparation = await workflow.execute_activity(
            PREPARE, call, result_type=Preparation, **campaign_options(PREPARE, A_FEW)
        )
    except ActivityError as error:
        raise NeedsAttention(failure_of(error)) from error
    if not preparation.problems:
        return preparation
    raise NeedsAttention(
        Failure(
            reason="campaign_problems",
            what="\n".join(preparation.problems),
            changed="Nothing was sent.",
            next="Correct it, then retry; or skip the step.",
        )
    )


def _show(record: StepRecord, call: PrepareCall, preparation: Preparation) -> Agreement:
    """What people are shown: to how many, by which ways, and every word that they would get."""
    version = f" (version {call.spec.version})" if call.spec.version > 1 else ""
    ways = ", ".join(f"{name} {count:,}" for name, count in preparation.channels.items() if count)
    tells = f"tell {plural(preparation.customers, 'customers')}: {call.spec.notice}{version}"
    letters = {f"letter to {one.to}": f"{one.subject}\n\n{one.text}" for one in preparation.samples}
    counted = {f"cohort {name}": count for name, count in preparation.cohorts.items()}
    counted |= {f"exposure {name}": count for name, count in preparation.exposures.items()}
    nobody = {"without a contact": preparation.nobody} if preparation.nobody else {}
    nobody |= {"unsubscribed, not told": preparation.unsubscribed} if preparation.unsubscribed else {}
    preview = Preview(
        change=f"{tells}; by {ways}" if ways else tells,
        before={},
        after={
            **counted,
            **nobody,
            **({"to know": " ".join(preparation.warnings)} if preparation.warnings else {}),
            **letters,
            **({"customers with other letters": preparation.unshown} if preparation.unshown else {}),
            "content": f"sha256 {preparation.digest[:16]}…",
            **({"public copy": f"sha256 {preparation.public}"} if preparation.public else {}),
        },
        effect=Effect.DESTRUCTIVE,
        blast={"customers": preparation.customers, "messages": sum(preparation.channels.values())},
    )
    record.previews, record.blast = (preview,), dict(preview.blast)
    record.summary = f"would {preview.change}"
    return Agreement(digests={ONLY: preparation.digest}, previews=(preview,), blast=dict(preview.blast))


def _approvers(record: StepRecord) -> tuple[str, ...]:
    agreement = record.agreement
    if agreement is None:
        return ()
    broken = (agreement.broken.responder.principal,) if agreement.broken else ()
    return (*agreement.given, *broken)


async def _followed(board: Board, record: StepRecord, start: CampaignInput) -> Standing:
    """Open it, and wait for the child. Raises `StepSkipped` or `StepAborted` once the store says that it is stopped."""
    step = record.step
    record.summary = f"telling {plural(start.customers, 'customers')}"
    record.standing = Standing(campaign=start.campaign, flow=Flow.RUNNING, customers=start.customers)
    try:
        await workflow.execute_activity(OPEN, start, result_type=Standing, **steering_options(A_FEW))
        record.campaign = start
        handle = await workflow.start_child_workflow(
            CampaignWorkflow.run,
            start,
            id=start.campaign,
            static_summary=step.title or step.id,
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
        )
    except ActivityError as error:
        raise NeedsAttention(failure_of(error)) from error
    except WorkflowAlreadyStartedError as error:
        what = f"{start.campaign} is under way already."
        raise NeedsAttention(Failure(reason="campaign_failed", what=what, changed="Nothing was sent.")) from error
    board.children[step.id] = handle
    record.changed_something = True
    try:
        if board.paused is not None:
            await handle.signal(SIGNAL, args=["pause", board.paused])
        return await _waited(board, record, start, handle)
    except (StepAborted, StepSkipped) as ending:
        await _stop(board, record, start, handle, ending)
        raise
    finally:
        board.children.pop(step.id, None)


Child = workflow.ChildWorkflowHandle[CampaignWorkflow, Standing]


async def _waited(board: Board, record: StepRecord, start: CampaignInput, handle: Child) -> Standing:
    """Wait for its end. A retry of a halted campaign resumes it."""
    while True:
        await board.hold(record, lambda: handle.done() or record.steering is not None)
        if not handle.done() and record.steering is not None:
            _, decision = record.steering
            record.steering = None
            await _steer(start.campaign, Flow.RUNNING, decision.responder.principal, decision.reason)
            await _wake(handle)
            continue
        try:
            return await handle
        except ChildWorkflowError as error:
            what = f"The campaign {start.campaign} failed: {error.cause}."
            changed = "What was sent until then was sent; `firedoor campaign show` tells."
            raise NeedsAttention(Failure(reason="campaign_failed", what=what, changed=changed)) from error


async def _stop(
    board: Board, record: StepRecord, start: CampaignInput, handle: Child, ending: StepAborted | StepSkipped
) -> None:
    """Stop it in the store first: when that is durable no further message begins. Then let the child say its last."""
    decision = board.abort_all or board.abort
    by = decision.responder.principal if decision and isinstance(ending, StepAborted) else ENGINE
    reason = (decision.reason if decision else "") if isinstance(ending, StepAborted) else str(ending)
    await _steer(start.campaign, Flow.STOPPED, by, reason or "the incident was aborted")
    await _wake(handle)
    try:
        await workflow.wait_condition(handle.done, timeout=LAST_WORD)
    except TimeoutError:
        handle.cancel()
        return
    if not handle.exception():
        record.summary = handle.result().sentence()


async def _steer(campaign: str, flow: Flow, by: str, reason: str) -> None:
    """Write it into the store. Where it has ended meanwhile there is nothing to steer."""
    steer = Steer(campaign=campaign, flow=flow, by=by, reason=reason)
    try:
        await workflow.execute_activity(STEER, steer, result_type=Standing, **steering_options())
    except ActivityError as error:
        workflow.logger.info("%s: %s", campaign, failure_of(error).what)


async def _wake(handle: Child) -> None:
    try:
        await handle.signal(CampaignWorkflow.look)
    except ApplicationError:
        workflow.logger.info("the campaign has ended meanwhile")


async def _conclude(board: Board, record: StepRecord, start: CampaignInput, standing: Standing) -> None:
    """What expressions read of it. A campaign that a person stopped has not told everybody: nothing builds on it."""
    record.standing, record.failure = standing, None
    record.summary = standing.sentence()
    if standing.flow is Flow.STOPPED:
        raise StepSkipped(
            f"its campaign was stopped{f' ({standing.reason})' if standing.reason else ''}: {_far(standing)}."
        )
    record.result = standing.counts()
    if start.spec.collect:
        record.long = {"remaining": [one.model_dump(mode="json") for one in await _remaining(start, standing)]}


def _far(standing: Standing) -> str:
    return f"{standing.written:,} of {plural(standing.customers, 'customers')} had been written to"


async def _remaining(start: CampaignInput, standing: Standing) -> list[Remaining]:
    if not standing.holding:
        return []
    work = Work(campaign=start.campaign, incident=start.incident, step=start.step, digest=start.digest)
    try:
        found: list[Remaining] = await workflow.execute_activity(
            REMAINING, work, result_type=list[Remaining], **steering_options(A_FEW)
        )
    except ActivityError as error:
        raise NeedsAttention(failure_of(error)) from error
    return found


async def told(board: Board, step: str, standing: Standing) -> None:
    """The child says where the campaign stands: the step shows it, and asks for a person where it has halted."""
    record = board.steps.get(step)
    if record is None or record.standing is None or record.finished.is_set():
        return
    before, record.standing = record.standing, standing
    record.summary = standing.sentence()
    halted = standing.flow is Flow.HALTED
    record.failure = _halted(standing) if halted else None
    shown = StepState.PAUSED if standing.flow is Flow.PAUSED else StepState.RUNNING
    record.state = StepState.NEEDS_ATTENTION if halted else shown
    board.refresh()
    if halted and before.flow is not Flow.HALTED:
        await _say_halted(board, record, standing)


def _halted(standing: Standing) -> Failure:
    return Failure(
        reason=HALTED,
        what=full_stop(f"The campaign has halted by itself: {standing.reason or 'too much did not arrive'}"),
        changed=f"{_far(standing)}; nothing more is sent.",
        # What is to be done first the reason says: it knows what is broken.
        next="Once that is seen to, retry (it goes on where it was), or skip (it stops).",
    )


async def _say_halted(board: Board, record: StepRecord, standing: Standing) -> None:
    step = record.step.id
    record.attempt += 1
    say = f"{step}: {_halted(standing).what}"
    await board.note(f"attention/{step}/{record.attempt}", "step.needs_attention", say, step=step, reason=HALTED)
    policy = board.input.plan.policies.get(record.step.approval)
    whom = policy.sources if policy else (board.commander,)
    board.tell(whom, say, step=step, command=f"firedoor campaign show {standing.campaign}", urgent=True)
