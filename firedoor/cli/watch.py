"""`firedoor watch`: follow an incident live."""

import json
import sys
from collections.abc import AsyncIterator
from typing import Literal

from firedoor.cli.console import out
from firedoor.cli.parameters import IncidentName, Output
from firedoor.cli.screen import Screen
from firedoor.cli.views import incident as incident_view
from firedoor.config import load
from firedoor.engine import Engine
from firedoor.errors import Exit
from firedoor.incident import IncidentState, IncidentView
from firedoor.plan import Verdict


async def watch(incident: IncidentName, /, *, output: Output = "text") -> int:
    """Follow an incident until it ends.

    On a terminal the picture is redrawn in place; elsewhere each change is one
    line. With -o json each change is one JSON document on a line of its own.
    Ctrl-C stops watching; the incident goes on.

    The exit code is the incident's: 0 contained (or nothing to contain),
    3 not contained or not proved, 1 aborted.
    """
    engine = await Engine.connect(load())
    return await follow(engine, await engine.find(incident), output)


async def follow(engine: Engine, incident: str, output: Literal["text", "json"]) -> int:
    """Show an incident until it ends; its exit code."""
    views = engine.watch(incident)
    last = await (_documents(views) if output == "json" else _pictures(views))
    return int(exit_code(last))


def exit_code(view: IncidentView) -> Exit:
    """How an incident that has ended, or stands, counts for a shell."""
    if view.state is IncidentState.NEEDS_ATTENTION:
        return Exit.NEEDS_ATTENTION
    if view.verdict in (Verdict.NOT_CONTAINED, Verdict.UNKNOWN) and view.state in incident_view.ENDS:
        return Exit.NOT_CONTAINED
    return Exit.FAILED if view.state is IncidentState.ABORTED else Exit.OK


async def _documents(views: AsyncIterator[IncidentView]) -> IncidentView:
    last: IncidentView | None = None
    async for view in views:
        last = view
        sys.stdout.write(json.dumps(view.model_dump(mode="json")) + "\n")
        sys.stdout.flush()
    return _ended(last)


async def _pictures(views: AsyncIterator[IncidentView]) -> IncidentView:
    last: IncidentView | None = None
    with Screen(out()) as screen:
        async with screen.ticking():
            async for view in views:
                last = view
                screen.show(view)
    return _ended(last)


def _ended(view: IncidentView | None) -> IncidentView:
    if view is None:
        raise RuntimeError("the engine's watch ended without a view")
    return view
