"""What people read in the channel of steps that sleep, of decisions, and of incidents that nobody leads."""

from firedoor.incident import Failure, IncidentState, Responder, StepState
from firedoor.slack.drawing import blocks
from firedoor.slack.drawing.buttons import Press
from firedoor.slack.drawing.threads import decided, items
from tests.cli.pictures import VIEW, step
from tests.slack.drawing.test_blocks import PLAN, picture
from tests.slack.seen import judged, lines


def test_a_step_that_sleeps_can_be_skipped() -> None:
    """Until when it sleeps, and a button beside it: nobody goes to a terminal for that at night. Not at the end."""
    asleep = step("hold", StepState.SLEEPING, title="Wait a day", until="2026-11-24T19:05:00.000Z")
    shown = blocks.incident(picture(VIEW.model_copy(update={"steps": (asleep,)}))).blocks
    judged(shown)
    [block] = [one for one in shown if "accessory" in one]
    assert "*hold*  sleeping until " in block["text"]["text"]
    assert Press.parse(block["accessory"]) == Press("skip", VIEW.id, "hold")
    ended = VIEW.model_copy(update={"steps": (asleep,), "state": IncidentState.ABORTED})
    assert not [one for one in blocks.incident(picture(ended)).blocks if "accessory" in one]


def test_what_was_decided_names_who_decided() -> None:
    """Everybody in the channel sees it, not only whoever pressed; the answer stands there, not the question again."""
    agreed = step("delete_key", StepState.DONE, approved=("user:bob", "user:eve"), summary="It is gone.")
    answers = {"ok": False, "note": None, "new": {"provider": "github"}, "by": "user:bob"}
    told = step("healthy", StepState.DONE, kind="ask", summary="Is it?", result=answers)
    gate = step("gate", StepState.DONE, approved=("user:bob",), summary="approved by user:bob")
    view = VIEW.model_copy(update={"steps": (agreed, told, gate)})
    assert lines(decided(picture(view), "ask/delete_key/x").blocks) == [
        "✓ *delete_key*: approved by user:bob, user:eve. Now: done",
        "It is gone.",
    ]
    assert lines(decided(picture(view), "ask/healthy/1").blocks)[0] == (
        "✓ *healthy*: answered by user:bob: ok no. Now: done"
    )
    no = Failure(reason="denied", what="user:bob denied gate: It is only a CPU.", changed="Nothing was changed.")
    refused = VIEW.model_copy(update={"steps": (step("gate", StepState.NEEDS_ATTENTION, failure=no),)})
    assert lines(decided(picture(refused), "ask/gate/1").blocks) == [
        "! *gate*: user:bob denied gate: It is only a CPU. Now: NEEDS YOU"
    ]
    assert lines(decided(picture(view), "ask/gate/1").blocks) == ["✓ *gate*: approved by user:bob. Now: done"]
    shown = lines(blocks.incident(picture(view)).blocks)
    assert "✓ *delete_key*  done · approved by user:bob, user:eve · It is gone." in shown
    assert "✓ *healthy*  done · Is it? · answered by user:bob: ok no" in shown
    assert "✓ *gate*  done · approved by user:bob" in shown


def test_what_an_alert_started_calls_those_whom_the_runbook_asks() -> None:
    """Nobody leads yet, and an alert answers no mention: a step that needs a person still calls one."""
    stuck = step("act", StepState.NEEDS_ATTENTION, summary="It failed.")
    alert = Responder(principal="alert:guardduty", auth="alert")
    view = VIEW.model_copy(update={"steps": (stuck,), "starter": alert, "commander": ""})
    [item] = [one for one in items(picture(view, plan=PLAN)) if one.key.startswith("ask/")]
    assert item.to == ("role:security",)
    assert "*Commander* nobody yet" in lines(blocks.incident(picture(view, plan=PLAN)).blocks)
