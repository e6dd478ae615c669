"""Incidents without an engine, for tests of what Slack is told: they are where the test puts them."""

import asyncio
import datetime
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from firedoor.config import Person, Settings
from firedoor.doors import Slack as SlackSettings
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.state import Message
from firedoor.drill.slack.workspace import ALICE, BOB, INCIDENTS, TEAM
from firedoor.engine import Summary
from firedoor.errors import UnreachableError, UsageError
from firedoor.incident import IncidentInput, IncidentState, IncidentView, Responder
from firedoor.plan import Plan, PlannedStep, Policy
from firedoor.slack.api.client import Slack
from firedoor.slack.api.pace import Pace
from firedoor.slack.drawing.picture import ENDS
from firedoor.slack.outbound.reconciler import Reconciler, Tempo
from firedoor.slack.store import Store
from tests.slack.seen import lines

NOW = datetime.datetime(2026, 11, 29, 12, 0, tzinfo=datetime.UTC)
QUICK = Tempo(poll=0.02, idle=0.04, again=0.02, longest=0.1)
PLAN = Plan(
    name="gate",
    title="Shut the gate",
    runbook_sha256="0" * 64,
    policies={"security": Policy(sources=("slack:@security", "user:alice"), count=2)},
    steps=(PlannedStep(id="go", kind="approval", approval="security"),),
)
PEOPLE = {name: Person(identities=(f"slack:{TEAM}/{id}",)) for name, id in (("alice", ALICE), ("bob", BOB))}


@dataclass
class Incidents:
    """What the engine would say: views by id, newest first."""

    views: dict[str, IncidentView] = field(default_factory=dict)
    plan: Plan = PLAN
    ended: dict[str, datetime.datetime] = field(default_factory=dict)
    broken: dict[str, Exception] = field(default_factory=dict)
    unreachable: bool = False
    listed: bool = True

    async def incidents(self, limit: int = 50) -> list[Summary]:
        """The list."""
        if self.unreachable:
            raise UnreachableError("No Temporal server answers.")
        return [self._line(view) for view in self.views.values()][:limit] if self.listed else []

    def _line(self, view: IncidentView) -> Summary:
        ended = self.ended.get(view.id, datetime.datetime.now(datetime.UTC)) if view.state in ENDS else None
        return Summary(view.id, "r1", "", "", view.runbook, view.state.value, "", view.severity, NOW, ended)

    async def view(self, incident: str, run: str = "") -> IncidentView:
        """One of them."""
        if incident in self.broken:
            raise self.broken[incident]
        if incident not in self.views:
            raise UsageError(f"There is no incident {incident}.")
        return self.views[incident]

    async def plan_of(self, incident: str, run: str = "") -> IncidentInput:
        """Its plan."""
        starter = self.views[incident].starter
        return IncidentInput(incident=incident, plan=self.plan, digest=self.plan.digest(), starter=starter)

    def put(self, incident: str = "gate-1", **changes: Any) -> IncidentView:
        """Put an incident where it is to stand."""
        known = self.views.get(incident) or IncidentView(
            id=incident,
            runbook="gate",
            title="Shut the gate",
            severity="critical",
            plan="0" * 64,
            state=IncidentState.RUNNING,
            started="2026-11-29T11:59:00.000Z",
            starter=Responder(principal="user:bob", auth="slack"),
        )
        self.views[incident] = known.model_copy(update=changes)
        return self.views[incident]


def settings_of(slack: LocalSlack, home: Path, **more: Any) -> Settings:
    """Settings that lead to the fake, with alice and bob."""
    door: dict[str, Any] = {"team": TEAM, "channel": INCIDENTS, "base_url": slack.base_url} | more
    return Settings(home=home, people=PEOPLE, slack=SlackSettings(**door))


@asynccontextmanager
async def client_at(slack: LocalSlack, settings: Settings, pace: Pace | None = None) -> AsyncGenerator[Slack]:
    """A client with a store of its own."""
    with Store.open(settings.slack_path) as store:
        async with Slack(settings, store, SecretStr(slack.workspace.bot_token), pace=pace or Pace(0)) as client:
            yield client


@asynccontextmanager
async def reconciling(engine: Incidents, client: Slack, settings: Settings) -> AsyncGenerator[Reconciler]:
    """Slack is told, quickly, until the block ends."""
    reconciler = Reconciler(engine, client, client.store, settings, tempo=QUICK)
    running = asyncio.create_task(reconciler.run())
    try:
        yield reconciler
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def heads(slack: LocalSlack, channel: str = INCIDENTS) -> list[Message]:
    """The messages of a channel that stand in no thread. Hold the lock, or call it inside of `eventually`."""
    return [one for one in slack.workspace.messages(channel) if not one.is_reply]


def says(message: Message) -> str:
    """Its words."""
    return "\n".join([message.text, *lines(message.blocks)])


def keys(slack: LocalSlack, channel: str = INCIDENTS) -> list[str]:
    """The keys of all messages of ours in a channel, deleted ones too."""
    found = [
        one.metadata["event_payload"]["key"] for one in slack.workspace.messages(channel, deleted=True) if one.metadata
    ]
    return [str(key) for key in found]


async def all_told(slack: LocalSlack, client: Slack) -> None:
    """Wait until every conversation is told to its end."""

    def look() -> bool:
        found = client.store.conversations()
        return bool(found) and all(one.ended for one in found)

    async with asyncio.timeout(20):
        while not look():
            await asyncio.sleep(0.01)
