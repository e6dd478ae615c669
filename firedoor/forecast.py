"""What a plan that was read tells of the run: what it touches, what is undecided, what could not be read. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from firedoor.incident import FINAL_STATES, IncidentView, StepState, StepView
from firedoor.plan import Effect, Plan, PlannedStep

#: The kinds that a blast radius counts, in the order in which they are shown.
KINDS = ("credentials", "principals", "sessions", "services", "customers", "accounts")
#: `arn:partition:service:region:account:resource`.
ARN_PARTS = 6


@dataclass(frozen=True, slots=True)
class Touched:
    """How many of one kind there are in all, and in which steps. `least`: there may be more, as not all were named."""

    kind: str
    count: int
    steps: dict[str, int]
    least: bool = False


def radius(view: IncidentView) -> tuple[Touched, ...]:
    """What all steps change, by kind: what approvals are bound to, and in which accounts.

    The steps' counts are summed: what two steps touch counts twice, but an account once.
    """
    found: dict[str, dict[str, int]] = {}
    for step in view.steps:
        for kind, count in step.blast.items():
            if count:
                found.setdefault(kind, {})[step.id] = count
    summed = {kind: Touched(kind, sum(steps.values()), steps) for kind, steps in found.items()}
    accounts = {step.id: dict.fromkeys(_accounts(step), 1) for step in view.steps}
    least = any(step.progress and step.progress.total > len(step.previews) for step in view.steps if accounts[step.id])
    if any(accounts.values()):
        summed.setdefault("accounts", _distinct("accounts", accounts, least=least))
    return _ordered(summed)


def dependents(view: IncidentView) -> tuple[Touched, ...]:
    """What is known, at the time of looking, to depend on what the steps change, by kind. Each is counted once."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for step in view.steps:
        for one in (one for preview in step.previews for one in preview.dependents):
            found.setdefault(one.kind, {}).setdefault(step.id, {})[one.name] = one.count
    least = {
        one.kind for step in view.steps for preview in step.previews for one in preview.dependents if not one.count
    }
    return _ordered({kind: _distinct(kind, names, least=kind in least) for kind, names in found.items()})


def _distinct(kind: str, names: Mapping[str, Mapping[str, int]], *, least: bool) -> Touched:
    """What several steps name, once."""
    every = {name: count for found in names.values() for name, count in found.items()}
    steps = {step: sum(found.values()) for step, found in names.items() if found}
    return Touched(kind, sum(every.values()), steps, least=least)


def _ordered(found: Mapping[str, Touched]) -> tuple[Touched, ...]:
    known = [found[kind] for kind in KINDS if kind in found]
    return (*known, *(found[kind] for kind in sorted(found.keys() - set(KINDS))))


def _accounts(step: StepView) -> Iterator[str]:
    """The accounts in which a step changes something, as its arguments and the state before tell."""
    for preview in step.previews:
        if preview.blast or preview.inverse:
            undo = preview.inverse.arguments if preview.inverse else {}
            for name, value in (*step.arguments.items(), *undo.items(), *preview.before.items()):
                if account := _account(name, value):
                    yield account


def _account(name: str, value: Any) -> str:
    """The account that a value is or names, or nothing. An ARN's fifth part is its account; those of S3 have none."""
    if not isinstance(value, str):
        return ""
    if name == "account":
        return value
    parts = value.split(":", ARN_PARTS - 1)
    return parts[4] if parts[0] == "arn" and len(parts) == ARN_PARTS and parts[4].isdigit() else ""


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
