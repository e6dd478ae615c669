"""Who may do what to a running incident, and the sentence for whoever may not. Validators: they change nothing."""

import difflib
import re
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows.board import Board, may
from workflows.record import StepRecord

with workflow.unsafe.imports_passed_through():
    from firedoor.incident import FINAL_STATES, Decision, Responder, StepState
    from firedoor.plan import Field, Policy

SKIPPABLE = frozenset(
    {
        StepState.PENDING,
        StepState.WAITING_APPROVAL,
        StepState.WAITING_ANSWER,
        StepState.SLEEPING,
        StepState.PAUSED,
        StepState.NEEDS_ATTENTION,
    }
)
NOBODY = "Who is this? A decision needs a responder whom a front door has authenticated."
#: The fields of a credential that travels; a value has none.
CREDENTIAL = frozenset({"provider", "id", "fingerprint", "where", "kind", "scope", "name", "owner"})
FINGERPRINT = re.compile(r"sha256:[0-9a-f]{16}")
#: A wait may be moved this far at most, in seconds.
LONGEST = 365 * 86_400


def refuse(sentence: str) -> ApplicationError:
    """What a validator raises: the update leaves no trace, and the sentence reaches the person."""
    return ApplicationError(sentence, type="refused", non_retryable=True)


def known(responder: Responder | None) -> None:
    """Refuse what comes from nobody."""
    if responder is None or not responder.principal or not responder.auth:
        raise refuse(NOBODY)


def reasoned(decision: Decision, what: str) -> None:
    """Refuse what has no reason."""
    if not decision.reason.strip():
        raise refuse(f"{what} needs a reason; the timeline keeps it.")


