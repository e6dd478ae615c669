"""What waits for whom in an incident, and the commands that answer it."""

import shlex
from dataclasses import replace

import pytest

from firedoor.cli.views.incident import fitting, incident
from firedoor.cli.views.needs import needs
from firedoor.cli.views.news import news
from firedoor.cli.views.paste import Command
from firedoor.cli.views.preview import previews
from firedoor.cli.views.request import request
from firedoor.cli.views.scene import Scene, average
from firedoor.cli.views.step import failed, step
from firedoor.incident import IncidentState, IncidentView, Preview, StepState
from firedoor.plan import Verdict
from tests.cli.pictures import (
    ASKED_FOR,
    BOB,
    CHILD,
    ENDED,
    FAILED,
    INCIDENT,
    KEY,
    NOW,
    REQUEST,
    ROTATE,
    SCENE,
    STEERED,
    TEMPORARY,
    UNDO_LATER,
    VIEW,
    console,
    drawn,
)


def test_an_approval_shows_all_that_is_agreed_to() -> None:
    """The change before → after, what it touches, the part and its targets, who has agreed, who may, until when."""
    page = drawn(request(STEERED, ASKED_FOR, NOW), 100)
    assert "! Asked again: Since it was shown: status Inactive → Active." in page
    assert f"delete {KEY}  ! DESTROYS  CANNOT BE UNDONE" in page
    assert "status Active → gone" in page
    assert "touches service billing: used it 2 h ago" in page
    assert "! permission missing: iam:DeleteAccessKey" in page
    assert "the canary: 5 of 40 targets; the rest is asked for afterwards" in page
    assert "(app-billing, app-search, app-mail and 2 more)" in " ".join(page.split())
    assert "security: role:lead; not user:ada, who started it" in page
    assert "user:bob (slack)" in page
    assert "1 more needed" in page
    assert "in 29 m 10 s (19:34:40 UTC)" in page
    assert "ab12cd34ef567890" in page


def test_a_page_of_everything_names_who_is_waited_for() -> None:
    """In one place: approvals with what is missing, failures with the first targets, questions of relatives."""
    page = drawn(incident(SCENE), 100)
    assert "delete_key: approval 2 of 2 · Delete the key" in page
    assert "security: 1 of 2 given (by user:bob); 1 more needed" in page
    assert "asked 19:04:40 UTC · reminded 2 times · expires in 29 m 10 s (19:34:40 UTC)" in page
    assert f"firedoor approve {KEY} delete_key --break-glass --reason '…'" in page
    assert "✗ app-2: throttled: AWS said no." in page
    assert "… and 97 targets more:" in page
    assert f"firedoor show {KEY} store_keys --failed" in page
    assert f"firedoor retry {KEY} store_keys --failed" in page
    assert f"firedoor retry {KEY} store_keys region=eu-west-1" in page
    assert "customers.confirm: Send it?" in page
    assert f"firedoor answer {CHILD.id} confirm ok='yes / no'" in page


def test_the_header_says_who_leads_what_is_held_and_what_is_to_be_reviewed() -> None:
    """Paused by whom, with the way on; commander and responders; broken glass."""
    page = drawn(incident(SCENE), 100)
    assert "commander      user:bob" in page
    assert "responders     user:eve" in page
    assert "‖ Paused by user:bob: checking with the customer. No new action starts. To go on:" in page
    assert f"firedoor resume {KEY}" in page
    assert "! For review: user:bob broke the glass on delete_key: nobody answers" in page
    lost = drawn(incident(replace(SCENE, lost="no worker answers. Since 19:05:00 UTC; asking again.")), 100)
    assert "! Not the present: no worker answers." in lost


