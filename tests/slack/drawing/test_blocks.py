"""Incidents and plans as blocks: what is said in which state, and that Slack takes it, however much there is."""

import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.errors import UsageError
from firedoor.incident import (
    Dependent,
    IncidentState,
    IncidentView,
    Inverse,
    Mode,
    Preview,
    Progress,
    Request,
    Responder,
    StepState,
    StepView,
)
from firedoor.plan import Ask, Effect, Plan, PlannedStep, Policy, Verdict
from firedoor.slack.drawing import blocks
from firedoor.slack.drawing.buttons import Press
from firedoor.slack.drawing.picture import Picture
from firedoor.slack.drawing.threads import decided, items
from tests.cli.pictures import DEACTIVATE, DELETE, DENIED, DENY, ENDED, IDENTIFY, NOW, REQUEST, ROTATE, VIEW, step
from tests.slack.seen import dialogs, judged, lines

ASKED = DELETE.model_copy(
    update={
        "title": "Delete the leaked key",
        "action": "aws.iam.delete_access_key",
        "request": REQUEST.model_copy(update={"targets": 1, "total": 1, "names": (), "part": "", "changed": ""}),
        "previews": (
            Preview(
                change="delete AKIAIOSFODNN7EXAMPLE",
                before={"status": "Inactive"},
                after={"status": "gone"},
                effect=Effect.DESTRUCTIVE,
                blast={"credentials": 1},
            ),
        ),
    }
)
PLAN = Plan(
    name="aws-access-key-leaked",
    title="Contain a leaked AWS access key",
    runbook_sha256="0" * 64,
    policies={"security": Policy(sources=("role:security",), count=2, expires=1800)},
    steps=(
        PlannedStep(id="identify", kind="uses", action="aws.iam.identify_access_key"),
        PlannedStep(
            id="report", kind="uses", action="aws.iam.delete_user", effect=Effect.DESTRUCTIVE, approval="security"
        ),
    ),
)


def picture(view: IncidentView = VIEW, **more: Any) -> Picture:
    """A picture of an incident, at the same time always."""
    return Picture(view, NOW, **more)


def _date(epoch: int, clock: str) -> str:
    return f"<!date^{epoch}^{{date_short_pretty}} {{time_secs}}|{clock} UTC>"


def test_an_incident_at_work() -> None:
    """State, verdict, people, each step in words, what waits for whom, and buttons that fit."""
    view = VIEW.model_copy(update={"verdict": Verdict.UNKNOWN, "steps": (IDENTIFY, DEACTIVATE, ROTATE, ASKED)})
    shown = blocks.incident(picture(view)).blocks
    judged(shown)
    assert lines(shown) == [
        "! Contain a leaked AWS access key",
        "*! NEEDS YOU* · critical · 2 of 4 steps done · *? containment not proved yet*",
        f"*Started* {_date(1795460531, '19:02:11')} by user:ada (os)",
        "*Runbook* aws-access-key-leaked",
        "*Alerts* 2",
        "*Commander* user:ada",
        "*access_key_id* AKIAIOSFODNN7EXAMPLE",
        "? *delete_key*  needs approval · Delete the leaked key",
        "*delete AKIAIOSFODNN7EXAMPLE*  ! DESTROYS  *CANNOT BE UNDONE*",
        "    status Inactive → gone",
        "touches *1 credential · 1 principal*",
        "*security*: 1 of 2 given (user:bob by slack); 1 more needed",
        "may approve: role:lead; not user:ada, who started it",
        f"asked {_date(1795460680, '19:04:40')} · reminded 2 times · expires {_date(1795462480, '19:34:40')}",
        "in an emergency oncall-lead may go ahead alone, at the command line, with a reason",
        "[Approve] [Deny…] [Details]",
        "✓ *identify*  done · user backup-bot, Active",
        "✓ *deactivate*  contained · Active → Inactive",
        "▶ *rotate*  running · 412 of 1,000 · 3 failed",
        "? *delete_key*  needs approval · 1 of 2 approvals",
        "[Pause] [Details] [Timeline] [Note…] [Abort…]",
        "aws-access-key-leaked-AKIAIOSFODNN7EXAMPLE · commands do not work in threads: press a button, or mention the bot",
    ]
    assert dialogs(shown)["Approve"] == (
        "delete AKIAIOSFODNN7EXAMPLE (status Inactive → gone). CANNOT BE UNDONE. Touches 1 credential · 1 principal. "
        "1 more needed before yours. Incident: Contain a leaked AWS access key."
    )


