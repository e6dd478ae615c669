"""What CloudTrail knows of changes in an account that outlive a credential, by the names of the operations."""

import datetime
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from activities.aws.accounts import Accounts, Answer
from activities.aws.principals import principal_of

PAGE = 50
#: Recorded in us-east-1 whatever the region. From AWS's playbooks for incident response.
GLOBAL = (
    "CreateUser", "CreateRole", "CreateGroup", "CreateAccessKey", "UpdateAccessKey", "CreateLoginProfile",
    "UpdateLoginProfile", "AttachUserPolicy", "AttachRolePolicy", "AttachGroupPolicy", "PutUserPolicy", "PutRolePolicy",
    "PutGroupPolicy", "AddUserToGroup", "CreatePolicyVersion", "SetDefaultPolicyVersion", "UpdateAssumeRolePolicy",
    "DeleteUserPermissionsBoundary", "DeleteRolePermissionsBoundary", "DeactivateMFADevice", "EnableMFADevice",
    "CreateServiceSpecificCredential", "ResetServiceSpecificCredential", "UploadSSHPublicKey",
    "UploadSigningCertificate",
    "CreateSAMLProvider", "UpdateSAMLProvider", "CreateOpenIDConnectProvider", "UpdateOpenIDConnectProviderThumbprint",
    "AddClientIDToOpenIDConnectProvider", "CreateAccount", "InviteAccountToOrganization", "LeaveOrganization",
    "DetachPolicy",
)  # fmt: skip
#: Recorded where they were called.
REGIONAL = (
    "CreateTrustAnchor", "CreateProfile", "CreateFunction20150331", "UpdateFunctionCode20150331v2",
    "AddPermission20150331v2", "CreateEventSourceMapping20150331", "CreateFunctionUrlConfig",
    "PublishLayerVersion20181031",
    "PutRule", "PutTargets", "CreateSchedule", "CreateDocument", "RunInstances", "ModifySnapshotAttribute",
    "ModifyImageAttribute", "PutBucketPolicy", "DeletePublicAccessBlock", "PutKeyPolicy", "CreateGrant",
    "ScheduleKeyDeletion", "DisableKey", "PutResourcePolicy", "CreateAccountAssignment", "EnableRegion", "CreateTrail",
    "UpdateTrail", "StopLogging", "DeleteTrail", "PutEventSelectors", "DeleteDetector", "UpdateDetector",
    "DeletePublishingDestination", "DeleteAnalyzer", "StopConfigurationRecorder", "DeleteConfigurationRecorder",
    "DeleteModelInvocationLoggingConfiguration",
)  # fmt: skip
HOME = "us-east-1"


@dataclass(frozen=True, slots=True)
class Done:
    """One change: `service:Operation`, who did it with which credential, and every name and id in it."""

    event: str
    at: str
    by: str
    access_key_id: str
    region: str
    names: tuple[str, ...]


@dataclass(slots=True)
class Changes:
    """A bounded search for changes since a moment."""

    accounts: Accounts
    account: str
    since: datetime.datetime
    pages_left: int
    own: int = 0
    done: list[Done] = field(default_factory=list)
    last: Answer | None = None

    @property
    def complete(self) -> bool:
        """Was the limit of requests not met?"""
        return self.pages_left > 0

    def search(self, regions: Iterable[str]) -> None:
        """Collect the changes that succeeded and were not firedoor's own, the oldest first."""
        for region in regions:
            for name in (*REGIONAL, *(GLOBAL if region == HOME else ())):
                for event in self._events(region, name):
                    self._add(event)
        self.done.sort(key=lambda done: done.at)

    def by(self, operation: str, name: str) -> Done | None:
        """The last change of this operation that names something; None where CloudTrail does not know it."""
        return next((done for done in reversed(self.done) if done.event == operation and name in done.names), None)

    def _events(self, region: str, name: str) -> Iterator[dict[str, Any]]:
        trail = self.accounts.service("cloudtrail", self.account, region)
        following: dict[str, str] = {}
        while self.pages_left > 0:
            self.pages_left -= 1
            self.last = trail(
                "LookupEvents",
                LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}],
                StartTime=self.since,
                MaxResults=PAGE,
                **following,
            )
            yield from (json.loads(event["CloudTrailEvent"]) for event in self.last["Events"])
            if not self.last.get("NextToken"):
                return
            following = {"NextToken": self.last["NextToken"]}

    def _add(self, event: dict[str, Any]) -> None:
        if event.get("errorCode"):
            return
        who = event.get("userIdentity") or {}
        issuer = (who.get("sessionContext") or {}).get("sessionIssuer") or {}
        by = str(who.get("arn", ""))
        if principal_of(issuer.get("arn") or by) in self.accounts.own_principals():
            self.own += 1
            return
        self.done.append(
            Done(
                event=f"{event['eventSource'].partition('.')[0]}:{event['eventName']}",
                at=event["eventTime"],
                by=by,
                access_key_id=str(who.get("accessKeyId", "")),
                region=event["awsRegion"],
                names=tuple(dict.fromkeys(_names((event.get("requestParameters"), event.get("responseElements"))))),
            )
        )


def _names(value: Any, field_name: str = "") -> Iterator[str]:
    """The texts in a request and its answer that name something: names, ids and ARNs, however deep."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _names(member, key.lower())
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _names(member, field_name)
    elif isinstance(value, str) and field_name.endswith(("name", "arn", "id")):
        yield value
