"""Approval: what is shown, who agreed to it, and what happens when nobody does.

An approval is bound to the digest of what was shown (`Request.digest`): the arguments, the state before, what is
touched. The action compares it again before it acts (`activities/_perform.py`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow

from workflows.board import Board
from workflows.record import Agreement, NeedsAttention, StepRecord, rfc3339

with workflow.unsafe.imports_passed_through():
    from firedoor.canonical import digest_of
    from firedoor.incident import Decision, Failure, Preview, Request, StepState
    from firedoor.plan import Policy
    from firedoor.words import full_stop, span

#: As many names of targets are shown, and as many changes written into the timeline.
NAMED = 20
#: After so many reminders the pause between them doubles, up to a day: thirty days of them must fit into a history.
STEADY = 12
DAY = 86_400
ASK_AGAIN = "Retry to ask again, skip the step, or abort."


@dataclass
class _Asking:
    """One policy that is being asked."""

    board: Board
    record: StepRecord
    agreement: Agreement
    policy: Policy
    name: str
    expires: datetime | None

    def missing(self) -> int:
        """How many approvals are still needed."""
        return max(0, self.policy.count - len(self.agreement.given))

    def settled(self) -> bool:
        """Has it been decided?"""
        agreement = self.agreement
        return agreement.denied is not None or agreement.broken is not None or not self.missing()


def expected(board: Board, record: StepRecord) -> str | None:
    """The digest that a saved plan was looked at with; None where this step is not bound to one."""
    return board.input.shown.get(record.step.id) if record.attempt == 1 else None


@dataclass(frozen=True)
class About:
    """What an approval is about: the names of its targets by key, which part of a `for_each` they are, of how many.

    `caution`: what nobody knows of them.
    """

    names: dict[str, str]
    part: str = ""
    total: int = 1
    caution: str = ""


async def agree(board: Board, record: StepRecord, shown: Agreement, about: About) -> None:
    """Wait until the step's policy, if it has one, has approved what is `shown`.

    Raises `NeedsAttention` if it is denied or expires.
    """
    record.previews, record.blast = shown.previews, dict(shown.blast)
    if not record.step.approval:
        return
    asked = [record.step.approval]
    while True:
        asking = await _open(board, record, shown, asked[-1], about)
        try:
            in_time = await _answered(asking)
        finally:
            shown.open = False
            record.waits_for = ""
        following = await _conclude(asking, in_time=in_time)
        if following is None:
            return
        asked.append(following)
        shown = Agreement(digests=shown.digests, previews=shown.previews, blast=shown.blast)


def compare(board: Board, record: StepRecord, shown: Agreement) -> None:
    """A saved plan is applied exactly, or not at all."""
    wanted = expected(board, record)
    if wanted is None or wanted == digest_of(shown.digests):
        return
    would = "; ".join(preview.change for preview in shown.previews[:NAMED]) or "nothing"
    raise NeedsAttention(
        Failure(
            reason="plan_changed",
            what=f"{record.step.id} is not what the saved plan says. It would be now: {would}.",
            changed="Nothing was changed by this step.",
            next="Retry to do what it would do now, skip the step, or abort.",
        )
    )


async def _open(board: Board, record: StepRecord, shown: Agreement, name: str, about: About) -> _Asking:
    """Open a request to the policy `name`: show it, record it, tell the people who may give it."""
    names = about.names
    policy = board.input.plan.policies[name]
    step = record.step
    record.requests += 1
    now = workflow.now()
    expires = now + timedelta(seconds=policy.expires) if policy.expires else None
    request = Request(
        policy=name,
        digest=digest_of([step.id, name, record.requests, shown.digests, shown.blast]),
        needed=policy.count,
        sources=policy.sources,
        allow_self=policy.allow_self,
        break_glass=policy.break_glass,
        asked=rfc3339(now),
        expires=rfc3339(expires),
        targets=len(names),
        total=about.total,
        names=tuple(names.values())[:NAMED],
        part=about.part,
        changed=record.changed,
        caution=about.caution,
    )
    say = f"{step.id}: approval by {who(name, policy)} is asked for"
    say += f", again: {record.changed}" if record.changed else ""
    await board.note(
        f"request/{step.id}/{record.requests}",
        "approval.requested",
        f"{full_stop(say)} {about.caution}" if about.caution else say,
        step=step.id,
        policy=name,
        digest=request.digest,
        shown=digest_of(shown.digests),
        targets=len(names),
        part=about.part,
        blast=shown.blast,
        changes=[preview.change for preview in shown.previews[:NAMED]],
    )
    record.waits_for = who(name, policy)
    record.state = StepState.WAITING_APPROVAL
    record.request, record.agreement = request, shown
    record.changed = ""
    board.refresh()
    _tell(board, record, shown, policy, about)
    return _Asking(board, record, shown, policy, name, expires)


def _tell(board: Board, record: StepRecord, shown: Agreement, policy: Policy, about: About) -> None:
    """Tell the people who may give it that it is asked for, and what nobody knows of it."""
    step = record.step
    what = f" of {len(about.names)} targets" if len(about.names) > 1 else ""
    titled = step.title or step.action or next((preview.change for preview in shown.previews), "")
    say = f"{step.id}{what} waits for your approval{titled and f': {titled}'}"
    board.tell(
        policy.sources,
        f"{full_stop(say)} {about.caution}" if about.caution else say,
        step=step.id,
        command=f"firedoor approve {board.input.incident} {step.id}",
    )


def who(name: str, policy: Policy) -> str:
    """Who is waited for, in words."""
    return f"{policy.count} of {name} ({', '.join(policy.sources)})"


async def _answered(asking: _Asking) -> bool:
    """Wait for the people, reminding them; False if the time is up first."""
    board, record, policy = asking.board, asking.record, asking.policy
    pause, reminders = policy.remind, 0
    reminder = workflow.now() + timedelta(seconds=pause) if pause else None
    while True:
        wakes = [moment for moment in (asking.expires, reminder) if moment is not None]
        seconds = max(0.001, (min(wakes) - workflow.now()).total_seconds()) if wakes else 0
        summary = f"{record.step.id}: approval {'reminder' if reminder and min(wakes) == reminder else 'expires'}"
        if await board.hold(record, asking.settled, seconds=seconds, summary=summary):
            return True
        if asking.expires is not None and workflow.now() >= asking.expires:
            return False
        reminders += 1
        pause = min(DAY, pause * 2) if reminders % STEADY == 0 else pause
        reminder = workflow.now() + timedelta(seconds=pause)
        await _remind(asking, reminders)


async def _remind(asking: _Asking, number: int) -> None:
    board, record, step = asking.board, asking.record, asking.record.step.id
    missing = f"{asking.missing()} more of {asking.name} ({', '.join(asking.policy.sources)})"
    if record.request:
        record.request = record.request.model_copy(update={"reminders": number})
    await board.note(
        f"reminder/{step}/{record.requests}/{number}",
        "approval.reminded",
        f"{step} still waits for approval: {missing}",
        step=step,
    )
    board.tell(
        tuple(source for source in asking.policy.sources if source not in asking.agreement.given),
        f"{step} still waits for approval: {missing}",
        step=step,
        command=f"firedoor approve {board.input.incident} {step}",
    )


async def _conclude(asking: _Asking, *, in_time: bool) -> str | None:
    """What comes of it: None to go on, or the policy that is asked next. Raises `NeedsAttention`."""
    record, policy, decision = asking.record, asking.policy, asking.agreement.denied
    step = record.step.id
    if decision is not None:
        raise denied(record, _denial(decision, step))
    if in_time:
        record.request = None
        return None
    late = f"{step}: nobody approved within {span(policy.expires)}"
    key = f"expired/{step}/{record.requests}"
    if policy.escalate:
        await asking.board.note(key, "approval.expired", f"{late}; {policy.escalate} is asked now", step=step)
        record.changed = f"{asking.name} did not answer within {span(policy.expires)}."
        return policy.escalate
    if policy.proceed:
        say = f"{late}; it goes on without, as the runbook says: {policy.proceed}"
        await asking.board.note(key, "approval.expired", say, step=step, proceeded=True)
        asking.board.review.append(say)
        record.request = None
        return None
    await asking.board.note(key, "approval.expired", f"{late}; denied", step=step)
    raise expired(record, policy)


def _denial(decision: Decision, step: str) -> str:
    return full_stop(f"{decision.responder.principal} denied {step}: {decision.reason or 'no reason given'}")


def denied(record: StepRecord, what: str) -> NeedsAttention:
    """Somebody said no."""
    return NeedsAttention(Failure(reason="denied", what=what, changed=_untouched(record), next=ASK_AGAIN))


def expired(record: StepRecord, policy: Policy) -> NeedsAttention:
    """Nobody said yes in time."""
    what = f"Nobody approved {record.step.id} within {span(policy.expires)}: that counts as a denial."
    return NeedsAttention(Failure(reason="approval_expired", what=what, changed=_untouched(record), next=ASK_AGAIN))


def _untouched(record: StepRecord) -> str:
    done = record.progress.done if record.progress else 0
    return f"{done} targets were done before; nothing else was changed." if done else "Nothing was changed."


async def approved_as_before(board: Board, record: StepRecord) -> None:
    """The approval of incidents that began before approvals were bound to what was shown."""
    step = record.step
    policy = board.input.plan.policies[step.approval]
    record.waits_for = who(step.approval, policy)
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
        raise denied(record, _denial(decision, step.id))
    if not in_time:
        await board.note(
            f"expired/{step.id}/{record.round}", "approval", f"{step.id}: nobody approved in time; denied", step=step.id
        )
        raise expired(record, policy)


def difference(before: tuple[Preview, ...], after: tuple[Preview, ...]) -> str:
    """What is shown now and was not shown before, in words; empty if nothing was shown before."""
    words = []
    for old, new in zip(before, after, strict=False):
        words += _differences("", {**old.before}, {**new.before})
        words += _differences("touches ", {**old.blast}, {**new.blast})
        if not words and old.change != new.change:
            words.append(f"{old.change} → {new.change}")
    return f"Since it was shown: {'; '.join(words[:NAMED])}." if words else ""


def _differences(prefix: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    names = sorted({*before, *after})
    return [
        f"{prefix}{name} {before.get(name, 'none')} → {after.get(name, 'none')}"
        for name in names
        if before.get(name) != after.get(name)
    ]


def gate_shows(board: Board, record: StepRecord, about: Any) -> Agreement:
    """What is shown where no action previews anything: a gate, a child runbook."""
    return Agreement(digests={"0": digest_of([board.input.digest, record.step.id, about])})
