"""An incident on the terminal: header, steps, what needs a person, the proof, the verdict. Pure."""

import datetime
import shlex
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firedoor.cli.times import clock, duration, seconds_between
from firedoor.cli.views.signs import INCIDENTS, STEPS, VERDICTS, Sign, blast, plural
from firedoor.incident import FINAL_STATES, IncidentState, IncidentView, Mode, StepState, StepView
from firedoor.plan import Verdict

ENDS = frozenset({IncidentState.COMPLETED, IncidentState.ABORTED})

#: Longer names stand out of their column, or are cut where height is scarce.
NAME_WIDTH = 28

#: Longer answers of a provider are cut here; `-o json` and the timeline have them whole.
PROOF_WIDTH = 200

#: How far the text below a step is moved in.
INDENT = 5

#: States that wait for a person, and the verbs that answer them.
ANSWERS = {
    StepState.WAITING_APPROVAL: ("approve {id} {step}", "deny {id} {step} --reason '…'"),
    StepState.WAITING_ANSWER: ("answer {id} {step} {fields}",),
    StepState.NEEDS_ATTENTION: ("retry {id} {step}", "skip {id} {step} --reason '…'"),
}


def incident(view: IncidentView, now: datetime.datetime, room: int | None = None) -> RenderableType:
    """The whole picture. `room` is how many lines the steps may take; None for all of them."""
    waiting = [step for step in view.steps if step.state in ANSWERS]
    parts: list[RenderableType] = [header(view, now), Text(), steps(view, now, room)]
    if waiting and view.state not in ENDS:
        parts += [Text(), _needs(view, waiting)]
    if view.state in ENDS and room is None:
        parts += _proof(view, now)
    if view.state in ENDS:
        parts += [Text(), verdict(view)]
    return Group(*parts)


def fitting(view: IncidentView, now: datetime.datetime, console: Console) -> RenderableType:
    """The picture, made to fit the console's height: steps that matter less are only counted."""
    whole = incident(view, now)
    if len(console.render_lines(whole, pad=False)) <= console.height:
        return whole
    around = len(console.render_lines(incident(view, now, 0), pad=False))
    return incident(view, now, max(1, console.height - around))


def header(view: IncidentView, now: datetime.datetime) -> RenderableType:
    """Title, state, how long, who started it, with what."""
    sign = INCIDENTS[view.state]
    counts = Counter(step.state for step in view.steps)
    facts = [view.severity, duration(seconds_between(view.started, view.ended, now))]
    facts += [f"{counts[StepState.DONE]} of {plural(len(view.steps), 'steps')} done"]
    line = sign.text().append(" · " + " · ".join(fact for fact in facts if fact), style="default not bold")
    if view.verdict:
        line.append(" · ").append_text(_so_far(view.verdict, ended=view.state in ENDS).text())
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    rows.add_row("incident", view.id)
    started = f"{clock(view.started, now)} UTC by {view.starter.principal} ({view.starter.auth})"
    rows.add_row("started", started + (f" · {plural(view.alerts, 'alerts')}" if view.alerts else ""))
    for name, value in view.inputs.items():
        rows.add_row(name, str(value))
    parts: list[RenderableType] = [Text(view.title or view.runbook, style="bold"), line, rows]
    if view.mode is Mode.PLAN:
        parts.append(Text("PLAN ONLY: nothing is changed", style="bold blue"))
    if view.drill:
        parts.append(Text("DRILL: on an emulator, not on a real account", style="bold blue"))
    return Group(*parts)


def _sign(step: StepView) -> Sign:
    """Once a step has ended, its verdict says more than its state."""
    return VERDICTS[step.verdict] if step.verdict and step.state in FINAL_STATES else STEPS[step.state]


def short(view: IncidentView) -> str:
    """The part of the id that a person types: what stands behind the runbook's name."""
    return view.id.removeprefix(f"{view.runbook}-")


def _so_far(verdict: Verdict, *, ended: bool) -> Sign:
    """Before the end, unknown only means that the proof is still to come."""
    if verdict is Verdict.UNKNOWN and not ended:
        return Sign("?", "containment not proved yet", "yellow")
    return VERDICTS[verdict]


def steps(view: IncidentView, now: datetime.datetime, room: int | None = None) -> RenderableType:
    """A line a step: sign, name, state, how long, what happened; the last on lines of its own where it is long."""
    shown = folded(view.steps, room)
    lines = StepLines(tuple(_line(view, step, now) for step in shown), terse=room is not None)
    if hidden := len(view.steps) - len(shown):
        left = Counter(step.state for step in view.steps) - Counter(step.state for step in shown)
        words = ", ".join(f"{number} {STEPS[state].word}" for state, number in left.most_common())
        return Group(lines, Text(f" … {plural(hidden, 'steps')} more: {words}", style="dim"))
    return lines


@dataclass(frozen=True, slots=True)
class StepLine:
    """What one step's line says."""

    sign: Sign
    name: str
    took: str
    said: str


@dataclass(frozen=True, slots=True)
class StepLines:
    """Step lines in columns. Needs the width to decide what fits beside the columns, hence a renderable of its own."""

    lines: tuple[StepLine, ...]
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


def _line(view: IncidentView, step: StepView, now: datetime.datetime) -> StepLine:
    # What a person has to answer is told in full below.
    told = (step.failure.reason if step.failure else "") if step.state in ANSWERS else said(step)
    if step.kind == "run" and step.state is StepState.RUNNING and not told:
        told = f"an incident of its own: firedoor show {shlex.quote(f'{short(view)}.{step.id}')}"
    return StepLine(_sign(step), step.id, duration(seconds_between(step.started, step.ended, now)), told)