def test_an_incident_that_has_ended() -> None:
    """The verdict and its sentence, how long it took, and no button that changes anything."""
    message = blocks.incident(picture(ENDED))
    judged(message.blocks)
    shown = lines(message.blocks)
    assert shown[0] == "✓ Contain a leaked AWS access key"
    assert shown[1] == "*✓ contained* · critical · 2 of 2 steps done · took 2 m 50 s"
    assert shown[2] == "Contained: the provider's own answers confirm deactivate."
    assert "[Details] [Timeline]" in shown
    assert message.text == "contained: Contain a leaked AWS access key · critical · ✓ contained"


def test_the_plan_comes_before_the_action() -> None:
    """What has not begun says what it will do, whether it destroys, and for whom it waits."""
    view = VIEW.model_copy(update={"steps": (step("report", StepState.PENDING, title="Remove the user"),)})
    assert (
        "○ *report*  pending · Remove the user · ! DESTROYS · waits for approval: security (2 of role:security)"
        in lines(blocks.incident(picture(view, plan=PLAN)).blocks)
    )


def test_plan_blocks_where_the_workspace_has_them() -> None:
    """Task cards with Slack's four states, the rest in words."""
    view = VIEW.model_copy(update={"steps": (IDENTIFY, DEACTIVATE, DENY, ROTATE, ASKED)})
    shown = blocks.incident(picture(view, modern=True)).blocks
    judged(shown)
    start = lines(shown).index("2 of 5 steps")
    assert lines(shown)[start : start + 6] == [
        "2 of 5 steps",
        "complete: identify: done / user backup-bot, Active",
        "complete: deactivate: contained / Active → Inactive",
        "error: deny_sessions: NEEDS YOU / permission_missing",
        "in_progress: rotate: running / 412 of 1,000 · 3 failed",
        "in_progress: delete_key: needs approval / 1 of 2 approvals",
    ]


@pytest.mark.parametrize("modern", [True, False])
def test_three_hundred_steps_and_a_hundred_approvals(modern: bool) -> None:
    """What matters is shown, the rest is counted, and Slack takes it."""
    many = [
        step(f"step_{number}", StepState.DONE, summary="x" * 900, ended="2026-11-23T19:03:00Z") for number in range(200)
    ]
    waiting = [ASKED.model_copy(update={"id": f"gate_{number}"}) for number in range(100)]
    view = VIEW.model_copy(update={"steps": (*many, *waiting)})
    message = blocks.incident(picture(view, modern=modern))
    judged(message.blocks)
    words = "\n".join(lines(message.blocks))
    assert "steps more wait for you: gate_" in words
    assert "200 done" in words or "done" in words.split("steps more:")[1]
    assert "100 steps waiting for people" in message.text


def test_long_and_hostile_texts() -> None:
    """Names and texts of strangers are no mentions, no links, no headings, and never too long."""
    hostile = "<!channel> <@U0ALICE000> *bold* `code` _it_ & <https://evil.example|click>\n*✓ contained*\u202e" * 60
    bad = step(
        "x" * 300,
        StepState.NEEDS_ATTENTION,
        title=hostile,
        summary=hostile,
        failure={"reason": hostile, "what": hostile, "next": hostile},
    )
    view = VIEW.model_copy(
        update={
            "title": hostile,
            "sentence": hostile,
            "review": (hostile,) * 9,
            "inputs": {hostile: hostile},
            "steps": (bad, ASKED.model_copy(update={"title": hostile, "previews": (Preview(change=hostile),)})),
            "starter": Responder(principal=hostile, auth="slack"),
        }
    )
    for modern in (True, False):
        message = blocks.incident(picture(view, plan=PLAN, modern=modern))
        judged(message.blocks)
        words = "\n".join([message.text, *(_mrkdwn(message.blocks))])
        assert "<!channel" not in words
        assert "<@" not in words
        assert "<https" not in words
        assert "\u202e" not in words
    for item in items(picture(view, plan=PLAN)):
        judged(item.blocks)
        said = "\n".join([item.text, *_mrkdwn(item.blocks)])
        assert "<!channel" not in said
        assert "<@" not in said
        assert "<https" not in said


