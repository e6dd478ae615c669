"""`firedoor run`: start an incident, or join the one that runs."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from firedoor.catalog import compiled_runbook
from firedoor.cli.console import err, interactive, out, write_json
from firedoor.cli.identity import responder
from firedoor.cli.parameters import Inputs, Output, pairs
from firedoor.cli.plan import preview
from firedoor.cli.views import plan as plan_view
from firedoor.cli.watch import follow
from firedoor.config import Settings, load
from firedoor.engine import Engine, Started
from firedoor.errors import RefusedError, UsageError
from firedoor.inputs import resolve_inputs
from firedoor.plain import plain, plain_view
from firedoor.plan import Plan
from firedoor.saved_plan import MOST_BYTES, Difference, SavedPlan, compare, parse

#: Of a step that changed in a thousand ways, so many are told.
MOST_LINES = 12

RunbookOrNone = Annotated[str, Parameter(help="The name of a runbook, or the path of one.")]
FromFile = Annotated[
    Path | None, Parameter(name="--plan", help="Apply a plan that `firedoor plan --save` wrote, and nothing else.")
]
Yes = Annotated[bool, Parameter(name=("--yes", "-y"), negative="", help="Start without asking.")]
Watch = Annotated[bool, Parameter(name=("--watch", "-w"), negative="", help="Follow the incident until it ends.")]
Patience = Annotated[
    int, Parameter(name="--timeout", help="With --plan: give up when the reads take longer, in seconds. Default: 300.")
]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is about to be started, how it looks, and for a saved plan what it may change."""

    plan: Plan
    inputs: dict[str, Any]
    picture: RenderableType
    shown: dict[str, str] = field(default_factory=dict[str, str])
    saved: bool = False


async def run(
    runbook: RunbookOrNone = "",
    /,
    *inputs: Inputs,
    plan: FromFile = None,
    yes: Yes = False,
    watch: Watch = False,
    timeout: Patience = 300,
    output: Output = "text",
) -> int:
    """Start an incident.

    Shows the plan, asks for the word yes, and starts. The same runbook with the
    same identity joins the incident that is running instead of starting another.
    The incident keeps this plan, whatever happens to the runbook.

    With --plan, what the saved plan would change is read again. Where anything
    differs nothing is started, and it says what. While the incident runs, a step
    that would change anything else stops and asks.

    With --watch the exit code is the incident's: 0 contained (or nothing to
    contain), 3 not contained or not proved, 1 aborted.

    Example
      firedoor run aws-access-key-leaked access_key_id=AKIA… --watch
      firedoor run --plan plan.json
    """
    settings = load()
    if plan:
        kept = _opened(plan, runbook, inputs)
        engine = await Engine.connect(settings)
        wanted = await _read_again(engine, kept, settings, timeout)
    else:
        wanted = _compiled(runbook, inputs, settings)
        engine = await Engine.connect(settings)
    if output == "text":
        console = out() if yes else err()
        console.print(wanted.picture)
        console.print()
    if not yes:
        _confirm(wanted.plan)
    started = await _start(engine, wanted, settings)
    if output == "json" and not watch:
        write_json({"incident": started.incident, "joined": started.joined, "plan": wanted.plan.digest()})
    elif output == "text":
        _say(started, wanted.plan, watch=watch)
    return await follow(engine, started.incident, output) if watch else 0


def _opened(file: Path, runbook: str, inputs: tuple[str, ...]) -> SavedPlan:
    """The saved plan in a file. Raises `UsageError`."""
    if runbook or inputs:
        raise UsageError(
            f"A saved plan has its runbook and its inputs: {' '.join((runbook, *inputs))} cannot be given besides.",
            changed="Nothing was started.",
            next=f"firedoor run --plan {shlex.quote(str(file))}",
        )
    try:
        with file.open("rb") as stream:
            # One more than allowed, so that what is too large is seen to be.
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        what = f"{file} could not be read: {error.strerror}."
        raise UsageError(what, changed="Nothing was started.", next="Name a file of `firedoor plan --save`.") from error
    return parse(data, str(file))


def _compiled(runbook: str, inputs: tuple[str, ...], settings: Settings) -> _Wanted:
    """A runbook as it stands now."""
    if not runbook:
        raise UsageError(
            "There is no runbook to run.",
            changed="Nothing was started.",
            next="firedoor run RUNBOOK INPUT=VALUE…, or firedoor run --plan FILE\nfiredoor lint lists the runbooks.",
        )
    plan = compiled_runbook(runbook, settings)
    values = resolve_inputs(plan, pairs(inputs))
    return _Wanted(plan, values, plan_view.compiled(plan, values))


async def _read_again(engine: Engine, kept: SavedPlan, settings: Settings, timeout: int) -> _Wanted:
    """A saved plan, if it would change now exactly what it would have changed then. Raises `RefusedError`."""
    view = await preview(engine, kept.plan, kept.inputs, responder(settings), timeout)
    if differences := compare(kept, view):
        raise RefusedError(
            "\n".join((f"Since {kept.by} saved this plan ({kept.read}), this has changed:", *_told(differences))),
            changed="Nothing was started; nothing was changed.",
            next=f"Look at it as it is now, and save that: firedoor plan {shlex.quote(kept.plan.name)} … --save FILE",
        )
    same = Text(f"All is as it was when {plain(kept.by)} saved this plan ({plain(kept.read)}).", style="bold green")
    picture = Group(plan_view.previewed(kept.plan, plain_view(view)), same)
    return _Wanted(kept.plan, kept.inputs, picture, kept.shown(), saved=True)


def _told(differences: tuple[Difference, ...]) -> Iterator[str]:
    for difference in differences:
        yield f"{difference.step}:"
        yield from (f"  {line}" for line in difference.lines[:MOST_LINES])
        if (more := len(difference.lines) - MOST_LINES) > 0:
            yield f"  … and {more:,} more"


async def _start(engine: Engine, wanted: _Wanted, settings: Settings) -> Started:
    """Start it. A saved plan joins nothing: what runs there is another plan. Raises `RefusedError`."""
    started = await engine.start(wanted.plan, wanted.inputs, starter=responder(settings), shown=wanted.shown)
    if started.joined and wanted.saved:
        raise RefusedError(
            f"{started.incident} is running already, with the plan that it was started with.",
            changed="The saved plan was not applied. The running incident has a note that it was started again.",
            next=f"firedoor show {started.incident}",
        )
    return started


def _confirm(plan: Plan) -> None:
    if not interactive():
        raise RefusedError(
            f"{plan.name} was not started: there is nobody to ask here, for this is no terminal.",
            changed="Nothing was changed.",
            next="Add --yes to start without being asked.",
        )
    word = err().input("Type yes to start it: ")
    if word.strip() != "yes":
        raise RefusedError(
            f"{plan.name} was not started: that was not the word yes.", changed="Nothing was changed.", next=""
        )


def _say(started: Started, plan: Plan, *, watch: bool) -> None:
    console = out()
    verb = "Joined the incident that is running already" if started.joined else "Started"
    console.print(f"{verb}: {started.incident}", style="bold")
    name = shlex.quote(started.incident.removeprefix(f"{plan.name}-"))
    commands = (("watch", "follow it"), ("show", "where it stands"), ("timeline", "the record"))
    for command, why in () if watch else commands:
        line = Text(f"  firedoor {command:<8} {name}", style="cyan").append(f"  {why}", style="dim")
        console.print(line, soft_wrap=True)
