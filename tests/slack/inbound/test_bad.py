"""What goes wrong in Slack, and what people are told: late forms, gone messages, channels without the bot, no worker."""

import asyncio

import pytest

from firedoor.drill.slack.workspace import ALICE, BOB, INCIDENTS, SECRET
from firedoor.incident import StepState
from firedoor.slack.inbound import starting
from tests.slack.front import Inbound, button
from tests.workflows import actions
from tests.workflows.conftest import off, plan_of


async def test_unknown_verbs_and_wrong_arguments(inbound: Inbound) -> None:
    """What is expected, with the nearest match, for the person alone."""
    await inbound.command("statsu")
    await inbound.says("Did you mean status?")
    await inbound.command("gate AKIA1 true more")
    await inbound.says("'more' is one value too many.", "/firedoor gate KEY [hard=…]")
    await inbound.command("gate nonsense")
    await inbound.says("key has the value 'nonsense', which does not match AKIA[0-9]+", "Expected: /firedoor gate KEY")
    await inbound.command("help")
    await inbound.says("/firedoor status [INCIDENT]", "/firedoor gate KEY")
    (inbound.site.settings.runbooks[0] / "broken.yaml").write_text("name: broken\n")
    await inbound.command("run broken")
    await inbound.says("The runbook broken has mistakes", "firedoor lint broken")
    await inbound.command("")
    await inbound.says("With mistakes, so that they cannot be started: broken.")


async def test_a_form_that_comes_too_late_is_opened_anew(inbound: Inbound) -> None:
    """Slack gives three seconds. After them there is a button, which keeps what was typed."""
    async with inbound.service.door.held:
        await inbound.command("gate hard=true")
        inbound.slack.clock.advance(4)
    shown = await inbound.says("The form came too late for Slack.")
    await inbound.press(shown, "start")
    form = await inbound.modal()
    await inbound.slack.act.submit(ALICE, form, {"key": "AKIA1"})
    await inbound.says("Shut the gate", "*hard*\\nyes")


async def test_a_form_of_a_button_that_comes_too_late(inbound: Inbound) -> None:
    """The same for a button: nothing was changed, and another one opens the form."""
    incident, _ = await inbound.asking()
    message = await inbound.posted(incident)
    inbound.slack.faults.drop("views.open")
    await inbound.press(message, "deny")
    await inbound.says("Slack")
    action, value = button(message, "deny")
    inbound.slack.clock.advance(-4)
    delivery = inbound.slack.act.press(ALICE, message, action, value=value)
    inbound.slack.clock.advance(4)
    await delivery
    shown = await inbound.says("The form came too late for Slack", "Nothing was changed.")
    await inbound.press(shown, "deny")
    await inbound.slack.act.submit(ALICE, await inbound.modal(), {"reason": "no"})
    await inbound.says("go is denied.")


async def test_a_message_that_somebody_deleted(inbound: Inbound) -> None:
    """A press on a message that is deleted in that moment counts; the answer reaches the person all the same."""
    incident, _ = await inbound.asking()
    message = await inbound.posted(incident)
    action, _ = button(message, "approve")
    with inbound.slack.workspace.lock:
        delivery = inbound.slack.act.press(ALICE, message, action)
        inbound.slack.act.delete_message(message)
    await delivery
    await inbound.says("go is approved; 1 more needed.")
    await inbound.command("approve", user=BOB)
    await inbound.says("1 of 2 given", user=BOB)


async def test_a_channel_that_the_bot_is_not_in(inbound: Inbound) -> None:
    """Commands and buttons work there by their URL; what a form answers comes as a direct message."""
    incident, _ = await inbound.asking()
    inbound.slack.act.kick(SECRET)
    await inbound.command("status", channel=SECRET)
    shown = await inbound.says("0 of 2 given", channel=SECRET)
    await inbound.press(shown, "deny")
    await inbound.slack.act.submit(ALICE, await inbound.modal(), {"reason": "not now"})
    await inbound.site.reaches(incident, "go", StepState.NEEDS_ATTENTION)
    await inbound.told_alone(ALICE, "go is denied.")


async def test_an_answer_that_reaches_nobody_is_logged(inbound: Inbound, caplog: pytest.LogCaptureFixture) -> None:
    """The decision counts all the same; who was not told stands in the log."""
    incident, _ = await inbound.asking()
    message = await inbound.posted(incident, SECRET)
    inbound.slack.faults.unavailable("chat.postEphemeral")
    inbound.slack.faults.unavailable("chat.postMessage", times=4)
    await inbound.press(message, "deny")
    await inbound.slack.act.submit(ALICE, await inbound.modal(), {"reason": "not now"})
    await inbound.site.reaches(incident, "go", StepState.NEEDS_ATTENTION)
    await inbound.service.router.close()
    assert f"an answer to {ALICE} reached nobody" in caplog.text


async def test_a_form_that_was_closed(inbound: Inbound, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever closes a form before the incident has answered is told that nothing was changed."""
    actions.WORLD.failures = {"one": ["not_found"]}
    incident = await inbound.site.start(plan_of(off("one")))
    await inbound.site.reaches(incident, "one", StepState.NEEDS_ATTENTION)
    message = await inbound.posted(incident)
    inbound.slack.faults.slow("views.update", 0.2)
    await inbound.press(message, "retry")
    inbound.slack.act.close(ALICE, await inbound.modal())
    await inbound.says("The form of one was closed. Nothing was changed.")


async def test_without_a_worker_the_plan_is_shown_as_it_was_compiled(
    inbound: Inbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads what it would find: the person is told, and may start it all the same. It is safe in Temporal."""
    monkeypatch.setattr(starting, "READ_SECONDS", 0)
    await inbound.site.worker.aclose()
    await inbound.command("gate AKIA1")
    shown = await inbound.says("could not be read in time", "Shut the gate", "Start")
    await inbound.press(shown, "start")
    await inbound.says("Started: gate-test-AKIA1")


async def test_a_runbook_that_changed_since_it_was_shown(inbound: Inbound) -> None:
    """Only what was shown is started: after an edit the new plan is shown instead."""
    await inbound.command("gate AKIA777")
    shown = await inbound.says("Shut the gate", "Start")
    file = inbound.site.settings.runbooks[0] / "gate-test.yaml"
    file.write_text(file.read_text().replace("May it be shut?", "May it be closed, once more?"))
    await inbound.press(shown, "start")
    again = await inbound.says("May it be closed", "Start")
    assert not await inbound.site.begun("gate-test-AKIA777")
    await inbound.press(again, "start")
    await inbound.says("Started: gate-test-AKIA777")


async def test_inputs_that_are_too_long_for_a_button(inbound: Inbound) -> None:
    """What no button can hold is started on a terminal, and that is said."""
    await inbound.command(f"gate AKIA{'1' * 2000}")
    await inbound.says("longer than a button of Slack can hold", "firedoor run gate-test")


async def test_a_hundred_commands_at_once_are_acknowledged_in_time(inbound: Inbound) -> None:
    """Nobody sees a time-out under load, and each command is answered."""
    deliveries = [inbound.slack.act.type_command(ALICE, INCIDENTS, f"/firedoor zzz{number}") for number in range(100)]
    replies = await asyncio.gather(*deliveries)
    assert all(reply.ok and not reply.late and reply.attempts == 1 for reply in replies)

    def answered() -> bool:
        seen = " ".join(one.text for one in inbound.slack.act.seen_by(ALICE, INCIDENTS))
        return all(f"zzz{number}'" in seen for number in range(100))

    await inbound.slack.eventually(answered)
