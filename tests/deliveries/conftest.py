"""A store of deliveries, runbooks that alerts start, and an installation whose dispatcher works."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firedoor.config import Settings
from firedoor.deliveries import Deliveries, Delivery, Dispatcher, NewDelivery, State, ledger
from firedoor.incident import IncidentState, IncidentView, StepState
from tests.workflows.conftest import PATIENCE, Site, site_at

#: Waits for a person, so that it runs as long as a test wants it to.
LEAK = """
name: leak
identity: [key]
{rules}
inputs: {{key: {{type: string, pattern: 'AKIA[A-Z0-9]+'}}}}
triggers:
  - {{alert: guardduty, when: alert.severity >= 7.0, inputs: {{key: '${{{{ alert.access_key_id }}}}'}}}}
approvals: {{security: {{from: ['role:security']}}}}
steps: {{gate: {{approval: security}}}}
"""


def finding(key: str = "AKIAFAKE", **changes: Any) -> bytes:
    """A GuardDuty finding about an access key."""
    value = {
        "id": f"finding-{key}",
        "type": "UnauthorizedAccess:Test/Tor",
        "title": f"{key} was used from Tor",
        "severity": 8.0,
        "resource": {"accessKeyDetails": {"accessKeyId": key, "userName": "ci"}},
    }
    return json.dumps(value | changes).encode()


def posted(key: str, body: bytes | None = None, *, source: str = "guardduty") -> NewDelivery:
    """A delivery as the door hands it over; `key` is the source's own."""
    return NewDelivery(door="aws", source=source, key=key, headers={}, body=finding() if body is None else body)


@pytest.fixture
async def deliveries(tmp_path: Path) -> AsyncGenerator[Deliveries]:
    """An empty store."""
    async with Deliveries.open(tmp_path / "deliveries.sqlite") as store:
        yield store


@dataclass
class Desk:
    """An installation, its store, and its dispatcher while `dispatching`."""

    site: Site
    deliveries: Deliveries
    settings: Settings
    runbooks: Path

    def runbook(self, text: str = "", *, name: str = "leak", rules: str = "max_starts: 1000") -> None:
        """Write a runbook into the configured folder."""
        (self.runbooks / f"{name}.yaml").write_text(text or LEAK.format(rules=rules))

    @asynccontextmanager
    async def dispatching(self) -> AsyncGenerator[Dispatcher]:
        """A dispatcher works."""
        dispatcher = Dispatcher(self.site.engine, self.deliveries, self.settings)
        task = asyncio.create_task(dispatcher.run())
        try:
            yield dispatcher
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def matched(self, dispatcher: Dispatcher) -> None:
        """What waits was parsed and matched, by a process that died before it could claim any of it."""
        waiting = await self.deliveries.look(ledger.unmatched, 100)
        _, found = await asyncio.to_thread(dispatcher._examined, waiting)
        await self.deliveries.change(ledger.record, found, datetime.now(UTC))

    async def add(self, *news: NewDelivery) -> list[str]:
        """Store deliveries; their ids."""
        return [one.id for one in await asyncio.gather(*(self.deliveries.add(new) for new in news))]

    async def until(self, holds: Callable[[list[Delivery]], bool]) -> list[Delivery]:
        """Wait until the deliveries, the oldest first, are as they should be."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self.deliveries.look(ledger.listed, (), 100_000)
                if holds(found[::-1]):
                    return found[::-1]
                await asyncio.sleep(0.02)

    async def settled(self, *states: State) -> list[Delivery]:
        """Wait until no delivery waits; each is in the state that is given for it, if any are."""
        found = await self.until(lambda all_: all(one.state is not State.RECEIVED for one in all_))
        if states:
            assert [one.state for one in found] == list(states), [(one.state, one.reason) for one in found]
        return found

    async def alerts(self, incident: str) -> int:
        """How many alerts an incident has counted."""
        return (await self.site.view(incident)).alerts

    async def end(self, incident: str) -> IncidentView:
        """Let an incident come to its end."""
        await self.site.reaches(incident, "gate", StepState.WAITING_APPROVAL)
        await self.site.approve(incident, "gate")
        view = await self.site.engine.result(incident)
        assert view.state is IncidentState.COMPLETED
        return view


@pytest.fixture
async def desk(temporal_address: str, tmp_path: Path) -> AsyncGenerator[Desk]:
    """An installation with a worker and the runbook `leak`."""
    runbooks = tmp_path / "runbooks"
    runbooks.mkdir()
    home = tmp_path / "home"
    async with (
        site_at(temporal_address, home, runbooks=(runbooks,)) as site,
        Deliveries.open(site.settings.deliveries_path) as store,
    ):
        desk = Desk(site, store, site.settings, runbooks)
        desk.runbook()
        yield desk
