"""What people decide in Slack about a running incident: buttons, forms, threads; and what they are told."""

import asyncio

from firedoor.drill.slack.workspace import ALICE, BOB, INCIDENTS
from firedoor.incident import IncidentState, StepState
from firedoor.plan import PlannedStep, Verdict
from firedoor.slack.drawing.buttons import Press
from firedoor.slack.drawing.needs import button as drawn
from tests.slack.front import Inbound, button, words
from tests.workflows import actions
from tests.workflows.conftest import off, plan_of


async def test_an_approval_by_two_people_in_the_same_second(inbound: Inbound) -> None:
    """Both press at once: both count, each is told a true sentence, and a third press changes nothing."""
    incident, _ = await inbound.asking()
    message = await inbound.posted(incident)
    action, _ = button(message, "approve")
    pressed = [inbound.slack.act.press(user, message, action) for user in (ALICE, BOB)]
    assert "May it be shut?" in pressed[0].dialog
    await asyncio.gather(*pressed)
    await inbound.site.reaches(incident, "go", StepState.DONE)
    told = [words(await inbound.says("go is approved", user=user)) for user in (ALICE, BOB)]
    assert sorted("1 more needed" in text for text in told) == [False, True]
    await inbound.slack.act.press(BOB, message, action)
    await inbound.says("go has ended already: it is done.", user=BOB)
    kinds = inbound.site.kinds(incident)
    assert kinds.count("approval") == 2
    assert [one.body["actor"]["id"] for one in inbound.refusals(incident)] == ["user:bob"]


async def test_the_same_person_counts_once(inbound: Inbound) -> None:
    """However often and however fast one person presses, one approval counts, and what they are told is true."""
    incident, _ = await inbound.asking()
    message = await inbound.posted(incident)
    action, _ = button(message, "approve")
    await asyncio.gather(*(inbound.slack.act.press(ALICE, message, action) for _ in range(2)))
    await inbound.says("go is approved; 1 more needed.")
    await inbound.slack.act.press(ALICE, message, action)
    await inbound.says("user:alice has approved go already; one person counts once.")
    request = (await inbound.site.view(incident)).steps[0].request
    assert request is not None
    assert [one.principal for one in request.given] == ["user:alice"]


async def test_an_approval_of_something_else_shows_what_is_asked_now(inbound: Inbound) -> None:
    """A button is bound to what it was drawn with: where that has changed nothing is approved, and the new is shown."""
    incident, _ = await inbound.asking()
    old = {"type": "actions", "elements": [drawn("Approve", Press("approve", incident, "go", "old"))]}
    ts = await inbound.outside.slack.post(INCIDENTS, "old", [old], key="test/old")
    message = inbound.slack.workspace.message(INCIDENTS, ts)
    assert message is not None
    await inbound.press(message, "approve")
    shown = await inbound.says("What you saw of go is not what waits for approval now", "This is asked now")
    assert "approval" not in inbound.site.kinds(incident)
    await inbound.press(shown, "approve")
    await inbound.says("go is approved; 1 more needed.")


async def test_deny_asks_why(inbound: Inbound) -> None:
    """The form of Deny takes no empty reason; the reason is in the timeline, and the step needs attention."""
    incident, _ = await inbound.asking()
    message = await inbound.posted(incident)
    await inbound.press(message, "deny")
    form = await inbound.modal()
    reply = await inbound.slack.act.submit(ALICE, form, {"reason": "   "})
    assert "timeline" in reply.payload["errors"]["reason"]
    await inbound.slack.act.submit(ALICE, form, {"reason": "billing needs it"})
    await inbound.says("go is denied.")
    await inbound.site.reaches(incident, "go", StepState.NEEDS_ATTENTION)
    assert any(one.body.get("reason") == "billing needs it" for one in inbound.site.entries(incident))


async def test_pause_resume_note_and_abort(inbound: Inbound) -> None:
    """An incident is steered by its buttons, and ended by one with a reason."""
    incident, _ = await inbound.asking()
    await inbound.press(await inbound.posted(incident), "pause")
    await inbound.says("The incident is paused")
    await inbound.press(await inbound.posted(incident), "resume")
    await inbound.says("The incident goes on.")
    message = await inbound.posted(incident)
    await inbound.press(message, "note")
    await inbound.slack.act.submit(ALICE, await inbound.modal(), {"reason": "called the bank"})
    await inbound.says("The note is in the timeline.")
    assert any(one.body.get("reason") == "called the bank" for one in inbound.site.entries(incident))
    await inbound.press(message, "abort")
    await inbound.slack.act.submit(ALICE, await inbound.modal(), {"reason": "false alarm"})
    await inbound.says("The incident is aborted")
    view = await inbound.site.engine.result(incident)
    assert view.state is IncidentState.ABORTED


async def test_a_failed_step_is_retried_and_another_skipped(inbound: Inbound) -> None:
    """Retry and Skip open forms; one runs the step again, the other leaves it out for a reason."""
    actions.WORLD.failures = {"one": ["not_found"], "two": ["not_found"]}
    incident = await inbound.site.start(plan_of(off("one"), off("two")))
    for step in ("one", "two"):
        await inbound.site.reaches(incident, step, StepState.NEEDS_ATTENTION)
    message = await inbound.posted(incident)
    await inbound.press(message, "retry", about='"one"')
    form = await inbound.modal(holds=lambda view: "It failed" in words(view))
    await inbound.slack.act.submit(ALICE, form, {"reason": "it is there now"})
    await inbound.says("one runs again.")
    await inbound.press(message, "skip", about='"two"')
    form = await inbound.modal(holds=lambda view: "is left out" in words(view))
    await inbound.slack.act.submit(ALICE, form, {"reason": "not ours"})
    await inbound.says("two is skipped.")
    view = await inbound.site.engine.result(incident)
    assert [step.state for step in view.steps] == [StepState.DONE, StepState.SKIPPED]
    assert view.steps[0].verdict is Verdict.CONTAINED


