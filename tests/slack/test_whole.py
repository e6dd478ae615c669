"""Whole incidents on a real Temporal, told in a Slack that answers, or does not: from the first message to the record."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from firedoor.catalog import Shelves
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.state import Message, View
from firedoor.drill.slack.workspace import ALICE, BOB, INCIDENTS
from firedoor.incident import IncidentState, StepState
from firedoor.slack.api.client import Slack
from firedoor.slack.api.pace import Pace
from firedoor.slack.manifest import SCOPES
from firedoor.slack.outbound.reconciler import Reconciler, Tempo
from firedoor.slack.service import Outside, SlackService
from firedoor.slack.store import Store
from firedoor.timeline.writer import Writer
from tests.slack.front import PEOPLE, RUNBOOK, alone, button, listening, slack_settings, words
from tests.slack.seen import judged
from tests.slack.telling import heads, keys, says
from tests.workflows import actions
from tests.workflows.conftest import Site, site_at

OWN = RUNBOOK.replace("severity: critical\n", "severity: critical\nslack: {channel: create}\n")
TEMPO = Tempo(poll=0.1, idle=0.2, again=0.05, longest=0.2)
APPROVE = "needs your approval"


@dataclass
class Whole:
    """Slack's two halves, with a worker."""

    slack: LocalSlack
    site: Site
    service: SlackService
    store: Store

    async def started(self) -> str:
        """An incident that waits for two people. Its key is its own: other tests leave theirs open on this server."""
        plan = (await self.service.door.shelf()).plan("gate-test")
        return await self.site.start(plan, {"key": f"AKIA{secrets.randbelow(10**12)}", "hard": False})

    async def asked(self, channel: str) -> Message:
        """The question in its thread."""
        return await self.slack.eventually(lambda: _reply(self.slack, APPROVE, channel))

    async def told(self) -> None:
        """Wait until all is told."""
        async with asyncio.timeout(30):
            while not (every := self.store.conversations()) or not all(one.ended for one in every):
                await asyncio.sleep(0.02)


def _reply(slack: LocalSlack, words: str, channel: str) -> Message | None:
    return next((one for one in slack.workspace.messages(channel) if one.is_reply and words in says(one)), None)


def _for_alice(slack: LocalSlack, words: str) -> Message | None:
    seen = slack.act.seen_by(ALICE, INCIDENTS)
    return next((one for one in reversed(seen) if one.ephemeral_to == ALICE and words in says(one)), None)


def _form(slack: LocalSlack) -> View | None:
    """The form that alice has before her, once it is filled."""
    form = slack.act.modal(ALICE)
    return form if form and "Is it shut?" in words(form) else None


