"""Denies on users and roles: of old sessions, of everything, and lifting them.

The policies are firedoor's own, by name and by Sid. A policy of the same name that somebody else wrote is left alone.
"""

import datetime
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from activities._action import Context, performs
from activities.aws.accounts import Answer, Service, timestamp
from activities.aws.errors import AwsError, after
from activities.aws.principals import Principal
from activities.aws.quarantine import quarantined
from activities.aws.settling import settle
from firedoor.errors import StepError
from firedoor.incident import Outcome, Preview
from firedoor.plan import Effect, Verdict
from firedoor.steps._step import Step
from firedoor.steps.aws_iam import Denies, DenyPrincipal, DenySessions, LiftDenies

DENY_ALL = "FiredoorDenyAll"
#: On roles the name that the AWS console gives it, so that responders recognise it; ours if that name is taken.
OLDER_SESSIONS = {
    "role": ("AWSRevokeOlderSessions", "FiredoorRevokeOlderSessions"),
    "user": ("FiredoorRevokeOlderSessions",),
}
SID_PREFIX = "Firedoor"

Document = dict[str, Any]


def everything_denied() -> Document:
    """The policy that denies all."""
    return _document("FiredoorDenyAll")


def older_sessions_denied(issued_before: str) -> Document:
    """The policy that denies what was issued before a moment. Long-term keys carry no issue time: not for them."""
    return _document("FiredoorDenyOlderSessions", Condition={"DateLessThan": {"aws:TokenIssueTime": issued_before}})


def is_own(document: Mapping[str, Any]) -> bool:
    """Whether firedoor wrote an inline policy: all its statements carry our Sid."""
    statements = document.get("Statement", [])
    members = statements if isinstance(statements, list) else [statements]
    return bool(members) and all(str(member.get("Sid", "")).startswith(SID_PREFIX) for member in members)


@dataclass(frozen=True, slots=True)
class Denied:
    """A user or role and its inline policies. `kind` is `User` or `Role`, as IAM's operations are named."""

    iam: Service
    principal: Principal
    kind: str
    arn: str

    @property
    def _name(self) -> dict[str, str]:
        return {f"{self.kind}Name": self.principal.name}

    def policy(self, name: str) -> tuple[Document | None, Answer | None]:
        """An inline policy, and AWS's answer; None where there is none of the name."""
        answer = self.iam.optional(f"Get{self.kind}Policy", **self._name, PolicyName=name)
        return (decoded(answer["PolicyDocument"]), answer) if answer else (None, None)

    def own_policies(self) -> tuple[dict[str, Document], Answer]:
        """The inline policies that firedoor wrote, by name, and AWS's list."""
        names, answer = self.iam.pages(f"List{self.kind}Policies", "PolicyNames", **self._name)
        candidates = {DENY_ALL, *OLDER_SESSIONS["role"]}
        found = {name: self.policy(name)[0] for name in names if name in candidates}
        return {name: document for name, document in found.items() if document and is_own(document)}, answer

    def put(self, name: str, document: Document) -> Answer:
        """Set an inline policy."""
        text = json.dumps(document, separators=(",", ":"))
        try:
            return self.iam(f"Put{self.kind}Policy", **self._name, PolicyName=name, PolicyDocument=text)
        except AwsError as error:
            raise _explained(error, self.principal) from None

    def delete(self, name: str) -> None:
        """Delete an inline policy; one that is gone is fine."""
        self.iam.optional(f"Delete{self.kind}Policy", **self._name, PolicyName=name)

    def quarantined(self) -> tuple[str, ...]:
        """AWS's own quarantine policies."""
        return quarantined(self.iam, self.kind, self.principal.name)


def find(arn: str, context: Context, *, act: bool = True) -> tuple[Denied, datetime.datetime]:
    """The user or role of an ARN, and the time on AWS's clock. Raises `not_found`, `wrong_account`, `refused_self`."""
    principal = Principal.parse(arn)
    if act:
        context.aws.refuse_own_principal(principal)
    iam = context.aws.service("iam", principal.account)
    kind = principal.kind.title()
    answer = iam.optional(f"Get{kind}", **{f"{kind}Name": principal.name})
    if answer is None:
        raise StepError(
            "not_found",
            f"Account {principal.account} has no {principal.kind} {principal.name}.",
            next="Check the ARN. A principal that was deleted needs no deny: its sessions die with it.",
        )
    return Denied(iam, principal, kind, str(answer[kind]["Arn"])), answer.at