async def test_threads_know_their_incident(inbound: Inbound) -> None:
    """In the thread of an incident a mention and a shortcut mean it, and the answers stand there for one person alone."""
    first, _ = await inbound.asking("AKIA1")
    await inbound.asking("AKIA2")
    message = await inbound.posted(first)
    said = inbound.slack.act.say(ALICE, INCIDENTS, "looks &lt;odd&gt;", thread=message.ts)

    inbound.slack.act.mention(ALICE, INCIDENTS, "approve", thread=message.ts)
    shown = await inbound.says("0 of 2 given", first[-5:], thread=message.ts)
    await inbound.press(shown, "approve")
    await inbound.says("go is approved; 1 more needed.", thread=message.ts)
    inbound.slack.act.mention(ALICE, INCIDENTS, "note all is well", thread=message.ts)
    await inbound.slack.eventually(lambda: "all is well" in str([one.body for one in inbound.site.entries(first)]))
    inbound.slack.act.mention(ALICE, INCIDENTS, "gate AKIA3", thread=message.ts)
    await inbound.says("A mention starts nothing.", "/firedoor run RUNBOOK", thread=message.ts)

    await inbound.slack.act.shortcut(ALICE, "firedoor.note", said)
    form = await inbound.modal()
    assert "looks <odd>" in words(form)
    await inbound.slack.act.submit(ALICE, form)
    await inbound.slack.eventually(lambda: "looks <odd>" in str([one.body for one in inbound.site.entries(first)]))
    await inbound.slack.act.shortcut(BOB, "firedoor.approve", message)
    await inbound.says("1 of 2 given", user=BOB, thread=message.ts)
    await inbound.slack.act.shortcut(BOB, "firedoor.status", said)
    await inbound.says("Shut the gate", user=BOB, thread=message.ts)


async def test_where_several_may_be_meant_there_are_buttons(inbound: Inbound) -> None:
    """Without an id and without a place the last incidents are offered; a note keeps its text."""
    first, _ = await inbound.asking("AKIA1")
    second, _ = await inbound.asking("AKIA2")
    await inbound.site.shows(second, lambda _: True)
    for verb, label in (("status", "Look"), ("approve", "What is asked?")):
        await inbound.command(verb)
        shown = await inbound.says("Which incident?", first, second, label)
        await inbound.press(shown, verb, about=first)
        await inbound.says("0 of 2 given", first)
    await inbound.command("note the bank knows")
    await inbound.press(await inbound.says("Whose note is it?"), "note", about=second)
    form = await inbound.modal()
    await inbound.slack.act.submit(ALICE, form)
    await inbound.slack.eventually(lambda: "the bank knows" in str([one.body for one in inbound.site.entries(second)]))


async def test_a_word_names_an_incident_or_a_step(inbound: Inbound) -> None:
    """A part of an id is enough; a single word behind approve may be a step; a note may begin with an incident."""
    incident, _ = await inbound.asking("AKIA1")
    await inbound.asking("AKIA2")
    await inbound.command("status AKIA1")
    await inbound.says("Shut the gate", "0 of 2 given")
    await inbound.command("approve AKIA1 go")
    await inbound.press(await inbound.says("0 of 2 given", "Approve"), "approve")
    await inbound.says("1 more needed")
    await inbound.command("note AKIA1 see ticket 7")
    await inbound.slack.eventually(lambda: "see ticket 7" in str([one.body for one in inbound.site.entries(incident)]))
    await inbound.command("approve AKIA1 healthy")
    await inbound.says("healthy of gate-test-AKIA1 waits for no approval: it is pending.")
    await inbound.command("approve AKIA1 nothing")
    await inbound.says("has no step 'nothing'", "go, healthy")
    await inbound.command("status AKIA9")
    await inbound.says("There is no incident 'AKIA9'", incident)


async def test_details_and_the_timeline_are_a_press_away(inbound: Inbound) -> None:
    """A step's details, and the last entries of the record with the command for all of it."""
    incident, _ = await inbound.asking()
    message = await inbound.posted(incident)
    await inbound.press(message, "details", about='"go"')
    await inbound.says("0 of 2 given", "May it be shut?")
    await inbound.press(message, "timeline")
    told = await inbound.says(" UTC", "go: ", "(user:eve)", f"entries in all: firedoor timeline {incident}")
    assert "go: go: " not in words(told)
    assert f"({incident})" not in words(told)


async def test_more_requests_than_a_message_holds(inbound: Inbound) -> None:
    """As many are shown as fit; the others are named, and can be asked for one by one."""
    long = "why it matters, in many words, " * 20
    steps = [PlannedStep(id=f"gate_{number}", kind="approval", title=long, approval="security") for number in range(40)]
    incident = await inbound.site.start(plan_of(*steps))
    await inbound.site.shows(incident, lambda view: all(step.request for step in view.steps))
    await inbound.command(f"approve {incident}")
    await inbound.says("gate_0", "gate_39 as well", "/firedoor approve")
    await inbound.command(f"approve {incident} gate_39")
    await inbound.says("firedoor.approve.gate_39")
