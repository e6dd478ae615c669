"""A user or role with the inline policies that firedoor put on it, and the documents of those.

The policies are firedoor's own, by name and by Sid. A policy of the same name that somebody else wrote is left alone.
The Sid also tells which change put a policy, so that an undo takes back its own and nobody else's.
"""

import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from activities._action import Context
from activities.aws.accounts import Answer, Service
from activities.aws.errors import AwsError
from activities.aws.principals import Principal
from activities.aws.quarantine import quarantined
from firedoor.errors import StepError

DENY_ALL = "FiredoorDenyAll"
#: On roles the name that the AWS console gives it, so that responders recognise it; ours if that name is taken.
OLDER_SESSIONS = {
    "role": ("AWSRevokeOlderSessions", "FiredoorRevokeOlderSessions"),
    "user": ("FiredoorRevokeOlderSessions",),
}
SID_PREFIX = "Firedoor"

Document = dict[str, Any]


def mark_of(context: Context) -> str:
    """What the Sids of one change end with: the same in all its attempts and rounds, and in no other change."""
    call = context.call
    parts = (call.incident, context.run, call.step, context.target.key)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def everything_denied(mark: str) -> Document:
    """The policy that denies all."""
    return _document(f"FiredoorDenyAll{mark}")


def older_sessions_denied(mark: str, issued_before: str) -> Document:
    """The policy that denies what was issued before a moment. Long-term keys carry no issue time: not for them."""
    condition = {"DateLessThan": {"aws:TokenIssueTime": issued_before}}
    return _document(f"FiredoorDenyOlderSessions{mark}", Condition=condition)


def issued_before(document: Mapping[str, Any]) -> str:
    """The moment before which a policy denies sessions; empty if it is another one."""
    conditions = (member.get("Condition", {}).get("DateLessThan", {}) for member in _statements(document))
    return next((str(one["aws:TokenIssueTime"]) for one in conditions if "aws:TokenIssueTime" in one), "")


def text_of(document: Document) -> str:
    """A policy as text, as it is put."""
    return json.dumps(document, separators=(",", ":"))


def is_own(document: Mapping[str, Any]) -> bool:
    """Whether firedoor wrote an inline policy: all its statements carry our Sid."""
    members = _statements(document)
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
        try:
            return self.iam(f"Put{self.kind}Policy", **self._name, PolicyName=name, PolicyDocument=text_of(document))
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


def _statements(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    statements = document.get("Statement", [])
    return statements if isinstance(statements, list) else [statements]


def _document(sid: str, **more: Any) -> Document:
    statement = {"Sid": sid, "Effect": "Deny", "Action": "*", "Resource": "*", **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def decoded(document: Any) -> Document:
    """A policy document as AWS sends it: botocore decodes it; where it could not, it is URL-encoded text."""
    return json.loads(unquote(document)) if isinstance(document, str) else dict(document)
