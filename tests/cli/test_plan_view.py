"""A plan on the terminal: before anything runs, and once the reads have been done."""

import pytest

from firedoor.cli.views.plan import compiled, previewed
from firedoor.forecast import radius, undecided, unread
from firedoor.incident import Dependent, IncidentState, Inverse, Mode, Preview, Progress, StepState
from firedoor.phrases import who
from firedoor.plan import Ask, Effect, Loop, PlannedStep, Policy
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
                        before={"status": "Active", "user": "backup-bot"},
                        after={"status": "Inactive"},
                        inverse=Inverse(action="aws.iam.activate_access_key", arguments={"access_key_id": KEY}),
                        dependents=(Dependent(kind="services", name="s3", says="last used 4 minutes ago"),),
                        missing=("iam:UpdateAccessKey",),
                        unchecked="iam:SimulatePrincipalPolicy was refused",
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
    """Each change before → after with its undo and what depends on it; thousands only counted; the sum by kind."""
    page = drawn(previewed(PLAN, READ), 100)
    for line in (
        "       status      Active → Inactive",
        "       user        backup-bot",
        f"       undo        aws.iam.activate_access_key access_key_id={KEY}",
        "       depends     service s3: last used 4 minutes ago",
        "       missing     ! permission iam:UpdateAccessKey",
        "       unchecked   ? permissions: iam:SimulatePrincipalPolicy was refused",
        "     touches 412 credentials · 37 services",
        "     new key for customer-4",
        "     … and 407 more",
        " credentials      413  deactivate 1, rotate 412",
        " services          37  rotate",
        "    deactivate: iam:UpdateAccessKey",
    ):
        assert line in page.splitlines(), page
    assert "new key for customer-5" not in page
    assert page.endswith("Nothing was changed: this was a plan.")


def test_what_cannot_be_undone_says_so() -> None:
    """A change without an inverse is marked; a read without one is not."""
    steps = (
        step("gone", StepState.DONE, previews=(Preview(change="delete it", effect=Effect.DESTRUCTIVE),)),
        step("seen", StepState.DONE, previews=(Preview(change="look", effect=Effect.READ),)),
    )
    plan = PLAN.model_copy(
        update={"steps": tuple(PlannedStep(id=one.id, kind="uses", action=f"test.{one.id}") for one in steps)}
    )
    page = drawn(previewed(plan, READ.model_copy(update={"steps": steps})), 100)
    assert page.count("CANNOT BE UNDONE") == 1


def test_what_is_decided_later_is_not_called_skipped() -> None:
    """A step that depends on an answer is open; one whose condition does not hold is skipped; both say why."""
    *others, deletion = PLAN.steps
    plan = PLAN.model_copy(update={"steps": (*others, deletion.model_copy(update={"mentions": ("confirm",)}))})
    assert undecided(plan, READ) == {"delete_key"}
    unasked = step("confirm", StepState.SKIPPED, summary="its condition does not hold")
    steps = [unasked if one.id == "confirm" else one for one in READ.steps]
    skipped = READ.model_copy(update={"steps": tuple(steps)})
    assert undecided(plan, skipped) == set(), "what reads a step that is not going to run does not run either"
    page = drawn(previewed(plan, READ), 100)
    assert "decided when it runs: it depends on what changes and people bring" in page
    assert "Decided when it runs, and asked as the runbook says: delete_key" in page
    assert "skipped: its condition does not hold" in drawn(previewed(plan, skipped), 100)


def test_a_plan_that_could_not_be_read_says_so() -> None:
    """A preview that failed is named, and never counts as `no change`."""
    view = READ.model_copy(update={"steps": (IDENTIFY, step("deactivate", StepState.NEEDS_ATTENTION, failure=DENIED))})
    page = drawn(previewed(PLAN, view), 100)
    assert unread(view) == ("deactivate",)
    assert "! not read: AWS refused iam:PutUserPolicy" in page
    assert "Give firedoor iam:PutUserPolicy, then retry." in page
    assert "! The plan is incomplete; these could not be read: deactivate" in page
    assert "Blast radius  nothing that could be counted" in page


def test_a_permission_that_is_missing_for_a_hidden_change_is_seen() -> None:
    """Of a thousand targets only some are shown; what firedoor may not do to the others is not hidden."""
    hidden = (*ROTATED, Preview(change="the last", missing=("iam:TagUser",)))
    view = READ.model_copy(update={"steps": (step("rotate", StepState.DONE, previews=hidden),)})
    assert "! permissions missing for others: iam:TagUser" in drawn(previewed(PLAN, view), 100)


def test_the_terms_of_a_step_are_told_before_and_after_the_reads() -> None:
    """Canary, temporary and always stand with the step, whether it was read or only compiled."""
    loop = Loop(items="steps.exposed.credentials", name="credential", canary=5)
    plan = PLAN.model_copy(
        update={
            "steps": (
                PlannedStep(id="rotate", kind="uses", action="credential.rotate", loop=loop, temporary=129600),
                PlannedStep(id="tell", kind="uses", action="slack.tell", always=True),
            )
        }
    )
    for page in (drawn(compiled(plan, {}), 120), drawn(previewed(plan, READ), 120)):
        assert "canary: 5 targets first, the rest after people have looked" in page
        assert "temporary: takes itself back after 36 h" in page
        assert "always: runs at the end, however it ends" in page


def test_a_few_changes_are_all_shown() -> None:
    """There is no `… and 0 more`."""
    few = READ.model_copy(update={"steps": (step("rotate", StepState.DONE, previews=ROTATED[:5]),)})
    assert "more" not in drawn(previewed(PLAN, few), 100)


def test_the_radius_is_the_sum_by_kind() -> None:
    """Counts of the same kind add up."""
    assert {one.kind: one.count for one in radius(READ)} == {"credentials": 413, "services": 37}


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


def test_all_rules_of_a_policy_are_told() -> None:
    """What happens without an answer, reminders, the emergency; and of a policy that is only escalated to as well."""
    policies = {
        "security": Policy(
            sources=("role:security",), expires=1800, remind=300, escalate="bosses", break_glass="role:commander"
        ),
        "bosses": Policy(sources=("role:cto",), expires=3600, proceed="the keys are public by then"),
        "others": Policy(sources=("user:nobody-asked",)),
    }
    page = drawn(compiled(PLAN.model_copy(update={"policies": policies}), {}), 100)
    for line in (
        " security: role:security, within 30 min; not the starter",
        "   without an answer in time bosses is asked",
        "   reminded every 5 min",
        "   in an emergency one of role:commander may go ahead alone, with a reason; everybody is told",
        "   for rotate, confirm, delete_key",
        " bosses: role:cto, within 1 h; not the starter",
        "   without an answer in time it GOES ON: the keys are public by then",
    ):
        assert line in page.splitlines(), page
    assert "nobody-asked" not in page


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


def test_a_long_list_says_how_long_it_is() -> None:
    """Three hundred keys take a line or two, and no page, before anybody has seen a step."""
    keys = [f"AKIA{number:016}" for number in range(300)]
    page = drawn(compiled(PLAN, {"keys": keys, "few": ["a", "b"]}), 100)
    assert "AKIA0000000000000000, AKIA0000000000000001, " in page
    assert "and 294 more" in page
    assert "few      a, b" in page
    assert len(drawn(compiled(PLAN, {"keys": ["x" * 500, "y"]}), 100)) < 2_000