def _mrkdwn(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["text"]] if value.get("type") == "mrkdwn" else []
        return own + [text for one in value.values() for text in _mrkdwn(one)]
    return [text for one in value for text in _mrkdwn(one)] if isinstance(value, list) else []


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400), st.text(min_size=1, max_size=200), st.integers(0, 40), st.booleans())
def test_whatever_it_holds_slack_takes_it(text: str, name: str, count: int, modern: bool) -> None:
    """Any texts, any number of steps, in every state."""
    states = list(StepState)
    steps = tuple(
        StepView(id=f"{name}{number}", kind="uses", title=text, state=states[number % len(states)], summary=text)
        for number in range(count)
    )
    view = VIEW.model_copy(update={"title": text, "steps": steps, "inputs": {name: text}, "paused": name})
    judged(blocks.incident(picture(view, modern=modern)).blocks)
    for item in items(picture(view)):
        judged(item.blocks)


def test_time_alone_changes_nothing() -> None:
    """An incident in which nothing happens is not edited, and a hundredth of mass work is the least that is."""
    later = datetime.timedelta(days=1)
    digest = blocks.incident(picture()).digest
    assert blocks.incident(Picture(VIEW, NOW + later)).digest == digest
    moved = ROTATE.model_copy(update={"progress": Progress(total=1000, done=413, failed=3)})
    view = VIEW.model_copy(update={"steps": tuple(moved if one is ROTATE else one for one in VIEW.steps)})
    assert blocks.incident(picture(view)).digest == digest
    assert blocks.incident(picture(view)).blocks != blocks.incident(picture()).blocks
    further = ROTATE.model_copy(update={"progress": Progress(total=1000, done=420, failed=3)})
    view = VIEW.model_copy(update={"steps": tuple(further if one is ROTATE else one for one in VIEW.steps)})
    assert blocks.incident(picture(view)).digest != digest


def test_each_edition_has_ids_of_its_own() -> None:
    """Slack wants new block ids whenever a message is edited."""
    first, second = (blocks.incident(picture(), edition).blocks for edition in ("1", "2"))
    assert not {one["block_id"] for one in first} & {one["block_id"] for one in second}


def test_a_paused_incident_can_be_resumed() -> None:
    """The button fits the state."""
    view = VIEW.model_copy(update={"state": IncidentState.PAUSED, "paused": "user:ada"})
    shown = lines(blocks.incident(picture(view)).blocks)
    assert "‖ *Paused by user:ada.* No new action starts." in shown
    assert "[Resume] [Details] [Timeline] [Note…] [Abort…]" in shown


def test_what_is_confirmed_is_cut_by_its_weight() -> None:
    """A dialog takes 300 characters: the change first, whole sentences after it, never half a count."""
    many = ASKED.model_copy(
        update={
            "previews": (Preview(change="x" * 500, inverse=Inverse(action="undo")),) * 3,
            "blast": {"customers": 12_000},
            "request": Request(policy="p", digest="d", needed=1, targets=5, total=40, part="the canary: " + "y" * 120),
        }
    )
    shown = blocks.incident(picture(VIEW.model_copy(update={"steps": (many,)}))).blocks
    text = dialogs(shown)["Approve"]
    assert len(text) <= 300
    assert text.startswith("xxx")
    assert "Touches 12,000 customers." in text
    assert "CANNOT" not in text


