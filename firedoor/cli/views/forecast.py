"""What a plan run found of each step: before and after, how it is undone, what depends on it, what it touches. Pure."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firedoor.cli.views.preview import differences
from firedoor.forecast import Touched, dependents, radius, undecided, unread
from firedoor.incident import FINAL_STATES, IncidentView, Preview, StepState, StepView
from firedoor.phrases import blast
from firedoor.plan import Effect, Plan, PlannedStep
from firedoor.words import plural

#: Of a `for_each` of thousands, as many changes are shown in full.
MOST_PREVIEWS = 5
MOST_DEPENDENTS = 10
#: The first column of a change.
NAME_COLUMN = 10
#: The first column of what is counted.
COUNTED_COLUMN = 14
MISSING = "bold red"


def found(step: PlannedStep, told: StepView, *, later: bool) -> Iterator[RenderableType]:
    """What is known of a step, each part below the other."""
    if told.failure:
        yield Text(f"! not read: {told.failure.what}", style="red")
        yield Text("\n".join(line for line in (told.failure.reason, told.failure.next) if line), style="red")
    elif told.state not in FINAL_STATES:
        yield Text(f"! not read: it is {told.state.value}", style="red")
    elif later:
        yield Text("decided when it runs: it depends on what changes and people bring", style="yellow")
    elif told.state is StepState.SKIPPED:
        yield Text(f"skipped: {told.summary}" if told.summary else "skipped", style="dim")
    elif told.previews:
        yield from _changes(told)
    elif told.progress and told.progress.total == 0:
        yield Text("nothing to do: no targets", style="dim")
    elif told.summary and step.kind == "uses":
        yield Text(told.summary)


def _changes(told: StepView) -> Iterator[RenderableType]:
    total = max(len(told.previews), told.progress.total if told.progress else 0)
    shown = told.previews[:MOST_PREVIEWS]
    for preview in shown:
        yield change(preview)
    if total > len(shown):
        yield Text(f"… and {total - len(shown):,} more", style="dim")
    # What is missing for a target that is not shown must not stay unseen.
    hidden = {name for one in told.previews[MOST_PREVIEWS:] for name in one.missing}
    if hidden := hidden - {name for one in shown for name in one.missing}:
        yield Text(f"! permissions missing for others: {', '.join(sorted(hidden))}", style=MISSING)
    if told.blast:
        yield Text.assemble(("touches ", "dim"), (blast(told.blast), "bold"))


def change(preview: Preview) -> RenderableType:
    """One change."""
    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_column(style="dim", min_width=NAME_COLUMN, overflow="fold", max_width=24)
    rows.add_column(overflow="fold", ratio=1)
    for name, words in differences(preview.before, preview.after):
        rows.add_row(name, words)
    if preview.inverse:
        rows.add_row("undo", preview.inverse.words())
    elif preview.effect is not Effect.READ:
        rows.add_row("undo", Text("CANNOT BE UNDONE", style="bold red"))
    if preview.dependents:
        rows.add_row("depends", _dependents(preview))
    if preview.missing:
        rows.add_row(Text("missing", style=MISSING), Text(f"! permission {', '.join(preview.missing)}", style=MISSING))
    if preview.unchecked:
        rows.add_row("unchecked", Text(f"? permissions: {preview.unchecked}", style="yellow"))
    return Group(Text(preview.change), Padding(rows, (0, 0, 0, 2)))


def _dependents(preview: Preview) -> Text:
    shown = preview.dependents[:MOST_DEPENDENTS]
    lines = [
        f"{plural(1, one.kind).removeprefix('1 ')} {one.name}{f': {one.says}' if one.says else ''}" for one in shown
    ]
    more = len(preview.dependents) - len(shown)
    return Text("\n".join([*lines, f"… and {more:,} more"] if more else lines))


def touched(view: IncidentView) -> RenderableType:
    """The blast radius by kind, as a table: what is changed, and below it what is known to depend on that."""
    changed, known = radius(view), dependents(view)
    if not changed and not known:
        return Text.assemble(("Blast radius  ", "bold"), "nothing that could be counted")
    parts: list[RenderableType] = [Text("Blast radius", style="bold"), _counts("changed", changed)]
    if known:
        parts += [_counts("depends on it", known)]
        parts += [_remark("What depends on it is what was known when this was read: there may be more.")]
    if any(one.count < sum(one.steps.values()) for one in (*changed, *known)):
        parts += [_remark("Accounts, and what depends, count once, however many steps name them.")]
    if any(len(one.steps) > 1 and one.count == sum(one.steps.values()) for one in changed):
        parts += [_remark("What several steps change is counted in each of them.")]
    return Group(*parts)


def _counts(title: str, counts: Sequence[Touched]) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, min_width=COUNTED_COLUMN)
    table.add_column(justify="right", no_wrap=True, min_width=len("count"))
    table.add_column(overflow="fold", ratio=1)
    table.add_row(Text(f" {title}", style="dim"), Text("count", style="dim"), Text("in", style="dim"))
    for one in counts:
        count = f"{'≥ ' if one.least else ''}{one.count:,}"
        table.add_row(f" {one.kind}", Text(count, style="bold"), _where(one))
    return table


def _remark(sentence: str) -> Text:
    return Text(f" {sentence}", style="dim")


def _where(one: Touched) -> str:
    return ", ".join(f"{step} {count:,}" if len(one.steps) > 1 else step for step, count in one.steps.items())


def verdict(plan: Plan, view: IncidentView) -> Iterator[RenderableType]:
    """The last words: is the plan whole, may firedoor do it, what is still open."""
    later = undecided(plan, view)
    if missing := lacking(view.steps):
        yield Text("! Permissions are missing; these steps would fail:", style=MISSING)
        yield from (Text(f"    {step}: {', '.join(names)}", style=MISSING) for step, names in missing.items())
    if missed := unread(view):
        yield Text(f"! The plan is incomplete; these could not be read: {', '.join(missed)}", style=MISSING)
    if later:
        names = ", ".join(step.id for step in plan.steps if step.id in later)
        yield Text(f"Decided when it runs, and asked as the runbook says: {names}", style="yellow")
    yield Text("Nothing was changed: this was a plan.", style="bold blue")


def lacking(steps: Sequence[StepView]) -> dict[str, list[str]]:
    """The permissions that firedoor lacks, by step."""
    found = {step.id: sorted({name for one in step.previews for name in one.missing}) for step in steps}
    return {step: names for step, names in found.items() if names}
