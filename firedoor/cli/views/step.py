"""One step in full. Pure."""

import json
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firedoor.cli.views import preview as preview_view
from firedoor.cli.views import progress, tree
from firedoor.cli.views.incident import said_by_provider
from firedoor.cli.views.needs import commands, destination, failure, failures
from firedoor.cli.views.paste import Command
from firedoor.cli.views.request import emergency, request
from firedoor.cli.views.scene import ENDS, WAITING, Scene
from firedoor.incident import FailedTarget, StepState, StepView
from firedoor.phrases import blast, word
from firedoor.plain import plain
from firedoor.words import clock, duration, plural, seconds_between


def step(scene: Scene, one: StepView) -> RenderableType:
    """All that is known of a step: what it does to what, how it went, what waits for whom, what the provider said."""
    sign = tree.sign(one)
    head = Text.assemble((one.id, "bold"), f"  {one.title}" if one.title else "", ("  in ", "dim"), scene.view.id)
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    for name, value in _facts(scene, one):
        rows.add_row(name, value)
    parts: list[RenderableType] = [head, sign.text(), Padding(rows, (0, 0, 0, 2))]
    if one.state is StepState.WAITING_APPROVAL and one.request:
        parts = [sign.text(), request(scene.view, one, scene.now)]
    if scene.view.state not in ENDS:
        parts += [Command(line) for line in commands(scene.view, one)]
    if one.state is StepState.WAITING_APPROVAL:
        parts += emergency(scene.view, one)
    return Group(*parts)


def _facts(scene: Scene, one: StepView) -> Iterator[tuple[str, RenderableType]]:
    if one.action:
        yield "action", Text(one.action)
    for name, value in one.arguments.items():
        yield f"  {name}", Text(word(value) + ("  (may be changed by retry)" if name in one.changeable else ""))
    if one.started:
        took = duration(seconds_between(one.started, one.ended, scene.now))
        yield "started", Text(f"{clock(one.started, scene.now)} UTC, {took}")
    if one.attempts > 1:
        yield "attempts", Text(str(one.attempts))
    if goes := progress.line(scene, one):
        yield "progress", Text(goes)
    if one.summary:
        yield "says", Text(one.summary)
    yield from _secrets(one)
    yield from _people(one)
    if one.failure:
        told = (f"{one.failure.reason}: {one.failure.what}", one.failure.changed, one.failure.next)
        name = "last try" if one.state is StepState.RUNNING else "failure"
        yield name, Text("\n".join(part for part in told if part), style="red")
    if one.failed:
        yield "failed", failures(scene.view, one)
    yield from _consequences(scene, one)


def _people(one: StepView) -> Iterator[tuple[str, RenderableType]]:
    if one.waits_for and one.state in WAITING:
        yield "waits for", Text(one.waits_for)
    if one.approved:
        yield "approved", Text(f"by {' and '.join(one.approved)}")


def _secrets(one: StepView) -> Iterator[tuple[str, RenderableType]]:
    for name, field in one.ask.secrets().items() if one.ask else ():
        yield f"  {name}", Text(destination(field))


def _consequences(scene: Scene, one: StepView) -> Iterator[tuple[str, RenderableType]]:
    if one.previews:
        yield "change", preview_view.previews(one.previews, one.progress.total if one.progress else 1)
    if one.blast:
        yield "touches", Text(blast(one.blast))
    if one.reversible:
        yield "undo", Text("possible")
    if below := tree.below(scene, one):
        yield "holds", Group(*below)
    if one.result:
        yield "result", Text(json.dumps(one.result, indent=2, ensure_ascii=False))
    if one.evidence:
        yield "proof", Group(*(said_by_provider(piece, scene) for piece in one.evidence))


def failed(one: StepView, found: Sequence[FailedTarget]) -> RenderableType:
    """Every target that failed."""
    head = Text.assemble((one.id, "bold"), f": {plural(len(found), 'targets')} failed")
    lines = [Padding(Text(plain(failure(target).plain)), (0, 0, 0, 2)) for target in found]
    return Group(head, *lines)
