"""Contracts of access keys: find out about one, shut it, open it again, delete it, make a new one.

Every step that names an access key asks `sts:GetAccessKeyInfo` for the account of the key unless `account` says it.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from firedoor.plan import Effect
from firedoor.steps._step import Credential, Result, Step
from firedoor.steps.aws_iam import AccessKeyId, Account, OwnerName, UserName

ExpectedStatus = Annotated[
    Literal["", "Active", "Inactive"],
    Field(
        description="Undo only: the status that it takes back. If the key is neither so nor as it was, nothing is done."
    ),
]


class AccessKey(Result):
    """One access key, as IAM lists it."""

    access_key_id: str = Field(description="The id, AKIA….")
    status: str = Field(description="`Active` or `Inactive`.")
    created: str = Field(default="", description="When it was made, RFC 3339 UTC.")


class KeyIdentity(Result):
    """Whose key it is, and what is known of it."""

    access_key_id: str = Field(description="The id that was asked about.")
    kind: Literal["long_term", "temporary"] = Field(description="AKIA… is `long_term`, ASIA… is `temporary`.")
    account: str = Field(description="The account that owns the key.")
    user_name: str = Field(default="", description="The IAM user; empty if a role's session or unknown.")
    principal_arn: str = Field(
        default="", description="The ARN of the IAM user, or of the role of a temporary key; empty if AWS cannot tell."
    )
    status: str = Field(default="Unknown", description="`Active`, `Inactive`, or `Unknown` for temporary keys.")
    created: str = Field(default="", description="When the key was made, RFC 3339 UTC.")
    last_used: str = Field(default="", description="When it was last used, RFC 3339 UTC; empty if never.")
    last_used_service: str = Field(default="", description="The service of the last use only.")
    last_used_region: str = Field(default="", description="The region of the last use only.")
    siblings: tuple[AccessKey, ...] = Field(default=(), description="The other access keys of the same user.")
    quarantined: tuple[str, ...] = Field(
        default=(), description="AWSCompromisedKeyQuarantine policies that AWS attached: a sign, not containment."
    )


class KeyList(Result):
    """The access keys of one user."""

    account: str = Field(description="The account of the user.")
    user_name: str = Field(description="The user.")
    keys: tuple[AccessKey, ...] = Field(description="Every access key, active or not; a user has at most two.")
    active: int = Field(description="How many of them are active.")


class KeyStatus(Result):
    """The state of one access key after the step."""

    access_key_id: str = Field(description="The key.")
    user_name: str = Field(description="Its owner.")
    account: str = Field(description="Its account.")
    status: str = Field(description="`Active`, `Inactive` or `Deleted`, as read back.")


class NewKey(Result):
    """A new access key. The secret is in the sink; here is a reference."""

    credential: Credential = Field(description="Provider, key id, fingerprint, and where the value lives.")
    user_name: str = Field(description="The owner.")
    account: str = Field(description="The account.")


class IdentifyAccessKey(Step):
    """Find out whose access key it is: account, user, status, last use, and the user's other keys.

    For a temporary key (ASIA…) IAM knows the account only. firedoor then looks in CloudTrail (90 days, management
    events, minutes late) for a call made with the key, or for the call that issued it, and reads the role or user from
    there; where neither is found `principal_arn` is empty.
    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html
    """

    action: ClassVar[str] = "aws.iam.identify_access_key"
    effect: ClassVar[Effect] = Effect.READ
    permissions: ClassVar[tuple[str, ...]] = (
        "sts:GetAccessKeyInfo",
        "iam:GetAccessKeyLastUsed",
        "iam:GetUser",
        "iam:ListAccessKeys",
        "iam:ListAttachedUserPolicies",
        "cloudtrail:LookupEvents",
    )
    changeable: ClassVar[tuple[str, ...]] = ("account",)
    result: ClassVar[type[Result]] = KeyIdentity

    access_key_id: AccessKeyId
    account: Account = ""


class ListAccessKeys(Step):
    """List the access keys of a user.

    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html
    """

    action: ClassVar[str] = "aws.iam.list_access_keys"
    effect: ClassVar[Effect] = Effect.READ
    permissions: ClassVar[tuple[str, ...]] = ("iam:ListAccessKeys",)
    changeable: ClassVar[tuple[str, ...]] = ("account",)
    result: ClassVar[type[Result]] = KeyList

    user_name: UserName
    account: Account = ""


class DeactivateAccessKey(Step):
    """Make an access key inactive. Reversible; the id stays on record. Sessions born from the key live on.

    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html
    """

    action: ClassVar[str] = "aws.iam.deactivate_access_key"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    containment: ClassVar[bool] = True
    permissions: ClassVar[tuple[str, ...]] = (
        "sts:GetAccessKeyInfo",
        "iam:GetAccessKeyLastUsed",
        "iam:ListAccessKeys",
        "iam:UpdateAccessKey",
    )
    undo: ClassVar[str] = "aws.iam.activate_access_key"
    changeable: ClassVar[tuple[str, ...]] = ("user_name", "account")
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "iam:ListAccessKeys shows the key Inactive, in every reading of the settle window"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = KeyStatus

    access_key_id: AccessKeyId
    user_name: OwnerName = ""
    account: Account = ""
    expected: ExpectedStatus = ""


class ActivateAccessKey(Step):
    """Make an access key active again: the undo of `aws.iam.deactivate_access_key`.

    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html
    """

    action: ClassVar[str] = "aws.iam.activate_access_key"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    permissions: ClassVar[tuple[str, ...]] = DeactivateAccessKey.permissions
    undo: ClassVar[str] = "aws.iam.deactivate_access_key"
    changeable: ClassVar[tuple[str, ...]] = ("user_name", "account")
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "iam:ListAccessKeys shows the key Active, in every reading of the settle window"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = KeyStatus

    access_key_id: AccessKeyId
    user_name: OwnerName = ""
    account: Account = ""
    expected: ExpectedStatus = ""


class DeleteAccessKey(Step):
    """Delete an access key for good. A key that is gone already counts as deleted.

    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccessKey.html
    """

    action: ClassVar[str] = "aws.iam.delete_access_key"
    effect: ClassVar[Effect] = Effect.DESTRUCTIVE
    containment: ClassVar[bool] = True
    permissions: ClassVar[tuple[str, ...]] = (
        "sts:GetAccessKeyInfo",
        "iam:GetAccessKeyLastUsed",
        "iam:ListAccessKeys",
        "iam:DeleteAccessKey",
    )
    changeable: ClassVar[tuple[str, ...]] = ("user_name", "account")
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "iam:ListAccessKeys no longer lists the key, in every reading of the settle window"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = KeyStatus

    access_key_id: AccessKeyId
    user_name: UserName
    account: Account = ""


class CreateAccessKey(Step):
    """Make a new access key and put it straight into a secret of Secrets Manager; its value is never returned.

    The secret must exist. Its value becomes (or stays) a JSON object in which `id_field` and `secret_field` are set and
    all else is kept. IAM has no idempotency token: a key that an earlier attempt made and could not store is found by
    comparison with the list from before, and deleted if it was never used. The id of the new key is not known before it
    is made, but the version of the secret that takes it is: its undo reads there which key to delete.
    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html
    A secret under a customer-managed KMS key also needs kms:Decrypt and kms:GenerateDataKey on that key.
    """

    action: ClassVar[str] = "aws.iam.create_access_key"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    permissions: ClassVar[tuple[str, ...]] = (
        "iam:ListAccessKeys",
        "iam:GetAccessKeyLastUsed",
        "iam:CreateAccessKey",
        "iam:DeleteAccessKey",
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    )
    undo: ClassVar[str] = "aws.iam.delete_created_access_key"
    changeable: ClassVar[tuple[str, ...]] = ("account", "region", "id_field", "secret_field")
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "iam:ListAccessKeys lists it Active, secretsmanager:GetSecretValue returns it as AWSCURRENT"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = NewKey

    user_name: UserName
    secret_id: str = Field(min_length=1, max_length=2048, description="Name or ARN of the secret that takes the key.")
    region: str = Field(default="", description="The region of the secret; empty: the configured one.")
    id_field: str = Field(default="AccessKeyId", min_length=1, description="The JSON field that takes the id.")
    secret_field: str = Field(default="SecretAccessKey", min_length=1, description="The JSON field of the secret.")
    account: Account = ""


class DeleteCreatedAccessKey(Step):
    """Delete the key that `aws.iam.create_access_key` made, and make the secret's version from before current again.

    The key is the one that the secret's version `made_version` holds. Nothing is done where the secret has moved on,
    where the key of the version from before is no longer active, or where it cannot be told which key was made.
    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccessKey.html
    """

    action: ClassVar[str] = "aws.iam.delete_created_access_key"
    effect: ClassVar[Effect] = Effect.DESTRUCTIVE
    permissions: ClassVar[tuple[str, ...]] = (
        "iam:ListAccessKeys",
        "iam:DeleteAccessKey",
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    )
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "iam:ListAccessKeys no longer lists it, DescribeSecret has AWSCURRENT where it was before"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = KeyStatus

    user_name: UserName
    keys_before: tuple[str, ...] = Field(description="The ids of the user's keys before: none of them is deleted.")
    secret_id: str = Field(min_length=1, max_length=2048, description="Name or ARN of the secret that took the key.")
    made_version: str = Field(min_length=1, description="The version of the secret that the new key went into.")
    version_before: str = Field(default="", description="The version that was AWSCURRENT before, if any.")
    id_field: str = Field(default="AccessKeyId", min_length=1, description="The JSON field that has the id.")
    region: str = Field(default="", description="The region of the secret; empty: its ARN's, or the configured one.")
    account: Account = ""
