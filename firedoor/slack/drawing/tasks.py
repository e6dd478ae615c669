"""The steps of an incident in a message: `plan` and `task_card` blocks where the workspace has them, else lines. Pure.

Of a runbook of hundreds of steps those are shown that matter now; the others are counted.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from firedoor.incident import FINAL_STATES, StepState, StepView
from firedoor.phrases import EFFECTS, STEPS, counts, said, terms
from firedoor.plan import Effect
from firedoor.slack.drawing.fields import Block, cut
from firedoor.slack.drawing.markup import bold, line, safe, section
from firedoor.slack.drawing.picture import WAITING, Picture, step_mark
from firedoor.words import plural

BUSY = frozenset({StepState.RUNNING, StepState.SLEEPING, StepState.PAUSED})
#: What is said of one step, in characters.
MOST_SAID = 160
MOST_NAME = 80
#: Lines of steps in one block.
IN_BLOCK = 12
#: Slack's words for how a task stands.
STATUS = {
    StepState.PENDING: "pending",
    StepState.WAITING_APPROVAL: "in_progress",
    StepState.WAITING_ANSWER: "in_progress",
    StepState.SLEEPING: "in_progress",
    StepState.PAUSED: "in_progress",
    StepState.RUNNING: "in_progress",
    StepState.NEEDS_ATTENTION: "error",
    StepState.DONE: "complete",
    StepState.SKIPPED: "complete",
    StepState.ABORTED: "error",
}


def steps(picture: Picture, most: int) -> list[Block]:
    """The blocks of at most `most` steps, and how many there are besides."""
    every = picture.view.steps
    shown = folded(every, most)
    rest = _rest(every, shown)
    if picture.modern:
        return _cards(picture, shown, rest)
    lines = [_line(picture, step) for step in shown]
    blocks = [section(*lines[start : start + IN_BLOCK]) for start in range(0, len(lines), IN_BLOCK)]
    return [*blocks, section(safe(rest))] if rest else blocks


def folded(every: Sequence[StepView], most: int) -> list[StepView]:
    """The steps that matter most, in their order: what needs a person, what runs, what ended last, what is next."""
    if len(every) <= most:
        return list(every)
    by_end = sorted(range(len(every)), key=lambda index: every[index].ended, reverse=True)
    latest = {index: rank for rank, index in enumerate(by_end)}
    order = sorted(range(len(every)), key=lambda index: (_rank(every[index]), latest[index], index))
    return [every[index] for index in sorted(order[:most])]


def _rank(step: StepView) -> int:
    if step.state in WAITING:
        return 0
    if step.state in BUSY:
        return 1
    return 3 if step.state is StepState.PENDING else 2


def _rest(every: Sequence[StepView], shown: Sequence[StepView]) -> str:
    if len(shown) == len(every):
        return ""
    left = Counter(step.state for step in every) - Counter(step.state for step in shown)
    words = ", ".join(f"{number:,} {STEPS[state].word}" for state, number in left.most_common())
    return f"… {plural(len(every) - len(shown), 'steps')} more: {words}"


def _line(picture: Picture, step: StepView) -> str:
    mark = step_mark(step)
    words = " · ".join(safe(part, MOST_SAID) for part in _parts(picture, step) if part)
    return f"{mark.icon} {bold(step.id, MOST_NAME)}  {mark.word}{f' · {words}' if words else ''}"


def _parts(picture: Picture, step: StepView) -> list[str]:
    """What there is to say of a step: of one that has not begun what it will do, else what it does or did."""
    if step.state is StepState.PENDING:
        return [_title(step), *_coming(picture, step)]
    if step.state is StepState.WAITING_APPROVAL and step.request:
        asked = f"{len(step.request.given)} of {step.request.needed} approvals"
        return [asked, counts(step.progress) if step.progress and step.progress.total else ""]
    if step.state in WAITING:
        return [step.failure.reason if step.failure else ""]
    # A gate's own summary is who has approved it.
    return list(dict.fromkeys((f"approved by {', '.join(step.approved)}" if step.approved else "", said(step))))


def _title(step: StepView) -> str:
    return step.title or step.action


def _coming(picture: Picture, step: StepView) -> list[str]:
    """What the plan says of a step that has not begun: does it destroy, for whom does it wait, when does it run."""
    planned = picture.planned(step)
    if planned is None:
        return []
    words = []
    if planned.kind == "uses" and planned.effect is not Effect.READ:
        mark = EFFECTS[planned.effect]
        words.append(f"{mark.icon} {mark.word}")
    if planned.approval:
        policy = picture.plan.policies.get(planned.approval) if picture.plan else None
        many = f" ({policy.count} of {', '.join(policy.sources)})" if policy else ""
        words.append(f"waits for approval: {planned.approval}{many}")
    return [*words, *terms(planned)]


def _cards(picture: Picture, shown: Sequence[StepView], rest: str) -> list[Block]:
    done = sum(step.state in FINAL_STATES for step in picture.view.steps)
    title = f"{done} of {plural(len(picture.view.steps), 'steps')}{f' · {rest}' if rest else ''}"
    return [{"type": "plan", "title": cut(title, MOST_SAID), "tasks": [_card(picture, step) for step in shown]}]


def _card(picture: Picture, step: StepView) -> dict[str, Any]:
    mark = step_mark(step)
    title = line(f"{step.id}: {mark.word}", MOST_NAME + 20)
    card: dict[str, Any] = {
        "type": "task_card",
        "task_id": cut(step.id, 255),
        "title": title,
        "status": "error" if step.failure and step.state in FINAL_STATES else STATUS[step.state],
    }
    words = " · ".join(line(part, MOST_SAID) for part in _parts(picture, step) if part)
    name = "output" if step.state in FINAL_STATES else "details"
    return card | {name: _rich(words)} if words else card


def _rich(text: str) -> dict[str, Any]:
    """Text that Slack shows as it is."""
    element = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [element]}
