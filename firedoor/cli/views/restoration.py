"""What an undo would restore, in its order, and what nobody can take back. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firedoor.cli.views import preview as preview_view
from firedoor.incident import IncidentView, StepState, StepView
from firedoor.phrases import blast, changes_nothing
from firedoor.plan import Effect, Plan, Policy
from firedoor.undo import RECORDED, WAIT, undoable
from firedoor.words import plural, span

#: Of the targets that cannot be restored, as many are told of.
MOST_FAILED = 5


@dataclass(frozen=True, slots=True)
class Restoration:
    """What was found by looking: steps with something to restore, in the order of the undo; what cannot be, and why.

    A step of many targets may be both: some of them can be restored, and others not.
    """

    steps: tuple[StepView, ...]
    cannot: dict[str, str]


def restoration(plan: Plan, acted: IncidentView, looked: IncidentView, chosen: Collection[str]) -> Restoration:
    """What the undo of `acted`, which ran `plan`, would do, as far as `looked` (the undo in plan mode) found out."""
    found = [step for step in looked.steps if step.id not in (RECORDED, WAIT)]
    cannot = {step.id: why for step in looked.steps if (why := _failed(step))}
    cannot |= {step: why for step, why in _for_ever(plan, acted) if not chosen or step in chosen}
    return Restoration(tuple(step for step in found if _restores(step) and not step.failure), cannot)


def _failed(step: StepView) -> str:
    """Why a step, or targets of it, cannot be restored: the first of them by what was said of it."""
    if step.failure or not step.failed:
        return step.failure.what if step.failure else ""
    shown = "\n".join(one.failure.what for one in step.failed[:MOST_FAILED])
    total = max(len(step.failed), step.progress.failed if step.progress else 0)
    more = total - min(total, MOST_FAILED)
    return f"{shown}\n… and {plural(more, 'targets')} more" if more else shown


def _restores(step: StepView) -> bool:
    """Is there anything that is not as it was?"""
    return any(not changes_nothing(preview) for preview in step.previews)


def _for_ever(plan: Plan, acted: IncidentView) -> Iterator[tuple[str, str]]:
    """The steps that changed something which nobody can take back."""
    done = {step.id for step in acted.steps if step.state is StepState.DONE}
    for step in plan.steps:
        if step.id in done and step.kind == "uses" and step.effect is not Effect.READ and not undoable(step):
            yield step.id, f"{step.action} has no undo: what it did stays."


def restored(acted: IncidentView, found: Restoration) -> RenderableType:
    """The page: each step that would be restored with its changes before → after, then what stays."""
    parts: list[RenderableType] = [Text(f"Undo of {acted.id}", style="bold")]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for number, step in enumerate(found.steps, 1):
        total = step.progress.total if step.progress else len(step.previews)
        told: list[RenderableType] = [Text.assemble((step.id, "bold"), f"  {step.title}" if step.title else "")]
        told.append(preview_view.previews(step.previews, total))
        told += [Text(f"touches {blast(step.blast)}", style="dim")] if step.blast else []
        table.add_row(f" {number}.", Group(*told))
    if found.steps:
        parts += [Text("Would be restored, in this order:"), table]
    if found.cannot:
        parts.append(Text("Cannot be taken back:", style="bold yellow"))
        lines = [Text.assemble(("✗ ", "red"), (step, "bold"), f": {why}") for step, why in found.cannot.items()]
        parts += [Padding(line, (0, 0, 0, 1)) for line in lines]
    return Group(*parts)


def approvals(plan: Plan, found: Restoration) -> list[str]:
    """Who has to approve which steps of the undo `plan`, a sentence each."""
    needed: dict[str, list[str]] = {}
    restoring = {step.id for step in found.steps}
    for step in plan.steps:
        if step.id in restoring and step.approval in plan.policies:
            needed.setdefault(step.approval, []).append(step.id)
    return [f"{_people(plan.policies[name])} must approve {', '.join(steps)}" for name, steps in needed.items()]


def _people(policy: Policy) -> str:
    words = f"{policy.count} of {', '.join(policy.sources)}" if policy.count > 1 else ""
    words = words or " or ".join(policy.sources)
    return f"{words}, within {span(policy.expires)}," if policy.expires else words