@performs(DenySessions)
def deny_sessions(step: DenySessions, context: Context) -> Iterator[Preview | Outcome]:
    """iam:PutUserPolicy or iam:PutRolePolicy with `DateLessThan aws:TokenIssueTime`; on users a deny-all as well."""
    target, now = find(step.principal_arn, context)
    everything = step.everything if step.everything is not None else target.kind == "User"
    # Issue times have whole seconds and "less than" is strict: one second more catches what was issued in this one.
    issued_before = timestamp(now + datetime.timedelta(seconds=1))
    # The strongest first: what comes after it may fail.
    wanted = {DENY_ALL: everything_denied()} if everything else {}
    wanted[_free_name(target)] = older_sessions_denied(issued_before)
    yield from _deny(step, context, target, wanted)


@performs(DenyPrincipal)
def deny_principal(step: DenyPrincipal, context: Context) -> Iterator[Preview | Outcome]:
    """iam:PutUserPolicy or iam:PutRolePolicy with a deny of everything."""
    target, _ = find(step.principal_arn, context)
    yield from _deny(step, context, target, {DENY_ALL: everything_denied()})


@performs(LiftDenies)
def lift_denies(step: LiftDenies, context: Context) -> Iterator[Preview | Outcome]:
    """iam:DeleteUserPolicy or iam:DeleteRolePolicy for firedoor's own policies only."""
    target, _ = find(step.principal_arn, context, act=False)
    own, _ = target.own_policies()
    before = context.earlier.before["policies"] if context.earlier else own
    lifted = ", ".join(sorted({*before, *own}))
    who = target.principal.label
    yield Preview(
        change=f"lift {lifted} from {who}"
        if lifted
        else f"{who} is already without firedoor's denies: nothing to change",
        before={"policies": before},
        effect=Effect.REVERSIBLE,
        undo=f"aws.iam.deny_sessions principal_arn={target.arn}" if lifted else "",
        blast=LiftDenies.blast if lifted else {},
    )
    for name in own:
        with after("Some denies may have been lifted already."):
            target.delete(name)
    with after("The denies were lifted, but that is not confirmed."):
        settled = settle(context.aws.settle_seconds, target.own_policies, lambda found: not found[0])
        quarantine = target.quarantined()
    if not settled.stable:
        raise StepError(
            "not_stable",
            f"AWS still lists {', '.join(settled.last[0])} on {target.principal.label}.",
            changed="AWS accepted their removal.",
            next="firedoor tries again by itself.",
        )
    summary = (
        f"Lifted {', '.join(sorted(before))} from {target.principal.label}."
        if before
        else (f"There was no deny of firedoor on {target.principal.label}.")
    )
    if quarantine:
        summary += f" {', '.join(quarantine)} stays: AWS removes it with a support case."
    result = Denies(principal_arn=target.arn, removed=tuple(sorted(before)), quarantined=quarantine)
    yield Outcome(
        summary=summary,
        result=result.model_dump(mode="json"),
        changed=bool(before),
        before={"policies": before},
        evidence=(settled.last[1].evidence("no policy of firedoor is left"),),
    )


