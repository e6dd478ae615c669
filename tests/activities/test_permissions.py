"""The policy that `firedoor.steps.policy` writes is enough to run the steps, on an emulator that enforces it."""

import json
from typing import Any

from firedoor.plan import Plan, PlannedStep
from firedoor.steps.policy import policy_document
from tests.activities.performing import accounts, perform
from tests.emulators import ACCOUNT, Emulator, People


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
