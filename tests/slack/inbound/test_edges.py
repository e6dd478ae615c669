"""The rarer ways through Slack's front door: shortcuts, other people's buttons, forms of steps that moved on."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from firedoor.catalog import Shelves
from firedoor.drill.slack.state import Message
from firedoor.drill.slack.workspace import ALICE, BOB, DAVE, INCIDENTS, TEAM
from firedoor.engine import Engine
from firedoor.errors import FiredoorError, UnreachableError, UsageError
from firedoor.incident import StepState
from firedoor.plan import Input
from firedoor.slack.drawing.buttons import Press
from firedoor.slack.drawing.needs import button as drawn
from firedoor.slack.inbound import starting
from firedoor.slack.inbound.router import Envelope
from firedoor.slack.service import SlackService
from tests.slack.front import Inbound, Woken, button, words
from tests.workflows import actions
from tests.workflows.conftest import each, plan_of


async def drawn_for_all(inbound: Inbound, *presses: Press) -> Message:
    """A message with these buttons."""
    row = {"type": "actions", "elements": [drawn(press.verb, press) for press in presses]}
    ts = await inbound.outside.slack.post(INCIDENTS, "buttons", [row], key=f"test/{presses}")
    found = inbound.slack.workspace.message(INCIDENTS, ts)
    assert found is not None
    return found


async def test_the_global_shortcut_answers_by_a_direct_message(inbound: Inbound) -> None:
    """A shortcut has no channel: what /firedoor shows comes as a direct message."""
    await inbound.slack.act.shortcut(ALICE, "firedoor.open")
    await inbound.told_alone(ALICE, "Runbooks that you may start")


async def test_a_plan_starts_only_for_whom_it_was_shown_to(inbound: Inbound) -> None:
    """A Start button that reaches somebody else starts nothing."""
    await inbound.command("gate AKIA1")
    shown = await inbound.says("Shut the gate", "Start")
    _, value = button(shown, "start")
    press = Press.parse({"action_id": "firedoor.start", "value": value})
    await inbound.press(await drawn_for_all(inbound, press), "start", user=BOB)
    await inbound.says("Somebody else was shown this plan.", "Nothing was started.", user=BOB)
    assert [one.body["actor"]["id"] for one in inbound.refusals()] == ["user:bob"]


async def test_buttons_that_nobody_of_ours_has_drawn(inbound: Inbound) -> None:
    """What an old version, or somebody else, has drawn is refused in a sentence."""
    bad = [Press("start", "gate-test", "[]", "digest"), Press("start", "gate-test", "no", "other")]
    for press in bad:
        message = await drawn_for_all(inbound, press)
        await inbound.press(message, "start")
        await inbound.says("This button is not one that firedoor knows.")
    for state in ("[]", "no"):
        await inbound.press(await drawn_for_all(inbound, Press("start", "gate-test", state)), "start")
        form = await inbound.modal()
        inbound.slack.act.close(ALICE, form)
    await inbound.press(await drawn_for_all(inbound, Press("start", "gone")), "start")
    await inbound.says("There is no runbook 'gone'.", "gate-test")


async def test_a_start_that_fails_can_be_pressed_again(inbound: Inbound, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporal did not answer: the person is told, and the same button starts it once it does."""
    await inbound.command("gate AKIA778")
    shown = await inbound.says("Shut the gate", "Start")
    start = Engine.start

    async def unreachable(*_: Any, **__: Any) -> Any:
        raise UnreachableError("No Temporal server answers.", changed="Nothing was changed.")

    monkeypatch.setattr(Engine, "start", unreachable)
    await inbound.press(shown, "start")
    await inbound.says("No Temporal server answers.")
    monkeypatch.setattr(Engine, "start", start)
    await inbound.press(shown, "start")
    await inbound.says("Started: gate-test-AKIA778")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (UnreachableError("No Temporal server answers."), "could not be read in time."),
        (FiredoorError("It broke.", changed="Nothing was changed."), "What it would find could not be read."),
    ],
)
async def test_a_plan_that_cannot_be_read_is_shown_as_it_was_compiled(
    inbound: Inbound, monkeypatch: pytest.MonkeyPatch, error: FiredoorError, says: str
) -> None:
    """Why it could not be read is said above it."""

    async def broken(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(starting, "read", broken)
    await inbound.command("gate AKIA1")
    await inbound.says(says, error.what, "Shut the gate", "Start")


async def test_a_runbook_without_inputs_needs_no_form(inbound: Inbound) -> None:
    """Its word shows the plan at once."""
    await inbound.command("moment")
    await inbound.says("Wait a moment", "Start")


async def test_a_form_whose_runbook_changed_meanwhile(inbound: Inbound) -> None:
    """What no longer fits is told in place; what the form lacks is told as well."""
    await inbound.command("gate")
    form = await inbound.modal()
    file = inbound.site.settings.runbooks[0] / "gate-test.yaml"
    before = file.read_text()
    file.write_text(before.replace("AKIA[0-9]+", "ASIA[0-9]+"))
    reply = await inbound.slack.act.submit(ALICE, form, {"key": "AKIA1"})
    assert "does not match ASIA[0-9]+" in reply.payload["errors"]["key"]
    file.write_text("name: broken\n")
    reply = await inbound.slack.act.submit(ALICE, form, {"key": "AKIA1"})
    assert "The runbook gate-test has mistakes" in reply.payload["errors"]["key"]


async def test_a_form_that_cannot_be_opened_is_told(inbound: Inbound) -> None:
    """Slack is in trouble: nothing was changed, and the person is told why there is no form."""
    incident, _ = await inbound.asking()
    message = await inbound.posted(incident)
    inbound.slack.faults.unavailable("views.open", times=2)
    await inbound.press(message, "deny")
    await inbound.says("Slack has trouble of its own")
    await inbound.command("gate")
    await inbound.answered(lambda text: text.count("trouble of its own") > 0)


async def test_a_form_of_a_step_that_moved_on(inbound: Inbound) -> None:
    """A form that comes too late for its step says so, in the form or after it."""
    incident, _ = await inbound.asking()
    message = await drawn_for_all(
        inbound, Press("answer", incident, "go"), Press("retry", incident, "gone"), Press("skip", incident, "healthy")
    )
    await inbound.press(message, "answer")
    await inbound.modal(holds=lambda view: "go asks nothing: it is waiting_approval." in words(view))
    await inbound.press(message, "retry")
    await inbound.modal(holds=lambda view: "has no step 'gone'" in words(view))
    await inbound.press(message, "skip")
    form = await inbound.modal(holds=lambda view: "is left out" in words(view))
    await inbound.site.decide(incident, "skip", "healthy", reason="first")
    await inbound.slack.act.submit(ALICE, form, {"reason": "second"})
    await inbound.says("healthy", "/firedoor status")


async def test_an_answer_is_checked_in_place(inbound: Inbound) -> None:
    """A form whose step is known is checked before it closes, without asking the incident."""
    incident, _ = await inbound.asking()
    for user in (ALICE, BOB):
        message = await inbound.posted(incident)
        await inbound.press(message, "approve", user=user)
        await inbound.says("go is approved", user=user)
    await inbound.site.reaches(incident, "healthy", StepState.WAITING_ANSWER)
    await inbound.press(await inbound.posted(incident), "answer", user=DAVE)
    form = await inbound.modal(DAVE, holds=lambda view: "Is it shut?" in words(view))
    wrong = {
        "type": "view_submission",
        "user": {"id": DAVE, "team_id": TEAM},
        "trigger_id": "canary",
        "view": form.said | {"state": {"values": {}}},
    }
    answer = await inbound.service.router.take(Envelope("interactive", wrong, "x"))
    assert answer == {"response_action": "errors", "errors": {"field.shut": "This is needed."}}
    # Another process takes it: it does not know the form, and the incident's own step is asked after the form closed.
    other = SlackService(inbound.site.settings, inbound.outside)
    assert await other.router.take(Envelope("interactive", wrong, "y")) == {}
    await other.router.close()
    await inbound.says("This is needed.", "Nothing was changed.", user=DAVE)
    assert (await inbound.site.view(incident)).steps[1].state is StepState.WAITING_ANSWER


async def test_targets_that_failed_are_retried_alone(inbound: Inbound) -> None:
    """Of a for_each the box in the form retries the failed ones only."""
    actions.WORLD.failures = {"b": ["not_found"]}
    incident = await inbound.site.start(
        plan_of(each("all"), inputs={"names": Input(type="list")}), {"names": ["a", "b"]}
    )
    await inbound.site.reaches(incident, "all", StepState.NEEDS_ATTENTION)
    await inbound.press(await inbound.posted(incident), "retry")
    form = await inbound.modal(holds=lambda view: "Only those that failed" in words(view))
    await inbound.slack.act.submit(ALICE, form, {"failed": ["true"]})
    await inbound.says("all runs again for 1 targets.")


async def test_without_any_incident_there_is_nothing_to_choose(
    inbound: Inbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    """status and note say so where nothing has ever run."""

    async def none(*_: Any, **__: Any) -> list[Any]:
        return []

    monkeypatch.setattr(Engine, "incidents", none)
    await inbound.command("status")
    await inbound.says("There is no incident.", "/firedoor shows what you may start.")
    await inbound.command("note x")
    await inbound.says("There is no incident that a note could belong to.")


async def test_what_is_no_payload_of_ours_does_nothing(inbound: Inbound) -> None:
    """Closed forms, other events and other apps' buttons are acknowledged, and nobody is told anything."""
    for kind, payload in (
        ("interactive", {"type": "view_closed"}),
        ("events_api", {"event_id": "Ev1", "event": {"type": "message", "user": ALICE}}),
        ("events_api", {"event_id": "Ev2", "event": {"type": "app_mention", "bot_id": "B1", "text": "<@U> help"}}),
        ("interactive", {"type": "block_actions", "trigger_id": "t", "actions": [{"action_id": "other"}, 7]}),
    ):
        assert await inbound.service.router.take(Envelope(kind, payload, "x")) == {}
    await inbound.service.router.close()
    assert not [one for one in inbound.slack.act.seen_by(ALICE, INCIDENTS) if one.ephemeral_to]


async def test_runbook_folders_that_do_not_exist(inbound: Inbound, caplog: pytest.LogCaptureFixture) -> None:
    """The service starts all the same, says so in the log, and each command says what to correct."""
    folder = inbound.site.settings.runbooks[0] / "missing"
    settings = inbound.site.settings.model_copy(update={"runbooks": (folder,)})
    service = SlackService(settings, replace(inbound.outside, shelves=Shelves(settings)))
    assert service.socket is None
    running = asyncio.create_task(service.run())
    async with asyncio.timeout(10):
        while "the runbooks cannot be read" not in caplog.text:
            await asyncio.sleep(0.01)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


class Broken(Woken):
    """Cannot keep messages up to date."""

    async def run(self) -> None:
        """It ends at once."""
        raise UsageError("The channel is gone.")


async def test_what_ends_a_part_ends_the_service(inbound: Inbound) -> None:
    """Whoever runs the service hears why it ended, and can open it anew."""
    service = SlackService(inbound.site.settings, replace(inbound.outside, teller=Broken()), SecretStr("xapp-canary"))
    with pytest.raises(UsageError, match="The channel is gone"):
        await service.run()
    assert service.socket is not None
    assert not await service.socket.connected()
