"""`firedoor watch`: follow an incident live."""

import asyncio
import datetime
import json
import sys
from collections.abc import AsyncIterator
from typing import Literal

from rich.console import Console
from rich.live import Live

from firedoor.cli.console import out
from firedoor.cli.parameters import IncidentName, Output
from firedoor.cli.views import incident as incident_view
from firedoor.config import load
from firedoor.engine import Engine
from firedoor.errors import Exit
from firedoor.incident import IncidentState, IncidentView
from firedoor.plan import Verdict

#: Between two redraws without news, for the clocks. Seconds.
TICK = 1.0


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
    console = out()
    if output == "json":
        last = await _documents(views)
    elif console.is_terminal and not console.is_dumb_terminal:
        last = await _picture(views, console)
    else:
        last = await _lines(views, console)
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


async def _lines(views: AsyncIterator[IncidentView], console: Console) -> IncidentView:
    last: IncidentView | None = None
    async for view in views:
        for line in incident_view.changes(last, view, _now()):
            console.print(line)
        console.file.flush()
        last = view
    ended = _ended(last)
    console.print(incident_view.verdict(ended))
    return ended


async def _picture(views: AsyncIterator[IncidentView], console: Console) -> IncidentView:
    last: IncidentView | None = None
    with Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop") as live:
        iterator = aiter(views)
        coming = asyncio.ensure_future(anext(iterator, None))
        try:
            while True:
                await asyncio.wait({coming}, timeout=TICK)
                if coming.done():
                    if (view := coming.result()) is None:
                        break
                    last = view
                    coming = asyncio.ensure_future(anext(iterator, None))
                if last:
                    live.update(incident_view.fitting(last, _now(), console), refresh=True)
        finally:
            coming.cancel()
    ended = _ended(last)
    console.print(incident_view.incident(ended, _now()))
    return ended


def _ended(view: IncidentView | None) -> IncidentView:
    if view is None:
        raise RuntimeError("the engine's watch ended without a view")
    return view


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
