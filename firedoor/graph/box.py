"""What stands in the box of one step: words, signs and numbers, before anything is drawn. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from firedoor.forecast import KINDS
from firedoor.incident import FINAL_STATES, IncidentView, StepState, StepView
from firedoor.plan import Effect, Plan, PlannedStep
from firedoor.words import plural, span

Look = Literal["reads", "changes", "destroys", "people", "waits", "runbook"]

#: The word and the sign say what the colour says.
WORDS: dict[Look, str] = {
    "reads": "○ reads",
    "changes": "● changes",
    "destroys": "! DESTROYS",
    "people": "? asks people",
    "waits": "◷ waits",
    "runbook": "▶ runbook",
}
EFFECTS: dict[Effect, Look] = {Effect.READ: "reads", Effect.REVERSIBLE: "changes", Effect.DESTRUCTIVE: "destroys"}


@dataclass(frozen=True, slots=True)
class Box:
    """A step in a picture.

    `note` is its state where that is not the usual one, `wrong` where it could not be read; `locks` are the approvals;
    `facts` are short lines; `touches` the blast radius; `tip` all of it at full length.
    """

    id: str
    look: Look
    note: str
    title: str
    action: str
    locks: tuple[str, ...]
    facts: tuple[str, ...]
    touches: str
    tip: str
    faded: bool
    wrong: bool
    always: bool

    @property
    def height(self) -> float:
        """How high it has to be: head and name, and 18 for each further line."""
        rows = [self.title, self.action, self.touches, *self.locks, *self.facts]
        return 62.0 + 18.0 * sum(1 for row in rows if row)


def box(step: PlannedStep, plan: Plan, view: IncidentView, undecided: frozenset[str]) -> Box:
    """The box of a step, with the counts and the state that the view has of it."""
    told = next((one for one in view.steps if one.id == step.id), None)
    note = _note(step, told, undecided)
    touches = touched(told.blast) if told else ""
    locks, facts = tuple(_locks(step, plan)), tuple(_facts(step, told))
    full = [step.id, step.title, f"{WORDS[look(step)]} {step.action}".strip(), note]
    full += [f"approval: {line}" for line in locks]
    full += [*facts, f"touches {touches}" if touches else "", *_spoken(step, told)]
    return Box(
        id=step.id,
        look=look(step),
        note=note,
        title=step.title,
        action=_action(step),
        locks=locks,
        facts=facts,
        touches=touches,
        tip="\n".join(line for line in full if line),
        faded=told is not None and told.state is StepState.SKIPPED and step.id not in undecided,
        wrong=told is not None and _is_wrong(told),
        always=step.always,
    )


def look(step: PlannedStep) -> Look:
    """How a step looks: by its effect, or by its kind where it does nothing to the world itself."""
    match step.kind:
        case "uses":
            return EFFECTS[step.effect]
        case "wait":
            return "waits"
        case "run":
            return "runbook"
        case _:
            return "people"


def touched(blast: dict[str, int]) -> str:
    """A blast radius in a few words: `412 credentials · 37 services`."""
    order = [*(kind for kind in KINDS if kind in blast), *sorted(blast.keys() - set(KINDS))]
    return " · ".join(plural(blast[kind], kind) for kind in order if blast[kind])


def _action(step: PlannedStep) -> str:
    if step.kind == "run" and step.child:
        return f"{step.child.name}: {plural(len(step.child.steps), 'steps')}"
    if step.kind == "campaign" and step.campaign:
        return f"tells customers: {step.campaign.notice}"
    return span(step.wait) if step.kind == "wait" else step.action


def _note(step: PlannedStep, told: StepView | None, undecided: frozenset[str]) -> str:
    if step.id in undecided:
        return "known when it runs"
    if told is None:
        return ""
    if _is_wrong(told):
        return "✗ not read"
    return "– skipped" if told.state is StepState.SKIPPED else ""


def _is_wrong(told: StepView) -> bool:
    return told.failure is not None or told.state not in FINAL_STATES


def _locks(step: PlannedStep, plan: Plan) -> Iterator[str]:
    for name in dict.fromkeys((step.approval, step.ask.of if step.ask else "")):
        policy = plan.policies.get(name)
        if policy is not None:
            many = policy.count if name == step.approval else 1
            yield f"{name} · {many} {'person' if many == 1 else 'people'}"
        elif name:
            yield name


def _facts(step: PlannedStep, told: StepView | None) -> Iterator[str]:
    if step.loop:
        progress = told.progress if told else None
        total = progress.total if progress else None
        yield f"× {plural(total, 'targets')}" if total is not None else f"× each of {step.loop.items}"
        if step.loop.canary:
            yield f"canary: {step.loop.canary:,} first, then a look"
    if step.campaign and step.campaign.canary:
        yield f"canary: {step.campaign.canary:,} customers first"
    if step.campaign and step.campaign.until:
        yield f"until {step.campaign.until}"
    if step.temporary:
        yield f"takes itself back after {span(step.temporary)}"
    if step.condition:
        yield f"if {step.condition}"


def _spoken(step: PlannedStep, told: StepView | None) -> Iterator[str]:
    if step.ask:
        yield step.ask.prompt
    if told is None:
        return
    yield told.failure.what if told.failure else told.summary
    for preview in told.previews[:3]:
        yield preview.change
