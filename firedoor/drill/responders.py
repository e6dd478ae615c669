"""Who answers in a drill: stand-ins for the people that a runbook asks."""

from collections.abc import Iterable

from firedoor.incident import Responder
from firedoor.plan import Plan


def people(plan: Plan, step_id: str, responder: str) -> list[Responder]:
    """Stand-ins for whom the step's approval policy asks, as many as it takes; the responder where it asks nobody."""
    step = next(one for one in plan.steps if one.id == step_id)
    policy = plan.policies.get(step.ask.of if step.ask else step.approval)
    if policy is None:
        return [Responder(principal=responder, auth="drill")]
    roles = tuple(source.removeprefix("role:") for source in policy.sources if source.startswith("role:"))
    named = [source for source in policy.sources if source.startswith("user:")]
    others = [responder, *(f"{responder}-{number}" for number in range(2, policy.count + 1))]
    count = policy.count if step.approval else 1
    return [
        Responder(principal=name, auth="drill", roles=roles) for name in list(dict.fromkeys((*named, *others)))[:count]
    ]


def everybody(plan: Plan, responder: str) -> Iterable[Responder]:
    """All of them, whatever step of the plan it is; somebody may be there more than once, with other roles."""
    return [one for step in plan.steps for one in people(plan, step.id, responder)]
