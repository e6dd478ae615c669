"""What an alert may start without a person: the plan of an incident that nobody has looked at yet.

Pure. A runbook says it with `auto`. What it does not allow waits for the runbook's first approval policy; what waits
for a policy of its own already waits for people.
"""

from collections.abc import Container

from firedoor.plan import Auto, Effect, Plan, PlannedStep, Policy

#: The step that is added where one word of a person sets off several changes.
GATE = "go_ahead"
GATE_TITLE = "An alert has started this: may it change anything?"
#: The effects that each `auto` allows by itself.
ALLOWED = {
    Auto.CONTAIN: frozenset({Effect.READ, Effect.REVERSIBLE}),
    Auto.ASK: frozenset({Effect.READ}),
    Auto.OFF: frozenset({Effect.READ}),
}


def supervised(plan: Plan) -> Plan:
    """The plan as an alert may start it; the same plan where it asks for all that it must.

    A destructive step gets the first policy, so that people see what it would change. Changes that can be undone
    (`auto: ask`) wait for one approval together. A runbook without policies cannot ask: see `unasked`.
    """
    if not plan.policies:
        return plan
    policy, policies = _asked(plan)
    allowed = ALLOWED[plan.auto]
    gate = _free_name(GATE, {step.id for step in plan.steps})
    steps: list[PlannedStep] = []
    gated = False
    for step in plan.steps:
        held, needs_gate = _held(step, allowed, policy, gate)
        gated = gated or needs_gate
        steps.append(held)
    if gated:
        steps.insert(0, PlannedStep(id=gate, kind="approval", title=GATE_TITLE, approval=policy))
    added = any(step.approval == policy for step in steps)
    return plan.model_copy(update={"steps": tuple(steps), "policies": policies if added else plan.policies})


def unasked(plan: Plan) -> tuple[str, ...]:
    """The steps that would need a person when an alert starts the plan, in a runbook that names nobody to ask."""
    if plan.policies or plan.auto is Auto.OFF or not any(trigger.alert for trigger in plan.triggers):
        return ()
    return tuple(step.id for step in plan.steps if _effects(step) - ALLOWED[plan.auto])


def _asked(plan: Plan) -> tuple[str, dict[str, Policy]]:
    """The policy that is asked for what an alert may not do alone, and all policies with it.

    The first one; where nobody's answer would count as a yes, a copy of it that waits for somebody.
    """
    first = next(iter(plan.policies))
    chain, name = [first], plan.policies[first].escalate
    while name and name not in chain:
        chain.append(name)
        name = plan.policies[name].escalate
    if not any(plan.policies[one].proceed for one in chain):
        return first, plan.policies
    waits = plan.policies[first].model_copy(update={"proceed": "", "escalate": "", "expires": 0})
    own = _free_name(f"{first}_for_alerts", plan.policies)
    return own, {**plan.policies, own: waits}


def _held(step: PlannedStep, allowed: frozenset[Effect], policy: str, gate: str) -> tuple[PlannedStep, bool]:
    """The step as it may run, and whether it waits at the gate."""
    if step.child and step.child.policies:
        child = supervised(step.child.model_copy(update={"auto": _auto(allowed)}))
        return step.model_copy(update={"child": child}), False
    beyond = _effects(step) - allowed
    if not beyond:
        return step, False
    # A step that runs however the incident ends would not outlive a gate that does not.
    if step.always or Effect.DESTRUCTIVE in beyond:
        return step.model_copy(update={"approval": policy}), False
    return step.model_copy(update={"needs": (*step.needs, gate)}), True


def _effects(step: PlannedStep) -> frozenset[Effect]:
    """What the step does to the world without asking anybody."""
    if step.approval:
        return frozenset()
    if step.child:
        return frozenset[Effect]().union(*(_effects(one) for one in step.child.steps))
    # What customers were told cannot be untold: no alert tells them without a person.
    return frozenset({step.effect}) if step.kind in ("uses", "campaign") else frozenset()


def _auto(allowed: frozenset[Effect]) -> Auto:
    """A runbook that is run by another one may do as much as that one."""
    return Auto.CONTAIN if Effect.REVERSIBLE in allowed else Auto.ASK


def _free_name(wanted: str, taken: Container[str]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name
