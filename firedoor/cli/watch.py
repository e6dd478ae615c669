"""`firedoor watch`: follow an incident live."""

import json
import sys
from collections.abc import AsyncIterator
from typing import Literal

from firedoor.cli.console import out
from firedoor.cli.kin import Sighting, sightings
from firedoor.cli.parameters import IncidentName, Output
from firedoor.cli.screen import Screen
from firedoor.cli.views.scene import ENDS
from firedoor.config import load
from firedoor.engine import Engine
from firedoor.errors import Exit
from firedoor.incident import IncidentState, IncidentView
from firedoor.plan import PROVED


async def watch(incident: IncidentName, /, *, output: Output = "text") -> int:
    """Follow an incident until it ends.

    On a terminal the picture is redrawn in place: the steps, those of incidents
    that its steps started below them, how fast mass work goes and when it will
    be done, what waits for whom and the commands that answer it. Elsewhere each
    change is one line. With -o json each change is one JSON document on a line
    of its own. Ctrl-C stops watching; the incident goes on.

    The exit code is the incident's: 0 contained or restored (or nothing to
    contain), 3 not contained, not restored or not proved, 1 aborted.

    Example
      firedoor watch 7EXAMPLE
    """
    engine = await Engine.connect(load())
    return await follow(engine, await engine.find(incident), output)


async def follow(engine: Engine, incident: str, output: Literal["text", "json"]) -> int:
    """Show an incident until it ends; its exit code."""
    if output == "json":
        last = await _documents(engine.watch(incident))
    else:
        last = await _pictures(sightings(engine, incident))
    return int(exit_code(last))


def exit_code(view: IncidentView) -> Exit:
    """How an incident that has ended, or stands, counts for a shell."""
    if view.state is IncidentState.NEEDS_ATTENTION:
        return Exit.NEEDS_ATTENTION
    if view.verdict and view.verdict not in PROVED and view.state in ENDS:
        return Exit.NOT_CONTAINED
    return Exit.FAILED if view.state is IncidentState.ABORTED else Exit.OK


async def _documents(views: AsyncIterator[IncidentView]) -> IncidentView:
    last: IncidentView | None = None
    async for view in views:
        last = view
        sys.stdout.write(json.dumps(view.model_dump(mode="json")) + "\n")
        sys.stdout.flush()
    return _ended(last)


async def _pictures(seen: AsyncIterator[Sighting]) -> IncidentView:
    last: IncidentView | None = None
    with Screen(out()) as screen:
        async with screen.ticking():
            async for one in seen:
                last = one.view
                screen.show(one.view, one.kin, one.lost)
    return _ended(last)


def _ended(view: IncidentView | None) -> IncidentView:
    if view is None:
        raise RuntimeError("the engine's watch ended without a view")
    return view
