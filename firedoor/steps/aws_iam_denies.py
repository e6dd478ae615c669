"""Contracts of denies on users and roles: of old sessions, of everything; lifting them, and putting them back."""

from typing import Annotated, ClassVar

from pydantic import Field

from firedoor.plan import Effect
from firedoor.steps._step import Result, Step
from firedoor.steps.aws_iam import PrincipalArn

Policies = Annotated[dict[str, str], Field(description="Inline policies: name → the document as JSON.")]


class Denies(Result):
    """What is denied to a principal after the step."""

    principal_arn: str = Field(description="The user or role.")
    policies: tuple[str, ...] = Field(default=(), description="firedoor's inline policies that are in place.")
    removed: tuple[str, ...] = Field(default=(), description="firedoor's inline policies that this step removed.")
    issued_before: str = Field(default="", description="Sessions issued before this moment are denied, RFC 3339 UTC.")
    everything_denied: bool = Field(default=False, description="Is every action of the principal denied?")
    quarantined: tuple[str, ...] = Field(default=(), description="Quarantine policies of AWS; firedoor leaves them.")


class DenySessions(Step):
    """Deny every session that was issued before now to a user or a role.

    Temporary credentials cannot be recalled, but AWS evaluates permissions on every call: an inline Deny with
    `DateLessThan aws:TokenIssueTime` refuses the old ones. On a *user* an inline deny-all comes with it, because its
    sessions (GetSessionToken, GetFederationToken) live up to 36 h and its other credentials would go on. On a *role*
    only the old sessions are denied, so that workloads can assume it again; set `everything` to deny all of it. Whoever
    may still assume the role gets a new session: shut the key, or change the trust policy, first.
    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
    Impossible on service-linked roles and on roles of Identity Center.
    """

    action: ClassVar[str] = "aws.iam.deny_sessions"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    containment: ClassVar[bool] = True
    permissions: ClassVar[tuple[str, ...]] = (
        "iam:GetUser",
        "iam:GetRole",
        "iam:ListAttachedUserPolicies",
        "iam:ListAttachedRolePolicies",
        "iam:ListUserPolicies",
        "iam:ListRolePolicies",
        "iam:GetUserPolicy",
        "iam:GetRolePolicy",
        "iam:PutUserPolicy",
        "iam:PutRolePolicy",
    )
    undo: ClassVar[str] = "aws.iam.lift_denies"
    blast: ClassVar[dict[str, int]] = {"principals": 1}
    proof: ClassVar[str] = "iam:GetUserPolicy or GetRolePolicy returns the deny, equal, over the whole settle window"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = Denies

    principal_arn: PrincipalArn
    everything: bool | None = Field(
        default=None,
        description="Deny every action as well, whatever the credential. Default: true for a user, false for a role.",
    )


class DenyPrincipal(Step):
    """Deny every action to a user or role, whatever credential it uses.

    An inline policy `FiredoorDenyAll`; `sts:GetCallerIdentity` answers nevertheless, AWS allows no denying of it.
    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPolicy.html
    """

    action: ClassVar[str] = "aws.iam.deny_principal"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    containment: ClassVar[bool] = True
    permissions: ClassVar[tuple[str, ...]] = DenySessions.permissions
    undo: ClassVar[str] = "aws.iam.lift_denies"
    blast: ClassVar[dict[str, int]] = {"principals": 1}
    proof: ClassVar[str] = DenySessions.proof
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = Denies

    principal_arn: PrincipalArn


class LiftDenies(Step):
    """Remove the denies that firedoor put on a user or role, and nothing else.

    As the undo of a deny it removes the `policies` that were put and puts the ones back that stood there before
    (`instead`), which may be those of another incident. What somebody changed since is left alone, and said.
    AWSCompromisedKeyQuarantine policies stay: AWS attaches and removes them with a support case. Sessions that were
    denied work again if they have not expired; a user's live up to 36 h.
    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUserPolicy.html
    """

    action: ClassVar[str] = "aws.iam.lift_denies"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    permissions: ClassVar[tuple[str, ...]] = (
        *DenySessions.permissions,
        "iam:DeleteUserPolicy",
        "iam:DeleteRolePolicy",
    )
    undo: ClassVar[str] = "aws.iam.restore_denies"
    blast: ClassVar[dict[str, int]] = {"principals": 1}
    proof: ClassVar[str] = "iam:ListUserPolicies or iam:ListRolePolicies no longer lists firedoor's policies"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = Denies

    principal_arn: PrincipalArn
    policies: Policies = Field(
        default={}, description="Undo only: the policies to remove, name → document as JSON. Empty: all of firedoor's."
    )
    instead: Policies = Field(default={}, description="Undo only: what stood there before, and is put back.")


class RestoreDenies(Step):
    """Put denies of firedoor back as they stood before: the undo of `aws.iam.lift_denies`.

    `policies` come back word for word, also the moment before which sessions are denied. Nothing is done where somebody
    has put something else there since.
    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPolicy.html
    """

    action: ClassVar[str] = "aws.iam.restore_denies"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    permissions: ClassVar[tuple[str, ...]] = LiftDenies.permissions
    undo: ClassVar[str] = "aws.iam.lift_denies"
    blast: ClassVar[dict[str, int]] = {"principals": 1}
    proof: ClassVar[str] = DenySessions.proof
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = Denies

    principal_arn: PrincipalArn
    policies: Policies = Field(min_length=1, description="What was lifted: name → document as JSON.")
    instead_of: Policies = Field(default={}, description="What was put in its place, and goes.")
