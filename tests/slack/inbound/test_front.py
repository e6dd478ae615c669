"""Slack's front door from outside: people type, press and submit at a fake Slack, incidents run on a real Temporal."""

import asyncio
from pathlib import Path

import pytest

from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.state import Message
from firedoor.drill.slack.workspace import ALICE, BOB, DAVE, GENERAL, INCIDENTS
from firedoor.incident import StepState
from firedoor.slack.outbound.reconciler import Tempo
from tests.slack.front import Inbound, button, inbound_at, words


async def test_from_the_word_to_the_end(inbound: Inbound) -> None:
    """A word shows the plan, a button starts it once, two people approve, a form is answered: the incident ends."""
    await inbound.command("gate AKIA1")
    shown = await inbound.says("Shut the gate", "Who must agree", "Start")
    action, value = button(shown, "start")
    await asyncio.gather(*(inbound.slack.act.press(ALICE, shown, action, value=value) for _ in range(2)))
    await inbound.says("Started: gate-test-AKIA1")
    await inbound.says("was not started a second time")
    assert inbound.woken.incidents == ["gate-test-AKIA1"]
    view = await inbound.site.view("gate-test-AKIA1")
    assert (view.starter.principal, view.starter.auth) == ("user:alice", "slack")

    await inbound.site.reaches("gate-test-AKIA1", "go", StepState.WAITING_APPROVAL)
    await inbound.command("approve")
    await inbound.press(await inbound.says("0 of 2 given"), "approve")
    await inbound.says("go is approved; 1 more needed.")
    await inbound.command("approve go", user=BOB)
    await inbound.press(await inbound.says("1 of 2 given", user=BOB), "approve", user=BOB)
    await inbound.says("go is approved.", user=BOB)

    await inbound.site.reaches("gate-test-AKIA1", "healthy", StepState.WAITING_ANSWER)
    await inbound.command("status")
    await inbound.press(await inbound.says("Answer…", "healthy"), "answer")
    form = await inbound.modal(holds=lambda view: "Is it shut?" in words(view))
    reply = await inbound.slack.act.submit(ALICE, form, {"field.shut": "true"})
    assert reply.ok
    await inbound.says("healthy is answered.")
    view = await inbound.site.engine.result("gate-test-AKIA1")
    assert [step.state for step in view.steps] == [StepState.DONE, StepState.DONE]
    answers = [one for one in inbound.site.entries("gate-test-AKIA1") if one.body.get("verb") == "answer"]
    assert answers[0].body["answers"] == {"shut": True}
    assert answers[0].body["actor"]["identity"].endswith(ALICE)


async def test_what_was_started_is_joined(inbound: Inbound) -> None:
    """The same key again is the same incident, and whoever reports it is told so."""
    incident, _ = await inbound.asking("AKIA2")
    await inbound.command("gate key=AKIA2", user=DAVE)
    await inbound.press(await inbound.says("Shut the gate", "Start", user=DAVE), "start", user=DAVE)
    await inbound.says("runs already. You joined it", user=DAVE)
    assert any("joined the running incident" in str(one.body.get("reason")) for one in inbound.site.entries(incident))


async def test_missing_inputs_open_a_form_that_is_checked_in_place(inbound: Inbound) -> None:
    """Without its inputs a word opens a form; what does not fit is told at its field; then comes the plan."""
    await inbound.command("gate")
    form = await inbound.modal()
    assert "The id of the key, AKIA…" in words(form)
    reply = await inbound.slack.act.submit(ALICE, form, {"key": "nonsense"})
    assert reply.payload["response_action"] == "errors"
    assert "does not match" in reply.payload["errors"]["key"]
    assert form.is_open
    await inbound.slack.act.submit(ALICE, form, {"key": "AKIA3", "hard": "true"})
    shown = await inbound.says("Shut the gate", "Start")
    await inbound.press(shown, "cancel")
    await inbound.says("gate-test was not started. Nothing was changed.")
    assert not await inbound.site.begun("gate-test-AKIA3")


async def test_the_overview_needs_no_id(inbound: Inbound) -> None:
    """/firedoor alone lists open incidents and runbooks; their buttons look at one and start the other."""
    incident, _ = await inbound.asking("AKIA4")
    await inbound.command("")
    shown = await inbound.says("Open incidents", incident, "Runbooks that you may start", "/firedoor gate KEY")
    await inbound.press(shown, "status", about=incident)
    await inbound.says("Approve", "0 of 2 given")
    await inbound.press(shown, "start", about="nothing-to-ask")
    await inbound.says("Wait a moment", "Start")


async def test_the_incidents_own_message_is_pressed(
    slack: LocalSlack, temporal_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was started from Slack gets its message in the channel; its buttons decide, and it shows what came of it."""
    tempo = Tempo(poll=0.1, idle=0.2)
    async with inbound_at(slack, temporal_address, tmp_path, monkeypatch, tempo=tempo) as inbound:
        await inbound.command("gate AKIA779", channel=GENERAL)
        await inbound.press(await inbound.says("Shut the gate", "Start", channel=GENERAL), "start")
        await inbound.says("Started: gate-test-AKIA779", channel=GENERAL)

        def shows(*texts: str) -> Message | None:
            seen = [one for one in slack.act.seen_by(BOB, INCIDENTS) if not one.ephemeral_to]
            return next((one for one in seen if all(text in words(one) for text in texts)), None)

        message = await slack.eventually(lambda: shows("Shut the gate", "0 of 2 given"))
        await inbound.press(message, "approve", user=BOB)
        message = await slack.eventually(lambda: shows("Shut the gate", "1 of 2 given", "user:bob"))
        inbound.slack.act.mention(ALICE, INCIDENTS, "approve", thread=message.ts)
        await inbound.press(await inbound.says("1 of 2 given", thread=message.ts), "approve")
        await slack.eventually(lambda: shows("Shut the gate", "Answer…"))