def test_what_a_plan_shows() -> None:
    """Each step, its effect, for whom it waits; who must agree to what."""
    shown = blocks.plan(PLAN, {"access_key_id": "AKIA"})
    judged(shown)
    assert lines(shown) == [
        "Contain a leaked AWS access key",
        "aws-access-key-leaked · high · breach",
        "*2 steps: 1 reading · 0 changing what can be undone · 1 destroying*",
        "*access_key_id* AKIA",
        "*identify*  ○ reads · aws.iam.identify_access_key",
        "*report*  ! DESTROYS · aws.iam.delete_user · *waits for approval: security*",
        "*Who must agree*",
        "*security*: 2 of role:security, within 30 min; not the starter; without an answer in time it counts as denied · for report",
    ]


def test_what_a_plan_that_was_read_shows() -> None:
    """What would change, how much that touches, and that nothing was changed."""
    preview = Preview(change="delete user backup-bot", effect=Effect.DESTRUCTIVE, missing=("iam:DeleteUser",))
    found = step("report", StepState.DONE, previews=(preview, preview), blast={"principals": 2})
    forecast = VIEW.model_copy(update={"steps": (IDENTIFY, found)})
    shown = blocks.plan(PLAN, {}, forecast)
    judged(shown)
    words = "\n".join(lines(shown))
    assert "delete user backup-bot and 1 more, *CANNOT BE UNDONE*, ! permission missing: iam:DeleteUser" in words
    assert "*Blast radius*  2 principals" in words
    assert "Nothing was changed: this is a plan." in words


def test_what_a_plan_run_says_of_steps_for_people() -> None:
    """Once, with the inputs in their places: the plan says it, and a plan run has only the runbook's words for it."""
    question = Ask(prompt="Was ${{ inputs.key }} yours?", fields={})
    gate = PlannedStep(id="gate", kind="approval", title="Agree", approval="security")
    ask = PlannedStep(id="ask", kind="ask", title="Ask the owner", ask=question)
    read = [step("gate", StepState.DONE, summary="would wait"), step("ask", StepState.DONE, summary="would ask ${{")]
    shown = lines(
        blocks.plan(
            PLAN.model_copy(update={"steps": (gate, ask)}),
            {"key": "AKIA"},
            VIEW.model_copy(update={"steps": tuple(read)}),
        )
    )
    assert "*gate*  Agree · *waits for approval: security*" in shown
    assert "*ask*  Ask the owner · asks anybody: Was AKIA yours?" in shown
    # What is left out says why, whatever kind of step it is.
    read[1] = step("ask", StepState.SKIPPED, summary="its condition does not hold: false")
    shown = lines(
        blocks.plan(PLAN.model_copy(update={"steps": (ask,)}), {}, VIEW.model_copy(update={"steps": (read[1],)}))
    )
    assert "*ask*  - skipped · Ask the owner · its condition does not hold: false" in shown


def test_what_the_alert_says() -> None:
    """Whoever is woken reads first what has happened."""
    assert "*Alert* A key was used from Tor" in lines(
        blocks.incident(picture(VIEW.model_copy(update={"alert": "A key was used from Tor"}))).blocks
    )


def test_a_long_plan_fits() -> None:
    """A plan of hundreds of steps is cut, and says so."""
    steps = tuple(PlannedStep(id=f"step_{number}", kind="uses", title="t" * 300) for number in range(300))
    shown = blocks.plan(PLAN.model_copy(update={"steps": steps}), {})
    judged(shown)
    assert any("steps more" in line for line in lines(shown))


def test_a_step_in_full() -> None:
    """What it did and the provider's own answer."""
    shown = blocks.step(picture(), DEACTIVATE)
    judged(shown)
    words = "\n".join(lines(shown))
    assert "✓ *deactivate*  contained" in words
    assert "*iam:ListAccessKeys*: AKIAIOSFODNN7EXAMPLE is Inactive" in words
    assert "request req-1" in words