def test_the_tree_has_children_and_temporary_changes() -> None:
    """Steps of a child stand below the step that started it; a temporary change says until when it holds."""
    page = drawn(incident(SCENE))
    lines = page.splitlines()
    above = next(number for number, line in enumerate(lines) if line.startswith(" ▶ customers"))
    assert lines[above + 1].startswith(" ✓ └ draft ")
    assert lines[above + 2].startswith(" ? └ confirm ")
    assert "temporary: undone in 1 d 11 h (2026-11-25 07:02 UTC)" in page
    assert f"firedoor extend {KEY} block 12h" in page
    undone = UNDO_LATER.model_copy(update={"state": IncidentState.COMPLETED, "verdict": Verdict.RESTORED})
    assert f"temporary: its undo: restored, {UNDO_LATER.id}" in drawn(
        incident(replace(SCENE, relatives={UNDO_LATER.id: undone})), 120
    )
    assert f"it undoes itself, by {TEMPORARY.undoes_itself}" in drawn(incident(replace(SCENE, relatives={})), 120)


def test_an_undo_after_an_abort_stands_at_the_end() -> None:
    """With its own state and steps; where it cannot be seen, the command that shows it."""
    undo = UNDO_LATER.model_copy(update={"id": f"{INCIDENT}.undo", "state": IncidentState.WAITING})
    view = VIEW.model_copy(update={"state": IncidentState.ABORTED, "undo": undo.id})
    assert f"Undo  {undo.id}  ? waits for people" in drawn(incident(Scene(view, NOW, {undo.id: undo})))
    assert f"firedoor show {undo.id}" in drawn(incident(Scene(view, NOW)))


def test_measured_rates_stand_before_averages() -> None:
    """The last seconds say more than the whole time; and nothing that stands still has an end."""
    assert "12/s · 48 s left, till 19:06:17" in drawn(incident(SCENE))
    still = replace(SCENE, rates={(INCIDENT, "rotate"): 0.0})
    assert "412 of 1,000 · 3 failed · stands still" in drawn(incident(still))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_everything_fits_the_width(width: int) -> None:
    """No line is wider than the terminal, and a command that had to be folded is still one for a shell."""
    page = drawn(incident(SCENE), width)
    assert max(map(len, page.splitlines())) <= width
    joined = " ".join(page.replace("\\\n", " ").split())
    assert f"firedoor approve {KEY} delete_key --break-glass --reason '…'" in joined


@pytest.mark.parametrize(("width", "height"), [(60, 20), (60, 24), (80, 24), (80, 40)])
def test_the_live_picture_fits_the_terminal(width: int, height: int) -> None:
    """On a small one each thing that waits keeps its name and its first command."""
    terminal = console(width, height)
    with terminal.capture() as capture:
        terminal.print(fitting(SCENE, terminal))
    lines = capture.get().splitlines()
    assert len(lines) <= height + 1
    assert any(f"firedoor approve {KEY} delete_key" in line for line in lines)
    assert any("customers.confirm: Send it?" in line for line in lines)


def test_a_folded_command_is_the_same_for_a_shell() -> None:
    """Behind each backslash it goes on; what stands in quotes is never parted."""
    line = "firedoor answer some-incident-with-a-name confirm shut='yes / no' hinges='a number' door='open / shut'"
    page = drawn(Command(line), 40)
    assert max(map(len, page.splitlines())) <= 40
    assert shlex.split(page.replace("\\\n", " ")) == shlex.split(line)


def test_one_step_in_full() -> None:
    """Arguments, what may be changed, progress, the failure, the commands; of an approval, the request."""
    page = drawn(step(SCENE, FAILED), 100)
    assert "region  eu-west-1  (may be changed by retry)" in page
    assert "██████████ 900 of 1,000 · 100 failed" in page
    assert "900 were changed." in page
    assert f"firedoor skip {KEY} store_keys --reason '…'" in page
    assert "? needs approval" in drawn(step(SCENE, ASKED_FOR))
    assert "digest" in drawn(step(SCENE, ASKED_FOR))
    assert "temporary: undone in" in drawn(step(SCENE, TEMPORARY))


def test_every_failure_can_be_listed() -> None:
    """By name, with its reason, and a provider's escape sequences do nothing."""
    evil = FAILED.failed[0].model_copy(update={"name": "app\x1b[2J"})
    page = drawn(failed(FAILED, (evil, *FAILED.failed[1:])))
    assert page.splitlines()[0] == "store_keys: 5 targets failed"
    assert "✗ app�[2J: throttled: AWS said no." in page


