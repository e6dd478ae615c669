"""The least-privilege IAM policy for a runbook. Pure: from the permissions of the contracts and the plan's arguments.

Resources are as narrow as the plan allows: an argument that stands in the runbook as text gives an exact ARN, one that
is an expression gives every resource of its type. Not done here: conditions, and KMS permissions for secrets under a
customer-managed key (the contracts' docstrings name them).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from firedoor.plan import Plan, PlannedStep
from firedoor.steps import STEPS
from firedoor.steps._step import Step

#: Permission → the types of resource it is granted on (AWS's service authorization reference). Absent: `*` only.
RESOURCE_TYPES: dict[str, str] = {
    "secretsmanager:DescribeSecret": "secret",
    "secretsmanager:GetSecretValue": "secret",
    "secretsmanager:PutSecretValue": "secret",
    "secretsmanager:UpdateSecretVersionStage": "secret",
    "iam:GetPolicy": "policy",
    "iam:GetPolicyVersion": "policy",
    **dict.fromkeys(("iam:ListGroupPolicies", "iam:GetGroupPolicy", "iam:ListAttachedGroupPolicies"), "group"),
    **dict.fromkeys(
        (
            "iam:DeleteRolePolicy",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
            "iam:PutRolePolicy",
        ),
        "role",
    ),
    **dict.fromkeys(
        (
            "iam:CreateAccessKey",
            "iam:DeleteAccessKey",
            "iam:DeleteLoginProfile",
            "iam:DeleteUserPolicy",
            "iam:GetAccessKeyLastUsed",
            "iam:GetLoginProfile",
            "iam:GetUser",
            "iam:GetUserPolicy",
            "iam:ListAccessKeys",
            "iam:ListAttachedUserPolicies",
            "iam:ListGroupsForUser",
            "iam:ListServiceSpecificCredentials",
            "iam:ListSSHPublicKeys",
            "iam:ListSigningCertificates",
            "iam:ListUserPolicies",
            "iam:PutUserPolicy",
            "iam:UpdateAccessKey",
            "iam:UpdateSSHPublicKey",
            "iam:UpdateServiceSpecificCredential",
            "iam:UpdateSigningCertificate",
        ),
        "user",
    ),
}

_PRINCIPAL = re.compile(r"arn:[\w-]+:(?:iam|sts)::(?P<account>\d+):(?P<kind>user|role|assumed-role)/(?P<rest>.+)")


def policy_document(
    plan: Plan, steps: Mapping[str, type[Step]] = STEPS, *, role_arns: Iterable[str] = ()
) -> dict[str, Any]:
    """The policy that lets a worker run `plan`, children included, and take its changes back.

    `role_arns` are the roles that it assumes in other accounts: the rest of the policy belongs to those roles as well.
    """
    granted: dict[str, set[str]] = defaultdict(set)
    for planned in _steps(plan):
        contract = steps.get(planned.action)
        for each in (contract, steps.get(contract.undo)) if contract else ():
            _grant(granted, each.permissions if each else (), planned.arguments)
    for arn in role_arns:
        granted["sts:AssumeRole"].add(arn)
    return {"Version": "2012-10-17", "Statement": _statements(granted)}


def statements_of(contract: type[Step], arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The statements that let a worker perform one step on these arguments."""
    granted: dict[str, set[str]] = defaultdict(set)
    _grant(granted, contract.permissions, arguments)
    return _statements(granted)


def _grant(granted: dict[str, set[str]], permissions: Iterable[str], arguments: Mapping[str, Any]) -> None:
    for permission in permissions:
        if re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9]+", permission):
            granted[permission].update(_resources(permission, arguments))


def _statements(granted: Mapping[str, set[str]]) -> list[dict[str, Any]]:
    """One statement for the actions that share their resources."""
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for permission in sorted(granted):
        resources = _widest(granted[permission])
        if resources:
            groups[resources].append(permission)
    return [
        {"Sid": f"Firedoor{number}", "Effect": "Allow", "Action": actions, "Resource": list(resources)}
        for number, (resources, actions) in enumerate(sorted(groups.items()), start=1)
    ]


def _widest(resources: set[str]) -> tuple[str, ...]:
    """Without those that another one covers."""
    return tuple(
        sorted(one for one in resources if not any(one != other and fnmatchcase(one, other) for other in resources))
    )


def _steps(plan: Plan) -> Iterator[PlannedStep]:
    for step in plan.steps:
        yield step
        if step.child:
            yield from _steps(step.child)


def _resources(permission: str, arguments: Mapping[str, Any]) -> list[str]:
    kind = RESOURCE_TYPES.get(permission)
    account = _literal(arguments, "account") or "*"
    if kind in {"user", "role"}:
        return _principals(kind, account, arguments)
    if kind == "secret":
        return _secrets(permission, account, arguments)
    if kind == "group":
        return ["arn:aws:iam::*:group/*"]
    if kind == "policy":
        return ["arn:aws:iam::*:policy/*"]
    return ["*"]


def _principals(kind: str, account: str, arguments: Mapping[str, Any]) -> list[str]:
    """ARNs of users or roles. A name may stand under any path."""
    arn = _PRINCIPAL.fullmatch(_literal(arguments, "principal_arn"))
    if arn:
        if arn["kind"].removeprefix("assumed-") != kind:
            return []
        account, name = arn["account"], arn["rest"].split("/")[0 if arn["kind"] == "assumed-role" else -1]
    else:
        name = _literal(arguments, "user_name")
    if not name:
        return [f"arn:aws:iam::{account}:{kind}/*"]
    return [f"arn:aws:iam::{account}:{kind}/{name}", f"arn:aws:iam::{account}:{kind}/*/{name}"]


def _secrets(permission: str, account: str, arguments: Mapping[str, Any]) -> list[str]:
    region = _literal(arguments, "region") or "*"
    found = [_secret(_literal(arguments, "secret_id"), region, account)]
    scheme, _, place = _literal(arguments, "value").partition(":")
    if permission == "secretsmanager:GetSecretValue" and scheme in {"aws-sm", "aws-secretsmanager"}:
        found.append(_secret(place.partition("#")[0], "*", "*"))
    return found


def _secret(name: str, region: str, account: str) -> str:
    """The ARN of a secret: to a name AWS adds a hyphen and six characters."""
    if name.startswith("arn:"):
        return name
    return f"arn:aws:secretsmanager:{region}:{account}:secret:{f'{name}-??????' if name else '*'}"


def _literal(arguments: Mapping[str, Any], name: str) -> str:
    """An argument that stands in the runbook as text; empty where it is an expression or absent."""
    value = arguments.get(name)
    return value if isinstance(value, str) and "${{" not in value else ""
