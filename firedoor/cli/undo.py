"""`firedoor undo`: take back what an incident changed."""

import asyncio
import shlex
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from firedoor.cli.case import Case, case
from firedoor.cli.consent import consent
from firedoor.cli.console import err, out, write_json
from firedoor.cli.parameters import IncidentName, Output, Watch, Yes
from firedoor.cli.views.restoration import Restoration, approvals, restoration, restored
from firedoor.cli.watch import follow
from firedoor.engine import Started
from firedoor.errors import RefusedError, UnreachableError
from firedoor.incident import IncidentView, Mode
from firedoor.plain import plain, plain_view
from firedoor.plan import Plan
from firedoor.undo import undo_plan

Steps = Annotated[str, Parameter(help="Only what these steps changed. Without any: all of it.")]

#: Looking must not take longer.
PATIENCE = 300.0


async def undo(
    incident: IncidentName, /, *steps: Steps, yes: Yes = False, watch: Watch = False, output: Output = "text"
) -> int:
    """Take back what an incident changed.

    First looks, changing nothing: what would be restored, in reverse order,
    before → after, and what cannot be and why. Then asks for the word yes and
    starts the undo, an incident of its own with a timeline, approvals and a
    verdict: each step waits for the approval that the change needed, and is read
    back. What somebody has changed since is not forced: its step says so and
    asks.

    With --watch the exit code is the undo's: 0 restored, 3 not restored or not
    proved, 1 aborted.

    Example
      firedoor undo 7EXAMPLE
      firedoor undo 7EXAMPLE deny_sessions --watch
    """
    one = await case(incident)
    acted, looked = await one.view(), await _look(one, steps)
    plan = (await one.engine.plan_of(one.incident)).plan
    found = restoration(plan, plain_view(acted), plain_view(looked), steps)
    if output == "text" or not yes:
        console = out() if yes and output == "text" else err()
        console.print(restored(acted, found))
        console.print()
    if not found.steps:
        return _nothing(acted, found, output)
    consent("Type yes to start the undo:", yes=yes, otherwise=f"The undo of {acted.id} was not started")
    started = await one.engine.undo(one.incident, steps, starter=one.responder, mode=Mode.RUN)
    if output == "json" and not watch:
        write_json({"incident": acted.id, "undo": started.incident, "joined": started.joined, **_facts(found)})
    elif output == "text":
        _say(started, undo_plan(plan, acted.id, steps), found, watch=watch)
    return await follow(one.engine, started.incident, output) if watch else 0


async def _look(one: Case, steps: tuple[str, ...]) -> IncidentView:
    """Run the undo in plan mode. Raises `UnreachableError` where nobody finishes it."""
    try:
        with err().status("Looking, changing nothing…"):
            async with asyncio.timeout(PATIENCE):
                looked = await one.engine.undo(one.incident, steps, starter=one.responder, mode=Mode.PLAN)
                return await one.engine.result(looked.incident)
    except TimeoutError:
        raise UnreachableError(
            f"What an undo of {one.incident} would restore was not known after {PATIENCE:.0f} s.",
            changed="Nothing was changed.",
            next="firedoor doctor says what is wrong: no worker, or a provider that does not answer.",
        ) from None


def _nothing(acted: IncidentView, found: Restoration, output: str) -> int:
    if found.cannot:
        raise RefusedError(
            f"Nothing that {acted.id} changed can be taken back: {', '.join(found.cannot)}.",
            changed="Nothing was changed.",
            next=f"What was changed, and how it was before: firedoor timeline {acted.id}",
        )
    if output == "json":
        write_json({"incident": acted.id, "undo": None, **_facts(found)})
    else:
        out().print(f"There is nothing to take back: {plain(acted.id)} has changed nothing that is still so.")
    return 0


def _facts(found: Restoration) -> dict[str, object]:
    return {"restores": [step.id for step in found.steps], "cannot": found.cannot}


def _say(started: Started, plan: Plan, found: Restoration, *, watch: bool) -> None:
    console = out()
    verb = "Joined the undo that is running already" if started.joined else "Started"
    console.print(f"{verb}: {started.incident}", style="bold")
    for sentence in approvals(plan, found):
        console.print(f"  {sentence}")
    name = shlex.quote(started.incident)
    for command, why in () if watch else (("watch", "follow it"), ("show", "what waits for whom")):
        line = Text(f"  firedoor {command:<6} {name}", style="cyan").append(f"  {why}", style="dim")
        console.print(line, soft_wrap=True)
