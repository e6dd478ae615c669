"""A plan on the terminal: before anything runs, and once the reads have been done."""

import pytest

from firedoor.cli.views.plan import compiled, failed, previewed, radius, who
from firedoor.incident import IncidentState, Mode, Preview, Progress, StepState
from firedoor.plan import Ask, PlannedStep, Policy
from tests.cli.pictures import DENIED, IDENTIFY, KEY, PLAN, VIEW, drawn, step

ROTATED = tuple(Preview(change=f"new key for customer-{number}") for number in range(20))

READ = VIEW.model_copy(
    update={
        "mode": Mode.PLAN,
        "state": IncidentState.COMPLETED,
        "steps": (
            IDENTIFY,
            step(
                "deactivate",
                StepState.DONE,
                previews=(
                    Preview(
                        change="Active → Inactive",
                        before={"status": "Active", "user": "backup-bot", "keys": []},
                        undo="aws.iam.activate_access_key",
                        permission_missing="iam:UpdateAccessKey",
                    ),
                ),
                blast={"credentials": 1},
            ),
            step(
                "rotate",
                StepState.DONE,
                previews=ROTATED,
                progress=Progress(total=412, done=412),
                blast={"credentials": 412, "services": 37},
            ),
            step("confirm", StepState.DONE, summary="would ask security: Is production healthy?"),
            step("delete_key", StepState.SKIPPED, summary="what it would do depends on what confirm returns"),
        ),
    }
)


def test_a_compiled_plan_says_what_each_step_does_and_who_must_agree() -> None:
    """Effects stand as words, a destructive one in capitals; loops, conditions and approvals are named."""
    page = drawn(compiled(PLAN, {"access_key_id": KEY}), 100)
    assert "identify    ○ reads     aws.iam.identify_access_key" in page
    assert "delete_key  ! DESTROYS  aws.iam.delete_access_key" in page
    assert "once for each of steps.exposed.credentials" in page
    assert "only if steps.confirm.healthy" in page
    assert "asks security: Is production healthy?" in page
    assert "waits 5 min" in page
    assert "security: 2 of user:ada, user:bob, within 30 min; not the starter" in page
    assert "6 steps: 1 reading · 2 changing what can be undone · 1 destroying" in page
    assert f"access_key_id  {KEY}" in page


def test_a_plan_that_was_read_shows_changes_and_the_blast_radius() -> None:
    """Each change with the state before and its undo; thousands of them only counted; the sum by kind."""
    page = drawn(previewed(PLAN, READ), 100)
    assert "Active → Inactive" in page
    assert "before: status Active, user backup-bot" in page
    assert "undone by aws.iam.activate_access_key" in page
    assert "! permission missing: iam:UpdateAccessKey" in page
    assert "new key for customer-4" in page
    assert "new key for customer-5" not in page
    assert "… and 407 more" in page
    assert "Blast radius  413 credentials · 37 services" in page
    assert page.endswith("Nothing was changed: this was a plan.")


def test_a_plan_that_could_not_be_read_says_so() -> None:
    """A preview that failed is named, and never counts as `no change`."""
    view = READ.model_copy(update={"steps": (IDENTIFY, step("deactivate", StepState.NEEDS_ATTENTION, failure=DENIED))})
    page = drawn(previewed(PLAN, view), 100)
    assert failed(view) == ["deactivate"]
    assert "permission_missing: AWS refused iam:PutUserPolicy" in page
    assert "! The plan is incomplete; these could not be read: deactivate" in page
    assert "Blast radius  nothing that could be counted" in page


def test_a_few_changes_are_all_shown() -> None:
    """There is no `… and 0 more`."""
    few = READ.model_copy(update={"steps": (step("rotate", StepState.DONE, previews=ROTATED[:5]),)})
    assert "more" not in drawn(previewed(PLAN, few), 100)


def test_the_radius_is_the_sum_by_kind() -> None:
    """Counts of the same kind add up."""
    assert radius(READ) == {"credentials": 413, "services": 37}


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Policy(sources=("user:ada",)), "user:ada; not the starter"),
        (
            Policy(sources=("user:ada", "user:bob"), allow_self=True),
            "one of user:ada, user:bob; the starter may approve",
        ),
        (Policy(sources=("role:security",), count=2, expires=90), "2 of role:security, within 90 s; not the starter"),
    ],
)
def test_a_policy_in_words(policy: Policy, words: str) -> None:
    """Who, how many, for how long, and whether oneself."""
    assert who(policy) == words


@pytest.mark.parametrize("width", [80, 120])
def test_plans_fit_the_terminal(width: int) -> None:
    """No line is wider than the terminal."""
    for picture in (compiled(PLAN, {"access_key_id": KEY}), previewed(PLAN, READ)):
        assert max(len(line) for line in drawn(picture, width).splitlines()) <= width


def test_expressions_without_a_value_are_named() -> None:
    """Before a run: inputs have their values, other expressions stand as what they are; no raw `${{ }}`."""
    ask = Ask(prompt="Is ${{ inputs.key }} out, by ${{ size(steps.a.b) }} roles?", fields={})
    steps = (
        PlannedStep(id="ask", kind="ask", ask=ask),
        PlannedStep(id="hold", kind="wait", title="Keep the denies", wait=36 * 3600),
    )
    plan = PLAN.model_copy(update={"steps": steps})
    page = drawn(compiled(plan, {"key": KEY}), 120)
    assert f"asks anybody: Is {KEY} out, by … [size(steps.a.b)] roles?" in page
    assert "Keep the denies · waits 36 h" in page
    told = (step("ask", StepState.DONE, summary=f"would ask anybody: {ask.prompt}"),)
    page = drawn(previewed(plan, READ.model_copy(update={"inputs": {"key": KEY}, "steps": told})), 120)
    assert "… [size(steps.a.b)] roles?" in page
    assert "${{" not in page
