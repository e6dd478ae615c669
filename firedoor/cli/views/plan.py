"""A plan on the terminal: what each step does, who must agree, and, once read for real, what would change. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firedoor.cli.views import forecast
from firedoor.cli.views.policy import people
from firedoor.cli.views.signs import EFFECTS
from firedoor.forecast import undecided
from firedoor.incident import IncidentView
from firedoor.phrases import does, secrets_asked, terms, totals, word
from firedoor.plan import Plan, PlannedStep

NAME_WIDTH = 28

EFFECT_WIDTH = 10
INDENT = 5


def compiled(plan: Plan, inputs: Mapping[str, Any]) -> RenderableType:
    """What `firedoor run` is about to start: each step and its effect, and who approves what."""
    table = _table()
    for step in plan.steps:
        notes = [f"{step.title} · {_briefly(step)}".rstrip(" ·") if step.title else does(step, inputs)]
        notes += [*secrets_asked(step, inputs), *terms(step)]
        notes += [f"waits for approval: {step.approval}"] if step.approval and step.kind != "approval" else []
        table.add_row(Text(f" {step.id}", style="bold"), _effect(step), Text("\n".join(notes)))
    parts = [_head(plan, inputs), Text(), table]
    parts += [*people(plan), Text(), Text(totals(plan), style="bold")]
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
        act = Text(does(step, view.inputs), style="dim") if step.title else Text()
        goes = [Text(line) for line in secrets_asked(step, view.inputs)]
        lines = [*([act] if act else []), *body, *goes, *_terms(step)]
        parts += [Text(), _heading(step, view.inputs, widest), Padding(Group(*lines), (0, 0, 0, INDENT))]
    parts += [*people(plan), Text(), forecast.touched(view), Text(), *forecast.verdict(plan, view)]
    return Group(*parts)


def _heading(step: PlannedStep, inputs: Mapping[str, Any], widest: int) -> RenderableType:
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(no_wrap=True, overflow="ellipsis", width=widest + 1)
    row.add_column(no_wrap=True, width=EFFECT_WIDTH)
    row.add_column(overflow="fold", ratio=1)
    row.add_row(Text(f" {step.id}", style="bold"), _effect(step), Text(step.title or does(step, inputs)))
    return row


def _effect(step: PlannedStep) -> Text:
    return EFFECTS[step.effect].text() if step.kind == "uses" else Text(_KINDS[step.kind], style="dim")


def _terms(step: PlannedStep) -> Iterator[Text]:
    """The terms that the runbook sets: when, on how many at a time, with whose approval, for how long."""
    yield from (Text(line) for line in terms(step))
    if step.approval and step.kind != "approval":
        yield Text(f"waits for approval: {step.approval}", style="yellow")


_KINDS = {
    "ask": "? asks",
    "wait": "◷ waits",
    "approval": "? approval",
    "run": "▶ runbook",
    "campaign": "! tells",
    "uses": "",
}


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


def _briefly(step: PlannedStep) -> str:
    """What stands behind a title: the action, the time, whom it asks."""
    if step.kind == "ask" and step.ask:
        return f"asks {step.ask.of or 'anybody'}"
    return does(step, {}) if step.kind in ("wait", "run", "campaign") else step.action
