"""An incident on the terminal."""

from itertools import pairwise

import pytest

from firedoor.cli.views.incident import fitting, incident, verdict
from firedoor.cli.views.news import news
from firedoor.cli.views.scene import Scene, short
from firedoor.cli.views.tree import folded, nodes
from firedoor.incident import IncidentState, IncidentView, Mode, StepState
from firedoor.phrases import said
from firedoor.plan import Verdict
from tests.cli.pictures import (
    DEACTIVATE,
    DELETE,
    DENY,
    ENDED,
    IDENTIFY,
    KEY,
    NOW,
    REPORT,
    ROTATE,
    VIEW,
    console,
    drawn,
    step,
)


def test_a_running_incident_says_all_that_a_person_needs() -> None:
    """State, steps, who is waited for, and the commands to type stand on one page, in words."""
    page = drawn(incident(Scene(VIEW, NOW)))
    assert page.splitlines()[:2] == [
        "Contain a leaked AWS access key",
        "! NEEDS YOU · critical · 3 m 19 s · 2 of 8 steps done",
    ]
    assert " ✓ deactivate                  contained           13 s  Active → Inactive" in page
    assert " ▶ rotate                      running         2 m 50 s" in page
    assert "     ████░░░░░░ 412 of 1,000 · 3 failed · 2.4/s · 4 m 00 s left, till 19:09" in page
    assert f"    firedoor retry {KEY} deny_sessions" in page
    assert f"    firedoor answer {KEY} confirm_replacement_health" in page
    assert f"    firedoor approve {KEY} delete_key" in page
    assert f"    delete {KEY}" in page
    assert "confirm_replacement_health: Is production healthy on the new keys?\n    waits for security (2 of" in page
    assert "touches 1 credential · 1 principal" in page


def test_a_failure_is_told_in_full_once() -> None:
    """What happened, what was changed and what to do stand together, and not twice."""
    page = drawn(incident(Scene(VIEW, NOW)), 120)
    assert page.count("AWS refused iam:PutUserPolicy") == 1
    assert page.index("AWS refused") < page.index("Nothing was changed.") < page.index("Give firedoor")


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Nothing is wrapped by the terminal itself, whatever its width."""
    assert max(len(line) for line in drawn(incident(Scene(VIEW, NOW)), width).splitlines()) <= width


def test_an_ended_incident_shows_the_proof_and_the_last_word() -> None:
    """The provider's own answer, its time and request id come before the verdict, which is the last line."""
    page = drawn(incident(Scene(ENDED, NOW)), 120)
    assert f"deactivate  iam:ListAccessKeys: {KEY} is Inactive · 19:02:25 · request req-1" in page
    assert page.splitlines()[-1] == "✓ Contained: the provider's own answers confirm deactivate."
    assert "Needs you" not in page


def test_an_ended_incident_asks_nobody() -> None:
    """A step that still stood open when the incident was aborted is no work for anybody."""
    view = VIEW.model_copy(update={"state": IncidentState.ABORTED, "sentence": "Aborted by user:ada."})
    assert "firedoor retry" not in drawn(incident(Scene(view, NOW)))


def test_an_undecided_verdict_does_not_look_like_success() -> None:
    """Unknown has its own sign and word."""
    view = ENDED.model_copy(update={"verdict": Verdict.UNKNOWN, "sentence": ""})
    assert drawn(verdict(view)) == "? UNKNOWN"
    assert "? UNKNOWN" in drawn(incident(Scene(view, NOW))).splitlines()[1]


def test_an_incident_without_verdict_ends_with_its_state() -> None:
    """Where nothing had to be contained, the state is the last word."""
    view = ENDED.model_copy(update={"verdict": None, "sentence": ""})
    assert drawn(verdict(view)) == "✓ completed"


def test_plans_and_drills_say_that_they_are() -> None:
    """Nobody takes a plan or a drill for the real thing."""
    view = VIEW.model_copy(update={"mode": Mode.PLAN, "drill": True})
    page = drawn(incident(Scene(view, NOW)))
    assert "PLAN ONLY: nothing is changed" in page
    assert "DRILL: on an emulator" in page


@pytest.mark.parametrize("height", [24, 30, 40])
def test_a_thousand_steps_fit_the_terminal(height: int) -> None:
    """The live picture never exceeds the terminal; what needs a person stays, the rest is counted."""
    many = tuple(step(f"step_{number}", StepState.PENDING) for number in range(1000))
    view = VIEW.model_copy(update={"steps": (*many, DENY)})
    terminal = console(80, height)
    lines = terminal.render_lines(fitting(Scene(view, NOW), terminal), pad=False)
    text = "\n".join("".join(segment.text for segment in line) for line in lines)
    assert len(lines) <= height
    assert "deny_sessions" in text
    assert "steps more:" in text


def test_folding_keeps_what_matters_in_the_order_of_the_plan() -> None:
    """First what waits for a person, then what runs, then what ended last, then what is next."""
    steps = (IDENTIFY, DEACTIVATE, DENY, ROTATE, REPORT)
    every = list(nodes(Scene(VIEW.model_copy(update={"steps": steps}), NOW)))
    assert folded(every, None) == every
    assert [node.step for node in folded(every, 4)] == [DEACTIVATE, DENY, ROTATE]
    assert [node.step for node in folded(every, 3)] == [DENY, ROTATE]
    assert folded(every, 0) == []


def test_changes_are_one_line_each_and_only_what_changed() -> None:
    """A log gets every step's news once."""
    first = news(None, VIEW, NOW)
    assert "19:05:30  deactivate  contained  Active → Inactive" in first
    assert first[-1] == "19:05:30  incident NEEDS YOU"
    assert not any("report" in line for line in first), "a pending step is no news"
    assert news(VIEW, VIEW, NOW) == []
    later = VIEW.model_copy(update={"steps": (*VIEW.steps[:-1], step("report", StepState.DONE, summary="sent"))})
    assert news(VIEW, later, NOW) == ["19:05:30  report  done  sent"]


def test_what_is_said_of_a_step() -> None:
    """Counts for a loop, the failure for a step that failed, the attempt where nothing else is known."""
    assert said(ROTATE) == "412 of 1,000 · 3 failed"
    assert said(DENY).startswith("permission_missing: AWS refused")
    assert said(DELETE) == "waits for security (2 of user:ada, user:bob)"
    assert said(step("read", StepState.RUNNING, attempts=3)) == "attempt 3"
    assert said(REPORT) == ""


def test_the_short_name_is_what_stands_behind_the_runbook() -> None:
    """It is the end of the id, so that the commands find it."""
    assert short(VIEW) == KEY
    assert VIEW.id.endswith(short(VIEW))


def test_a_name_longer_than_its_column_is_not_cut_on_a_full_page() -> None:
    """A person has to type it."""
    view: IncidentView = VIEW.model_copy(update={"steps": (step("a" * 60, StepState.DONE),)})
    assert "a" * 60 in drawn(incident(Scene(view, NOW)))


def test_every_state_has_its_own_sign_and_word() -> None:
    """No two states look alike without colour."""
    view = VIEW.model_copy(update={"steps": tuple(step(state.value, state) for state in StepState)})
    lines = [
        line
        for line in drawn(incident(Scene(view, NOW))).splitlines()
        if any(f" {state.value} " in line for state in StepState)
    ]
    words = sorted(line.split(maxsplit=2)[2] for line in lines[: len(StepState)])
    assert all(one != other for one, other in pairwise(words))
