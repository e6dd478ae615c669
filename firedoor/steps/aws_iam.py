"""Contracts of the IAM steps: find out about an access key, shut it, shut what was born from it, and take that back.

Sources: IAM API reference (botocore's model of 2010-05-08); the order of work is AWS's own playbook "Compromised IAM
credentials" (aws-samples/aws-incident-response-playbooks, IRP-CredCompromise). Every step that names an access key asks
`sts:GetAccessKeyInfo` for the account of the key unless `account` says it.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from firedoor.plan import Effect
from firedoor.steps._step import Credential, Result, Step

AccessKeyId = Annotated[
    str,
    Field(
        pattern=r"^(AKIA|ASIA)[A-Z0-9]{12,124}$",
        description="The id of an access key: AKIA… (long-term) or ASIA… (temporary).",
    ),
]
UserName = Annotated[str, Field(pattern=r"^[\w+=,.@-]{1,64}$", description="The name of the IAM user, without path.")]
OwnerName = Annotated[
    str, Field(pattern=r"^[\w+=,.@-]{0,64}$", description="The IAM user that owns the key; empty: IAM is asked.")
]
Account = Annotated[
    str, Field(pattern=r"^([0-9]{12})?$", description="The account id; empty: the key's account, or firedoor's own.")
]
PrincipalArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[\w+=,.@/:-]+$",
        description="The ARN of an IAM user or role; the ARN of a role's session means its role.",
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


class Denies(Result):
    """What is denied to a principal after the step."""

    principal_arn: str = Field(description="The user or role.")
    policies: tuple[str, ...] = Field(default=(), description="firedoor's inline policies that are in place.")
    removed: tuple[str, ...] = Field(default=(), description="firedoor's inline policies that this step removed.")
    issued_before: str = Field(default="", description="Sessions issued before this moment are denied, RFC 3339 UTC.")
    everything_denied: bool = Field(default=False, description="Is every action of the principal denied?")
    quarantined: tuple[str, ...] = Field(default=(), description="Quarantine policies of AWS; firedoor leaves them.")


class LoginProfile(Result):
    """The console password of a user."""

    user_name: str = Field(description="The user.")
    account: str = Field(description="The account.")
    console_password: bool = Field(description="Does the user still have a console password?")


class ServiceCredentials(Result):
    """The credentials of a user that are neither access keys nor a password."""

    user_name: str = Field(description="The user.")
    account: str = Field(description="The account.")
    disabled: tuple[str, ...] = Field(default=(), description="Ids that this step made inactive.")
    inactive: tuple[str, ...] = Field(default=(), description="Every inactive id, as read back.")


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
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "iam:ListAccessKeys shows the key Inactive, in every reading of the settle window"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = KeyStatus

    access_key_id: AccessKeyId
    user_name: OwnerName = ""
    account: Account = ""


class ActivateAccessKey(Step):
    """Make an access key active again: the undo of `aws.iam.deactivate_access_key`.

    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html
    """

    action: ClassVar[str] = "aws.iam.activate_access_key"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    permissions: ClassVar[tuple[str, ...]] = DeactivateAccessKey.permissions
    undo: ClassVar[str] = "aws.iam.deactivate_access_key"
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "iam:ListAccessKeys shows the key Active, in every reading of the settle window"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = KeyStatus

    access_key_id: AccessKeyId
    user_name: OwnerName = ""
    account: Account = ""


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
    comparison with the list from before, and deleted if it was never used.
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

    AWSCompromisedKeyQuarantine policies stay: AWS attaches and removes them with a support case. Sessions that were
    denied work again if they have not expired; a user's live up to 36 h.
    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUserPolicy.html
    """

    action: ClassVar[str] = "aws.iam.lift_denies"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    permissions: ClassVar[tuple[str, ...]] = (
        *(name for name in DenySessions.permissions if ":Put" not in name),
        "iam:DeleteUserPolicy",
        "iam:DeleteRolePolicy",
    )
    undo: ClassVar[str] = "aws.iam.deny_sessions"
    blast: ClassVar[dict[str, int]] = {"principals": 1}
    proof: ClassVar[str] = "iam:ListUserPolicies or iam:ListRolePolicies no longer lists firedoor's policies"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = Denies

    principal_arn: PrincipalArn


class DeleteLoginProfile(Step):
    """Delete a user's console password. There is no way to disable one, and none to restore it.

    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteLoginProfile.html
    """

    action: ClassVar[str] = "aws.iam.delete_login_profile"
    effect: ClassVar[Effect] = Effect.DESTRUCTIVE
    containment: ClassVar[bool] = True
    permissions: ClassVar[tuple[str, ...]] = ("iam:GetUser", "iam:GetLoginProfile", "iam:DeleteLoginProfile")
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "iam:GetLoginProfile answers NoSuchEntity, in every reading of the settle window"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = LoginProfile

    user_name: UserName
    account: Account = ""


class DisableServiceCredentials(Step):
    """Make a user's service-specific credentials, SSH keys and signing certificates inactive.

    Service-specific are those of CodeCommit, Keyspaces and CloudWatch Logs, and long-term Bedrock API keys.
    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateServiceSpecificCredential.html
    Short-term Bedrock keys cannot be listed: they die with the sessions of the principal that signed them.
    """

    action: ClassVar[str] = "aws.iam.disable_service_credentials"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    containment: ClassVar[bool] = True
    permissions: ClassVar[tuple[str, ...]] = (
        "iam:ListServiceSpecificCredentials",
        "iam:UpdateServiceSpecificCredential",
        "iam:ListSSHPublicKeys",
        "iam:UpdateSSHPublicKey",
        "iam:ListSigningCertificates",
        "iam:UpdateSigningCertificate",
    )
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "the three lists show every credential Inactive, in every reading of the settle window"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = ServiceCredentials

    user_name: UserName
    account: Account = ""