@pytest.fixture
async def whole(
    slack: LocalSlack,
    temporal_address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> AsyncGenerator[Whole]:
    """Everything but HTTP. The test's parameter is its runbook."""
    monkeypatch.setattr(actions, "WORLD", actions.World())
    scopes = slack.workspace.tokens[slack.workspace.bot_token].scopes
    scopes.clear()
    scopes.update(SCOPES)
    (tmp_path / "gate-test.yaml").write_text(request.param)
    settings: dict[str, Any] = {"runbooks": (tmp_path,), "people": PEOPLE, "slack": slack_settings(slack)}
    async with site_at(temporal_address, tmp_path / "home", **settings) as site:
        await alone(site)
        with Store.open(site.settings.slack_path) as store:
            token = SecretStr(slack.workspace.bot_token)
            async with Slack(site.settings, store, token, pace=Pace(0)) as client, Writer(site.timeline) as writer:
                reconciler = Reconciler(site.engine, client, store, site.settings, tempo=TEMPO)
                outside = Outside(site.engine, Shelves(site.settings), writer, store, client, reconciler)
                service = SlackService(site.settings, outside, SecretStr(slack.workspace.app_token))
                running = asyncio.create_task(service.run())
                await listening(slack)
                yield Whole(slack, site, service, store)
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running


@pytest.mark.parametrize("whole", [RUNBOOK], indirect=True)
async def test_two_people_approve_in_the_thread(whole: Whole) -> None:
    """The plan first, then the question, two presses, the answer, the verdict: one message and its thread."""
    slack, incident = whole.slack, await whole.started()
    asked = await whole.asked(INCIDENTS)
    with slack.workspace.lock:
        [head] = heads(slack)
        thread = [says(one) for one in slack.workspace.thread(INCIDENTS, head.ts)]
    assert "Who must agree" in thread[0]
    assert "waits for approval: security" in says(head) or "needs approval" in says(head)
    action, value = button(asked, "approve")
    await slack.act.press(ALICE, asked, action, value=value)
    await slack.eventually(lambda: "1 of 2 given (user:alice by slack); 1 more needed" in says(asked))
    await slack.act.press(BOB, asked, action, value=value)
    await whole.site.reaches(incident, "healthy", StepState.WAITING_ANSWER)
    await slack.eventually(lambda: "that was decided" in says(asked))
    question = await slack.eventually(lambda: _reply(slack, "needs an answer", INCIDENTS))
    action, value = button(question, "answer")
    await slack.act.press(ALICE, question, action, value=value)
    form = await slack.eventually(lambda: _form(slack))
    await slack.act.submit(ALICE, form, {"field.shut": "true"})
    view = await whole.site.engine.result(incident)
    assert view.state is IncidentState.COMPLETED
    await whole.told()
    assert view.sentence in says(head)
    assert len(keys(slack)) == len(set(keys(slack)))
    judged(head.blocks)


@pytest.mark.parametrize("whole", [RUNBOOK], indirect=True)
async def test_approvers_see_what_the_starter_saw(whole: Whole) -> None:
    """The plan in the channel has the blast radius that whoever started it was shown."""
    slack = whole.slack
    await slack.act.type_command(ALICE, INCIDENTS, f"/firedoor gate AKIA{secrets.randbelow(10**12)}")
    shown = await slack.eventually(lambda: _for_alice(slack, "Blast radius"))
    radius = [one for one in says(shown).splitlines() if "Blast radius" in one]
    action, value = button(shown, "start")
    await slack.act.press(ALICE, shown, action, value=value)
    await whole.asked(INCIDENTS)
    with slack.workspace.lock:
        [head] = [one for one in heads(slack) if not one.ephemeral_to]
        plan = says(slack.workspace.thread(INCIDENTS, head.ts)[0])
    assert radius == [one for one in plan.splitlines() if "Blast radius" in one]


@pytest.mark.parametrize("whole", [OWN], indirect=True)
async def test_a_channel_of_its_own(whole: Whole) -> None:
    """Made at the start, archived at the end, with a record in it that holds what was done."""
    slack, incident = whole.slack, await whole.started()
    channel = await slack.eventually(
        lambda: next((one for one in slack.workspace.channels.values() if one.name.startswith("inc-")), None)
    )
    await whole.asked(channel.id)
    await whole.site.decide(incident, "abort", reason="a drill")
    await slack.eventually(lambda: channel.is_archived, 30)
    await whole.told()
    files = list(slack.workspace.uploads.values())
    assert len(files) == 1
    assert [entry.kind for entry in whole.site.entries(incident)][-1] == "export"


@pytest.mark.parametrize("whole", [RUNBOOK], indirect=True)
async def test_slack_is_down_while_an_incident_runs(whole: Whole) -> None:
    """Containment goes on without Slack; afterwards the message catches up, and nothing is there twice."""
    slack, incident = whole.slack, await whole.started()
    await whole.asked(INCIDENTS)
    with slack.down():
        slack.clock.advance(600)
        await whole.site.decide(incident, "skip", step="go", reason="it is shut already")
        await whole.site.reaches(incident, "healthy", StepState.WAITING_ANSWER)
        await whole.site.decide(incident, "answer", step="healthy", answers={"shut": True})
        view = await whole.site.engine.result(incident)
    await whole.told()
    [head] = heads(slack)
    assert view.sentence in says(head)
    assert len(keys(slack)) == len(set(keys(slack)))
