"""`firedoor list` and `firedoor show`: what there is, and where it stands."""

import dataclasses
import datetime
from typing import Annotated

from cyclopts import Parameter

from firedoor.cli.console import out, write_json
from firedoor.cli.parameters import IncidentName, Output
from firedoor.cli.views import incident as incident_view
from firedoor.cli.views import listing
from firedoor.cli.views.plain import plain_view
from firedoor.cli.watch import exit_code
from firedoor.config import load
from firedoor.engine import Engine
from firedoor.errors import UsageError

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
    part of the id's beginning or end that only it has.
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
    """
    engine = await Engine.connect(load())
    view = await engine.view(await engine.find(incident))
    if output == "json":
        write_json(view.model_dump(mode="json"))
    else:
        out().print(incident_view.incident(plain_view(view), datetime.datetime.now(datetime.UTC)))
    return int(exit_code(view)) if exit_status else 0


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime.datetime) else value
