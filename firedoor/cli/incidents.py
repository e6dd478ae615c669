"""`firedoor list` and `firedoor show`: what there is, and where it stands."""

import dataclasses
import datetime
from typing import Annotated

from cyclopts import Parameter

from firedoor.cli import failure
from firedoor.cli.case import step_of
from firedoor.cli.console import err, out, write_json
from firedoor.cli.kin import Sighting, sighting
from firedoor.cli.parameters import IncidentName, Output
from firedoor.cli.views import incident as incident_view
from firedoor.cli.views import listing
from firedoor.cli.views import recorded as recorded_view
from firedoor.cli.views import step as step_view
from firedoor.cli.views.scene import Scene
from firedoor.cli.watch import exit_code
from firedoor.config import Settings, load
from firedoor.engine import Engine
from firedoor.errors import UnreachableError, UsageError
from firedoor.incident import FailedTarget, IncidentView
from firedoor.plain import plain_view
from firedoor.timeline.store import Timeline

Limit = Annotated[
    int, Parameter(name=("--limit", "-n"), help="At most so many: what runs, then what ended last. Default: 20.")
]
ExitStatus = Annotated[
    bool,
    Parameter(
        name="--exit-status",
        negative="",
        help="Exit 0 if running or contained, 3 if not contained, 6 if it needs attention, 1 if aborted.",
    ),
]
AnyStep = Annotated[str, Parameter(help="One step, by its name: all that is known of it.")]
Failed = Annotated[bool, Parameter(name="--failed", negative="", help="List every target of the step that failed.")]


async def list_incidents(*, limit: Limit = 20, output: Output = "text") -> None:
    """List the incidents, the newest first.

    If there are more than --limit, those that run are shown, then those that
    ended last.

    Times are UTC, as in the timeline. An incident is named by its id, or by a
    part of the id's beginning or end that only it has. One that a step of another
    started, or that takes another back, stands below that one.
    """
    if limit < 1:
        raise UsageError(f"--limit {limit}: there is no such list.", next="Give a number from 1.")
    engine = await Engine.connect(load())
    found = await engine.incidents(limit)
    if output == "json":
        rows = [dataclasses.asdict(one) for one in found]
        write_json([{key: _plain(value) for key, value in row.items()} for row in rows])
    elif found:
        out().print(listing.incidents(found, datetime.datetime.now(datetime.UTC)))
    else:
        out().print("There are no incidents. `firedoor run RUNBOOK` starts one; `firedoor lint` lists the runbooks.")


async def show(
    incident: IncidentName,
    step: AnyStep = "",
    /,
    *,
    failed: Failed = False,
    exit_status: ExitStatus = False,
    output: Output = "text",
) -> int:
    """Show where an incident stands, or one of its steps in full.

    Every step with its state, what waits for whom and the commands that answer
    it, and, once it has ended, the proof in the provider's own words. Of one
    step: what it does to what, how it went, what is asked.

    Where Temporal or its worker does not answer, what the timeline has of the
    incident; exit code 4.

    Example
      firedoor show 7EXAMPLE
      firedoor show 7EXAMPLE rotate --failed
    """
    if failed and not step:
        raise UsageError("--failed is about one step.", next="Usage: firedoor show INCIDENT STEP --failed")
    settings = load()
    try:
        engine = await Engine.connect(settings)
        seen = await sighting(engine, await engine.find(incident))
    except UnreachableError as error:
        return _recorded(incident, settings, error, output)
    if failed:
        await _failed(engine, seen.view, step, output)
    elif output == "json":
        write_json((step_of(seen.view, step) if step else seen.view).model_dump(mode="json"))
    else:
        _print(seen, step)
    return int(exit_code(seen.view)) if exit_status else 0


def _print(seen: Sighting, step: str) -> None:
    if step:
        step_of(seen.view, step)
    view = plain_view(seen.view)
    kin = {name: plain_view(one) for name, one in seen.kin.items()}
    scene = Scene(view, datetime.datetime.now(datetime.UTC), kin)
    out().print(step_view.step(scene, step_of(view, step)) if step else incident_view.incident(scene))


async def _failed(engine: Engine, view: IncidentView, step: str, output: str) -> None:
    """Every target of a step that failed, page by page."""
    one = step_of(view, step)
    found: list[FailedTarget] = []
    while page := await engine.failures(view.id, step, len(found)):
        found += page
    if output == "json":
        write_json([target.model_dump(mode="json") for target in found])
        return
    out().print(step_view.failed(one, found))


def _recorded(text: str, settings: Settings, error: UnreachableError, output: Output) -> int:
    """Say that nobody answers, and what the timeline has. Raises the error where the timeline has nothing."""
    if not settings.timeline_path.exists():
        raise error
    with Timeline.read(settings.timeline_path) as store:
        try:
            name = store.find(text)
        except UsageError:
            raise error from None
        entries = [stored.entry for stored in store.entries(name)]
    failure.show(error, err())
    if output == "json":
        lasts = [dataclasses.asdict(last.row) for last in recorded_view.last_entries(entries)]
        write_json({"error": error.reason, "incident": name, "recorded": lasts})
    else:
        out().print(recorded_view.recorded(entries))
    return int(error.exit)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime.datetime) else value
