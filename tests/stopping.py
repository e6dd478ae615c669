"""An installation that is given what cannot work, and the incident that stopped because of it."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from activities import ACTIVITIES
from activities._action import Action
from firedoor.config import Settings
from firedoor.engine import Engine, connect
from firedoor.incident import Failure, IncidentView, StepState
from firedoor.inputs import resolve_inputs
from firedoor.plan import Plan
from firedoor.timeline.entry import Kind
from firedoor.timeline.export import export
from firedoor.timeline.store import Timeline
from firedoor.timeline.verify import Class, verify
from firedoor.timeline.writer import Writer
from tests.workflows import actions
from tests.workflows.conftest import Site
from worker import build, build_bulk

#: Seconds after which a test says what did not happen.
PATIENCE = 20


@asynccontextmanager
async def installed(address: str, home: Path, endpoint: str = "", **more: Any) -> AsyncGenerator[Site]:
    """An installation whose worker has every action, those of the small test world as well; `more` are settings."""
    settings = Settings.model_validate(
        {
            "home": home,
            "task_queue": f"bad-input-{secrets.token_hex(4)}",
            "temporal_environment": {"TEMPORAL_ADDRESS": address},
            "aws": {"endpoint_url": endpoint, "settle_seconds": 0.1},
            **more,
        }
    )
    client = await connect(settings)
    timeline = Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log)

    @asynccontextmanager
    async def serving() -> AsyncGenerator[None]:
        every: Sequence[Action] = (*ACTIVITIES, *actions.ACTIONS)
        with ThreadPoolExecutor(16) as threads:
            async with (
                Writer(timeline) as writer,
                build(client, settings, writer, threads, every),
                build_bulk(client, settings, writer, threads, every),
            ):
                yield

    async with AsyncExitStack() as worker:
        await worker.enter_async_context(serving())
        yield Site(Engine(client, settings), client, settings, timeline, serving, worker)
    timeline.close()


@dataclass
class Case:
    """An incident that stopped for a person, and what may be asked of it."""

    site: Site
    incident: str
    view: IncidentView

    def failure(self, step: str = "act") -> Failure:
        """What a person reads about a step that needs attention."""
        found = next(one for one in self.view.steps if one.id == step)
        assert found.state is StepState.NEEDS_ATTENTION, found
        assert found.failure is not None
        return found.failure

    async def ends(self) -> IncidentView:
        """Somebody ends it; what did not happen is said."""
        await self.site.decide(self.incident, "abort", reason="cannot work")
        return await self.result()

    async def result(self) -> IncidentView:
        """How it ended."""
        async with asyncio.timeout(PATIENCE):
            return await self.site.engine.result(self.incident)

    def outcomes(self, action: str) -> list[tuple[str, str]]:
        """Status and reason of every recorded outcome of an action, each of which answers an intent."""
        entries = self.site.entries(self.incident)
        intents = {entry.id for entry in entries if entry.kind == Kind.ACTION_INTENT}
        found = [
            entry for entry in entries if entry.kind == Kind.ACTION_OUTCOME and entry.part("action")["name"] == action
        ]
        assert all(not entry.ref or entry.ref in intents for entry in found)
        return [(entry.part("result")["status"], entry.part("result").get("reason", "")) for entry in found]

    def check_record(self, step: str, reason: str, folder: Path) -> None:
        """The record names the step and the reason, was closed, and verifies with nothing left open."""
        check_record(self.site, self.incident, folder)
        asked = [entry for entry in self.site.entries(self.incident) if entry.kind == Kind.STEP_NEEDS_ATTENTION]
        assert [(one.part("cause")["step"], one.body["reason"]) for one in asked] == [(step, reason)]
        assert asked[0].body["say"].startswith(f"{step}: ")


def check_record(site: Site, incident: str, folder: Path) -> None:
    """The exported record verifies with the public key alone, and no action in it is without an outcome."""
    kinds = site.kinds(incident)
    assert (kinds[0], kinds[-1]) == (Kind.INCIDENT_OPENED, Kind.INCIDENT_CLOSED)
    bundle = folder / "incident.zip"
    export(site.timeline, incident, bundle, requested_by="test")
    public = site.settings.signing_key_path.with_name("timeline.key.pub").read_text().strip()
    found = verify(bundle.read_bytes(), public)
    assert found.ok, found.findings
    assert found.incident == incident
    assert found.of(Class.UNRESOLVED) == ()


async def stopped(site: Site, plan: Plan, step: str = "act", **inputs: Any) -> Case:
    """Start an incident and wait until a step of it needs a person."""
    incident = await site.start(plan, resolve_inputs(plan, inputs))
    async with asyncio.timeout(PATIENCE):
        await site.reaches(incident, step, StepState.NEEDS_ATTENTION)
    return Case(site, incident, await site.view(incident))
