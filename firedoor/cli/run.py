"""`firedoor run`: start an incident, or join the one that runs."""

import shlex
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from firedoor.cli.catalog import compiled_runbook, pairs
from firedoor.cli.console import err, interactive, out, write_json
from firedoor.cli.identity import responder
from firedoor.cli.parameters import Inputs, Output, RunbookName
from firedoor.cli.views import plan as plan_view
from firedoor.cli.watch import follow
from firedoor.config import load
from firedoor.engine import Engine, Started
from firedoor.errors import RefusedError
from firedoor.inputs import resolve_inputs
from firedoor.plan import Plan

Yes = Annotated[bool, Parameter(name=("--yes", "-y"), negative="", help="Start without asking.")]
Watch = Annotated[bool, Parameter(name=("--watch", "-w"), negative="", help="Follow the incident until it ends.")]


async def run(
    runbook: RunbookName, /, *inputs: Inputs, yes: Yes = False, watch: Watch = False, output: Output = "text"
) -> int:
    """Start an incident.

    Shows the plan, asks for the word yes, and starts. The same runbook with the
    same identity joins the incident that is running instead of starting another.
    The incident keeps this plan, whatever happens to the runbook.

    With --watch the exit code is the incident's: 0 contained (or nothing to
    contain), 3 not contained or not proved, 1 aborted.

    Example
      firedoor run aws-access-key-leaked access_key_id=AKIA… --watch
    """
    settings = load()
    plan = compiled_runbook(runbook, settings)
    values = resolve_inputs(plan, pairs(inputs))
    engine = await Engine.connect(settings)
    if output == "text":
        console = out() if yes else err()
        console.print(plan_view.compiled(plan, values))
        console.print()
    if not yes:
        _confirm(plan)
    started = await engine.start(plan, values, starter=responder(settings))
    if output == "json" and not watch:
        write_json({"incident": started.incident, "joined": started.joined, "plan": plan.digest()})
    elif output == "text":
        _say(started, plan, watch=watch)
    return await follow(engine, started.incident, output) if watch else 0


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
