"""The kinds of steps that are not actions: a question, a wait, a gate, another runbook."""

import re
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError

from workflows.approval import About, agree, gate_shows, who
from workflows.board import Board
from workflows.children import start_child
from workflows.record import NeedsAttention, StepAborted, StepRecord, StepSkipped

with workflow.unsafe.imports_passed_through():
    from firedoor.errors import UsageError
    from firedoor.expressions import render
    from firedoor.incident import Failure, IncidentView, StepState
    from firedoor.inputs import resolve_inputs
    from firedoor.plan import PROVED, Field, PlannedStep
    from firedoor.words import span

#: What a place for a secret and the name of a provider look like; what they mean is the worker's to know.
PLACE = re.compile(r"[a-z0-9-]+:[^\s]{1,2048}")
PROVIDER = re.compile(r"[a-z][a-z0-9_]{1,30}")


def planned(step: PlannedStep) -> str:
    """What the step would do, for plan mode."""
    if step.kind == "ask" and step.ask:
        goes = "".join(
            f" It asks for a secret, {name}, which goes to {' and '.join(field.into)}."
            for name, field in step.ask.secrets().items()
        )
        return f"would ask {step.ask.of or 'anybody'}: {step.ask.prompt}{goes}"
    if step.kind == "wait":
        return f"would wait {span(step.wait)}"
    if step.kind == "run" and step.child:
        return f"would run the runbook {step.child.name}"
    return f"would wait for approval by {step.approval}"


async def ask(board: Board, record: StepRecord, scope: dict[str, Any]) -> None:
    """A form that a person answers."""
    question = record.step.ask
    if question is None:
        return
    policy = board.input.plan.policies.get(question.of)
    record.summary = str(render(question.prompt, scope))
    record.form = {name: _rendered(name, field, scope) for name, field in question.fields.items()}
    record.waits_for = who(question.of, policy) if policy else "anybody"
    record.state = StepState.WAITING_ANSWER
    record.answered = None
    board.refresh()
    await board.hold(record, lambda: record.answer() is not None)
    record.waits_for = ""
    answer = record.answer()
    if answer:
        # A field that nobody filled in is null, so that `steps.NAME.field == null` holds.
        record.result = {**dict.fromkeys(question.fields), **answer.answers, "by": answer.responder.principal}


def _rendered(name: str, field: Field, scope: dict[str, Any]) -> Field:
    """A field as it is asked: of a secret, whose it is and where it goes. Raises `NeedsAttention`."""
    if field.type != "secret":
        return field
    into: list[Any] = []
    for text in field.into:
        found = render(text, scope)
        into += found if isinstance(found, list) else [found]
    provider, scope_ = render(field.provider, scope), render(field.scope, scope)
    if not into or not all(isinstance(one, str) and PLACE.fullmatch(one) for one in into):
        raise _unaskable(name, f"it would go to {into!r}, which names no place")
    if not isinstance(provider, str) or not PROVIDER.fullmatch(provider):
        raise _unaskable(name, f"{provider!r} is no provider")
    if not isinstance(scope_, str):
        raise _unaskable(name, f"its scope is {scope_!r}, which is no text")
    # In their order, each once.
    places = tuple(dict.fromkeys(into))
    return field.model_copy(update={"provider": provider, "into": places, "scope": scope_})


def _unaskable(name: str, why: str) -> NeedsAttention:
    return NeedsAttention(
        Failure(
            reason="invalid_arguments",
            what=f"The secret {name} cannot be asked for: {why}.",
            changed="Nothing was changed.",
            next="Skip the step, or abort; then correct the runbook or what it was started with.",
        )
    )


async def wait(board: Board, record: StepRecord, scope: dict[str, Any]) -> None:
    """A durable timer, which a person may extend."""
    began = workflow.now()
    record.until = began + timedelta(seconds=record.step.wait)
    record.state = StepState.SLEEPING
    left: float = record.step.wait
    while await _moved(board, record, left):
        left = max(0.001, (record.until - workflow.now()).total_seconds())
    record.until = None
    record.summary = f"waited {span(round((workflow.now() - began).total_seconds()))}"


async def _moved(board: Board, record: StepRecord, seconds: float) -> bool:
    """Sleep; True if somebody moved the end meanwhile."""
    until = record.until
    return await board.hold(
        record, lambda: record.until != until, seconds=seconds, summary=record.step.title or record.step.id
    )


async def gate(board: Board, record: StepRecord, scope: dict[str, Any]) -> None:
    """An approval alone."""
    if board.in_control:
        await agree(board, record, gate_shows(board, record, record.step.title), About({"0": record.step.id}))
        given = record.agreement.given if record.agreement else {}
        broken = record.agreement.broken if record.agreement else None
        record.approvals = {**given, **({broken.responder.principal: broken.responder} if broken else {})}
    record.summary = "approved by " + (", ".join(sorted(record.approvals)) or "nobody, as the runbook says")


async def run(board: Board, record: StepRecord, scope: dict[str, Any]) -> None:
    """Another runbook as a child: an incident of its own, with its own chain in the timeline."""
    child = record.step.child
    if child is None:
        return
    try:
        inputs = resolve_inputs(child, render(record.step.arguments, scope))
    except UsageError as error:
        raise NeedsAttention(
            Failure(reason="invalid_arguments", what=error.what, changed=error.changed, next="Skip the step, or abort.")
        ) from error
    if record.step.approval and board.in_control:
        await agree(board, record, gate_shows(board, record, [child.digest(), inputs]), About({"0": child.name}))
    await board.unpaused(record)
    record.state = StepState.RUNNING
    incident = f"{board.input.incident}.{record.step.id}"
    handle = await start_child(
        # An aborted parent asks its children to abort: they end in order, with their own record.
        board,
        child,
        incident,
        inputs=inputs,
        close=workflow.ParentClosePolicy.REQUEST_CANCEL,
    )
    board.children[record.step.id] = handle
    try:
        await board.hold(record, handle.done)
        view: IncidentView = await handle
    except (StepAborted, StepSkipped):
        handle.cancel()
        raise
    except ChildWorkflowError as error:
        raise NeedsAttention(Failure(reason="child_failed", what=f"{child.name} failed: {error.cause}")) from error
    finally:
        board.children.pop(record.step.id, None)
    record.summary = view.sentence
    record.verdict = view.verdict
    record.result = {"incident": incident}
    if view.verdict is not None and view.verdict not in PROVED:
        raise NeedsAttention(Failure(reason="child_not_contained", what=f"{child.name}: {view.sentence}"))
