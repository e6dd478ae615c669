"""Contracts of a user's other credentials: the console password, service-specific ones, SSH keys, certificates."""

from typing import ClassVar

from pydantic import Field

from firedoor.plan import Effect
from firedoor.steps._step import Result, Step
from firedoor.steps.aws_iam import Account, UserName


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
    enabled: tuple[str, ...] = Field(default=(), description="Ids that this step made active.")
    inactive: tuple[str, ...] = Field(default=(), description="Every inactive id, as read back.")


class DeleteLoginProfile(Step):
    """Delete a user's console password. There is no way to disable one, and none to restore it.

    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteLoginProfile.html
    """

    action: ClassVar[str] = "aws.iam.delete_login_profile"
    effect: ClassVar[Effect] = Effect.DESTRUCTIVE
    containment: ClassVar[bool] = True
    permissions: ClassVar[tuple[str, ...]] = ("iam:GetUser", "iam:GetLoginProfile", "iam:DeleteLoginProfile")
    changeable: ClassVar[tuple[str, ...]] = ("account",)
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
    undo: ClassVar[str] = "aws.iam.enable_service_credentials"
    changeable: ClassVar[tuple[str, ...]] = ("account",)
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "the three lists show every credential Inactive, in every reading of the settle window"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = ServiceCredentials

    user_name: UserName
    account: Account = ""
    credentials: tuple[str, ...] = Field(default=(), description="Only these ids; empty: all that the user has.")


class EnableServiceCredentials(Step):
    """Make service-specific credentials, SSH keys and signing certificates active: the undo of disabling them.

    Nothing is done where one of them is gone.
    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateServiceSpecificCredential.html
    """

    action: ClassVar[str] = "aws.iam.enable_service_credentials"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    permissions: ClassVar[tuple[str, ...]] = DisableServiceCredentials.permissions
    undo: ClassVar[str] = "aws.iam.disable_service_credentials"
    changeable: ClassVar[tuple[str, ...]] = ("account",)
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "the three lists show each of them Active, in every reading of the settle window"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = ServiceCredentials

    user_name: UserName
    credentials: tuple[str, ...] = Field(min_length=1, description="The ids to make active.")
    account: Account = ""
