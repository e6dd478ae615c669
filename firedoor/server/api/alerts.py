"""Alerts before they come: which runbooks a payload would start, and why the others would not."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from firedoor.catalog import Shelf
from firedoor.config import Settings
from firedoor.deliveries.payload import NOTHING, payload
from firedoor.deliveries.runbooks import Known
from firedoor.deliveries.trial import Trial, trial
from firedoor.errors import UsageError
from firedoor.server.api.office import Reader, SettingsOf, ShelfOf

ROUTER = APIRouter(prefix="/alerts", tags=["alerts"])
#: Alerts of one payload. Each is matched with every runbook, and the answer says of each why that does not start.
MOST = 100


class Trials(BaseModel):
    """What each alert of a payload would do. `note` says why there is none."""

    starts: bool = Field(description="Would anything start?")
    note: str
    alerts: tuple[Trial, ...]


@ROUTER.post("/test")
async def test_alert(source: str, request: Request, who: Reader, settings: SettingsOf, shelf: ShelfOf) -> Trials:
    """What the payload in the body would do if it came. Starts nothing, stores nothing.

    `source` is whose payload it is, or the name of a door in the settings; the headers of the request are those of the
    payload. At most 100 alerts.
    """
    return await asyncio.to_thread(_trials, source, dict(request.headers), await request.body(), settings, shelf)


def _trials(source: str, headers: Mapping[str, str], body: bytes, settings: Settings, shelf: Shelf) -> Trials:
    parsed = payload(source, headers, body, settings.alerts)
    if len(parsed.alerts) > MOST:
        raise UsageError(
            f"The payload holds {len(parsed.alerts):,} alerts.", changed=NOTHING, next=f"Try at most {MOST} at once."
        )
    known = Known.of(shelf)
    # The sender has what the body says.
    trials = [trial(alert, known) for alert in parsed.alerts]
    lines = tuple(replace(one, alert=one.alert.model_copy(update={"raw": {}})) for one in trials)
    return Trials(starts=any(would.starts for one in trials for would in one.would), note=parsed.note, alerts=lines)