def folded(all_steps: Sequence[StepView], room: int | None) -> list[StepView]:
    """The steps that fit into `room` lines: what needs a person, what runs, what ended last, what is next."""
    if room is None or len(all_steps) <= room:
        return list(all_steps)
    order = sorted(range(len(all_steps)), key=lambda index: _urgency(all_steps[index], index))
    return [all_steps[index] for index in sorted(order[: max(room - 1, 0)])]


def _urgency(step: StepView, index: int) -> tuple[int, str | int, int]:
    if step.state in ANSWERS:
        return (0, "", index)
    if step.state in (StepState.RUNNING, StepState.SLEEPING):
        return (1, "", index)
    if step.state is StepState.PENDING:
        return (3, "", index)
    # The latest end first: negate the text by its code points.
    return (2, "".join(chr(0x10FFF - ord(char)) for char in step.ended), index)


def said(step: StepView) -> str:
    """What there is to say of a step, in one breath."""
    parts: list[str] = []
    if step.progress and step.progress.total:
        parts.append(f"{step.progress.done:,} of {step.progress.total:,}")
        if step.progress.failed:
            parts.append(f"{step.progress.failed:,} failed")
    if step.failure and step.state not in (StepState.DONE, StepState.RUNNING):
        parts.append(f"{step.failure.reason}: {step.failure.what.splitlines()[0]}")
    elif step.waits_for and step.state not in FINAL_STATES:
        parts.append(f"waits for {step.waits_for}")
    elif step.summary:
        parts.append(step.summary)
    elif step.state is StepState.RUNNING and step.attempts > 1:
        parts.append(f"attempt {step.attempts}")
    return " · ".join(parts)


def _needs(view: IncidentView, waiting: Sequence[StepView]) -> RenderableType:
    parts: list[RenderableType] = [Text("Needs you", style="bold")]
    for step in waiting:
        first, *more = _reason(step).split("\n")
        parts.append(Padding(Text.assemble((f"{step.id}: ", "bold"), first), (0, 0, 0, 2)))
        lines = Text("\n").join([Text(line) for line in more])
        for verb in ANSWERS[step.state]:
            command = verb.format(id=shlex.quote(short(view)), step=step.id, fields=_form(step)).rstrip()
            lines.append("\n" if lines else "").append(f"firedoor {command}", style="cyan")
        parts.append(Padding(lines, (0, 0, 0, 4)))
    return Group(*parts)


def _form(step: StepView) -> str:
    """The fields of a question as a command line takes them; an optional one in brackets.

    Pasted as it stands, it answers nothing: no value fits, and nothing in it means something to a shell.
    """
    words: list[str] = []
    for name, field in step.ask.fields.items() if step.ask else ():
        value = " / ".join(field.choices) or {"boolean": "yes / no", "integer": "number", "string": "…"}[field.type]
        word = f"{name}='{value}'"
        words.append(word if field.required else f"[{word}]")
    return " ".join(words)


def _reason(step: StepView) -> str:
    if step.failure:
        found = step.failure
        return "\n".join(part for part in (found.what, found.changed, found.next) if part)
    if step.verdict and step.verdict is not Verdict.CONTAINED:
        return f"{VERDICTS[step.verdict].word}. {step.summary}".strip()
    # Of a question, the summary is what is asked.
    parts = [part for part in (step.title, step.summary) if part] + [f"waits for {step.waits_for or 'a person'}"]
    parts += [f"would: {preview.change}" for preview in step.previews[:3]]
    parts += [f"blast radius: {blast(step.blast)}"] if step.blast else []
    return "\n".join(parts)


def _proof(view: IncidentView, now: datetime.datetime) -> list[RenderableType]:
    """What the provider itself said after the changes."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=NAME_WIDTH, style="bold")
    table.add_column(overflow="fold")
    for step in view.steps:
        name = f"  {step.id}"
        for one in step.evidence if step.verdict else ():
            facts = [clock(one.observed_at, now), f"request {one.request_id}" if one.request_id else ""]
            told = Text(f"{one.source}: {textwrap.shorten(one.says, PROOF_WIDTH, placeholder='…')}")
            told.append("".join(f" · {fact}" for fact in facts if fact), style="dim")
            table.add_row(name, told)
            name = ""
    return [Text(), Text("Proof", style="bold"), table] if table.row_count else []


def verdict(view: IncidentView) -> RenderableType:
    """The last word."""
    sign = VERDICTS[view.verdict] if view.verdict else INCIDENTS[view.state]
    return Text(f"{sign.icon} {view.sentence or sign.word}", style=sign.style)


def changes(before: IncidentView | None, after: IncidentView, now: datetime.datetime) -> list[str]:
    """What became different, one line each: for a log, a pipe, a terminal that cannot redraw."""
    known = {step.id: step for step in before.steps} if before else {}
    at = now.astimezone(datetime.UTC).strftime("%H:%M:%S")
    lines: list[str] = []
    for step in after.steps:
        old = known.get(step.id)
        if step.state is StepState.PENDING and old is None:
            continue
        if old is None or (old.state, old.progress, old.failure) != (step.state, step.progress, step.failure):
            lines.append(f"{at}  {step.id}  {_sign(step).word}  {said(step)}".rstrip())
    if before is None or before.state is not after.state:
        lines.append(f"{at}  incident {INCIDENTS[after.state].word}")
    return lines