def step_of(board: Board, decision: Decision, *, ended: bool = False) -> StepRecord:
    """The step that is meant; `ended` if it may have ended already."""
    known(decision.responder)
    record = board.steps.get(decision.step)
    if record is None:
        near = difflib.get_close_matches(decision.step, board.steps, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise refuse(f"This incident has no step {decision.step!r}.{hint} Its steps: {', '.join(board.steps)}.")
    if record.claimed is not None:
        by = record.claimed.responder.principal
        raise refuse(f"{by} is deciding about {decision.step} at this moment. Look at what came of it first.")
    if record.state in FINAL_STATES and not ended:
        raise refuse(f"{decision.step} has ended already: it is {record.state.value}.")
    return record


def policy_of(board: Board, record: StepRecord) -> tuple[str, Policy]:
    """The policy that is asked now: the step's, or the one that it was escalated to."""
    name = record.request.policy if record.request else record.step.approval
    return name, board.input.plan.policies[name]


def waiting_for_approval(board: Board, decision: Decision) -> StepRecord:
    """The step, if it waits for approval and this person belongs to its policy."""
    record = step_of(board, decision)
    agreement = record.agreement
    if record.state is not StepState.WAITING_APPROVAL or record.denied or (agreement and not agreement.open):
        raise refuse(_not_waiting(record))
    name, policy = policy_of(board, record)
    role = {f"role:{policy.break_glass}"} if policy.break_glass and decision.break_glass else set()
    if not may(decision.responder, (*policy.sources, *role)):
        raise refuse(stranger(decision.responder, name, policy.sources))
    return record


def _not_waiting(record: StepRecord) -> str:
    step = record.step.id
    if record.failure and record.failure.reason == "approval_expired":
        return f"The approval of {step} has expired: {record.failure.what} Retry the step to ask again."
    if record.failure and record.failure.reason == "denied":
        return f"{step} was denied: {record.failure.what} Retry the step to ask again."
    return f"{step} waits for no approval: it is {record.state.value}."


def may_approve(board: Board, decision: Decision) -> None:
    """Is this an approval of what is shown now, by somebody who may, for the first time?"""
    record = waiting_for_approval(board, decision)
    name, policy = policy_of(board, record)
    who = decision.responder.principal
    _same_as_shown(record, decision)
    if decision.break_glass:
        _may_break_glass(decision, name, policy)
        return
    if not may(decision.responder, policy.sources):
        raise refuse(stranger(decision.responder, name, policy.sources))
    if who == board.input.starter.principal and not policy.allow_self:
        raise refuse(
            f"{who} started this incident, and {name} does not let the starter approve. Ask somebody else of "
            + ", ".join(policy.sources)
            + "."
        )
    given = {*record.agreement.given, *record.agreement.coming} if record.agreement else {*record.approvals}
    if who in given:
        raise refuse(f"{who} has approved {decision.step} already; one person counts once.")
    _same_choice(record, decision)


def _same_as_shown(record: StepRecord, decision: Decision) -> None:
    request = record.request
    if request is None:
        return
    if not decision.digest:
        raise refuse(
            f"An approval must name what it is about (the digest {request.digest} of what is shown). "
            f"Look at it first: firedoor show."
        )
    if decision.digest != request.digest:
        why = f" {request.changed}" if request.changed else ""
        raise refuse(
            f"What you saw of {decision.step} is not what waits for approval now.{why} Look again, then approve that."
        )


def _may_break_glass(decision: Decision, name: str, policy: Policy) -> None:
    if not policy.break_glass:
        raise refuse(f"{name} has no glass to break: its runbook does not say `break_glass`.")
    if policy.break_glass not in decision.responder.roles:
        raise refuse(f"Only role:{policy.break_glass} may break the glass of {name}.")
    reasoned(decision, "Breaking the glass")


def _same_choice(record: StepRecord, decision: Decision) -> None:
    """All who approve must mean the same targets."""
    agreement = record.agreement
    if agreement is None:
        return
    if decision.targets:
        if record.targets is None:
            raise refuse(f"{decision.step} acts on one target: approve it without names.")
        _, missing = record.targets.named(decision.targets, [int(key) for key in agreement.digests])
        if missing:
            raise refuse(
                f"{decision.step} has no target {', '.join(missing)} to approve. Nothing was approved; "
                "`firedoor show` names the targets."
            )
    if agreement.given and tuple(sorted(decision.targets)) != agreement.only:
        chosen = ", ".join(agreement.only) or "all of them"
        by = ", ".join(sorted(agreement.given))
        raise refuse(f"{by} approved {chosen}: approve the same, or deny.")


def stranger(responder: Responder, policy: str, sources: tuple[str, ...]) -> str:
    """Why this person may not."""
    return f"{responder.principal} is not in {policy}: it takes one of {', '.join(sources)}."


def may_answer(board: Board, decision: Decision) -> None:
    """Does the step wait for this answer, from this person, and does it fit?"""
    record = step_of(board, decision)
    ask = record.step.ask
    if record.state is not StepState.WAITING_ANSWER or ask is None or record.answered:
        raise refuse(f"{decision.step} waits for no answer: it is {record.state.value}.")
    policy = board.input.plan.policies.get(ask.of)
    if policy and not may(decision.responder, policy.sources):
        raise refuse(stranger(decision.responder, ask.of, policy.sources))
    problems = answer_problems(record.form, decision.answers)
    if problems:
        raise refuse(f"The answer to {decision.step} does not fit: {'; '.join(problems)}.")


def answer_problems(fields: dict[str, Field], answers: dict[str, Any]) -> list[str]:
    """What is wrong with the values of a form, field by field."""
    types = {"string": str, "integer": int, "boolean": bool}
    problems = [f"{name} is not a field (fields: {', '.join(fields)})" for name in answers if name not in fields]
    for name, field in fields.items():
        value = answers.get(name)
        if value is None:
            if field.required:
                problems.append(f"{name} ({field.type}) is missing")
        elif field.type == "secret":
            problems += _secret_problems(name, field, value)
        elif type(value) is not types[field.type]:
            problems.append(f"{name} must be {field.type}, not {value!r}")
        elif field.choices and value not in field.choices:
            problems.append(f"{name} must be one of {', '.join(field.choices)}, not {value!r}")
    return problems


def _secret_problems(name: str, field: Field, value: Any) -> list[str]:
    """What is wrong with the answer to a secret, which is a credential without its value. Never says what it was."""
    goes = " and ".join(field.into)
    by_hand = f"`firedoor answer` asks for it, puts it into {goes}, and tells the incident where it is"
    if not isinstance(value, dict) or not value.keys() <= CREDENTIAL:
        return [f"{name} is a secret, and its value is never sent to an incident: {by_hand}"]
    told = {key: value.get(key, "") for key in CREDENTIAL}
    wanted = {"provider": field.provider, "kind": field.kind, "scope": field.scope, "id": "", "name": "", "owner": ""}
    wrong = [key for key, text in wanted.items() if told[key] != text]
    if told["where"] not in field.into:
        wrong.append("where")
    if not FINGERPRINT.fullmatch(str(told["fingerprint"])):
        wrong.append("fingerprint")
    return [f"{name} is not the credential that is asked for ({', '.join(wrong)}): {by_hand}"] if wrong else []


def may_retry(board: Board, decision: Decision) -> None:
    """Does the step stand, and can what is changed be changed?"""
    record = step_of(board, decision, ended=True)
    again = record.state is StepState.DONE and bool(record.failed)
    if (record.state is not StepState.NEEDS_ATTENTION and not again) or record.steering:
        by = f" {record.steering[1].responder.principal} was first." if record.steering else ""
        ended = " It succeeded: there is nothing to do again." if record.state is StepState.DONE else ""
        raise refuse(
            f"{decision.step} cannot be retried: it is {record.state.value}.{ended}{by} Only a step that needs "
            "attention can, or the failed targets of a `for_each`."
        )
    _may_change(record, decision)
    if (decision.failed or decision.targets) and record.targets is None:
        raise refuse(f"{decision.step} acts on one target: retry it without --failed and without names.")
    if decision.failed and not record.failed:
        raise refuse(f"No target of {decision.step} has failed.")
    if decision.targets and record.targets is not None:
        _, missing = record.targets.named(decision.targets, record.open_targets or [])
        if missing:
            raise refuse(f"{', '.join(missing)} is not among the targets of {decision.step} that are still to be done.")


def _may_change(record: StepRecord, decision: Decision) -> None:
    fixed = sorted(set(decision.arguments) - set(record.step.changeable))
    if fixed:
        allowed = ", ".join(record.step.changeable) or "none"
        raise refuse(f"{', '.join(fixed)} of {decision.step} cannot be changed. What can be: {allowed}.")


def may_skip(board: Board, decision: Decision) -> None:
    """Is there anything left to skip?"""
    record = step_of(board, decision)
    stoppable = record.state is StepState.RUNNING and record.step.kind == "campaign"
    if not (stoppable or record.state in SKIPPABLE) or record.steering:
        raise refuse(f"{decision.step} cannot be skipped: it is {record.state.value}.")
    reasoned(decision, "Skipping a step")


def not_run_without(board: Board, step: str) -> list[str]:
    """The steps that need the result of this one, or of one that needs it, and so on."""
    lost = {step}
    for record in board.steps.values():  # each stands after what it needs
        if lost.intersection(record.step.mentions) and record.state not in FINAL_STATES:
            lost.add(record.step.id)
    return [name for name in board.steps if name in lost - {step}]


def may_abort(board: Board, decision: Decision) -> None:
    """Is there anything left to abort?"""
    known(decision.responder)
    closing = board.abort is not None and any(record.step.always for record in board.unfinished())
    if board.ended or board.abort_all or (board.abort and not closing):
        by = f" by {board.abort.responder.principal}" if board.abort else ""
        raise refuse(f"The incident has ended already{by}.")
    reasoned(decision, "Aborting an incident")


def may_pause(board: Board, decision: Decision) -> None:
    """Does the incident run?"""
    known(decision.responder)
    if board.ended or board.abort:
        raise refuse("The incident has ended already.")
    if board.paused:
        raise refuse(f"The incident is paused already, by {board.paused.responder.principal}.")


def may_resume(board: Board, decision: Decision) -> None:
    """Is the incident paused?"""
    known(decision.responder)
    if not board.paused:
        raise refuse("The incident is not paused.")


def may_extend(board: Board, decision: Decision) -> None:
    """Does the step sleep, and is the time a sensible one?"""
    record = step_of(board, decision)
    if record.step.kind != "wait" or record.state is not StepState.SLEEPING:
        raise refuse(f"{decision.step} does not wait for a time: it is {record.state.value}.")
    if not 0 < decision.seconds <= LONGEST:
        raise refuse("A wait can be made longer by 1 second to 365 days.")


def may_name(board: Board, decision: Decision) -> None:
    """Is a person named who can be one?"""
    known(decision.responder)
    if not decision.person.startswith("user:") or len(decision.person) < len("user:") + 1:
        raise refuse(f"{decision.person or 'Nobody'} is not a person: write user:NAME.")
    if board.ended:
        raise refuse("The incident has ended already.")
