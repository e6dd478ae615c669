"""The steps of an incident, a line each; those of the incidents that its steps started stand below them. Pure."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.text import Text

from firedoor.cli.views import progress
from firedoor.cli.views.paste import Command
from firedoor.cli.views.scene import ENDS, WAITING, Scene, campaign, child, command, short
from firedoor.cli.views.signs import INCIDENTS, STEPS, VERDICTS, Sign
from firedoor.incident import FINAL_STATES, StepState, StepView
from firedoor.phrases import said
from firedoor.undo import WAIT
from firedoor.words import clock, duration, plural, seconds_between, seconds_until

#: Longer names stand out of their column, or are cut where height is scarce.
NAME_WIDTH = 28

#: How far the text below a step is moved in.
INDENT = 5

#: States in which something goes on.
BUSY = frozenset({StepState.RUNNING, StepState.SLEEPING, StepState.PAUSED})


@dataclass(frozen=True, slots=True)
class Node:
    """One step in the tree: in which incident it stands, how deep."""

    scene: Scene
    step: StepView
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """What one step's line says; `below` are lines that stand under it where there is room."""

    sign: Sign
    name: str
    took: str
    said: str
    below: tuple[RenderableType, ...] = ()


@dataclass(frozen=True, slots=True)
class Lines:
    """Step lines in columns. Needs the width to decide what fits beside the columns, hence a renderable of its own."""

    lines: tuple[Line, ...]
    #: One line a step, whatever is cut.
    terse: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = min(NAME_WIDTH, max((len(line.name) for line in self.lines), default=0))
        words = max((len(line.sign.word) for line in self.lines), default=0)
        for line in self.lines:
            name = line.name if len(line.name) <= names or not self.terse else line.name[: names - 1] + "…"
            text = Text.assemble((f" {line.sign.icon} ", line.sign.style), (f"{name:<{names}}  ", "bold"))
            text.append(f"{line.sign.word:<{words}}", style=line.sign.style).append(f"  {line.took:>8}", style="dim")
            beside = len(text) + 2 + len(line.said) <= options.max_width
            if line.said and (beside or self.terse):
                text.append(f"  {line.said}")
            text.no_wrap, text.overflow = True, "ellipsis"
            yield text
            if line.said and not beside and not self.terse:
                yield Padding(Text(line.said), (0, 0, 0, INDENT))
            yield from (Padding(below, (0, 0, 0, INDENT)) for below in line.below if not self.terse)


def steps(scene: Scene, room: int | None = None) -> RenderableType:
    """A line a step: sign, name, state, how long, what happened; the last on lines of its own where it is long.

    `room` is how many lines there are; None for as many as it takes.
    """
    every = list(nodes(scene))
    shown = folded(every, room)
    terse = room is not None
    lines = Lines(tuple(_line(node, terse=terse) for node in shown), terse=terse)
    if hidden := len(every) - len(shown):
        left = Counter(node.step.state for node in every) - Counter(node.step.state for node in shown)
        words = ", ".join(f"{number} {STEPS[state].word}" for state, number in left.most_common())
        rest = Text(f" … {plural(hidden, 'steps')} more: {words}", style="dim", no_wrap=True, overflow="ellipsis")
        return Group(lines, rest)
    return lines


def nodes(scene: Scene, depth: int = 0) -> Iterator[Node]:
    """Every step, those of a `run` step's incident below it."""
    for step in scene.view.steps:
        yield Node(scene, step, depth)
        if step.kind == "run" and (below := scene.around(child(scene.view, step))):
            yield from nodes(below, depth + 1)


def folded(every: Sequence[Node], room: int | None) -> list[Node]:
    """The steps that fit into `room` lines: what needs a person, what runs, what ended last, what is next."""
    if room is None or len(every) <= room:
        return list(every)
    order = sorted(range(len(every)), key=lambda index: _urgency(every[index].step, index))
    return [every[index] for index in sorted(order[: max(room - 1, 0)])]


def _urgency(step: StepView, index: int) -> tuple[int, str, int]:
    if step.state in WAITING:
        return (0, "", index)
    if step.state in BUSY:
        return (1, "", index)
    if step.state is StepState.PENDING:
        return (3, "", index)
    # The latest end first: negate the text by its code points.
    return (2, "".join(chr(0x10FFF - ord(char)) for char in step.ended), index)


def sign(step: StepView) -> Sign:
    """Once a step has ended, its verdict says more than its state."""
    return VERDICTS[step.verdict] if step.verdict and step.state in FINAL_STATES else STEPS[step.state]


def _line(node: Node, *, terse: bool) -> Line:
    step, scene = node.step, node.scene
    name = f"{'  ' * (node.depth - 1)}└ {step.id}" if node.depth else step.id
    took = duration(seconds_between(step.started, step.ended, scene.now))
    return Line(sign(step), name, took, _beside(scene, step, terse=terse), tuple(below(scene, step)))


def _beside(scene: Scene, step: StepView, *, terse: bool) -> str:
    """What there is to say of a step right now. What a person has to answer is told in full below the steps."""
    if step.state is StepState.WAITING_APPROVAL and step.request:
        asked = f"{len(step.request.given)} of {step.request.needed} approvals"
        ratio = progress.line(scene, step, terse=terse)
        return f"{asked} · {ratio}" if ratio else asked
    if step.state in WAITING:
        return step.failure.reason if step.failure else ""
    if step.state is StepState.SLEEPING and step.until:
        return f"{duration(seconds_until(step.until, scene.now))} left, until {clock(step.until, scene.now)} UTC"
    if step.state is StepState.RUNNING and (goes := progress.line(scene, step, terse=terse)):
        return goes
    told = said(step)
    if step.kind == "run" and step.state is StepState.RUNNING and not scene.around(child(scene.view, step)):
        return f"an incident of its own: firedoor show {shlex.quote(f'{short(scene.view)}.{step.id}')}"
    return told


def below(scene: Scene, step: StepView) -> list[RenderableType]:
    """Targets that failed of a step that is done; until when a temporary change holds; and the commands for that."""
    if step.state is StepState.DONE and step.progress and step.progress.failed:
        failed = Text(f"{plural(step.progress.failed, 'targets')} failed", style="bold red")
        return [failed, Command(command(scene.view, "show", f"{step.id} --failed")), *_temporary(scene, step)]
    if step.kind == "campaign" and step.state in BUSY and step.blast:
        return [Command(campaign(scene.view, step))]
    return _temporary(scene, step)


def _temporary(scene: Scene, step: StepView) -> list[RenderableType]:
    if not step.undoes_itself:
        return []
    undo = scene.around(step.undoes_itself)
    wait = next((one for one in undo.view.steps if one.id == WAIT), None) if undo else None
    if undo and wait and wait.state is StepState.SLEEPING and wait.until and undo.view.state not in ENDS:
        left = duration(seconds_until(wait.until, scene.now))
        until = Text(f"temporary: undone in {left} ({clock(wait.until, scene.now)} UTC)", style="blue")
        return [until, Command(command(scene.view, "extend", f"{step.id} 12h"))]
    if undo:
        view = undo.view
        mark = VERDICTS[view.verdict] if view.verdict and view.state in ENDS else INCIDENTS[view.state]
        return [Text.assemble("temporary: its undo: ", (mark.word, mark.style), f", {view.id}")]
    return [Text(f"temporary: it undoes itself, by {step.undoes_itself}", style="blue")]
