"""A whole front door of Slack for tests: the fake Slack, a worker of its own on the real Temporal, and the service."""

import asyncio
import datetime
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from temporalio.service import RPCError

from firedoor import catalog
from firedoor.catalog import Shelves
from firedoor.config import Person
from firedoor.doors import Slack as SlackSettings
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.people import elements
from firedoor.drill.slack.state import Message, View
from firedoor.drill.slack.workspace import ALICE, BOB, DAVE, INCIDENTS, TEAM
from firedoor.incident import IncidentView
from firedoor.slack.api.client import Slack
from firedoor.slack.api.pace import Pace
from firedoor.slack.drawing import blocks
from firedoor.slack.drawing.picture import Picture
from firedoor.slack.outbound.reconciler import Reconciler, Tempo
from firedoor.slack.service import Outside, SlackService
from firedoor.slack.store import Conversation, Store
from firedoor.timeline.entry import Entry
from firedoor.timeline.writer import Writer
from tests.workflows import actions
from tests.workflows.conftest import PATIENCE, Site, site_at

RUNBOOK = """\
name: gate-test
title: Shut the gate
severity: critical
mode: breach
inputs:
  key: {type: string, pattern: 'AKIA[0-9]+', description: 'The id of the key, AKIA….'}
  hard: {type: boolean, default: false, description: Shut it for good}
identity: [key]
triggers:
  - slack: gate
approvals:
  security: {from: ['slack:@security'], count: 2, self: true}
steps:
  go:
    title: May it be shut?
    approval: security
  healthy:
    needs: [go]
    ask: {prompt: Is it shut?, fields: {shut: {type: boolean}}}
"""
#: Without inputs: started by a button alone.
PLAIN = """\
name: nothing-to-ask
title: Wait a moment
severity: low
mode: breach
triggers:
  - slack: moment
steps:
  moment: {wait: 1s}
"""
PEOPLE = {
    "alice": Person(identities=(f"slack:{TEAM}/{ALICE}",)),
    "bob": Person(identities=(f"slack:{TEAM}/{BOB}",)),
    "dave": Person(identities=(f"slack:{TEAM}/{DAVE}",)),
}


@dataclass
class Woken:
    """Stands where messages of incidents are kept up to date: only remembers what it was told."""

    incidents: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Nothing to do."""
        await asyncio.Event().wait()

    def wake(self, incident: str) -> None:
        """An incident has changed."""
        self.incidents.append(incident)


@dataclass
class Inbound:
    """The door and what is around it."""

    slack: LocalSlack
    site: Site
    service: SlackService
    store: Store
    woken: Woken
    outside: Outside

    async def command(self, text: str, user: str = ALICE, channel: str = INCIDENTS) -> None:
        """Type a command; it is acknowledged in time."""
        reply = await self.slack.act.type_command(user, channel, f"/firedoor {text}".strip())
        assert reply.ok, reply

    async def answered(
        self, holds: Callable[[str], object], user: str = ALICE, channel: str = INCIDENTS, thread: str = ""
    ) -> Message:
        """The newest message that only `user` sees and whose words hold; waits for it."""

        def look() -> Message | None:
            seen = self.slack.act.seen_by(user, channel, thread=thread)
            return next((one for one in reversed(seen) if one.ephemeral_to == user and holds(words(one))), None)

        try:
            return await self.slack.eventually(look)
        except TimeoutError:
            seen = [words(one) for one in self.slack.act.seen_by(user, channel, thread=thread)]
            raise AssertionError(f"{user} never saw it, only: {seen}") from None

    async def says(self, *parts: str, user: str = ALICE, channel: str = INCIDENTS, thread: str = "") -> Message:
        """The newest message for `user` that says all of this."""
        return await self.answered(lambda text: all(part in text for part in parts), user, channel, thread)

    async def told_alone(self, user: str, text: str) -> Message:
        """A direct message."""
        with self.slack.workspace.lock:
            direct = self.slack.workspace.direct(user).id
        return await self.slack.eventually(
            lambda: next((one for one in self.slack.act.seen_by(user, direct) if text in words(one)), None)
        )

    async def press(self, message: Message, verb: str, user: str = ALICE, *, about: str = "") -> Any:
        """Press the button of a verb; `about` is a part of its value."""
        [action, value] = button(message, verb, about)
        return await self.slack.act.press(user, message, action, value=value)

    async def modal(self, user: str = ALICE, holds: Callable[[View], object] = bool) -> View:
        """The modal on somebody's screen; waits for it."""

        def look() -> View | None:
            view = self.slack.act.modal(user)
            return view if view and holds(view) else None

        return await self.slack.eventually(look)

    async def asking(self, key: str = "AKIA1") -> tuple[str, IncidentView]:
        """An incident of the runbook that waits for approval."""
        plan = (await self.service.door.shelf()).plan("gate-test")
        started = await self.site.start(plan, {"key": key, "hard": False})
        view = await self.site.shows(started, lambda view: view.steps[0].request)
        async with asyncio.timeout(PATIENCE):
            while started not in {one.id for one in await self.site.engine.incidents()}:
                await asyncio.sleep(0.02)
        return started, view

    async def posted(self, incident: str, channel: str = INCIDENTS) -> Message:
        """The incident's message in a channel, as it is now."""
        view = await self.site.view(incident)
        made = blocks.incident(Picture(view, datetime.datetime.now(datetime.UTC)))
        ts = await self.outside.slack.post(channel, made.text, made.blocks, key=f"test/{incident}/{made.digest}")
        self.store.keep(Conversation(incident, "run", channel, ts))
        found = self.slack.workspace.message(channel, ts)
        assert found is not None
        return found

    def refusals(self, incident: str = "") -> list[Entry]:
        """What was refused, in the timeline."""
        return [one for one in self.site.entries(incident) if one.kind == "refusal"]


