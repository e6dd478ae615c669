"""The least-privilege policy of a plan."""

import json
import re
from typing import Any

import pytest

from firedoor.plan import Plan, PlannedStep
from firedoor.steps import STEPS
from firedoor.steps.policy import policy_document, statements_of


def plan(*steps: tuple[str, dict[str, Any]], child: Plan | None = None) -> Plan:
    """A plan of `uses` steps."""
    planned = [
        PlannedStep(id=f"step_{number}", kind="uses", action=action, arguments=arguments)
        for number, (action, arguments) in enumerate(steps)
    ]
    if child:
        planned.append(PlannedStep(id="child", kind="run", child=child))
    return Plan(name="test", runbook_sha256="0" * 64, steps=tuple(planned))


def granted(document: dict[str, Any], permission: str) -> list[str]:
    """The resources on which a policy grants a permission."""
    found = [one["Resource"] for one in document["Statement"] if permission in one["Action"]]
    assert len(found) <= 1
    return list(found[0]) if found else []


def test_shape() -> None:
    """Valid JSON, unique alphanumeric Sids, only what the steps need."""
    document = policy_document(plan(("aws.iam.list_access_keys", {"user_name": "${{ inputs.user }}"})))
    assert json.loads(json.dumps(document)) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Firedoor1",
                "Effect": "Allow",
                "Action": ["iam:ListAccessKeys"],
                "Resource": ["arn:aws:iam::*:user/*"],
            }
        ],
    }


def test_names_in_the_runbook_narrow() -> None:
    """A name that stands in the runbook gives its ARN, with and without a path; a wider step covers it."""
    named = ("aws.iam.list_access_keys", {"user_name": "gateway", "account": "123456789012"})
    arns = ["arn:aws:iam::123456789012:user/*/gateway", "arn:aws:iam::123456789012:user/gateway"]
    assert granted(policy_document(plan(named)), "iam:ListAccessKeys") == arns
    wide = ("aws.iam.list_access_keys", {"user_name": "${{ inputs.user }}"})
    assert granted(policy_document(plan(named, wide)), "iam:ListAccessKeys") == ["arn:aws:iam::*:user/*"]


@pytest.mark.parametrize(
    ("arn", "user", "role"),
    [
        ("arn:aws:iam::1:user/svc/a", ["arn:aws:iam::1:user/*/a", "arn:aws:iam::1:user/a"], []),
        ("arn:aws:iam::1:role/svc/a", [], ["arn:aws:iam::1:role/*/a", "arn:aws:iam::1:role/a"]),
        ("arn:aws:sts::1:assumed-role/a/b", [], ["arn:aws:iam::1:role/*/a", "arn:aws:iam::1:role/a"]),
        ("${{ steps.x.principal_arn }}", ["arn:aws:iam::*:user/*"], ["arn:aws:iam::*:role/*"]),
    ],
)
def test_principals(arn: str, user: list[str], role: list[str]) -> None:
    """Of a known user no permission on roles is asked, and the reverse."""
    document = policy_document(plan(("aws.iam.deny_sessions", {"principal_arn": arn})))
    assert granted(document, "iam:PutUserPolicy") == user
    assert granted(document, "iam:PutRolePolicy") == role


def test_secrets() -> None:
    """A secret by name has six more characters in its ARN; the source of a value may be read, and only read."""
    arn = "arn:aws:secretsmanager:eu-west-1:1:secret:new-abcdef"
    put = {"secret_id": "app", "region": "eu-west-1", "value": f"aws-sm:{arn}#AWSCURRENT"}
    document = policy_document(plan(("aws.secretsmanager.put_secret", put)))
    app = "arn:aws:secretsmanager:eu-west-1:*:secret:app-??????"
    assert granted(document, "secretsmanager:PutSecretValue") == [app]
    assert granted(document, "secretsmanager:GetSecretValue") == [app, arn]
    anywhere = policy_document(plan(("aws.secretsmanager.put_secret", {"secret_id": "${{ x }}", "value": "env:X"})))
    assert granted(anywhere, "secretsmanager:PutSecretValue") == ["arn:aws:secretsmanager:*:*:secret:*"]


def test_children_and_other_accounts() -> None:
    """Child runbooks count, steps without permissions do not, and roles to assume are added."""
    child = plan(("aws.cloudtrail.access_key_activity", {"access_key_id": "${{ inputs.key }}"}))
    role = "arn:aws:iam::123456789012:role/firedoor"
    document = policy_document(plan(("unknown.step", {}), child=child), role_arns=[role])
    assert granted(document, "cloudtrail:LookupEvents") == ["*"]
    assert granted(document, "sts:AssumeRole") == [role]
    assert all(re.fullmatch("[A-Za-z0-9]+", one["Sid"]) for one in document["Statement"])


def test_listing_what_was_readable() -> None:
    """Groups and managed policies are granted as such."""
    arguments = {"principal_arn": "${{ steps.identify.principal_arn }}"}
    document = policy_document(plan(("aws.secretsmanager.list_readable", arguments)))
    assert granted(document, "iam:GetGroupPolicy") == ["arn:aws:iam::*:group/*"]
    assert granted(document, "iam:GetPolicyVersion") == ["arn:aws:iam::*:policy/*"]


def test_undo_is_granted_as_well() -> None:
    """Who may run a runbook may take it back: the permissions of the inverse are in the policy, as narrow."""
    document = policy_document(plan(("aws.iam.create_access_key", {"user_name": "gateway", "secret_id": "app"})))
    assert granted(document, "iam:DeleteAccessKey") == ["arn:aws:iam::*:user/*/gateway", "arn:aws:iam::*:user/gateway"]
    document = policy_document(plan(("aws.iam.deny_principal", {"principal_arn": "arn:aws:iam::1:user/a"})))
    assert granted(document, "iam:DeleteUserPolicy") == ["arn:aws:iam::1:user/*/a", "arn:aws:iam::1:user/a"]


def test_one_step() -> None:
    """The statements of one step are its own permissions only."""
    statements = statements_of(STEPS["aws.iam.list_access_keys"], {"user_name": "gateway", "account": "1"})
    assert [(one["Action"], one["Resource"]) for one in statements] == [
        (["iam:ListAccessKeys"], ["arn:aws:iam::1:user/*/gateway", "arn:aws:iam::1:user/gateway"])
    ]
