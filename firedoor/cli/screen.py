"""An incident on the screen while it runs: redrawn in place on a terminal, one line a change elsewhere."""

import asyncio
import contextlib
import datetime
from collections.abc import AsyncGenerator
from typing import Self

from rich.console import Console
from rich.live import Live

from firedoor.cli.views import incident as incident_view
from firedoor.cli.views.plain import plain, plain_view
from firedoor.incident import IncidentView

#: Between two redraws without news, for the clocks. Seconds.
TICK = 1.0


class Screen:
    """Shows each view that it is given; at the end, the whole last one."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: IncidentView | None = None
        self._live: Live | None = None
        if console.is_terminal and not console.is_dumb_terminal:
            self._live = Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop")

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()
        if self._last and self._live:
            self._console.print(incident_view.incident(self._last, _now()))
        elif self._last and self._last.state in incident_view.ENDS:
            self._console.print(incident_view.verdict(self._last))

    def tell(self, sentence: str) -> None:
        """Say something beside the picture: above it, on a line that stays."""
        self._console.print(plain(sentence), style="dim")

    def show(self, view: IncidentView) -> None:
        """Draw what has changed."""
        view = plain_view(view)
        before, self._last = self._last, view
        if self._live:
            self._redraw()
            return
        for line in incident_view.changes(before, view, _now()):
            self._console.print(line)
        self._console.file.flush()

    @contextlib.asynccontextmanager
    async def ticking(self) -> AsyncGenerator[None]:
        """Keep the clocks going meanwhile."""
        task = asyncio.create_task(self._tick())
        try:
            yield
        finally:
            task.cancel()

    async def _tick(self) -> None:
        while self._live:
            await asyncio.sleep(TICK)
            self._redraw()

    def _redraw(self) -> None:
        if self._live and self._last:
            self._live.update(incident_view.fitting(self._last, _now(), self._console), refresh=True)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
