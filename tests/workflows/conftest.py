"""A worker of its own for each test, on the shared Temporal server, with the actions of `actions.py`."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.recorded_changes import recorded_changes
from firedoor.config import Settings
from firedoor.engine import Engine, connect
from firedoor.engine.incidents import ENDED
from firedoor.errors import RefusedError, UnreachableError, UsageError
from firedoor.incident import Decision, IncidentView, Mode, Responder, StepState, StepView
from firedoor.plan import Loop, Plan, PlannedStep, Policy, Undo
from firedoor.timeline.entry import Entry
from firedoor.timeline.store import Timeline
from firedoor.timeline.writer import Writer
from tests.workflows import actions
from worker import build, build_bulk

ACTIONS = (*actions.ACTIONS, recorded_changes)

ADA = Responder(principal="user:ada", auth="os", roles=("security",))
BOB = Responder(principal="user:bob", auth="os")
STARTER = Responder(principal="user:eve", auth="os", roles=("security",))
#: Seconds until a test gives up.
PATIENCE = 30
SECURITY = Policy(sources=("role:security",))


def use(name: str, action: str, needs: tuple[str, ...] = (), **fields: Any) -> PlannedStep:
    """A `uses` step of a test plan."""
    contracts = {one.contract.action: one.contract for one in actions.ACTIONS}
    contract = contracts[action]
    back = contracts.get(contract.undo)
    return PlannedStep(
        undo=Undo(action=back.action, effect=back.effect) if back else None,
        changeable=contract.changeable,
        id=name,
        kind="uses",
        action=action,
        effect=contract.effect,
        containment=contract.containment,
        needs=needs,
        **fields,
    )


def off(name: str, needs: tuple[str, ...] = (), **fields: Any) -> PlannedStep:
    """A step that switches `name` off."""
    return use(name, "test.switch_off", needs, arguments={"name": name}, **fields)


def each(
    name: str, needs: tuple[str, ...] = (), *, action: str = "test.switch_off", concurrency: int = 10, **fields: Any
) -> PlannedStep:
    """A step that switches every name in `inputs.names`; `canary` and `on_error` are the loop's."""
    loop = {key: fields.pop(key) for key in ("canary", "on_error") if key in fields}
    return use(
        name,
        action,
        needs,
        arguments={"name": "${{ one }}"},
        loop=Loop(items="inputs.names", name="one", concurrency=concurrency, **loop),
        **fields,
    )


def plan_of(*steps: PlannedStep, policies: dict[str, Policy] | None = None, **fields: Any) -> Plan:
    """A plan of these steps."""
    known = {"security": SECURITY, **(policies or {})}
    return Plan(name="test-plan", runbook_sha256="0" * 64, steps=steps, policies=known, **fields)


def _of(view: IncidentView, step: str) -> StepView:
    return next(one for one in view.steps if one.id == step)


@dataclass
class Site:
    """An installation under test."""

    engine: Engine
    client: Client
    settings: Settings
    timeline: Timeline
    serving: Callable[[], AbstractAsyncContextManager[None]]
    worker: AsyncExitStack

    async def replace_worker(self) -> None:
        """End the worker and start another: what it knew of running incidents is gone."""
        await self.worker.aclose()
        await self.worker.enter_async_context(self.serving())

    async def start(self, plan: Plan, inputs: dict[str, Any] | None = None, mode: Mode = Mode.RUN) -> str:
        """Start an incident; returns its id."""
        started = await self.engine.start(plan, inputs or {}, starter=STARTER, mode=mode)
        return started.incident

    async def run(self, plan: Plan, inputs: dict[str, Any] | None = None, mode: Mode = Mode.RUN) -> IncidentView:
        """Start an incident and wait for its end."""
        return await self.engine.result(await self.start(plan, inputs, mode))

    async def reaches(self, incident: str, step: str, state: StepState) -> StepView:
        """Wait until a step is in a state."""
        view = await self.shows(incident, lambda view: _of(view, step).state is state)
        return _of(view, step)

    async def begun(self, incident: str) -> bool:
        """Does Temporal know it? A child begins a moment after the step that runs it."""
        try:
            await self.client.get_workflow_handle(incident).describe()
        except RPCError:
            return False
        return True

    async def view(self, incident: str) -> IncidentView:
        """Where it stands.

        On a busy machine a task may get lost on its way to a worker. Temporal notices after 10 s, and answers no query
        until then: as long as a query has to wait.
        """
        try:
            return await self.engine.view(incident)
        except UnreachableError:
            return await self.engine.view(incident)

    async def shows(self, incident: str, holds: Callable[[IncidentView], object]) -> IncidentView:
        """Wait until a view of the incident shows what is asked for; it may not have begun yet."""
        async with asyncio.timeout(PATIENCE):
            while not await self.begun(incident):
                await asyncio.sleep(0.02)
            while not holds(view := await self.view(incident)):
                assert view.state not in ENDED, f"{incident} ended and never showed it"
                await asyncio.sleep(0.05)
        return view

    async def approve(self, incident: str, step: str, who: Responder = ADA, **fields: Any) -> str:
        """Approve what is shown now, waiting until it is."""
        shown = await self.reaches(incident, step, StepState.WAITING_APPROVAL)
        assert shown.request is not None
        return await self.decide(incident, "approve", step, who, digest=shown.request.digest, **fields)

    async def decide(self, incident: str, verb: Any, step: str = "", who: Responder = ADA, **fields: Any) -> str:
        """A decision of a person."""
        return await self.engine.decide(incident, verb, Decision(responder=who, step=step, **fields))

    async def refused(self, incident: str, verb: Any, step: str, sentence: str, **fields: Any) -> None:
        """A decision is refused with this sentence in the reason."""
        with pytest.raises((RefusedError, UsageError)) as error:
            await self.decide(incident, verb, step, **fields)
        assert sentence in error.value.what

    def entries(self, incident: str) -> list[Entry]:
        """What the timeline says."""
        return [stored.entry for stored in self.timeline.entries(incident=incident)]

    def kinds(self, incident: str) -> list[str]:
        """The kinds of the entries, in order."""
        return [entry.kind for entry in self.entries(incident)]


@asynccontextmanager
async def site_at(
    address: str, home: Path, *, campaigns: Sequence[Callable[..., Any]] | None = None, **settings_fields: Any
) -> AsyncGenerator[Site]:
    """An installation in `home`, with its worker running. `campaigns` stand in for the activities of campaigns."""
    settings = Settings(
        home=home,
        task_queue=f"test-{secrets.token_hex(4)}",
        temporal_environment={"TEMPORAL_ADDRESS": address},
        **settings_fields,
    )
    client = await connect(settings)
    timeline = Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log)

    @asynccontextmanager
    async def serving() -> AsyncGenerator[None]:
        with ThreadPoolExecutor(8) as threads:
            async with (
                Writer(timeline) as writer,
                build(client, settings, writer, threads, ACTIONS, campaigns=campaigns),
                build_bulk(client, settings, writer, threads, ACTIONS, campaigns=campaigns),
            ):
                yield

    async with AsyncExitStack() as worker:
        await worker.enter_async_context(serving())
        yield Site(Engine(client, settings), client, settings, timeline, serving, worker)
    timeline.close()


@pytest.fixture
async def site(temporal_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Site]:
    """An installation with its worker running, and a new world."""
    monkeypatch.setattr(actions, "WORLD", actions.World())
    async with site_at(temporal_address, tmp_path / "home") as site:
        yield site
