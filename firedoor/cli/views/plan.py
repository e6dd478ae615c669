"""A plan on the terminal: what each step does, who must agree, and, once read for real, what would change. Pure."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firedoor.cli.times import span
from firedoor.cli.views.signs import EFFECTS, blast, plural
from firedoor.expressions import TEMPLATE
from firedoor.incident import FINAL_STATES, IncidentView, Preview, StepState, StepView
from firedoor.plan import Effect, Plan, PlannedStep, Policy

NAME_WIDTH = 28

#: Of a `for_each` of thousands, as many changes are shown in full.
MOST_PREVIEWS = 5


def compiled(plan: Plan, inputs: Mapping[str, Any]) -> RenderableType:
    """What `firedoor run` is about to start: each step and its effect, and who approves what."""
    table = _table()
    for step in plan.steps:
        sign = EFFECTS[step.effect]
        notes = [f"{step.title} · {_briefly(step)}".rstrip(" ·") if step.title else _does(step, inputs)]
        notes += [f"once for each of {step.loop.items}"] if step.loop else []
        notes += [f"only if {step.condition}"] if step.condition else []
        notes += [f"waits for approval: {step.approval}"] if step.approval and step.kind != "approval" else []
        effect = sign.text() if step.kind == "uses" else Text(f"{_KINDS[step.kind]}", style="dim")
        table.add_row(Text(f" {step.id}", style="bold"), effect, Text("\n".join(notes)))
    parts = [_head(plan, inputs), Text(), table]
    parts += [*_approvals(plan), Text(), _totals(plan)]
    return Group(*parts)


def previewed(plan: Plan, view: IncidentView) -> RenderableType:
    """What `firedoor plan` found: reads done for real, each other step's change, and the blast radius of all."""
    known = {step.id: step for step in view.steps}
    table = _table()
    for step in plan.steps:
        told = known.get(step.id)
        effect = EFFECTS[step.effect].text() if step.kind == "uses" else Text(_KINDS[step.kind], style="dim")
        table.add_row(Text(f" {step.id}", style="bold"), effect, _found(step, told, view.inputs))
    parts = [_head(plan, view.inputs), Text(), table, *_approvals(plan), Text(), _radius(view)]
    return Group(*parts)


def radius(view: IncidentView) -> dict[str, int]:
    """The blast radius of all steps: counts by kind."""
    counts: Counter[str] = Counter()
    for step in view.steps:
        counts.update(step.blast)
    return dict(counts)


def failed(view: IncidentView) -> list[str]:
    """The steps that could not say what they would do."""
    return [step.id for step in view.steps if step.failure or step.state not in FINAL_STATES]


_KINDS = {"ask": "? asks", "wait": "◷ waits", "approval": "? approval", "run": "▶ runbook", "uses": ""}


def _table() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=NAME_WIDTH)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    return table


def _head(plan: Plan, inputs: Mapping[str, Any]) -> RenderableType:
    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    rows.add_row("runbook", f"{plan.name} · {plan.severity} · {plan.mode}")
    rows.add_row("plan", f"sha256 {plan.digest()[:16]}…")
    for name, value in inputs.items():
        rows.add_row(name, str(value))
    return Group(Text(plan.title or plan.name, style="bold"), rows)


def _does(step: PlannedStep, inputs: Mapping[str, Any]) -> str:
    if step.kind == "ask" and step.ask:
        return f"asks {step.ask.of or 'anybody'}: {_legible(step.ask.prompt, inputs)}"
    if step.kind == "wait":
        return f"waits {span(step.wait)}"
    if step.kind == "run" and step.child:
        return f"runs {step.child.name} ({plural(len(step.child.steps), 'steps')})"
    if step.kind == "approval":
        return f"waits for approval: {step.approval}"
    return step.action


