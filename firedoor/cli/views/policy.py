"""An approval policy in words: who, how many, until when, and what then. Pure."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from firedoor.forecast import policies_asked
from firedoor.plan import Plan, Policy
from firedoor.words import span


def people(plan: Plan) -> list[RenderableType]:
    """Every policy that the plan may ask, with all of its rules; nothing where it asks nobody."""
    asked = list(policies_asked(plan))
    if not asked:
        return []
    lines = [_policy(name, plan.policies[name], steps) for name, steps in asked]
    return [Text(), Text("Who must agree", style="bold"), *lines]


def _policy(name: str, policy: Policy, steps: Sequence[str]) -> RenderableType:
    rules = Text("\n".join(rules_of(policy)))
    if steps:
        rules.append("\n" if rules else "").append(f"for {', '.join(steps)}", style="dim")
    head = Padding(Text.assemble((f"{name}: ", "bold"), who(policy)), (0, 0, 0, 1))
    return Group(head, Padding(rules, (0, 0, 0, 3))) if rules else head


def who(policy: Policy) -> str:
    """Who may approve, how many must, and for how long they can."""
    words = f"{policy.count} of " if policy.count > 1 else "one of " if len(policy.sources) > 1 else ""
    words += ", ".join(policy.sources)
    if policy.expires:
        words += f", within {span(policy.expires)}"
    return words + ("; the starter may approve" if policy.allow_self else "; not the starter")


def rules_of(policy: Policy) -> Iterator[str]:
    """The other rules of a policy, each as a line."""
    if policy.expires and policy.escalate:
        yield f"without an answer in time {policy.escalate} is asked"
    elif policy.expires and policy.proceed:
        yield f"without an answer in time it GOES ON: {policy.proceed}"
    elif policy.expires:
        yield "without an answer in time it counts as denied"
    if policy.remind:
        yield f"reminded every {span(policy.remind)}"
    if policy.break_glass:
        yield f"in an emergency one of {policy.break_glass} may go ahead alone, with a reason; everybody is told"
