"""What stands in the thread of an incident's message: what was asked of whom, what was proved, how it ended. Pure.

Each item has a key, by which it is posted once, whichever process draws it and however often.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from firedoor.canonical import digest_of
from firedoor.incident import IncidentState, StepState, StepView
from firedoor.phrases import answered, still
from firedoor.plan import Effect
from firedoor.slack.drawing import blocks
from firedoor.slack.drawing.fields import Block
from firedoor.slack.drawing.markup import bold, safe, section
from firedoor.slack.drawing.needs import need
from firedoor.slack.drawing.picture import Picture, incident_mark, step_mark

#: Keys of items that ask people: once that is decided, their buttons go.
ASKS = "ask/"
PLAN_KEY = "plan"
MOST_SENTENCE = 600
KEPT = 16


@dataclass(frozen=True, slots=True)
class Item:
    """One message in the thread. `to` are whom it mentions: sources of a policy, or principals."""

    key: str
    text: str
    blocks: list[Block]
    to: tuple[str, ...] = ()


def items(picture: Picture) -> Iterator[Item]:
    """All that the thread should have by now, in order."""
    view = picture.view
    if picture.plan:
        plan = blocks.plan(picture.plan, view.inputs, picture.forecast)
        yield Item(PLAN_KEY, "What is going to happen, in order.", plan)
    for step in view.steps:
        yield from _step(picture, step)
    for sentence in view.review:
        text = f"For review: {safe(sentence, MOST_SENTENCE)}"
        yield Item(f"review/{_short(sentence)}", text, [section(f"! *For review:* {safe(sentence, MOST_SENTENCE)}")])
    if picture.ended:
        yield _end(picture)


def _step(picture: Picture, step: StepView) -> Iterator[Item]:
    match step.state:
        case _ if picture.ended and step.state not in {StepState.DONE, StepState.SKIPPED}:
            return
        case StepState.WAITING_APPROVAL:
            yield from _asked(picture, step)
        case StepState.WAITING_ANSWER:
            question = f"{safe(step.id)} needs an answer: {safe(step.summary, MOST_SENTENCE)}"
            yield _ask(picture, step, f"answer/{step.attempts}", question, _whom(picture, step))
        case StepState.NEEDS_ATTENTION:
            why = step.failure.model_dump() if step.failure else {"verdict": step.verdict, "summary": step.summary}
            what = step.failure.what if step.failure else step.summary
            about = f"{safe(step.id)} needs you: {safe(what, MOST_SENTENCE)}"
            yield _ask(picture, step, f"attention/{_short([why, step.attempts, step.started])}", about, _lead(picture))
        case StepState.DONE if _matters(picture, step):
            mark = step_mark(step)
            text = f"{safe(step.id)}: {mark.word}. {safe(step.summary, MOST_SENTENCE)}"
            yield Item(f"done/{step.id}/{_short([step.ended, step.attempts])}", text, blocks.step(picture, step))
        case StepState.SKIPPED if step.failure or step.started:
            text = f"{safe(step.id)} was skipped. {safe(step.summary, MOST_SENTENCE)}"
            yield Item(f"skipped/{step.id}/{_short(step.ended)}", text, [section(f"- {text}")])
        case _:
            return


def _matters(picture: Picture, step: StepView) -> bool:
    """Is it worth a message: a verdict, a change, targets that failed? Details has reads and what had nothing to do."""
    if step.progress is not None and not step.progress.total:
        return False
    planned = picture.planned(step)
    failed = step.progress is not None and step.progress.failed > 0
    return bool(step.verdict) or failed or (planned is not None and planned.effect is not Effect.READ)


def _asked(picture: Picture, step: StepView) -> Iterator[Item]:
    asked = step.request
    if asked is None:
        yield _ask(picture, step, "approval", f"{safe(step.id)} waits for {safe(step.waits_for)}", _lead(picture))
        return
    digest = _short(asked.digest)
    given = {one.principal for one in asked.given} | (set() if asked.allow_self else {picture.view.starter.principal})
    open_sources = tuple(one for one in asked.sources if one not in given)
    text = f"{safe(step.id)} needs your approval: {safe(step.title or step.action, MOST_SENTENCE)}"
    yield _ask(picture, step, digest, text, open_sources)
    if asked.reminders:
        said = f"{bold(step.id)} still waits for approval by {safe(asked.policy)}: {still(asked)}."
        key = f"remind/{step.id}/{digest}/{asked.reminders}"
        yield Item(key, f"{safe(step.id)} still waits for approval", [section(said)], open_sources)


def _ask(picture: Picture, step: StepView, digest: str, text: str, to: tuple[str, ...]) -> Item:
    return Item(f"{ASKS}{step.id}/{digest}", text, need(picture, step, whole=True), to)


def decided(picture: Picture, key: str) -> Item:
    """What an item that asked says once that is decided. `key` is the item's own."""
    name = key.removeprefix(ASKS).partition("/")[0]
    step = next((one for one in picture.view.steps if one.id == name), None)
    if step is None:
        return Item(key, f"{safe(name)}: decided", [section(f"{bold(name)}: decided")])
    mark = step_mark(step)
    text = f"{mark.icon} {bold(step.id)}: {safe(_decision(step), MOST_SENTENCE)}. Now: {mark.word}"
    # The summary of a question is what was asked.
    more = "" if step.kind == "ask" or step.summary == _decision(step) else safe(step.summary, MOST_SENTENCE)
    return Item(key, f"{safe(step.id)}: that was decided", [section(*(said for said in (text, more) if said))])


def _decision(step: StepView) -> str:
    """What was decided, and by whom, as far as the step still knows it."""
    if step.approved:
        return f"approved by {', '.join(step.approved)}"
    if step.failure and step.failure.reason == "denied":
        return step.failure.what.rstrip(".")
    return answered(step) or "that was decided"


def _whom(picture: Picture, step: StepView) -> tuple[str, ...]:
    """Who may answer a question: the sources of its policy, or whoever leads."""
    policy = picture.plan.policies.get(step.ask.of) if picture.plan and step.ask else None
    return policy.sources if policy else _lead(picture)


def _lead(picture: Picture) -> tuple[str, ...]:
    """Whoever leads. Where an alert has started it and nobody leads yet: whom the runbook asks first."""
    lead = picture.view.commander or picture.view.starter.principal
    policies = list(picture.plan.policies.values()) if picture.plan else []
    return (lead,) if lead.startswith("user:") or not policies else policies[0].sources


def _end(picture: Picture) -> Item:
    view = picture.view
    mark = incident_mark(view)
    lines = [f"{mark.icon} *{mark.word}*. {safe(view.sentence, MOST_SENTENCE)}"]
    lines += [f"It is taken back by {safe(view.undo)}."] if view.undo else []
    lines += [f"The record, for whoever has to verify it: firedoor export {safe(view.id)} FILE.zip"]
    word = "aborted" if view.state is IncidentState.ABORTED else mark.word
    return Item("ended", f"{word}: {safe(view.sentence or view.title, MOST_SENTENCE)}", [section(*lines)])


def _short(value: object) -> str:
    return digest_of(value)[:KEPT]
