"""What a principal could read: its own policies, evaluated by AWS, without the denies that came with the response."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from activities._action import Context, performs
from activities.aws.accounts import Answer, Service, timestamp
from activities.aws.denied import Denied, Document, decoded, find, is_own
from activities.aws.errors import AwsError
from activities.aws.quarantine import PREFIX
from firedoor.incident import Evidence, Outcome
from firedoor.steps._step import Credential
from firedoor.steps.aws_secretsmanager import ListReadable, Readable, ReadableSecret

ACTION = "secretsmanager:GetSecretValue"
#: Secrets a simulation. AWS names no limit for ResourceArns; the request may have 2 MB.
BATCH = 50


@performs(ListReadable)
def list_readable(step: ListReadable, context: Context) -> Outcome:
    """secretsmanager:ListSecrets, then iam:SimulateCustomPolicy with the principal's own policies."""
    target, _ = find(step.principal_arn, context, act=False)
    secrets: list[ReadableSecret] = []
    evidence: list[Evidence] = []
    for region in step.regions or (context.aws.region,):
        manager = context.aws.service("secretsmanager", target.principal.account, region)
        listed, answer = manager.pages("ListSecrets", "SecretList", MaxResults=100)
        secrets += [_secret(one, region) for one in listed]
        evidence.append(answer.evidence(f"{len(listed)} secrets in {region}"))
    allowed, simulation = _allowed(target, [secret.arn for secret in secrets])
    evidence.append(simulation)
    readable = tuple(secret for secret in secrets if allowed is None or secret.arn in allowed)
    who = target.principal.label
    if allowed is None:
        summary = f"AWS did not evaluate the policies of {who}: all {len(secrets)} secrets count as readable."
    else:
        summary = f"The {who} could read {len(readable)} of {len(secrets)} secrets (resource policies not counted)."
    found = Readable(
        principal_arn=target.arn,
        secrets=readable,
        credentials=tuple(
            Credential(provider="aws-secretsmanager", id=one.arn, where=f"aws-sm:{one.arn}") for one in readable
        ),
        searched=len(secrets),
        simulated=allowed is not None,
    )
    return Outcome(summary=summary, result=found.model_dump(mode="json"), evidence=tuple(evidence))


def _allowed(target: Denied, arns: list[str]) -> tuple[set[str] | None, Evidence]:
    """The ARNs that the policies allow to read; None where AWS does not say."""
    call = "iam:SimulateCustomPolicy"
    if not arns:
        return set(), Evidence(source=call, says="not asked: there are no secrets")
    try:
        policies = [json.dumps(document) for document in _policies(target)]
        if not policies:
            return set(), Evidence(source=call, says="not asked: the principal has no policies")
        boundary = [json.dumps(document) for document in _boundary(target)]
        return _simulated(target.iam, policies, boundary, arns)
    except AwsError as error:
        if error.reason in {"throttled", "unreachable", "credentials_expired", "credentials_missing"}:
            raise
        return None, Evidence(source=error.call, says=f"refused: {error.what}")


def _simulated(iam: Service, policies: list[str], boundary: list[str], arns: list[str]) -> tuple[set[str], Evidence]:
    allowed: set[str] = set()
    limits = {"PermissionsBoundaryPolicyInputList": boundary} if boundary else {}
    answer: Answer | None = None
    for batch in _batches(arns):
        results, answer = iam.pages(
            "SimulateCustomPolicy",
            "EvaluationResults",
            PolicyInputList=policies,
            ActionNames=[ACTION],
            ResourceArns=batch,
            **limits,
        )
        decided = {arn: decision for result in results for arn, decision in _decisions(result)}
        # What the simulation does not answer for counts as read: nobody may rely on its being safe.
        allowed |= {arn for arn in batch if decided.get(arn, "allowed") == "allowed"}
    says = f"{len(allowed)} of {len(arns)} allowed for {ACTION}"
    return allowed, answer.evidence(says) if answer else Evidence(source="iam:SimulateCustomPolicy", says=says)


def _decisions(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Resource and decision: AWS answers one result an action, with the resources inside, or one a resource."""
    specific = result.get("ResourceSpecificResults") or ()
    for one in specific:
        yield one["EvalResourceName"], one["EvalResourceDecision"]
    if not specific:
        yield result["EvalResourceName"], result["EvalDecision"]


def _policies(target: Denied) -> Iterator[Document]:
    """Every identity policy of the principal and its groups, without firedoor's own and AWS's quarantine."""
    name = {f"{target.kind}Name": target.principal.name}
    yield from _of(target.iam, target.kind, name)
    if target.kind == "User":
        groups, _ = target.iam.pages("ListGroupsForUser", "Groups", **name)
        for group in groups:
            yield from _of(target.iam, "Group", {"GroupName": group["GroupName"]})


def _of(iam: Service, kind: str, name: dict[str, str]) -> Iterator[Document]:
    inline, _ = iam.pages(f"List{kind}Policies", "PolicyNames", **name)
    for policy in inline:
        answer = iam.optional(f"Get{kind}Policy", **name, PolicyName=policy)
        document = decoded(answer["PolicyDocument"]) if answer else {}
        if document and not is_own(document):
            yield document
    attached, _ = iam.pages(f"ListAttached{kind}Policies", "AttachedPolicies", **name)
    for policy in attached:
        if not policy["PolicyName"].startswith(PREFIX):
            yield _managed(iam, policy["PolicyArn"])


def _boundary(target: Denied) -> Iterator[Document]:
    answer = target.iam(f"Get{target.kind}", **{f"{target.kind}Name": target.principal.name})
    arn = answer[target.kind].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    if arn:
        yield _managed(target.iam, arn)


def _managed(iam: Service, arn: str) -> Document:
    version = iam("GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return decoded(iam("GetPolicyVersion", PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])


def _batches(arns: list[str]) -> Iterable[list[str]]:
    return (arns[start : start + BATCH] for start in range(0, len(arns), BATCH))


def _secret(listed: dict[str, Any], region: str) -> ReadableSecret:
    return ReadableSecret(
        name=listed["Name"],
        arn=listed["ARN"],
        region=region,
        last_changed=timestamp(listed.get("LastChangedDate")),
        last_accessed=timestamp(listed.get("LastAccessedDate")),
    )
