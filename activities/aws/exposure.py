"""What somebody could read: their own policies, evaluated by AWS, without the denies that came with the response."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from activities._action import Context, performs
from activities.aws.accounts import Answer, Service, timestamp
from activities.aws.denied import Denied, Document, decoded, find, is_own
from activities.aws.errors import AwsError
from activities.aws.principals import Principal
from activities.aws.quarantine import PREFIX
from firedoor.errors import StepError
from firedoor.incident import Evidence, Outcome
from firedoor.steps._step import Credential
from firedoor.steps.aws_secretsmanager import (
    Exposure,
    ListReadable,
    ListReadableParameters,
    Readable,
    ReadableSecret,
)
from firedoor.words import plural

#: Secrets a simulation. AWS names no limit for ResourceArns; the request may have 2 MB.
BATCH = 50


@dataclass(frozen=True, slots=True)
class Store:
    """Where secrets are: the service, what reads one, what people call them, and how they are listed."""

    service: str
    actions: tuple[str, ...]
    noun: str
    scheme: str
    listed: Callable[[Service, str], tuple[list[ReadableSecret], Answer]]


@performs(ListReadable)
def list_readable(step: ListReadable, context: Context) -> Outcome:
    """secretsmanager:ListSecrets, then iam:SimulateCustomPolicy with the policies of each principal."""
    return _readable(step, context, SECRETS)


@performs(ListReadableParameters)
def list_readable_parameters(step: ListReadableParameters, context: Context) -> Outcome:
    """ssm:DescribeParameters, then iam:SimulateCustomPolicy with the policies of each principal."""
    return _readable(step, context, PARAMETERS)


def _readable(step: Exposure, context: Context, store: Store) -> Outcome:
    """Everything that one of the principals could read, in the account of each; all there is where nobody is named."""
    named = tuple(dict.fromkeys(filter(None, (step.principal_arn, *step.principals))))
    groups: dict[str, list[str]] = {} if named else {step.account: []}
    for arn in named:
        groups.setdefault(Principal.parse(arn).account, []).append(arn)
    parts: list[Part] = []
    for account, arns in groups.items():
        try:
            parts.append(_part(account, arns, step.regions or (context.aws.region,), context, store))
        except StepError as error:
            if error.reason != "wrong_account" or len(groups) == 1:
                raise
            parts.append(Part(closed=(account,)))
    readable = tuple(secret for part in parts for secret in part.readable)
    result = Readable(
        principal_arn=named[0] if len(named) == 1 else "",
        secrets=readable,
        places=tuple(one.place for one in readable),
        credentials=tuple(
            Credential(provider=f"aws-{store.service}", id=one.arn, where=f"{store.scheme}:{one.arn}")
            for one in readable
        ),
        searched=sum(part.searched for part in parts),
        simulated=all(part.simulated for part in parts),
    )
    return Outcome(
        summary=_summary(named, result, store, [account for part in parts for account in part.closed]),
        result=result.model_dump(mode="json"),
        evidence=tuple(one for part in parts for one in part.evidence),
    )


@dataclass(frozen=True, slots=True)
class Part:
    """What one account comes to. `closed` names it where firedoor may not act there."""

    readable: tuple[ReadableSecret, ...] = ()
    searched: int = 0
    simulated: bool = True
    evidence: tuple[Evidence, ...] = ()
    closed: tuple[str, ...] = ()


def _part(account: str, named: Sequence[str], regions: Sequence[str], context: Context, store: Store) -> Part:
    secrets: list[ReadableSecret] = []
    evidence: list[Evidence] = []
    for region in regions:
        found, answer = store.listed(context.aws.service(store.service, account, region), region)
        secrets += found
        evidence.append(answer.evidence(f"{plural(len(found), store.noun)} in {region}"))
    reached, simulated = set[str](), True
    for arn in named:
        # What one of them could read need not be asked of the others.
        rest = [secret.arn for secret in secrets if secret.arn not in reached]
        allowed, proof = _could_read(arn, context, store, rest, alone=len(named) == 1)
        reached |= set(rest) if allowed is None else allowed
        simulated = simulated and allowed is not None
        evidence.append(proof)
    readable = tuple(secret for secret in secrets if not named or secret.arn in reached)
    return Part(readable, len(secrets), simulated, tuple(evidence))


def _could_read(
    arn: str, context: Context, store: Store, arns: list[str], *, alone: bool
) -> tuple[set[str] | None, Evidence]:
    """What one principal could read. One of several that is gone by now is left out."""
    try:
        target, _ = find(arn, context, act=False)
    except StepError as error:
        if error.reason != "not_found" or alone:
            raise
        return set(), Evidence(source="iam:GetUser, iam:GetRole", says=f"{arn} is gone: left out")
    return _allowed(target, store.actions, arns)


def _summary(named: Sequence[str], found: Readable, store: Store, closed: Sequence[str]) -> str:
    counts = f"{len(found.secrets)} of {plural(found.searched, store.noun)}"
    if not named:
        return f"Nobody is named, so all count as readable: {counts}."
    several = f"{plural(len(named), 'principals')}, together,"
    who = several if len(named) > 1 else f"The {Principal.parse(named[0]).label}"
    parts = [f"{who} could read {counts} (resource policies not counted)."]
    if not found.simulated:
        parts.append("AWS did not evaluate all policies: what it did not evaluate counts as readable.")
    if closed:
        parts.append(f"Not searched, because firedoor has no role there: {', '.join(closed)}.")
    return " ".join(parts)


def _allowed(target: Denied, actions: Sequence[str], arns: list[str]) -> tuple[set[str] | None, Evidence]:
    """The ARNs that the policies allow to read; None where AWS does not say."""
    call = "iam:SimulateCustomPolicy"
    if not arns:
        return set(), Evidence(source=call, says="not asked: there is nothing left to read")
    try:
        policies = [json.dumps(document) for document in _policies(target)]
        if not policies:
            return set(), Evidence(source=call, says="not asked: the principal has no policies")
        boundary = [json.dumps(document) for document in _boundary(target)]
        return _simulated(target.iam, (policies, boundary), actions, arns)
    except AwsError as error:
        if error.reason in {"throttled", "unreachable", "credentials_expired", "credentials_missing"}:
            raise
        return None, Evidence(source=error.call, says=f"refused: {error.what}")


def _simulated(
    iam: Service, documents: tuple[list[str], list[str]], actions: Sequence[str], arns: list[str]
) -> tuple[set[str], Evidence]:
    """What AWS says of policies and the boundary, if there is one."""
    allowed: set[str] = set()
    policies, boundary = documents
    limits = {"PermissionsBoundaryPolicyInputList": boundary} if boundary else {}
    answer: Answer | None = None
    for batch in _batches(arns):
        results, answer = iam.pages(
            "SimulateCustomPolicy",
            "EvaluationResults",
            PolicyInputList=policies,
            ActionNames=list(actions),
            ResourceArns=batch,
            **limits,
        )
        decided = [decision for result in results for decision in _decisions(result)]
        # What the simulation does not answer for counts as read: nobody may rely on its being safe.
        allowed |= set(batch) - {arn for arn, _ in decided} | {arn for arn, said in decided if said == "allowed"}
    says = f"{len(allowed)} of {len(arns)} allowed for {actions[0]}"
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


def _listed_secrets(manager: Service, region: str) -> tuple[list[ReadableSecret], Answer]:
    listed, answer = manager.pages("ListSecrets", "SecretList", MaxResults=100)
    found = [
        ReadableSecret(
            name=one["Name"],
            place=f"aws-sm:{one['Name']}",
            arn=one["ARN"],
            region=region,
            last_changed=timestamp(one.get("LastChangedDate")),
            last_accessed=timestamp(one.get("LastAccessedDate")),
        )
        for one in listed
    ]
    return found, answer


def _listed_parameters(ssm: Service, region: str) -> tuple[list[ReadableSecret], Answer]:
    secure = [{"Key": "Type", "Option": "Equals", "Values": ["SecureString"]}]
    listed, answer = ssm.pages("DescribeParameters", "Parameters", ParameterFilters=secure, MaxResults=50)
    found = [
        ReadableSecret(
            name=one["Name"],
            place=f"aws-ssm:{one['Name']}",
            arn=one["ARN"],
            region=region,
            last_changed=timestamp(one.get("LastModifiedDate")),
        )
        for one in listed
    ]
    return found, answer


SECRETS = Store("secretsmanager", ("secretsmanager:GetSecretValue",), "secrets", "aws-sm", _listed_secrets)
PARAMETERS = Store(
    "ssm",
    ("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:GetParameterHistory"),
    "encrypted parameters",
    "aws-ssm",
    _listed_parameters,
)
