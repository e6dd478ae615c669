"""A plan on the terminal: what each step does, who must agree, and, once read for real, what would change. Pure."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firedoor.cli.views import forecast
from firedoor.cli.views.policy import people
from firedoor.cli.views.preview import word
from firedoor.cli.views.signs import EFFECTS
from firedoor.expressions import TEMPLATE
from firedoor.forecast import undecided
from firedoor.incident import IncidentView
from firedoor.plan import Effect, Plan, PlannedStep
from firedoor.words import plural, span

NAME_WIDTH = 28

EFFECT_WIDTH = 10
INDENT = 5


def compiled(plan: Plan, inputs: Mapping[str, Any]) -> RenderableType:
    """What `firedoor run` is about to start: each step and its effect, and who approves what."""
    table = _table()
    for step in plan.steps:
        notes = [f"{step.title} · {_briefly(step)}".rstrip(" ·") if step.title else _does(step, inputs)]
        notes += [*_secrets(step, inputs), *_notes(step)]
        notes += [f"waits for approval: {step.approval}"] if step.approval and step.kind != "approval" else []
        table.add_row(Text(f" {step.id}", style="bold"), _effect(step), Text("\n".join(notes)))
    parts = [_head(plan, inputs), Text(), table]
    parts += [*people(plan), Text(), _totals(plan)]
    return Group(*parts)


def previewed(plan: Plan, view: IncidentView) -> RenderableType:
    """What `firedoor plan` found: reads done for real, each other step's change, and the blast radius of all."""
    known = {step.id: step for step in view.steps}
    later = undecided(plan, view)
    widest = min(NAME_WIDTH, max((len(step.id) for step in plan.steps), default=0))
    parts: list[RenderableType] = [_head(plan, view.inputs)]
    for step in plan.steps:
        told = known.get(step.id)
        body = list(forecast.found(step, told, later=step.id in later)) if told else []
        does = Text(_does(step, view.inputs), style="dim") if step.title else Text()
        goes = [Text(line) for line in _secrets(step, view.inputs)]
        lines = [*([does] if does else []), *body, *goes, *_terms(step)]
        parts += [Text(), _heading(step, view.inputs, widest), Padding(Group(*lines), (0, 0, 0, INDENT))]
    parts += [*people(plan), Text(), forecast.touched(view), Text(), *forecast.verdict(plan, view)]
    return Group(*parts)


def _heading(step: PlannedStep, inputs: Mapping[str, Any], widest: int) -> RenderableType:
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(no_wrap=True, overflow="ellipsis", width=widest + 1)
    row.add_column(no_wrap=True, width=EFFECT_WIDTH)
    row.add_column(overflow="fold", ratio=1)
    row.add_row(Text(f" {step.id}", style="bold"), _effect(step), Text(step.title or _does(step, inputs)))
    return row


def _effect(step: PlannedStep) -> Text:
    return EFFECTS[step.effect].text() if step.kind == "uses" else Text(_KINDS[step.kind], style="dim")


def _terms(step: PlannedStep) -> Iterator[Text]:
    """The terms that the runbook sets: when, on how many at a time, with whose approval, for how long."""
    yield from (Text(line) for line in _notes(step))
    if step.approval and step.kind != "approval":
        yield Text(f"waits for approval: {step.approval}", style="yellow")


def _secrets(step: PlannedStep, inputs: Mapping[str, Any]) -> Iterator[str]:
    """What a question asks for that never enters firedoor's own stores, and where it goes."""
    for name, field in step.ask.secrets().items() if step.ask else ():
        yield f"asks for a secret, {name}, which goes to {_legible(' and '.join(field.into), inputs)}"


def _notes(step: PlannedStep) -> Iterator[str]:
    if step.loop:
        yield f"once for each of {step.loop.items}"
        if step.loop.canary:
            yield f"canary: {plural(step.loop.canary, 'targets')} first, the rest after people have looked"
    if step.condition:
        yield f"only if {step.condition}"
    if step.temporary:
        yield f"temporary: takes itself back after {span(step.temporary)}"
    if step.always:
        yield "always: runs at the end, however it ends"


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
        rows.add_row(name, word(value))
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
        return word(inputs[name]) if root == "inputs" and name in inputs else f"… [{source}]"

    return TEMPLATE.sub(value, template).strip()


def _totals(plan: Plan) -> Text:
    counts = Counter(step.effect for step in plan.steps if step.kind == "uses")
    parts = [
        f"{counts[Effect.READ]} reading",
        f"{counts[Effect.REVERSIBLE]} changing what can be undone",
        f"{counts[Effect.DESTRUCTIVE]} destroying",
    ]
    return Text(f"{plural(len(plan.steps), 'steps')}: {' · '.join(parts)}", style="bold")
