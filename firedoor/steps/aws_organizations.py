"""Contracts of the steps that contain an account from outside: a service control policy of its organization."""

from typing import Annotated, ClassVar

from pydantic import Field

from firedoor.plan import Effect
from firedoor.steps._step import Result, Step

Member = Annotated[str, Field(pattern=r"^[0-9]{12}$", description="The id of the member account that is contained.")]
Manager = Annotated[
    str,
    Field(
        pattern=r"^([0-9]{12})?$",
        description=(
            "The account that may change the organization's policies: its management account, or a delegated "
            "administrator. Empty: firedoor's own."
        ),
    ),
]
#: A user, a role or the root user. Sessions count as their user or role.
DeniedArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/[\w+=,.@/-]+)$")]
#: The same, and a last `*` after at least one letter: whole paths, as that of Identity Center's roles.
ExceptedArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:(user|role)/[\w+=,.@/-]+\*?$")]
PolicyName = Annotated[str, Field(pattern=r"^Firedoor[\w-]{1,120}$")]


class AccountDenied(Result):
    """A service control policy of firedoor, and what it denies."""

    member: str = Field(description="The account.")
    policy_name: str = Field(description="The policy, for `aws.organizations.lift_deny`.")
    policy_id: str = Field(default="", description="Its id; empty where there is none any more.")
    attached: bool = Field(description="Is it attached to the account?")
    principals: tuple[str, ...] = Field(default=(), description="Who is denied; empty: everybody but the exceptions.")
    excepted: tuple[str, ...] = Field(default=(), description="Who is not denied, firedoor itself among them.")


class DenyAccount(Step):
    """Deny every action to an account, or to some of its users and roles, by a service control policy (SCP).

    It comes from outside: nobody in the account can take it off, however many rights they have there. That ends the
    race against an intruder who removes a deny before it has spread. Sessions count as their user or role, so that
    all of them are refused, old and new, and so are short-term Bedrock keys. Without `principals` the whole account
    is denied, its root user too; firedoor's own role in it is always excepted, and who else must go on stands in
    `except_principals`.
    API: https://docs.aws.amazon.com/organizations/latest/APIReference/API_AttachPolicy.html
    An SCP does not reach the management account, service-linked roles, or principals of other accounts that a resource
    policy lets in. Sessions of GetFederationToken have an ARN of their own: deny their user with
    `aws.iam.deny_sessions` as well, or the whole account. An SCP has 5,120 characters (about 60 principals), and an
    account 5 SCPs.
    """

    action: ClassVar[str] = "aws.organizations.deny_account"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    containment: ClassVar[bool] = True
    permissions: ClassVar[tuple[str, ...]] = (
        "organizations:DescribeOrganization",
        "organizations:DescribeAccount",
        "organizations:ListRoots",
        "organizations:ListPolicies",
        "organizations:ListPoliciesForTarget",
        "organizations:DescribePolicy",
        "organizations:CreatePolicy",
        "organizations:UpdatePolicy",
        "organizations:AttachPolicy",
    )
    undo: ClassVar[str] = "aws.organizations.lift_deny"
    changeable: ClassVar[tuple[str, ...]] = ("account",)
    blast: ClassVar[dict[str, int]] = {"accounts": 1}
    proof: ClassVar[str] = (
        "organizations:ListPoliciesForTarget lists the policy and DescribePolicy returns it, equal, over the whole "
        "settle window; AWS has no call that shows an SCP's effect"
    )
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = AccountDenied

    member: Member
    principals: tuple[DeniedArn, ...] = Field(default=(), description="Only these users and roles; empty: everybody.")
    except_principals: tuple[ExceptedArn, ...] = Field(
        default=(),
        description="Without `principals`: who goes on, such as break-glass and workload roles. A last `*` is allowed.",
    )
    account: Manager = ""
    policy_name: PolicyName | None = Field(default=None, description="Undo only: the name that the policy had.")
    document: str = Field(default="", description="Undo only: the policy as it was lifted, JSON.")


class LiftDeny(Step):
    """Detach and delete a service control policy of firedoor, and nothing else.

    A policy that somebody changed since is left alone, and said. What was denied works again within minutes.
    API: https://docs.aws.amazon.com/organizations/latest/APIReference/API_DetachPolicy.html
    """

    action: ClassVar[str] = "aws.organizations.lift_deny"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    permissions: ClassVar[tuple[str, ...]] = (
        "organizations:ListPolicies",
        "organizations:ListPoliciesForTarget",
        "organizations:DescribePolicy",
        "organizations:DetachPolicy",
        "organizations:DeletePolicy",
    )
    undo: ClassVar[str] = "aws.organizations.deny_account"
    changeable: ClassVar[tuple[str, ...]] = ("account",)
    blast: ClassVar[dict[str, int]] = {"accounts": 1}
    proof: ClassVar[str] = "organizations:ListPolicies and ListPoliciesForTarget no longer list the policy"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = AccountDenied

    member: Member
    policy_name: PolicyName = Field(description="The policy: `policy_name` of `aws.organizations.deny_account`.")
    account: Manager = ""
    document: str = Field(default="", description="Undo only: the policy as it was put, JSON.")
