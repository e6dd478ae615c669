"""The policy that `firedoor.steps.policy` writes is enough to run the steps, on an emulator that enforces it."""

import json
from typing import Any

import pytest

from activities.aws import permissions
from activities.aws.permissions import with_permissions
from firedoor.incident import Preview
from firedoor.plan import Plan, PlannedStep
from firedoor.steps import STEPS
from firedoor.steps.policy import policy_document
from tests.activities.clock import Clock
from tests.activities.performing import Performing, accounts, perform
from tests.activities.wire import Wire, refused
from tests.emulators import ACCOUNT, Emulator, Keys, People


def test_the_policy_is_enough(aws: Emulator, people: People) -> None:
    """A responder with the policy of a runbook can run its steps on the emulator."""
    key = people.user("leaked", "sts:*")
    arn = f"arn:aws:iam::{ACCOUNT}:user/leaked"
    steps: list[tuple[str, dict[str, Any]]] = [
        ("aws.iam.identify_access_key", {"access_key_id": key.access_key_id}),
        ("aws.iam.deactivate_access_key", {"access_key_id": key.access_key_id}),
        ("aws.iam.deny_sessions", {"principal_arn": arn}),
        ("aws.iam.disable_service_credentials", {"user_name": "leaked"}),
        ("aws.cloudtrail.access_key_activity", {"access_key_id": key.access_key_id}),
        ("aws.secretsmanager.list_readable", {"principal_arn": arn}),
        ("aws.ssm.list_readable", {"principals": [arn]}),
        ("aws.iam.lift_denies", {"principal_arn": arn}),
        ("aws.iam.delete_access_key", {"access_key_id": key.access_key_id, "user_name": "leaked"}),
    ]
    responder = people.user("responder")
    planned = [
        PlannedStep(id=f"step_{number}", kind="uses", action=action, arguments=arguments)
        for number, (action, arguments) in enumerate(steps)
    ]
    plan = Plan(name="test", runbook_sha256="0" * 64, steps=tuple(planned))
    document = json.dumps(policy_document(plan))
    aws.client("iam").put_user_policy(UserName="responder", PolicyName="runbook", PolicyDocument=document)
    for action, arguments in steps:
        perform(accounts(aws, responder), action, **arguments)


DEACTIVATE = "aws.iam.deactivate_access_key"


def checked(at: Emulator | Wire, keys: Keys, action: str, **arguments: Any) -> Preview:
    """A preview with what is said of firedoor's permissions."""
    aws = accounts(at, keys)
    return with_permissions(Performing(aws, action, **arguments).preview, STEPS[action](**arguments), aws)


def test_missing_permissions_are_named(aws: Emulator, people: People) -> None:
    """What the change needs and firedoor lacks is named; what it has, or does not need, is not."""
    key = people.user("leaked").access_key_id
    reader = people.user("reader", "sts:*", "iam:Get*", "iam:List*", "iam:SimulatePrincipalPolicy")
    assert checked(aws, reader, DEACTIVATE, access_key_id=key).missing == ("iam:UpdateAccessKey",)
    writer = people.user("writer", "sts:*", "iam:*")
    allowed = checked(aws, writer, DEACTIVATE, access_key_id=key)
    assert (allowed.missing, allowed.unchecked) == ((), "")


def test_permissions_on_this_user_count(aws: Emulator, people: People) -> None:
    """A permission that is granted on another user only is missing here; whose key it is, AWS is asked."""
    key = people.user("leaked").access_key_id
    reader = people.user("reader", "sts:*", "iam:Get*", "iam:List*", "iam:SimulatePrincipalPolicy")
    iam = aws.client("iam")
    statement = {"Effect": "Allow", "Action": "iam:UpdateAccessKey"}
    for user, missing in (("other", ("iam:UpdateAccessKey",)), ("leaked", ())):
        statement["Resource"] = f"arn:aws:iam::{ACCOUNT}:user/{user}"
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="reader", PolicyName="update", PolicyDocument=document)
        assert checked(aws, reader, DEACTIVATE, access_key_id=key).missing == missing


def test_root_is_unchecked(aws: Emulator, people: People) -> None:
    """The simulator does not answer for root, and the preview says so."""
    key = people.user("leaked").access_key_id
    preview = with_permissions(
        Performing(accounts(aws), DEACTIVATE, access_key_id=key).preview,
        STEPS[DEACTIVATE].model_validate({"access_key_id": key}),
        accounts(aws),
    )
    assert (preview.missing, preview.unchecked) == (
        (),
        f"firedoor acts as arn:aws:iam::{ACCOUNT}:root, which AWS's simulator does not answer for.",
    )


def test_simulation_that_is_not_permitted(aws: Emulator, people: People) -> None:
    """Without permission to ask nothing counts as missing, and the preview says which permission that is."""
    key = people.user("leaked").access_key_id
    reader = people.user("reader", "sts:*", "iam:Get*", "iam:List*")
    preview = checked(aws, reader, DEACTIVATE, access_key_id=key)
    assert preview.missing == ()
    assert "lacks the permission iam:SimulatePrincipalPolicy" in preview.unchecked


def test_a_role_is_asked_about_by_its_own_name(wire: Wire, people: People) -> None:
    """Of a role's session the policies are the role's; without iam:GetRole its ARN without a path does."""
    key = people.user("leaked").access_key_id
    role = people.role("firedoor", "sts:*", "iam:*")
    session = people.assume(people.user("worker", "sts:*"), role)
    for rules in ((), (refused(403, "AccessDenied"),)):
        wire.on("GetRole", *rules)
        preview = checked(wire, session, DEACTIVATE, access_key_id=key)
        assert (preview.missing, preview.unchecked) == ((), "")


def test_asked_once_a_minute(wire: Wire, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same question is asked once in a minute, another one anew, and not more than so many."""
    clock = Clock()
    monkeypatch.setattr(permissions, "time", clock)
    people.user("leaked")
    people.user("other")
    aws = accounts(wire, people.user("writer", "sts:*", "iam:*"))

    def ask(name: str) -> tuple[int, str]:
        arguments = {"principal_arn": f"arn:aws:iam::{ACCOUNT}:user/{name}"}
        preview = Performing(aws, "aws.iam.deny_principal", **arguments).preview
        answer = with_permissions(preview, STEPS["aws.iam.deny_principal"](**arguments), aws)
        return wire.calls.count("SimulatePrincipalPolicy"), answer.unchecked

    once, _ = ask("leaked")
    assert once
    assert ask("leaked") == (once, "")
    assert ask("other") == (2 * once, "")
    clock.now += 61
    assert ask("leaked") == (3 * once, "")
    monkeypatch.setattr(permissions, "MOST", 1)
    assert ask("other") == (3 * once, "Only the first 1 changes were checked: AWS's simulator is slow.")


def test_nothing_to_change_needs_no_permission(wire: Wire, people: People) -> None:
    """A change that is made already is not asked about."""
    key = people.user("leaked").access_key_id
    writer = people.user("writer", "sts:*", "iam:*")
    perform(accounts(wire), DEACTIVATE, access_key_id=key)
    assert checked(wire, writer, DEACTIVATE, access_key_id=key).unchecked == ""
    assert "SimulatePrincipalPolicy" not in wire.calls