def test_a_thread_has_each_thing_once() -> None:
    """Plan, proof, questions with those who may answer, reminders, and the end; keys do not depend on the time."""
    view = VIEW.model_copy(update={"steps": (DEACTIVATE, DENY, ASKED), "review": ("glass was broken",)})
    found = list(items(picture(view, plan=PLAN)))
    kinds = [one.key.split("/")[0] for one in found]
    assert kinds == ["plan", "done", "ask", "ask", "remind", "review"]
    asked = found[3]
    assert asked.to == ("role:lead",)
    assert [one.key for one in items(Picture(view, NOW + datetime.timedelta(hours=9), plan=PLAN))] == [
        one.key for one in found
    ]
    over = decided(picture(view), asked.key)
    assert not any(one["type"] == "actions" for one in over.blocks)
    assert [one.key for one in items(picture(ENDED))][-1] == "ended"


def test_a_button_says_what_it_is() -> None:
    """A press is read back as it was written; ids are unique in a message."""
    press = Press("approve", "incident-1", "delete_key", "ab" * 32)
    assert Press.parse({"action_id": press.action_id, "value": press.value()}) == press
    assert press.action_id == "firedoor.approve.delete_key"
    assert len(Press("retry", "i", "s" * 900).action_id) <= 255


@pytest.mark.parametrize(
    "action",
    [
        {},
        {"action_id": "firedoor.approve"},
        {"action_id": "firedoor.conquer", "value": "{}"},
        {"action_id": "other.approve", "value": "{}"},
        {"action_id": 7, "value": "{}"},
        {"action_id": "firedoor.approve", "value": "no json"},
        {"action_id": "firedoor.approve", "value": "[]"},
        {"action_id": "firedoor.approve", "value": '{"i": 7}'},
        {"action_id": "firedoor.approve", "value": " " * 2001},
    ],
)
def test_other_buttons_are_none_of_ours(action: dict[str, Any]) -> None:
    """What is not written by us is refused with a sentence."""
    with pytest.raises(UsageError, match="not one that firedoor knows"):
        Press.parse(action)


def test_names_that_no_button_holds() -> None:
    """A value takes 2000 characters."""
    with pytest.raises(UsageError, match="too long for a button"):
        Press("status", "i" * 3000).value()


def test_what_needs_attention_says_why() -> None:
    """The reason, what was changed, what to do; the first targets that failed; an answer that is missing."""
    failed = [{"key": str(number), "name": f"key-{number}", "failure": DENIED.model_dump()} for number in range(5)]
    rotate = step(
        "rotate",
        StepState.NEEDS_ATTENTION,
        failed=failed,
        progress={"total": 9, "failed": 5},
        verdict="unknown",
        summary="half",
    )
    question = step("ask", StepState.WAITING_ANSWER, title="Health", summary="Is it well?", waits_for="anybody")
    bare = step(
        "gate",
        StepState.WAITING_APPROVAL,
        action="aws.iam.delete_user",
        arguments={"name": "bot"},
        waits_for="2 of security",
    )
    view = VIEW.model_copy(update={"steps": (DENY, rotate, question, bare)})
    shown = blocks.incident(picture(view)).blocks
    judged(shown)
    words = "\n".join(lines(shown))
    assert "*permission_missing*: AWS refused iam:PutUserPolicy" in words
    assert "Give firedoor iam:PutUserPolicy, then retry." in words
    assert "*UNKNOWN*. half" in words
    assert "✗ *key-0*: permission_missing:" in words
    assert "… and 2 targets more" in words
    assert "[Retry] [Skip…] [Details]" in words
    assert "Is it well?" in words
    assert "[Answer…] [Details]" in words
    assert "aws.iam.delete_user name bot" in words
    assert "waits for 2 of security" in words
    assert dialogs(shown)["Retry"].startswith("rotate. It is tried again")
    thread = [one.key.split("/")[0] for one in items(picture(view))]
    assert thread == ["ask", "ask", "ask", "ask"]
    assert blocks.step(picture(view), rotate)