def words(message: Message | View) -> str:
    """All texts of a message or a view."""
    if isinstance(message, View):
        return json.dumps(message.said, ensure_ascii=False)
    return f"{message.text}\n{json.dumps(message.blocks, ensure_ascii=False)}"


def button(message: Message, verb: str, about: str = "") -> tuple[str, str]:
    """The action id and the value of a button."""
    for _, one in elements(message.blocks):
        parts = one["action_id"].split(".")
        if parts[:2] == ["firedoor", verb] and about in one.get("value", ""):
            return one["action_id"], one["value"]
    raise AssertionError(f"there is no button {verb} {about}: {words(message)}")


async def listening(slack: LocalSlack, sockets: int = 1) -> None:
    """Wait for connections."""
    async with asyncio.timeout(PATIENCE):
        while slack.sockets.count < sockets:
            await asyncio.sleep(0.01)


async def alone(site: Site) -> None:
    """End what earlier tests have left on the server that all share: "the only open incident" must be ours."""
    async with asyncio.timeout(PATIENCE):
        while found := [one async for one in site.client.list_workflows("ExecutionStatus = 'Running'")]:
            for one in found:
                with suppress(RPCError):
                    await site.client.get_workflow_handle(one.id).terminate()
            await asyncio.sleep(0.05)


def slack_settings(slack: LocalSlack, **more: Any) -> SlackSettings:
    """`[slack]` of the settings."""
    return SlackSettings(team=TEAM, channel=INCIDENTS, base_url=slack.base_url, **more)


@asynccontextmanager
async def inbound_at(
    slack: LocalSlack,
    address: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    tempo: Tempo | None = None,
    **more: Any,
) -> AsyncGenerator[Inbound]:
    """The door, listening by Socket Mode. With a `tempo` messages of incidents are kept up to date.

    `more` are settings of `[slack]`.
    """
    monkeypatch.setattr(actions, "WORLD", actions.World())
    # Compiling those that ship takes longer than most of these tests.
    monkeypatch.setattr(catalog, "shipped_runbooks", tuple)
    runbooks = folder / "runbooks"
    runbooks.mkdir()
    (runbooks / "gate-test.yaml").write_text(RUNBOOK)
    (runbooks / "nothing-to-ask.yaml").write_text(PLAIN)
    settings: dict[str, Any] = {"runbooks": (runbooks,), "people": PEOPLE, "slack": slack_settings(slack, **more)}
    async with site_at(address, folder / "home", **settings) as site:
        await alone(site)
        with Store.open(site.settings.slack_path) as store:
            token = SecretStr(slack.workspace.bot_token)
            async with Slack(site.settings, store, token, pace=Pace(0)) as client, Writer(site.timeline) as writer:
                woken = Woken()
                teller = Reconciler(site.engine, client, store, site.settings, tempo=tempo) if tempo else woken
                outside = Outside(site.engine, Shelves(site.settings), writer, store, client, teller)
                service = SlackService(site.settings, outside, SecretStr(slack.workspace.app_token))
                running = asyncio.create_task(service.run())
                await listening(slack)
                yield Inbound(slack, site, service, store, woken, outside)
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running
