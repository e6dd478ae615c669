"""Who AWS says that firedoor is, and whether it may do what the runbooks need. Changes nothing.

Asks AWS's policy simulator about firedoor's own principal. Needs `sts:GetCallerIdentity`, which nobody can be refused,
and, to know more, `iam:SimulatePrincipalPolicy` on itself, `iam:GetRole`, and `sts:AssumeRole` for configured accounts.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from firedoor.cli.views.checklist import Finding
from firedoor.config import Aws, AwsAccount
from firedoor.plan import Plan
from firedoor.steps.policy import policy_document
from firedoor.steps.simulation import ALLOWED, questions, role_of

CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})


def check(aws: Aws, plans: Sequence[Plan]) -> Iterator[Finding]:
    """Findings about firedoor's own account and every configured one, for the plans that shall run there."""
    session = boto3.Session(region_name=aws.region)
    own = yield from _identity("AWS identity", session, aws)
    if own is None:
        return
    yield from _simulated("AWS permissions", session, aws, own, plans)
    for number, account in aws.accounts.items():
        assumed = yield from _assumed(number, account, session, aws)
        arn = (yield from _identity(f"AWS account {number}", assumed, aws)) if assumed else None
        if assumed and arn:
            yield from _simulated(f"AWS account {number}", assumed, aws, arn, plans)


def _client(name: str, session: boto3.Session, aws: Aws) -> Any:
    return session.client(name, config=CONFIG, endpoint_url=aws.endpoint_url or None)


def _identity(subject: str, session: boto3.Session, aws: Aws) -> Generator[Finding, None, str | None]:
    """Finds who this is; returns the ARN, or None."""
    try:
        answer = _client("sts", session, aws).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        yield Finding("fail", subject, str(error), "Give the worker credentials: docs/how-to/real-account.md.")
        return None
    where = f", at {aws.endpoint_url}" if aws.endpoint_url else ""
    yield Finding("ok", subject, f"{answer['Arn']}{where}")
    return str(answer["Arn"])


def _assumed(
    number: str, account: AwsAccount, session: boto3.Session, aws: Aws
) -> Generator[Finding, None, boto3.Session | None]:
    """Takes the role of an account; returns a session there, or None."""
    extra = {"ExternalId": account.external_id} if account.external_id else {}
    try:
        answer = _client("sts", session, aws).assume_role(
            RoleArn=account.role_arn, RoleSessionName="firedoor-doctor", DurationSeconds=900, **extra
        )
    except (BotoCoreError, ClientError) as error:
        yield Finding("fail", f"AWS account {number}", str(error), f"Let firedoor assume {account.role_arn}.")
        return None
    key = answer["Credentials"]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"], region_name=aws.region)


def _simulated(subject: str, session: boto3.Session, aws: Aws, arn: str, plans: Sequence[Plan]) -> Iterator[Finding]:
    """Ask the simulator about each permission of each plan; one finding a plan."""
    iam = _client("iam", session, aws)
    try:
        principal = principal_of(arn, iam)
        if principal.endswith(":root"):
            yield Finding(
                "warn",
                subject,
                "not checked: this is the account's root user, about whom AWS's simulator says nothing",
                "Give firedoor a role of its own, with the least privilege: docs/how-to/real-account.md.",
            )
            return
        for plan in plans:
            if decisions := _decisions(iam, principal, plan):
                yield verdict(subject, plan.name, decisions)
    except (BotoCoreError, ClientError) as error:
        yield Finding(
            "warn",
            subject,
            f"could not be checked: {error}",
            "Allow iam:SimulatePrincipalPolicy on firedoor's own principal, and this can be checked.",
        )


def _decisions(iam: Any, principal: str, plan: Plan) -> dict[str, str]:
    """Permission → `allowed`, or why not. Asks about resources as narrow as the plan's policy has them."""
    account = principal.split(":")[4]
    decisions: dict[str, str] = {}
    for question in questions(policy_document(plan)["Statement"], account):
        pages = iam.get_paginator("simulate_principal_policy").paginate(PolicySourceArn=principal, **question)
        for result in (result for page in pages for result in page["EvaluationResults"]):
            name, decision = result["EvalActionName"], result["EvalDecision"]
            decisions[name] = decision if decisions.get(name, ALLOWED) == ALLOWED else decisions[name]
    return decisions


def verdict(subject: str, runbook: str, decisions: Mapping[str, str]) -> Finding:
    """What the simulator's decisions mean for one runbook."""
    refused = [f"{action} ({decision})" for action, decision in decisions.items() if decision != ALLOWED]
    if not refused:
        return Finding("ok", subject, f"{runbook} may do all it needs ({len(decisions)} permissions)")
    return Finding(
        "fail",
        subject,
        f"{runbook} lacks {', '.join(refused)}",
        f"`firedoor steps --policy {runbook}` prints the policy that it needs.",
    )


def principal_of(arn: str, iam: Any) -> str:
    """The ARN that has policies: of a role's session, the role, whose path only IAM knows."""
    role, without_path = role_of(arn)
    if not role:
        return arn
    try:
        return str(iam.get_role(RoleName=role)["Role"]["Arn"])
    except ClientError:
        return without_path