def test_an_approval_with_many_targets() -> None:
    """The first changes, what permission is missing, how many more; that it is asked again, and of whom."""
    previews = tuple(
        Preview(change=f"rotate key-{number}", inverse=Inverse(action="undo"), missing=("iam:CreateKey",))
        for number in range(5)
    )
    gate = ASKED.model_copy(update={"previews": previews, "request": REQUEST, "blast": {}})
    words = "\n".join(lines(blocks.incident(picture(VIEW.model_copy(update={"steps": (gate,)}))).blocks))
    assert "! *Asked again:* Since it was shown: status Inactive → Active." in words
    assert "*rotate key-0*  can be undone" in words
    assert "! permission missing: iam:CreateKey" in words
    assert "… and 2 more like these" in words
    assert "targets: the canary: 5 of 40 targets; the rest is asked for afterwards (app-billing" in words


def test_plans_drills_and_undos_say_so() -> None:
    """What is no real run, and what an incident takes back or is taken back by."""
    view = VIEW.model_copy(
        update={
            "mode": Mode.PLAN,
            "drill": True,
            "undoes": "gate-0",
            "undo": "gate-1.undo",
            "verdict": Verdict.UNKNOWN,
            "responders": ("user:bob", "user:ada"),
        }
    )
    words = lines(blocks.incident(picture(view, parent="outer")).blocks)
    assert "*PLAN ONLY: nothing is changed*" in words
    assert "*DRILL: on an emulator, not on a real account*" in words
    assert {"*Undoes* gate-0", "*Undone by* gate-1.undo", "*Part of* outer", "*Responders* user:bob"} <= set(words)
    assert any("? restoration not proved yet" in line for line in words)


def test_a_thread_of_skipped_and_aborted() -> None:
    """Whoever skipped it is told; what was aborted carries no sign of success; a question names its policy's people."""
    skipped = step(
        "deny", StepState.SKIPPED, started="2026-11-23T19:02:12Z", summary="skipped by user:ada: done by hand"
    )
    question = step("ask", StepState.WAITING_ANSWER, ask={"prompt": "?", "of": "security", "fields": {}})
    view = VIEW.model_copy(update={"steps": (skipped, question, step("later", StepState.SKIPPED))})
    found = {one.key.split("/")[0]: one for one in items(picture(view, plan=PLAN))}
    assert "done by hand" in found["skipped"].text
    assert found["ask"].to == ("role:security",)
    aborted = VIEW.model_copy(
        update={"state": IncidentState.ABORTED, "verdict": Verdict.CONTAINED, "undo": "u", "steps": (DENY,)}
    )
    [end] = items(picture(aborted))
    assert end.text.startswith("aborted")
    assert "taken back by u" in "\n".join(lines(end.blocks))
    assert decided(picture(view), "ask/gone/d1").text == "gone: decided"


def test_a_plan_that_was_read_in_part() -> None:
    """What could not be read, what is decided later, secrets and policies: in words."""
    steps = (
        PlannedStep(id="look", kind="uses", action="aws.iam.identify_access_key"),
        PlannedStep(
            id="then", kind="uses", action="x", effect=Effect.REVERSIBLE, mentions=("look",), condition="steps.look.x"
        ),
    )
    dependent = Dependent(kind="services", name="billing")
    told = (
        step("look", StepState.NEEDS_ATTENTION, failure=DENIED.model_dump()),
        step(
            "then",
            StepState.DONE,
            previews=[Preview(change="shut", inverse=Inverse(action="u"), dependents=(dependent,)).model_dump()],
        ),
    )
    shown = blocks.plan(PLAN.model_copy(update={"steps": steps}), {}, VIEW.model_copy(update={"steps": told}))
    judged(shown)
    words = "\n".join(lines(shown))
    assert "! not read: AWS refused" in words
    assert "only if steps.look.x" in words
    assert "could not be read: look" in words
    assert "depends on it: 1 service, as far as is known now" in words
