"""Contract of the CloudTrail step: what was done with a key."""

from typing import ClassVar

from pydantic import Field

from firedoor.plan import Effect
from firedoor.steps._step import Result, Step
from firedoor.steps.aws_iam import AccessKeyId, Account


class EventCount(Result):
    """How often one call was made."""

    event: str = Field(description="`service:Operation`, as in `secretsmanager:GetSecretValue`.")
    count: int = Field(description="Calls, refused ones included.")
    refused: int = Field(default=0, description="Calls that AWS refused.")


class ChildSession(Result):
    """A temporary credential that descends from the key."""

    access_key_id: str = Field(description="ASIA….")
    issued_to: str = Field(description="The ARN of the session, or of the user.")
    issued_at: str = Field(description="RFC 3339 UTC.")
    issued_by: str = Field(description="The access key that asked for it.")
    account: str = Field(description="The account that the session acts in.")
    followed: bool = Field(default=True, description="Were its own calls read? False: other account, or the limit.")


class Change(Result):
    """Something that the key or a descendant made or changed and that outlives it."""

    event: str = Field(description="`iam:CreateUser` and the like.")
    resource: str = Field(default="", description="What it was done to, where CloudTrail says so.")
    at: str = Field(description="RFC 3339 UTC.")
    by: str = Field(description="The access key that did it.")


class KeyActivity(Result):
    """What CloudTrail knows about a key and the sessions born from it."""

    access_key_id: str = Field(description="The key.")
    account: str = Field(description="Its account.")
    calls: int = Field(description="Calls found, by the key and its descendants.")
    events: tuple[EventCount, ...] = Field(default=(), description="Calls by name, most frequent first.")
    regions: tuple[str, ...] = Field(default=(), description="Regions that were called.")
    addresses: tuple[str, ...] = Field(default=(), description="Source addresses.")
    user_agents: tuple[str, ...] = Field(default=(), description="User agents.")
    first_seen: str = Field(default="", description="The earliest call, RFC 3339 UTC.")
    last_seen: str = Field(default="", description="The latest call, RFC 3339 UTC.")
    sessions: tuple[ChildSession, ...] = Field(default=(), description="Temporary credentials by lineage.")
    roles: tuple[str, ...] = Field(default=(), description="ARNs of the roles that were assumed: deny their sessions.")
    created: tuple[Change, ...] = Field(default=(), description="What was made or tampered with.")
    secrets_read: tuple[str, ...] = Field(default=(), description="Secrets and parameters that were read.")
    places_read: tuple[str, ...] = Field(
        default=(), description="The same as `inventory.find` takes them: the store and the name there; up to 20,000."
    )
    searched_regions: tuple[str, ...] = Field(default=(), description="Where CloudTrail was asked.")
    complete: bool = Field(description="False if a limit was met: more may have happened than is listed.")


class AccessKeyActivity(Step):
    """Read from CloudTrail what was done with a key and with every session that descends from it.

    Children have other key ids: the lineage is followed through `responseElements.credentials.accessKeyId` of
    AssumeRole*, GetSessionToken and GetFederationToken. CloudTrail shows 90 days of management events, some minutes
    late (5 on average, not guaranteed): nothing found right after a call proves nothing. Data events (S3 objects,
    Bedrock content) are not in it. At most two requests a second, an account and region. Of each kind at most 500
    findings are listed.
    API: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
    """

    action: ClassVar[str] = "aws.cloudtrail.access_key_activity"
    effect: ClassVar[Effect] = Effect.READ
    permissions: ClassVar[tuple[str, ...]] = ("sts:GetAccessKeyInfo", "cloudtrail:LookupEvents")
    changeable: ClassVar[tuple[str, ...]] = ("account", "hours", "regions", "max_pages", "max_sessions")
    timeout: ClassVar[int] = 600
    result: ClassVar[type[Result]] = KeyActivity

    access_key_id: AccessKeyId
    account: Account = ""
    hours: int = Field(default=2160, ge=1, le=2160, description="How far back to look; CloudTrail keeps 90 days.")
    regions: tuple[str, ...] = Field(default=(), description="Regions to ask; empty: the configured and us-east-1.")
    max_pages: int = Field(default=100, ge=1, le=1000, description="Requests at most, of 50 events each.")
    max_sessions: int = Field(default=50, ge=0, le=1000, description="Descendants whose own calls are read, at most.")
