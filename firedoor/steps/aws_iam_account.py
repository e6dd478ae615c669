"""Contracts of the steps that look at a whole account: who has credentials in it, and what an intruder left there."""

from typing import Annotated, ClassVar

from pydantic import Field

from firedoor.plan import Effect
from firedoor.steps._step import Result, Step
from firedoor.steps.aws_iam import Account

Moment = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$",
        description="The moment from which on the intruder may have been there: 2026-11-24T02:00:00Z.",
    ),
]
Regions = Annotated[
    tuple[str, ...], Field(description="Regions to ask CloudTrail in; empty: the configured and us-east-1.")
]


class UsedKey(Result):
    """An active access key of the account."""

    access_key_id: str = Field(description="AKIA….")
    user_name: str = Field(description="Its user.")
    account: str = Field(description="Its account.")
    created: str = Field(description="RFC 3339 UTC.")
    last_used: str = Field(default="", description="RFC 3339 UTC; empty: never.")
    used: bool = Field(description="Was it used or made since the moment?")


class AccountPrincipal(Result):
    """A user with active credentials, or a role."""

    principal_arn: str = Field(description="Its ARN.")
    kind: str = Field(description="`user` or `role`.")
    name: str = Field(description="Its name.")
    created: str = Field(description="RFC 3339 UTC.")
    last_used: str = Field(default="", description="RFC 3339 UTC; empty: never, or not known.")
    used: bool = Field(description="Was it used or made since the moment?")
    console_password: bool = Field(default=False, description="Has the user a console password?")


class AccountPrincipals(Result):
    """Who can act in an account."""

    account: str = Field(description="The account.")
    principals: tuple[AccountPrincipal, ...] = Field(description="Users with active credentials, and roles.")
    users: tuple[str, ...] = Field(description="ARNs of the users that were used or made since the moment.")
    roles: tuple[str, ...] = Field(description="ARNs of the roles whose sessions can be denied, used or not.")
    access_keys: tuple[UsedKey, ...] = Field(description="Active access keys, without firedoor's own.")
    out_of_reach: tuple[str, ...] = Field(
        default=(), description="ARNs that nobody can deny in IAM: service-linked, Identity Center's, firedoor's own."
    )


class ListPrincipals(Step):
    """List who can act in an account: users with active access keys or a password, and roles, with their last use.

    It asks IAM for each user rather than the credential report, which may be four hours old and would miss the key
    that the intruder made last. `used` rests on IAM's own figures: those of roles may be hours late, so a role counts
    with or without them. Service-specific credentials are not looked at. Three calls a user, ten a second.
    API: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
    """

    action: ClassVar[str] = "aws.iam.list_principals"
    effect: ClassVar[Effect] = Effect.READ
    permissions: ClassVar[tuple[str, ...]] = (
        "iam:ListUsers",
        "iam:ListAccessKeys",
        "iam:GetAccessKeyLastUsed",
        "iam:GetLoginProfile",
        "iam:GetAccountAuthorizationDetails",
    )
    changeable: ClassVar[tuple[str, ...]] = ("account",)
    timeout: ClassVar[int] = 1800
    result: ClassVar[type[Result]] = AccountPrincipals

    since: Moment
    account: Account = ""


class Finding(Result):
    """Something that outlives the intruder's first credential."""

    kind: str = Field(description="`access_key`, `user`, `role`, `trust`, …, or CloudTrail's `service:Operation`.")
    resource: str = Field(description="What it is, or what it was done to.")
    at: str = Field(default="", description="RFC 3339 UTC; empty: it may have stood there before.")
    by: str = Field(default="", description="The ARN that did it, where CloudTrail tells.")
    access_key_id: str = Field(default="", description="The credential that did it, where CloudTrail tells.")
    says: str = Field(default="", description="What is to be known of it.")


class MadeKey(Result):
    """An access key that was made since the moment and is active."""

    access_key_id: str = Field(description="AKIA….")
    user_name: str = Field(description="Its user.")
    account: str = Field(description="Its account.")
    created: str = Field(description="RFC 3339 UTC.")
    by: str = Field(default="", description="The ARN that made it, where CloudTrail tells.")


class Persistence(Result):
    """What may have been left in an account."""

    account: str = Field(description="The account.")
    findings: tuple[Finding, ...] = Field(description="All of it, the oldest first.")
    access_keys: tuple[MadeKey, ...] = Field(description="Active access keys made since the moment: deactivate them.")
    principals: tuple[str, ...] = Field(description="ARNs of users and roles made since the moment: deny them.")
    passwords: tuple[str, ...] = Field(description="Users whose console password was made since the moment.")
    service_users: tuple[str, ...] = Field(
        description="Users that got a service-specific credential, SSH key or certificate since the moment."
    )
    outsiders: tuple[str, ...] = Field(description="ARNs of roles that let in another account, a provider, or anybody.")
    searched_regions: tuple[str, ...] = Field(description="Where CloudTrail was asked.")
    complete: bool = Field(description="False if a limit was met: there may be more than is listed.")


class FindPersistence(Step):
    """Look for what an intruder leaves behind: credentials, users, roles, trust, providers, code, tampering with logs.

    From IAM: users, roles, access keys, passwords, service-specific credentials (Bedrock's long-term keys), SSH keys
    and certificates made since the moment; SAML and OIDC providers; roles that let outsiders in, whenever. From
    CloudTrail: who made them, and some 60 operations of AWS's playbooks, such as UpdateAssumeRolePolicy,
    CreateTrustAnchor, CreateFunction, PutRule, StopLogging, DeleteDetector. What firedoor did itself is left out.
    CloudTrail is minutes late: look again later. What IAM and CloudTrail do not tell is not found: code inside
    images, cron jobs, snapshots copied out, Identity Center's assignments. Of findings at most 1,000 are listed.
    API: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
    """

    action: ClassVar[str] = "aws.iam.find_persistence"
    effect: ClassVar[Effect] = Effect.READ
    permissions: ClassVar[tuple[str, ...]] = (
        "iam:ListUsers",
        "iam:ListAccessKeys",
        "iam:GetLoginProfile",
        "iam:ListServiceSpecificCredentials",
        "iam:ListSSHPublicKeys",
        "iam:ListSigningCertificates",
        "iam:GetAccountAuthorizationDetails",
        "iam:ListSAMLProviders",
        "iam:ListOpenIDConnectProviders",
        "iam:GetOpenIDConnectProvider",
        "cloudtrail:LookupEvents",
    )
    changeable: ClassVar[tuple[str, ...]] = ("account", "regions", "max_pages")
    timeout: ClassVar[int] = 1800
    result: ClassVar[type[Result]] = Persistence

    since: Moment
    account: Account = ""
    regions: Regions = ()
    max_pages: int = Field(default=500, ge=1, le=5000, description="Requests to CloudTrail at most, of 50 events each.")
