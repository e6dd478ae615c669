"""An approval that is asked for: of whom, how many, by when, and what exactly would be approved. Pure."""

import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firedoor.cli.views import preview as preview_view
from firedoor.cli.views.paste import Command
from firedoor.cli.views.scene import command
from firedoor.incident import IncidentView, Request, StepView
from firedoor.phrases import blast, expiry, of_whom, still, targets, word
from firedoor.words import clock, plural


def request(view: IncidentView, step: StepView, now: datetime.datetime) -> RenderableType:
    """All that a person agrees to by approving: what would change, where, what that touches, and who else agrees."""
    asked = step.request
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    if step.action:
        rows.add_row("action", step.action)
    for name, value in step.arguments.items():
        rows.add_row(f"  {name}", word(value))
    total = asked.targets if asked else 0
    if step.previews or total > 1:
        rows.add_row("change", preview_view.previews(step.previews, total))
    if step.blast:
        rows.add_row("touches", Text(blast(step.blast), style="bold"))
    for name, value in _asked(view, asked, now) if asked else ():
        rows.add_row(name, value)
    head = Text.assemble((step.id, "bold"), f"  {step.title}" if step.title else "", ("  in ", "dim"), view.id)
    parts: list[RenderableType] = [head]
    parts += _warned(asked)
    return Group(*parts, Padding(rows, (0, 0, 0, 2)))


def _warned(asked: Request | None) -> list[Text]:
    """What is to be known before the rest is read."""
    again = [f"! Asked again: {asked.changed}"] if asked and asked.changed else []
    caution = [f"! {asked.caution}"] if asked and asked.caution else []
    return [Text(line, style="bold yellow") for line in (*again, *caution)]


def _asked(view: IncidentView, asked: Request, now: datetime.datetime) -> list[tuple[str, Text]]:
    rows = [("targets", Text(targets(asked)))] if targets(asked) else []
    rows.append(("policy", Text(f"{asked.policy}: {of_whom(asked, view)}")))
    rows.append(("given", Text(", ".join(f"{one.principal} ({one.auth})" for one in asked.given) or "nobody yet")))
    rows.append(("missing", Text(still(asked))))
    if asked.expires:
        rows.append(("expires", Text(expiry(asked, now))))
    rows.append(("digest", Text(asked.digest, style="dim")))
    return rows


def brief(view: IncidentView, step: StepView, now: datetime.datetime) -> RenderableType:
    """The same in few lines, for a page that tells of much else."""
    asked = step.request
    parts: list[RenderableType] = []
    parts += _warned(asked)
    if step.previews:
        parts.append(preview_view.previews(step.previews, asked.targets if asked else 0, most=2))
    if step.blast:
        parts.append(Text.assemble(("touches ", "dim"), blast(step.blast)))
    if asked is None:
        return Group(*parts, Text(f"waits for {step.waits_for or 'a person'}"))
    if words := targets(asked):
        parts.append(Text.assemble(("targets ", "dim"), words))
    given = f" (by {', '.join(one.principal for one in asked.given)})" if asked.given else ""
    parts.append(Text(f"{asked.policy}: {len(asked.given)} of {asked.needed} given{given}; {still(asked)}"))
    parts.append(Text.assemble(("may approve ", "dim"), of_whom(asked, view)))
    if times := _times(asked, now):
        parts.append(Text(times, style="dim"))
    return Group(*parts)


def emergency(view: IncidentView, step: StepView) -> list[RenderableType]:
    """How glass is broken, where the policy lets anybody do that."""
    if step.request is None or not step.request.break_glass:
        return []
    told = f"In an emergency {step.request.break_glass} may go ahead alone; all are told, and it is reviewed:"
    line = command(view, "approve", f"{step.id} --break-glass --reason '…'")
    return [Text(told, style="dim"), Command(line)]


def _times(asked: Request, now: datetime.datetime) -> str:
    parts = [f"asked {clock(asked.asked, now)} UTC"] if asked.asked else []
    parts += [f"reminded {plural(asked.reminders, 'times')}"] if asked.reminders else []
    parts += [f"expires {expiry(asked, now)}"] if asked.expires else []
    return " · ".join(parts)
