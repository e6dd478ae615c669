"""Contracts of the steps on secrets in AWS: what somebody could read, and a new value for a secret."""

from typing import Annotated, ClassVar

from pydantic import Field

from firedoor.plan import Effect
from firedoor.steps._step import Credential, Result, Step
from firedoor.steps.aws_iam import Account, PrincipalArn

SecretReference = Annotated[
    str,
    Field(
        pattern=r"^(env:FIREDOOR_SECRET_[A-Z0-9_]+|file:/.+|aws-(sm|secretsmanager):[^#]+(#[^#]+)?)$",
        description=(
            "Where the value is, never the value: `env:FIREDOOR_SECRET_…` or `file:/…` of the worker, or "
            "`aws-sm:NAME_OR_ARN#VERSION` (a version id, or a stage such as AWSCURRENT)."
        ),
        json_schema_extra={"secret_reference": True},
    ),
]


class ReadableSecret(Result):
    """A secret, or a parameter that is encrypted, without its value."""

    name: str = Field(description="Its name.")
    place: str = Field(default="", description="As the inventory names it: the store and its name there.")
    arn: str = Field(description="Its ARN.")
    region: str = Field(description="Its region.")
    last_changed: str = Field(default="", description="When its value last changed, RFC 3339 UTC.")
    last_accessed: str = Field(default="", description="The day it was last read, by anybody.")


class Readable(Result):
    """What a principal, or one of several, could read."""

    principal_arn: str = Field(default="", description="The user or role; empty where not one was named.")
    secrets: tuple[ReadableSecret, ...] = Field(description="Secrets that it, or one of them, could read.")
    places: tuple[str, ...] = Field(default=(), description="The same secrets as `inventory.find` takes them.")
    credentials: tuple[Credential, ...] = Field(description="The same secrets as credentials to rotate.")
    searched: int = Field(description="Secrets that exist in the regions searched.")
    simulated: bool = Field(description="False: AWS did not evaluate the policies, so every secret is listed.")


class StoredSecret(Result):
    """A new value of a secret."""

    credential: Credential = Field(description="Where the value lives, and its fingerprint.")
    version_id: str = Field(description="The version that is AWSCURRENT now.")
    previous_version_id: str = Field(default="", description="AWSPREVIOUS: it still holds the old value.")


class CurrentVersion(Result):
    """Which version of a secret is current."""

    secret: str = Field(description="The ARN of the secret.")
    version_id: str = Field(description="The version that is AWSCURRENT now.")
    previous_version_id: str = Field(default="", description="The version that was AWSCURRENT before the step.")


class Exposure(Step):
    """Who is asked about, and where: of both kinds of secrets the same."""

    effect: ClassVar[Effect] = Effect.READ
    changeable: ClassVar[tuple[str, ...]] = ("regions",)
    timeout: ClassVar[int] = 1800
    result: ClassVar[type[Result]] = Readable

    principal_arn: Annotated[
        str,
        Field(
            pattern=r"^(arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[\w+=,.@/:-]+)?$",
            description="The user or role; the ARN of a role's session means its role.",
        ),
    ] = ""
    principals: tuple[PrincipalArn, ...] = Field(
        default=(), description="More of them; each is asked about in its own account."
    )
    account: Account = ""
    regions: tuple[str, ...] = Field(default=(), description="Regions to search; empty: the configured one.")


#: What it takes to collect somebody's policies and to have AWS evaluate them.
EVALUATING = (
    "iam:SimulateCustomPolicy",
    "iam:GetUser",
    "iam:GetRole",
    "iam:ListUserPolicies",
    "iam:GetUserPolicy",
    "iam:ListAttachedUserPolicies",
    "iam:ListGroupsForUser",
    "iam:ListGroupPolicies",
    "iam:GetGroupPolicy",
    "iam:ListAttachedGroupPolicies",
    "iam:ListRolePolicies",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
)


class ListReadable(Exposure):
    """List the secrets that a principal could read before firedoor shut it out.

    Its policies (inline, attached, of its groups, and the boundary) are collected without firedoor's denies and AWS's
    quarantine, and evaluated by `iam:SimulateCustomPolicy` against each secret. Resource policies of secrets, SCPs and
    conditions on the caller are not evaluated. Where AWS refuses to evaluate, every secret counts as readable. With
    `principals` the answer is what any of them could read; one that is gone is left out. With nobody named it is every
    secret of the account, as after a breach of its root user.
    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
    """

    action: ClassVar[str] = "aws.secretsmanager.list_readable"
    permissions: ClassVar[tuple[str, ...]] = ("secretsmanager:ListSecrets", *EVALUATING)


class ListReadableParameters(Exposure):
    """List the parameters of Systems Manager that a principal could read before firedoor shut it out.

    Only those of the type SecureString: the others are no secrets. Evaluated as by `aws.secretsmanager.list_readable`,
    for ssm:GetParameter, GetParameters, GetParametersByPath and GetParameterHistory; kms:Decrypt is not evaluated.
    API: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeParameters.html
    """

    action: ClassVar[str] = "aws.ssm.list_readable"
    permissions: ClassVar[tuple[str, ...]] = ("ssm:DescribeParameters", *EVALUATING)


class PutSecret(Step):
    """Give a secret a new value: pending, verified, then current. Never left half-way.

    The version id is derived from the incident, so a repeated attempt continues the same version. AWSCURRENT moves only
    if it still is where it was before (`RemoveFromVersionId`). AWSPREVIOUS keeps the old value, and consumers cache.
    API: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
    A secret under a customer-managed KMS key also needs kms:Decrypt and kms:GenerateDataKey on that key.
    """

    action: ClassVar[str] = "aws.secretsmanager.put_secret"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    permissions: ClassVar[tuple[str, ...]] = (
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    )
    undo: ClassVar[str] = "aws.secretsmanager.restore_version"
    changeable: ClassVar[tuple[str, ...]] = ("value", "region", "account")
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "secretsmanager:GetSecretValue with AWSCURRENT returns the new version, equal"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = StoredSecret

    secret_id: str = Field(min_length=1, max_length=2048, description="Name or ARN of the secret.")
    value: SecretReference
    region: str = Field(default="", description="The secret's region; empty: its ARN's, or the configured one.")
    account: Account = ""


class RestoreVersion(Step):
    """Make an earlier version of a secret AWSCURRENT again: the undo of `aws.secretsmanager.put_secret`.

    AWS keeps the version that was current last; older ones may be gone, and then nothing is done. Nor is it where the
    secret has got another value since (`instead_of` is no longer current). Consumers cache.
    API: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
    """

    action: ClassVar[str] = "aws.secretsmanager.restore_version"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    permissions: ClassVar[tuple[str, ...]] = (
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    )
    undo: ClassVar[str] = "aws.secretsmanager.restore_version"
    changeable: ClassVar[tuple[str, ...]] = ("region", "account")
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "secretsmanager:GetSecretValue with AWSCURRENT returns the version, over the settle window"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = CurrentVersion

    secret_id: str = Field(min_length=1, max_length=2048, description="Name or ARN of the secret.")
    version_id: str = Field(min_length=1, description="The version that shall be AWSCURRENT.")
    instead_of: str = Field(min_length=1, description="The version that is AWSCURRENT now.")
    region: str = Field(default="", description="The secret's region; empty: its ARN's, or the configured one.")
    account: Account = ""
