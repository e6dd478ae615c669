"""An incident on the screen while it runs: redrawn in place on a terminal, one line a change elsewhere."""

import asyncio
import contextlib
import datetime
from collections.abc import AsyncGenerator, Mapping
from typing import Self

from rich.console import Console

from firedoor.cli.kin import Sighting
from firedoor.cli.pace import Pace
from firedoor.cli.painter import Painter
from firedoor.cli.views import incident as incident_view
from firedoor.cli.views.news import news
from firedoor.cli.views.scene import ENDS, Scene
from firedoor.incident import IncidentView
from firedoor.plain import plain, plain_view

#: Between two redraws without news, for the clocks. Seconds.
TICK = 1.0


class Screen:
    """Shows each sighting that it is given; at the end, the whole last one."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: Sighting | None = None
        self._pace = Pace()
        self._painter = Painter(console) if console.is_terminal and not console.is_dumb_terminal else None

    def __enter__(self) -> Self:
        if self._painter:
            self._painter.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._painter:
            self._painter.__exit__()
        if self._last and self._painter:
            self._console.print(incident_view.incident(self._scene(self._last)))
        elif self._last and self._last.view.state in ENDS:
            self._console.print(incident_view.verdict(self._last.view))

    def tell(self, sentence: str) -> None:
        """Say something beside the picture: above it, on a line that stays."""
        if self._painter:
            self._painter.clear()
        self._console.print(plain(sentence), style="dim")
        self._redraw()

    def show(self, view: IncidentView, kin: Mapping[str, IncidentView] | None = None, lost: str = "") -> None:
        """Draw what has changed."""
        plainly = {name: plain_view(one) for name, one in (kin or {}).items()}
        before, self._last = self._last, Sighting(plain_view(view), plainly, plain(lost))
        if self._painter:
            self._redraw()
        else:
            self._list(before, self._last)

    def _list(self, before: Sighting | None, after: Sighting) -> None:
        now = _now()
        lines = news(before.view if before else None, after.view, now)
        for name, view in after.kin.items():
            within = f"{name.removeprefix(f'{after.view.id}.')}."
            lines += news(before.kin.get(name) if before else None, view, now, within)
        if after.lost and (before is None or before.lost != after.lost):
            lines.append(f"! {after.lost}")
        for line in lines:
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
        while self._painter:
            await asyncio.sleep(TICK)
            self._redraw()

    def _redraw(self) -> None:
        if self._painter and self._last:
            self._pace.see((self._last.view, *self._last.kin.values()), _now())
            self._painter.paint(incident_view.fitting(self._scene(self._last), self._console))

    def _scene(self, seen: Sighting) -> Scene:
        return Scene(seen.view, _now(), seen.kin, self._pace.rates(), seen.lost)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
