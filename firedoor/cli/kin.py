"""An incident and those that belong to it: of its `run` steps, and those that take its changes back."""

import asyncio
import datetime
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace

from firedoor.cli.views.scene import ENDS, relatives
from firedoor.engine import Engine
from firedoor.errors import UnreachableError, UsageError
from firedoor.incident import IncidentView

#: Between two looks, in seconds.
PAUSE = 0.25

#: More relatives than this are named, and not looked at.
MOST = 20


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen at one look; `lost` says why it is not the present."""

    view: IncidentView
    kin: Mapping[str, IncidentView] = field(default_factory=dict[str, IncidentView])
    lost: str = ""


async def sighting(engine: Engine, incident: str, last: Sighting | None = None) -> Sighting:
    """Look at an incident and its relatives. What had ended at the last look is not asked again."""
    view = await engine.view(incident)
    found: dict[str, IncidentView] = {}
    waiting = list(relatives(view))
    while waiting and len(found) < MOST:
        name = waiting.pop(0)
        known = last.kin.get(name) if last else None
        if known is None or known.state not in ENDS:
            known = await _relative(engine, name)
        if known and name not in found:
            found[name] = known
            waiting += relatives(known)
    return Sighting(view, found)


async def _relative(engine: Engine, name: str) -> IncidentView | None:
    """A relative's view; None where it is not there yet, or no longer."""
    try:
        return await engine.view(name)
    except UsageError:
        return None


async def sightings(engine: Engine, incident: str) -> AsyncIterator[Sighting]:
    """An incident with its relatives whenever any of them changes, until it ends. Outages are told and waited out."""
    last: Sighting | None = None
    while last is None or last.lost or last.view.state not in ENDS:
        try:
            seen = await sighting(engine, incident, last)
        except UnreachableError as error:
            if last is None:
                raise
            since = datetime.datetime.now(datetime.UTC).strftime("%H:%M:%S")
            seen = replace(last, lost=last.lost or f"{error.what} Since {since} UTC; asking again.")
        if seen != last:
            last = seen
            yield seen
        await asyncio.sleep(PAUSE)
