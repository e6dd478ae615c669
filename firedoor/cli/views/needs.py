"""What waits for a person in an incident, why, and the commands that answer it. Pure."""

import shlex
from collections.abc import Iterator, Mapping

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from firedoor.cli.views import request as request_view
from firedoor.cli.views.paste import Command
from firedoor.cli.views.scene import ENDS, WAITING, Scene, campaign, command
from firedoor.cli.views.signs import VERDICTS
from firedoor.incident import FailedTarget, IncidentView, StepState, StepView
from firedoor.plan import PROVED, Field
from firedoor.words import plural

#: Actions that go on with a new value which a person has made at the provider.
PASTED = frozenset({"credential.create", "credential.rotate"})
NEEDS_PERSON = "needs_person"
#: Why a campaign that has halted by itself needs attention.
HALTED = "campaign_halted"
#: So many targets that failed are named.
FAILED = 3


def needs(scene: Scene, *, brief: bool = False) -> RenderableType | None:
    """Every step that waits for a person, in this incident and its relatives; None where nothing does.

    `brief` leaves one line and one command a step, for where height is scarce.
    """
    parts: list[RenderableType] = []
    for near in scene.family():
        if near.view.state in ENDS:
            continue
        where = "" if near.view is scene.view else f"{near.view.id.removeprefix(f'{scene.view.id}.')}."
        for step in near.view.steps:
            if step.state in WAITING:
                parts += _need(near, step, where, brief=brief)
    return Group(Text("Needs you", style="bold"), *parts) if parts else None


def _need(scene: Scene, step: StepView, where: str, *, brief: bool) -> Iterator[RenderableType]:
    first, *more = _why(step)
    if brief and step.request and step.request.part:
        first = f"{first} · {step.request.part}"
    head = Text.assemble((f"{where}{step.id}: ", "bold"), first)
    head.no_wrap, head.overflow = brief, "ellipsis"
    yield Padding(head, (0, 0, 0, 2))
    answers = commands(scene.view, step)
    if brief:
        yield Padding(Command(answers[0]), (0, 0, 0, 4))
        return
    parts: list[RenderableType] = [Text(line) for line in more]
    if step.state is StepState.WAITING_APPROVAL:
        parts.append(request_view.brief(scene.view, step, scene.now))
    parts += [failures(scene.view, step)] if step.failed else []
    parts += [Command(line) for line in answers]
    if step.state is StepState.WAITING_APPROVAL:
        parts += request_view.emergency(scene.view, step)
    yield Padding(Group(*parts), (0, 0, 0, 4))


def _why(step: StepView) -> list[str]:
    if found := step.failure:
        return "\n".join(part for part in (found.what, found.changed, found.next) if part).split("\n")
    if step.verdict and step.verdict not in PROVED:
        return [f"{VERDICTS[step.verdict].word}. {step.summary}".strip()]
    if step.state is StepState.WAITING_APPROVAL:
        asked = f"approval {len(step.request.given) + 1} of {step.request.needed}" if step.request else "approval"
        return [" · ".join(part for part in (asked, step.title) if part), *([step.summary] if step.summary else [])]
    # Of a question, the summary is what is asked.
    lines = [part for part in (step.title, step.summary) if part]
    lines += [f"{name}: {destination(field)}" for name, field in step.ask.secrets().items()] if step.ask else []
    return [*lines, f"waits for {step.waits_for or 'a person'}"]


def destination(field: Field) -> str:
    """Of a secret: how it is asked for, and where it goes."""
    return f"a secret, asked for without being shown; it goes straight into {' and '.join(field.into)}"


def commands(view: IncidentView, step: StepView) -> list[str]:
    """The command lines that answer a step which waits for a person, or is done in part."""
    why = "--reason '…'"
    match step.state:
        case StepState.WAITING_APPROVAL:
            return [command(view, "approve", step.id), command(view, "deny", f"{step.id} {why}")]
        case StepState.WAITING_ANSWER:
            return [command(view, "answer", f"{step.id} {form(step.ask.fields if step.ask else {})}".rstrip())]
        case StepState.NEEDS_ATTENTION:
            lines = [*_campaign(view, step), command(view, "retry", step.id), *_other_retry(view, step)]
            return [*_paste(view, step), *lines, command(view, "skip", f"{step.id} {why}")]
        case StepState.DONE:
            return list(_other_retry(view, step))
        case _:
            return []


def _campaign(view: IncidentView, step: StepView) -> Iterator[str]:
    """Where a campaign that is under way, and has halted, is looked at."""
    if step.kind == "campaign" and step.failure and step.failure.reason == HALTED:
        yield campaign(view, step)


def _paste(view: IncidentView, step: StepView) -> Iterator[str]:
    """The command that takes the new value which a person made; of a `for_each`, for the first such target."""
    if step.action not in PASTED:
        return
    if step.failure and step.failure.reason == NEEDS_PERSON:
        yield command(view, "paste", step.id)
    for one in step.failed:
        if one.failure.reason == NEEDS_PERSON:
            yield command(view, "paste", f"{step.id} --target {shlex.quote(one.name)}")
            return


def _other_retry(view: IncidentView, step: StepView) -> Iterator[str]:
    if step.progress and step.progress.failed and step.progress.failed < step.progress.total:
        yield command(view, "retry", f"{step.id} --failed")
    known = [name for name in step.changeable if name in step.arguments]
    if known:
        pairs = " ".join(f"{name}={shlex.quote(str(step.arguments[name]))}" for name in known)
        yield command(view, "retry", f"{step.id} {pairs}")


def failures(view: IncidentView, step: StepView) -> RenderableType:
    """The first targets that failed, and how to see the rest."""
    total = max(len(step.failed), step.progress.failed if step.progress else 0)
    lines: list[RenderableType] = [failure(one) for one in step.failed[:FAILED]]
    if total > FAILED:
        lines.append(Text(f"… and {plural(total - FAILED, 'targets')} more:"))
        lines.append(Command(command(view, "show", f"{step.id} --failed")))
    return Group(*lines)


def failure(one: FailedTarget) -> Text:
    """A target that failed, and why."""
    return Text.assemble(("✗ ", "red"), (one.name, "bold"), f": {one.failure.reason}: {one.failure.what}")


def form(fields: Mapping[str, Field]) -> str:
    """The fields of a question as a command line takes them; an optional one in brackets.

    Pasted as it stands, it answers nothing: no value fits, and nothing in it means something to a shell. A secret has
    no place in a command line: it is asked for.
    """
    words: list[str] = []
    for name, field in fields.items():
        if field.type == "secret":
            continue
        value = " / ".join(field.choices) or {"boolean": "yes / no", "integer": "number", "string": "…"}[field.type]
        word = f"{name}='{value}'"
        words.append(word if field.required else f"[{word}]")
    return " ".join(words)
