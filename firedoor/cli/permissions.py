"""Who AWS says that firedoor is, and whether it may do what the runbooks need. Changes nothing.

Asks AWS's policy simulator about firedoor's own principal. Needs `sts:GetCallerIdentity`, which nobody can be refused,
and, to know more, `iam:SimulatePrincipalPolicy` on itself, `iam:GetRole`, and `sts:AssumeRole` for configured accounts.
"""

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from firedoor.cli.views.checklist import Finding
from firedoor.config import Aws, AwsAccount
from firedoor.plan import Plan
from firedoor.sinks import STORES, place
from firedoor.steps.policy import policy_document
from firedoor.steps.simulation import ALLOWED, example_of, questions, role_of

CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})


#: Places that are asked about in one account: what holds for these holds for the rest, as a rule.
SOME = 40
#: An action as IAM names it; some permissions of sinks are sentences.
ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9]+")


def check(aws: Aws, plans: Sequence[Plan], places: Sequence[str] = ()) -> Iterator[Finding]:
    """Findings about firedoor's own account and every configured one, for the plans that shall run there.

    `places` are those of the inventory: what a rotation writes there no plan names, so that it is asked separately.
    """
    session = boto3.Session(region_name=aws.region)
    own = yield from _identity("AWS identity", session, aws)
    if own is None:
        return
    asked = {account: list(found) for account, found in _by_account(places, aws.region).items()}
    yield from _simulated("AWS permissions", session, aws, own, (plans, asked.get("", [])))
    for number, account in aws.accounts.items():
        assumed = yield from _assumed(number, account, session, aws)
        arn = (yield from _identity(f"AWS account {number}", assumed, aws)) if assumed else None
        if assumed and arn:
            yield from _simulated(f"AWS account {number}", assumed, aws, arn, (plans, asked.get(number, [])))


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


def _by_account(places: Sequence[str], region: str) -> dict[str, dict[str, str]]:
    """Account (empty: firedoor's own) → the ARN of each secret or parameter in it → its scheme."""
    found: dict[str, dict[str, str]] = {}
    for text in places:
        if text.partition(":")[0] not in ARNS:
            continue
        where = place(text)
        account = where.options.get("account", "")
        name = where.name if where.name.startswith("arn:") else ""
        arn = name or ARNS[where.scheme].format(where.options.get("region") or region, where.name.lstrip("/"))
        found.setdefault(account, {})[arn] = where.scheme
    return found


#: What stands for the account is filled in later.
ARNS = {
    "aws-sm": "arn:aws:secretsmanager:{}:*:secret:{}-??????",
    "aws-ssm": "arn:aws:ssm:{}:*:parameter/{}",
}


def _stored(subject: str, iam: Any, principal: str, arns: Sequence[str]) -> Iterator[Finding]:
    """May firedoor read and replace what the inventory has in this account? One finding for all."""
    account, lacking = principal.split(":")[4], dict[str, set[str]]()
    for scheme in ARNS:
        service = ARNS[scheme].split(":")[2]
        resources = [example_of(arn, account) for arn in arns if arn.split(":")[2] == service][:SOME]
        actions = [one for one in STORES[scheme].permissions if ACTION.fullmatch(one)]
        if not resources:
            continue
        asked = {"PolicySourceArn": principal, "ActionNames": actions, "ResourceArns": resources}
        for page in iam.get_paginator("simulate_principal_policy").paginate(**asked):
            for result in page["EvaluationResults"]:
                for name, decision in _decided(result):
                    if decision != ALLOWED:
                        lacking.setdefault(result["EvalActionName"], set()).add(name)
    if not lacking:
        yield Finding("ok", subject, f"the inventory's places here may be read and replaced ({len(arns)} places)")
        return
    says = ", ".join(f"{action} on {min(names)}" for action, names in sorted(lacking.items()))
    yield Finding("fail", subject, f"for places of the inventory firedoor lacks {says}", SINKS)


SINKS = "docs/reference/sinks.md lists what each sink needs; `firedoor steps --policy` cannot know the places."


def _decided(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Resource and decision: AWS answers one result an action, with the resources inside, or one a resource."""
    specific = result.get("ResourceSpecificResults") or ()
    for one in specific:
        yield one["EvalResourceName"], one["EvalResourceDecision"]
    if not specific:
        yield result["EvalResourceName"], result["EvalDecision"]


def _simulated(
    subject: str, session: boto3.Session, aws: Aws, arn: str, asked: tuple[Sequence[Plan], Sequence[str]]
) -> Iterator[Finding]:
    """Ask the simulator about each permission of each plan, one finding a plan; and about places."""
    iam, (plans, arns) = _client("iam", session, aws), asked
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
        if arns:
            yield from _stored(subject, iam, principal, arns)
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
