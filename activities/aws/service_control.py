"""A service control policy of firedoor: its document, and how it stands in the organization."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from activities.aws.accounts import Accounts, Answer, Service
from activities.aws.denied import SID_PREFIX, Document, is_own, text_of
from activities.aws.errors import AwsError
from activities.aws.principals import principal_of
from firedoor.errors import StepError

KIND = "SERVICE_CONTROL_POLICY"
#: What AWS allows an SCP to be long.
MAX_CHARACTERS = 5120
DESCRIPTION = "Put by firedoor to contain a breach; taken off by its incident."
_PRINCIPAL = "aws:PrincipalArn"
_ONLY, _BUT = "ArnLike", "ArnNotLike"


def denying(mark: str, principals: Iterable[str], excepted: Iterable[str]) -> Document:
    """The policy that denies everything to `principals`, or, where there are none, to all but `excepted`."""
    only, but = sorted(set(principals)), sorted(set(excepted))
    condition = {_ONLY: {_PRINCIPAL: only}} if only else {_BUT: {_PRINCIPAL: but}} if but else {}
    statement: dict[str, Any] = {"Sid": f"{SID_PREFIX}{mark}", "Effect": "Deny", "Action": "*", "Resource": "*"}
    if condition:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


def read_from(document: Document) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who a policy of ours denies (nobody named: everybody), and whom it excepts."""
    condition = document["Statement"][0].get("Condition", {})
    return tuple(condition.get(_ONLY, {}).get(_PRINCIPAL, ())), tuple(condition.get(_BUT, {}).get(_PRINCIPAL, ()))


def own_in(member: str, accounts: Accounts) -> tuple[str, ...]:
    """Patterns for what firedoor acts as in an account, whatever its path: names are unique in an account."""
    own = [one for one in accounts.own_principals() if one.account == member]
    return tuple(f"arn:{one.partition}:iam::{member}:{one.kind}/{path}{one.name}" for one in own for path in ("", "*/"))


def refuse_foreign(member: str, arns: Iterable[str]) -> None:
    """Raise `invalid_arguments` where an ARN belongs to another account: the policy would not mean it."""
    foreign = sorted(arn for arn in arns if arn.split(":")[4] != member)
    if foreign:
        raise StepError(
            "invalid_arguments",
            f"{', '.join(foreign)} does not belong to account {member}: a policy on that account does not reach it.",
            next="Name principals of the account only; contain the other accounts in steps of their own.",
        )


def refuse_own(arns: Iterable[str], accounts: Accounts) -> None:
    """Raise `refused_self` where firedoor itself is among those to be denied."""
    for arn in arns:
        principal = principal_of(arn)
        if principal:
            accounts.refuse_own_principal(principal)


def refuse_too_long(document: Document) -> None:
    """Raise `limit_reached` where AWS would not take the policy."""
    size = len(text_of(document))
    if size > MAX_CHARACTERS:
        raise StepError(
            "limit_reached",
            f"The policy would have {size} characters; AWS allows {MAX_CHARACTERS}.",
            next="Name fewer principals, in several steps, or none: then the whole account is denied, with exceptions.",
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """How a policy stands: its id and document (None: there is none), whether it is attached, AWS's answers."""

    id: str
    document: Document | None
    attached: bool
    answers: tuple[Answer, ...]

    def state(self) -> dict[str, Any]:
        """As previews and outcomes have it."""
        return {"document": self.document, "attached": self.attached}


@dataclass(frozen=True, slots=True)
class Organization:
    """The organization, as seen from an account that may change its policies; `member` is the one that is acted on."""

    service: Service
    member: str

    def refuse_unreachable(self) -> None:
        """Raise where no SCP can hold in the account: it is the management account, foreign, or SCPs are off."""
        manager = self.service("DescribeOrganization")["Organization"]["MasterAccountId"]
        if manager == self.member:
            raise StepError(
                "invalid_arguments",
                f"{self.member} is the organization's management account: no SCP reaches it.",
                next="Deny its users and roles with aws.iam.deny_sessions and aws.iam.deny_principal.",
            )
        self.service("DescribeAccount", AccountId=self.member)
        roots, _ = self.service.pages("ListRoots", "Roots")
        enabled = {(one["Type"], one["Status"]) for root in roots for one in root.get("PolicyTypes", ())}
        if (KIND, "ENABLED") not in enabled:
            raise StepError(
                "conflict",
                "The organization has service control policies switched off.",
                next="Deny principals with aws.iam.deny_principal; switching SCPs on is a decision for its owners.",
            )

    def look(self, name: str) -> Standing:
        """How the policy of this name stands."""
        attached, listed = self.service.pages("ListPoliciesForTarget", "Policies", TargetId=self.member, Filter=KIND)
        found = next((one["Id"] for one in attached if one["Name"] == name), "")
        known = found or self._find(name)
        answer = self.service.optional("DescribePolicy", PolicyId=known) if known else None
        if answer is None:
            return Standing("", None, attached=False, answers=(listed,))
        document: Document = json.loads(answer["Policy"]["Content"])
        if not is_own(document):
            raise StepError(
                "conflict",
                f"The policy {name} ({known}) is not firedoor's: somebody else wrote it, or has rewritten it.",
                next="Look at it in AWS Organizations; firedoor leaves it alone.",
            )
        return Standing(known, document, attached=bool(found), answers=(listed, answer))

    def put(self, name: str, document: Document, now: Standing) -> None:
        """Make the policy, or correct it, and attach it."""
        identifier = now.id
        if not identifier:
            made = self.service(
                "CreatePolicy", Name=name, Description=DESCRIPTION, Type=KIND, Content=text_of(document)
            )
            identifier = made["Policy"]["PolicySummary"]["Id"]
        elif now.document != document:
            self.service("UpdatePolicy", PolicyId=identifier, Content=text_of(document))
        if not now.attached:
            try:
                self.service("AttachPolicy", PolicyId=identifier, TargetId=self.member)
            except AwsError as error:
                if error.reason != "limit_reached":
                    raise
                raise self._full(name, error) from None

    def remove(self, now: Standing) -> None:
        """Detach the policy and delete it; what is gone already is fine."""
        if now.attached:
            self.service.optional("DetachPolicy", PolicyId=now.id, TargetId=self.member)
        if now.id:
            self.service.optional("DeletePolicy", PolicyId=now.id)

    def _find(self, name: str) -> str:
        policies, _ = self.service.pages("ListPolicies", "Policies", Filter=KIND)
        return next((str(one["Id"]) for one in policies if one["Name"] == name), "")

    def _full(self, name: str, error: AwsError) -> StepError:
        return StepError(
            "limit_reached",
            f"Account {self.member} has as many SCPs as AWS allows (5 by default): {error.what}",
            changed=f"The policy {name} was made; it is attached to nothing.",
            next="Detach one that denies less, then retry the step: it goes on with the policy that it made.",
        )