def test_nothing_needs_anybody_where_nothing_waits() -> None:
    """Nor once the incident has ended."""
    assert needs(Scene(VIEW.model_copy(update={"steps": (ROTATE,)}), NOW)) is None
    assert needs(Scene(STEERED.model_copy(update={"state": IncidentState.ABORTED}), NOW)) is None


def test_news_of_approvals_pauses_and_mass_work() -> None:
    """A line when somebody approves, when it is paused, when another tenth is done; not for each target."""
    more = REQUEST.model_copy(update={"given": (*REQUEST.given, BOB), "needed": 3})
    later = with_step(STEERED, ASKED_FOR.model_copy(update={"request": more}))
    (line,) = news(STEERED, later, NOW)
    assert line.startswith("19:05:30  delete_key  needs approval  security: 1 more needed, of role:lead")
    (line,) = news(STEERED.model_copy(update={"paused": ""}), STEERED, NOW)
    assert line == "19:05:30  incident paused by user:bob: checking with the customer"
    few, many = ({"total": 1000, "done": done, "failed": 3} for done in (420, 600))
    assert news(STEERED, with_progress(STEERED, few), NOW) == []
    assert "600 of 1,000" in news(STEERED, with_progress(STEERED, many), NOW, "inner.")[0]


def test_a_step_says_who_has_approved_it() -> None:
    """Also when it is done: whoever looks later wants to know on whose word."""
    done = ROTATE.model_copy(update={"approved": ("user:ada", "user:bob")})
    assert "by user:ada and user:bob" in " ".join(drawn(step(SCENE, done), 100).split())
    assert "approved" not in drawn(step(SCENE, ROTATE))


def with_step(view: IncidentView, changed: object) -> IncidentView:
    """The incident with another state of one step."""
    steps = tuple(changed if one.id == getattr(changed, "id", "") else one for one in view.steps)
    return view.model_copy(update={"steps": steps})


def with_progress(view: IncidentView, progress: dict[str, int]) -> IncidentView:
    """The incident with `rotate` so far."""
    return with_step(view, ROTATE.model_validate({**ROTATE.model_dump(), "progress": progress}))


def test_a_paused_incident_looks_paused() -> None:
    """In the list of states as in the header."""
    view = VIEW.model_copy(update={"state": IncidentState.PAUSED, "paused": "user:bob"})
    page = drawn(incident(Scene(view, NOW)))
    assert page.splitlines()[1].startswith("‖ paused · critical")
    held = VIEW.model_copy(update={"steps": (ROTATE.model_copy(update={"state": StepState.PAUSED}),)})
    assert " ‖ rotate  paused" in drawn(incident(Scene(held, NOW)))


def test_what_could_not_be_checked_is_said_once() -> None:
    """Where the reason is the same for all targets; else beside each."""
    alike = [Preview(change=f"disable {name}", unchecked="the simulator is shut") for name in "abc"]
    assert drawn(previews(alike, 3)).count("not checked") == 1
    other = Preview(change="disable d", unchecked="it timed out")
    assert drawn(previews([*alike, other], 4)).count("not checked") == 4


def test_a_small_terminal_says_which_part_is_asked_about() -> None:
    """After a canary `approval 1 of 2` looks like a step back: the line says that it is about the rest."""
    page = drawn(incident(SCENE, brief=True), 120)
    assert "the canary: 5 of 40 targets" in page


def test_a_step_that_waited_for_approval_has_no_average() -> None:
    """The hours of waiting would make the mass work look slow, and its end far."""
    shown = ROTATE.model_copy(update={"previews": (Preview(change="new key"),)})
    assert average(ROTATE, NOW)
    assert average(shown, NOW) is None


def test_an_aborted_incident_carries_no_sign_of_success() -> None:
    """What was contained before the abort is said in the sentence."""
    aborted = ENDED.model_copy(update={"state": IncidentState.ABORTED, "sentence": "Aborted by user:ada."})
    assert drawn(incident(Scene(aborted, NOW))).splitlines()[-1] == "✗ Aborted by user:ada."
