"""What a plan that was read tells of the run: what it touches, what is undecided, what could not be read. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from firedoor.incident import FINAL_STATES, IncidentView, StepState, StepView
from firedoor.plan import Effect, Plan, PlannedStep

#: The kinds that a blast radius counts, in the order in which they are shown.
KINDS = ("credentials", "principals", "sessions", "services", "customers", "accounts")


@dataclass(frozen=True, slots=True)
class Touched:
    """How many of one kind the plan touches, and in which steps."""

    kind: str
    steps: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def count(self) -> int:
        """The sum over the steps. What two steps touch counts twice."""
        return sum(self.steps.values())


def radius(view: IncidentView) -> tuple[Touched, ...]:
    """The blast radius of all steps by kind."""
    found: dict[str, Touched] = {}
    for step in view.steps:
        for kind, count in step.blast.items():
            if count:
                found.setdefault(kind, Touched(kind)).steps[step.id] = count
    known = [found[kind] for kind in KINDS if kind in found]
    return (*known, *(found[kind] for kind in sorted(found.keys() - set(KINDS))))


def unread(view: IncidentView) -> tuple[str, ...]:
    """The steps that could not say what they would do: with any of them the plan is incomplete."""
    return tuple(step.id for step in view.steps if step.failure or step.state not in FINAL_STATES)


def undecided(plan: Plan, view: IncidentView) -> frozenset[str]:
    """The steps whose changes are decided only when the plan runs: they depend on what a change or a person returns."""
    told = {step.id: step for step in view.steps}
    found: set[str] = set()
    for step in plan.steps:
        if step.id in told and _is_undecided(step, told, plan, found):
            found.add(step.id)
    return frozenset(found)


def _is_undecided(step: PlannedStep, told: dict[str, StepView], plan: Plan, found: set[str]) -> bool:
    own = told[step.id]
    if own.state is StepState.DONE:
        return step.child is not None and not own.digest and any(_changes(one) for one in step.child.steps)
    if own.state is not StepState.SKIPPED:
        return False
    sources = [one for one in plan.steps if one.id in step.mentions and one.id in told]
    if any(told[one.id].state is not StepState.DONE and one.id not in found for one in sources):
        return False  # It reads a step that is not going to run: then it does not run either.
    return any(one.id in found or one.kind != "uses" or one.effect is not Effect.READ for one in sources)


def _changes(step: PlannedStep) -> bool:
    if step.child:
        return any(_changes(one) for one in step.child.steps)
    return step.kind == "uses" and step.effect is not Effect.READ


def policies_asked(plan: Plan) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each policy that the plan may ask, those it escalates to included, with the steps that name it."""
    named: dict[str, list[str]] = {}
    for step in plan.steps:
        for name in dict.fromkeys((step.approval, step.ask.of if step.ask else "")):
            if name in plan.policies:
                named.setdefault(name, []).append(step.id)
    for name in list(named):
        after = plan.policies[name].escalate
        while after in plan.policies and after not in named:
            named[after] = []
            after = plan.policies[after].escalate
    yield from ((name, tuple(steps)) for name, steps in named.items())