def _deny(step: Step, context: Context, target: Denied, wanted: dict[str, Document]) -> Iterator[Preview | Outcome]:
    """Preview, put `wanted`, read back until equal."""
    own, _ = target.own_policies()
    before = context.earlier.before["policies"] if context.earlier else own
    quarantine = target.quarantined()
    same = context.earlier is None and all(own.get(name) == document for name, document in wanted.items())
    label = target.principal.label
    yield Preview(
        change=f"{label} is already denied {_what(wanted)}: nothing to change"
        if same
        else f"deny {_what(wanted)} to {label}",
        before={"policies": before, "quarantined": list(quarantine)},
        effect=step.effect,
        undo="" if same else f"{step.undo} principal_arn={target.arn}",
        blast={} if same else step.blast,
    )
    answers: list[Answer] = []
    for name, document in wanted.items():
        with after(_put_so_far(answers, target)):
            if own.get(name) != document:
                answers.append(target.put(name, document))
    with after(f"The denies were put on {target.principal.label}, but that is not confirmed."):
        settled = settle(
            context.aws.settle_seconds,
            lambda: {name: target.policy(name) for name in wanted},
            lambda found: all(found[name][0] == document for name, document in wanted.items()),
        )
    evidence = tuple(
        answer.evidence(f"{name}: {json.dumps(document, separators=(',', ':'))}")
        for name, (document, answer) in settled.last.items()
        if answer
    )
    yield Outcome(
        summary=_summary(target, wanted, settled.verdict, quarantine),
        result=_result(target, wanted, quarantine).model_dump(mode="json"),
        verdict=settled.verdict,
        changed=bool(answers) or context.earlier is not None,
        before={"policies": before, "quarantined": list(quarantine)},
        evidence=evidence,
    )


def _free_name(target: Denied) -> str:
    """The name for the deny of old sessions: the first that is free or ours."""
    names = OLDER_SESSIONS[target.principal.kind]
    for name in names[:-1]:
        document, _ = target.policy(name)
        if document is None or is_own(document):
            return name
    return names[-1]


def _summary(target: Denied, wanted: Mapping[str, Document], verdict: Verdict, quarantine: tuple[str, ...]) -> str:
    who = target.principal.label
    if verdict is not Verdict.CONTAINED:
        return f"The denies on {who} do not read back as they were put: something changes them, or AWS is late."
    stamp = _stamp(wanted)
    parts = [f"{who[0].upper()}{who[1:]} is denied {_what(wanted)}."]
    if DENY_ALL not in wanted:
        parts.append(f"Sessions issued from {stamp} on work: whoever may still assume the role gets a new one.")
    if quarantine:
        parts.append(f"AWS's own {', '.join(quarantine)} is attached too; it is not containment and stays.")
    return " ".join(parts)


def _what(wanted: Mapping[str, Document]) -> str:
    everything = "everything" if DENY_ALL in wanted else ""
    stamp = _stamp(wanted)
    return " and ".join(part for part in (everything, f"sessions issued before {stamp}" if stamp else "") if part)


def _result(target: Denied, wanted: Mapping[str, Document], quarantine: tuple[str, ...]) -> Denies:
    return Denies(
        principal_arn=target.arn,
        policies=tuple(sorted(wanted)),
        issued_before=_stamp(wanted),
        everything_denied=DENY_ALL in wanted,
        quarantined=quarantine,
    )


def _stamp(wanted: Mapping[str, Document]) -> str:
    conditions = (document["Statement"][0].get("Condition", {}) for document in wanted.values())
    return next((str(one["DateLessThan"]["aws:TokenIssueTime"]) for one in conditions if one), "")


def _put_so_far(answers: list[Answer], target: Denied) -> str:
    if not answers:
        return ""
    return f"One of two denies was put on {target.principal.label} (request {answers[-1].request_id})."


def _explained(error: AwsError, principal: Principal) -> StepError:
    """IAM's refusals of an inline policy, in words that help."""
    if error.reason == "conflict":
        return StepError(
            "conflict",
            f"AWS lets nobody put a policy on the {principal.label}: it is service-linked, or Identity Center's.",
            next="Revoke its sessions where it is managed: in Identity Center, or in the service that owns the role.",
        )
    if error.reason == "limit_reached":
        return StepError(
            "limit_reached",
            f"The inline policies of the {principal.label} are at AWS's size limit "
            "(2,048 characters a user, 10,240 a role).",
            next="Remove one, or attach arn:aws:iam::aws:policy/AWSDenyAll by hand, then retry the step.",
        )
    return error


def _document(sid: str, **more: Any) -> Document:
    statement = {"Sid": sid, "Effect": "Deny", "Action": "*", "Resource": "*", **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def decoded(document: Any) -> Document:
    """A policy document as AWS sends it: botocore decodes it; where it could not, it is URL-encoded text."""
    return json.loads(unquote(document)) if isinstance(document, str) else dict(document)
