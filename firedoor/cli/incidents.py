"""`firedoor list` and `firedoor show`: what there is, and where it stands."""

import dataclasses
import datetime
from typing import Annotated

from cyclopts import Parameter

from firedoor.cli import failure
from firedoor.cli.console import err, out, write_json
from firedoor.cli.parameters import IncidentName, Output
from firedoor.cli.record import find
from firedoor.cli.views import incident as incident_view
from firedoor.cli.views import listing
from firedoor.cli.views import recorded as recorded_view
from firedoor.cli.views.plain import plain_view
from firedoor.cli.watch import exit_code
from firedoor.config import Settings, load
from firedoor.engine import Engine
from firedoor.errors import UnreachableError, UsageError
from firedoor.timeline.store import Timeline

Limit = Annotated[int, Parameter(name=("--limit", "-n"), help="At most so many, the newest first. Default: 20.")]
ExitStatus = Annotated[
    bool,
    Parameter(
        name="--exit-status",
        negative="",
        help="Exit 0 if running or contained, 3 if not contained, 6 if it needs attention, 1 if aborted.",
    ),
]


async def list_incidents(*, limit: Limit = 20, output: Output = "text") -> None:
    """List the incidents, the newest first.

    Times are UTC, as in the timeline. An incident is named by its id, or by a
    part of the id's beginning or end that only it has. One that a step of another
    started stands below that one.
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


async def show(incident: IncidentName, /, *, exit_status: ExitStatus = False, output: Output = "text") -> int:
    """Show where an incident stands.

    Every step with its state, what waits for a person and the commands that
    answer it, and, once it has ended, the proof in the provider's own words.

    Where Temporal or its worker does not answer, what the timeline has of the
    incident; exit code 4.
    """
    settings = load()
    try:
        engine = await Engine.connect(settings)
        view = await engine.view(await engine.find(incident))
    except UnreachableError as error:
        return _recorded(incident, settings, error, output)
    if output == "json":
        write_json(view.model_dump(mode="json"))
    else:
        out().print(incident_view.incident(plain_view(view), datetime.datetime.now(datetime.UTC)))
    return int(exit_code(view)) if exit_status else 0


def _recorded(text: str, settings: Settings, error: UnreachableError, output: Output) -> int:
    """Say that nobody answers, and what the timeline has. Raises the error where the timeline has nothing."""
    if not settings.timeline_path.exists():
        raise error
    with Timeline.read(settings.timeline_path) as store:
        try:
            name = find(text, store)
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