def _briefly(step: PlannedStep) -> str:
    """What stands behind a title: the action, the time, whom it asks."""
    if step.kind == "ask" and step.ask:
        return f"asks {step.ask.of or 'anybody'}"
    return _does(step, {}) if step.kind in ("wait", "run") else step.action


def _legible(template: str, inputs: Mapping[str, Any]) -> str:
    """A text before its expressions have values: inputs have theirs, and the rest is named behind an ellipsis."""

    def value(match: re.Match[str]) -> str:
        source = match.group(1).strip()
        root, _, name = source.partition(".")
        return str(inputs[name]) if root == "inputs" and name in inputs else f"… [{source}]"

    return TEMPLATE.sub(value, template).strip()


def _found(step: PlannedStep, told: StepView | None, inputs: Mapping[str, Any]) -> Text:
    if told is None:
        return Text(_does(step, inputs))
    if told.failure:
        return Text(f"{told.failure.reason}: {told.failure.what}\n{told.failure.next}".rstrip(), style="red")
    if told.previews:
        text = Text("\n").join(_change(preview) for preview in told.previews[:MOST_PREVIEWS])
        if more := max(len(told.previews), told.progress.total if told.progress else 0) - MOST_PREVIEWS:
            text.append(f"\n… and {more:,} more" if more > 0 else "")
        if told.blast:
            text.append(f"\ntouches {blast(told.blast)}", style="dim")
    elif told.state is StepState.SKIPPED:
        text = Text(told.summary, style="dim")
    else:
        text = Text((told.summary if step.kind == "uses" else "") or _does(step, inputs))
    if step.approval and step.kind != "approval":
        text.append(f"\nwaits for approval: {step.approval}", style="yellow")
    return text


def _change(preview: Preview) -> Text:
    text = Text(preview.change)
    known = [f"{name} {_word(value)}" for name, value in preview.before.items() if _is_word(value)]
    if before := ", ".join(known):
        text.append(f"\nbefore: {before}", style="dim")
    if preview.undo:
        text.append(f"\nundone by {preview.undo}", style="dim")
    if preview.permission_missing:
        text.append(f"\n! permission missing: {preview.permission_missing}", style="bold red")
    return text


def _is_word(value: Any) -> bool:
    return value != "" and isinstance(value, str | int)


def _word(value: str | int) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _approvals(plan: Plan) -> list[RenderableType]:
    named = [step.ask.of if step.ask else step.approval for step in plan.steps]
    needed = [name for name in dict.fromkeys(named) if name in plan.policies]
    if not needed:
        return []
    lines = [Padding(Text(f"{name}: {who(plan.policies[name])}"), (0, 0, 0, 1)) for name in needed]
    return [Text(), Text("People", style="bold"), *lines]


def who(policy: Policy) -> str:
    """Who may approve, how many must, and for how long they can."""
    words = f"{policy.count} of " if policy.count > 1 else "one of " if len(policy.sources) > 1 else ""
    words += ", ".join(policy.sources)
    if policy.expires:
        words += f", within {span(policy.expires)}"
    return words + ("; the starter may approve" if policy.allow_self else "; not the starter")


def _totals(plan: Plan) -> Text:
    counts = Counter(step.effect for step in plan.steps if step.kind == "uses")
    parts = [
        f"{counts[Effect.READ]} reading",
        f"{counts[Effect.REVERSIBLE]} changing what can be undone",
        f"{counts[Effect.DESTRUCTIVE]} destroying",
    ]
    return Text(f"{plural(len(plan.steps), 'steps')}: {' · '.join(parts)}", style="bold")


def _radius(view: IncidentView) -> RenderableType:
    counts = radius(view)
    lines = [Text.assemble(("Blast radius  ", "bold"), blast(counts) or "nothing that could be counted")]
    if unread := failed(view):
        lines.append(Text(f"! The plan is incomplete; these could not be read: {', '.join(unread)}", style="bold red"))
    lines.append(Text("Nothing was changed: this was a plan.", style="bold blue"))
    return Group(*lines)
