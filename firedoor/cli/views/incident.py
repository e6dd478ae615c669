"""An incident on the terminal: header, steps, what needs a person, the proof, the verdict. Pure."""

import shlex
import textwrap
from collections import Counter
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firedoor.cli.views import clocks
from firedoor.cli.views.needs import needs
from firedoor.cli.views.paste import Command
from firedoor.cli.views.scene import ENDS, Scene, command
from firedoor.cli.views.signs import INCIDENTS, VERDICTS, Sign
from firedoor.cli.views.tree import NAME_WIDTH, steps
from firedoor.incident import Evidence, IncidentState, IncidentView, Mode, StepState
from firedoor.phrases import unproved, word
from firedoor.plan import Verdict
from firedoor.words import clock, duration, plural, seconds_between

#: Longer answers of a provider are cut here; `-o json` and the timeline have them whole.
PROOF_WIDTH = 200
#: So many clocks are shown where height is scarce.
NEAREST = 2


def incident(scene: Scene, room: int | None = None, *, brief: bool = False) -> RenderableType:
    """The whole picture. `room` is how many lines the steps may take, None for all; `brief` shortens the rest."""
    view = scene.view
    parts: list[RenderableType] = [header(scene, brief=brief), Text(), steps(scene, room)]
    if wanted := needs(scene, brief=brief):
        parts += [Text(), wanted]
    if view.clocks:
        parts += [Text(), clocks.brief(view.clocks, scene.now, NEAREST if brief or room is not None else None)]
    if view.state in ENDS and room is None:
        parts += _proof(scene)
    parts += _afterwards(scene)
    if view.state in ENDS:
        parts += [Text(), verdict(view)]
    return Group(*parts)


def fitting(scene: Scene, console: Console) -> RenderableType:
    """The picture, made to fit the console's height: details go first, then steps that matter less are only counted."""
    for picture in (incident(scene), incident(scene, brief=True)):
        if _height(picture, console) <= console.height:
            return picture
    brief = _height(incident(scene, 0), console) > console.height // 2
    around = _height(incident(scene, 0, brief=brief), console)
    return incident(scene, max(1, console.height - around), brief=brief)


def _height(picture: RenderableType, console: Console) -> int:
    return len(console.render_lines(picture, pad=False))


def header(scene: Scene, *, brief: bool = False) -> RenderableType:
    """Title, state, how long; unless `brief`, who started it, with what, who leads; what holds it up."""
    view, now = scene.view, scene.now
    sign = INCIDENTS[view.state]
    counts = Counter(step.state for step in view.steps)
    facts = [view.severity, duration(seconds_between(view.started, view.ended, now))]
    facts += [f"{counts[StepState.DONE]} of {plural(len(view.steps), 'steps')} done"]
    line = sign.text().append(" · " + " · ".join(fact for fact in facts if fact), style="default not bold")
    if view.verdict:
        line.append(" · ").append_text(_so_far(view, view.verdict).text())
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    for name, value in [("incident", view.id)] if brief else _facts(scene):
        rows.add_row(name, value)
    return Group(Text(view.title or view.runbook, style="bold"), line, rows, *_warnings(scene))


def _facts(scene: Scene) -> Iterator[tuple[str, str]]:
    view = scene.view
    yield "incident", view.id
    if view.undoes:
        yield "undoes", view.undoes
    started = f"{clock(view.started, scene.now)} UTC by {view.starter.principal} ({view.starter.auth})"
    yield "started", started + (f" · {plural(view.alerts, 'alerts')}" if view.alerts else "")
    if view.alert:
        yield "alert", word(view.alert)
    for name, value in view.inputs.items():
        yield name, word(value)
    others = [name for name in view.responders if name != view.commander]
    if view.commander and (others or view.commander != view.starter.principal):
        yield "commander", view.commander
    if others:
        yield "responders", ", ".join(others)


def _warnings(scene: Scene) -> Iterator[RenderableType]:
    view = scene.view
    if view.mode is Mode.PLAN:
        yield Text("PLAN ONLY: nothing is changed", style="bold blue")
    if view.drill:
        yield Text("DRILL: on an emulator, not on a real account", style="bold blue")
    if view.paused and view.state not in ENDS:
        yield Text(f"‖ Paused by {view.paused}. No new action starts. To go on:", style="bold blue")
        yield Padding(Command(command(view, "resume")), (0, 0, 0, 2))
    for sentence in view.review:
        yield Text(f"! For review: {sentence}", style="bold red")
    if scene.lost:
        yield Text(f"! Not the present: {scene.lost}", style="bold red")


def _so_far(view: IncidentView, verdict: Verdict) -> Sign:
    """Before the end, unknown only means that the proof is still to come."""
    if verdict is Verdict.UNKNOWN and view.state not in ENDS:
        return Sign("?", unproved(view), "yellow")
    return VERDICTS[verdict]


def _proof(scene: Scene) -> list[RenderableType]:
    """What the provider itself said after the changes."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=NAME_WIDTH, style="bold")
    table.add_column(overflow="fold")
    for step in scene.view.steps:
        name = f"  {step.id}"
        for one in step.evidence if step.verdict else ():
            table.add_row(name, said_by_provider(one, scene))
            name = ""
    return [Text(), Text("Proof", style="bold"), table] if table.row_count else []


def said_by_provider(one: Evidence, scene: Scene) -> Text:
    """One piece of evidence: the call, what it said, when, under which request id."""
    facts = [clock(one.observed_at, scene.now), f"request {one.request_id}" if one.request_id else ""]
    told = Text(f"{one.source}: {textwrap.shorten(one.says, PROOF_WIDTH, placeholder='…')}")
    return told.append("".join(f" · {fact}" for fact in facts if fact), style="dim")


def _afterwards(scene: Scene) -> list[RenderableType]:
    """The incident that takes this one back after an abort."""
    undo = scene.around(scene.view.undo)
    if not scene.view.undo:
        return []
    line = Text.assemble(("Undo  ", "bold"), scene.view.undo)
    if undo:
        view = undo.view
        sign = VERDICTS[view.verdict] if view.verdict and view.state in ENDS else INCIDENTS[view.state]
        line.append("  ").append_text(sign.text())
        return [Text(), line, steps(undo)]
    return [Text(), line, Padding(Command(f"firedoor show {shlex.quote(scene.view.undo)}"), (0, 0, 0, 2))]


def verdict(view: IncidentView) -> RenderableType:
    """The last word. What was aborted carries no sign of success, though what it did may be proved."""
    proved = view.verdict if view.state is not IncidentState.ABORTED else None
    sign = VERDICTS[proved] if proved else INCIDENTS[view.state]
    return Text(f"{sign.icon} {view.sentence or sign.word}", style=sign.style)
