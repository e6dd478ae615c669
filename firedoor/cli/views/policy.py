"""An approval policy in words: who, how many, until when, and what then. Pure."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from firedoor.forecast import policies_asked
from firedoor.phrases import rules_of, who
from firedoor.plan import Plan, Policy


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
