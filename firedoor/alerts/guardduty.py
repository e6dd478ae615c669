"""AWS GuardDuty findings: from EventBridge (camelCase, in an envelope), bare, or from the API (PascalCase).

Format: https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html and the API's `Finding`.
Severity is 1.0 to 10.0. Only what is about an access key has `access_key_id`; labels are the tags of what the finding
is about.

Proof: SNS's signature, from one of the door's `topics`. What does not come by SNS, such as an API destination of
EventBridge, shows a secret of the door.

Key: the finding's id, `updatedAt` and `count`. The id, which is the alert's too, stays the same while GuardDuty adds
repeats to one finding, and the other two grow: an event that is delivered twice is the same, a repeat of the attack is
not.

Answers: SNS tries again after 5xx, three times within a minute if its subscription says nothing else, never for more
than an hour; 4xx it drops, or puts into the subscription's dead-letter queue. It waits 15 seconds.
"""

import json
from typing import Any

from firedoor.alerts import _sns
from firedoor.alerts._eventbridge import event, first
from firedoor.alerts._reading import Reader, at, objects, part
from firedoor.alerts._source import Headers, Parsed

NAME = "guardduty"
CONSOLE = "https://{region}.console.aws.amazon.com/guardduty/home?region={region}#/findings?search=id%3D{id}"
READER = Reader(
    "a GuardDuty finding",
    "Send one finding as JSON: the EventBridge event, the finding itself, or one of `get-findings`.",
)
authenticate = _sns.authenticate


def parse(headers: Headers, body: bytes) -> Parsed:
    """The alert of one finding. Raises `UsageError` that says what is wrong with the body."""
    return _sns.opened(READER, body, _parsed)


def _parsed(value: Any) -> Parsed:
    finding = _finding(value)
    resource, service = part(finding, "resource"), part(finding, "service")
    details = part(resource, "accessKeyDetails")
    region, identity = READER.text(finding, "region"), READER.needed(finding, "id")
    alert = READER.alert(
        source=NAME,
        id=identity,
        type=READER.needed(finding, "type"),
        title=READER.text(finding, "title"),
        description=READER.text(finding, "description"),
        severity=finding.get("severity", 0.0),
        account=READER.text(finding, "accountId"),
        region=region,
        provider="aws",
        credential=READER.text(details, "accessKeyId"),
        resource=_about(resource),
        access_key_id=READER.text(details, "accessKeyId"),
        user_name=READER.text(details, "userName"),
        user_type=READER.text(details, "userType"),
        principal_id=READER.text(details, "principalId"),
        sample=_sample(service.get("additionalInfo")),
        archived=service.get("archived") is True,
        first_seen=READER.text(service, "eventFirstSeen"),
        last_seen=READER.text(service, "eventLastSeen"),
        count=service.get("count", 1),
        url=CONSOLE.format(region=region, id=identity) if region.replace("-", "").isalnum() else "",
        labels=_tags(resource),
        raw=finding,
    )
    return Parsed(key=f"{identity}/{READER.text(finding, 'updatedAt')}/{alert.count}", alerts=(alert,))


def _finding(value: Any) -> dict[str, Any]:
    """The finding inside whatever it came in, with camelCase keys."""
    _, finding = event(READER, value, expected=lambda *names: names == ("aws.guardduty", "GuardDuty Finding"))
    if "Findings" in finding:
        findings = objects(finding, "Findings")
        if len(findings) != 1:
            READER.wrong(f"it holds {len(findings)} findings; send one at a time")
        finding = findings[0]
    return _camel(finding) if "Id" in finding else finding


def _camel(value: Any, depth: int = 6) -> Any:
    """PascalCase keys as camelCase, as deep as anything is read: `resource.instanceDetails.tags[].key`."""
    if depth == 0:
        return value
    if isinstance(value, list):
        return [_camel(member, depth - 1) for member in value]
    if not isinstance(value, dict):
        return value
    return {f"{key[:1].lower()}{key[1:]}": _camel(member, depth - 1) for key, member in value.items()}


def _about(resource: dict[str, Any]) -> str:
    """What was attacked or attacks, besides the key: a bucket, an instance, a function, a cluster, a database."""
    buckets = [READER.text(bucket, "arn") for bucket in objects(resource, "s3BucketDetails")]
    return first(
        *buckets,
        READER.text(resource, "instanceDetails", "instanceId"),
        READER.text(resource, "lambdaDetails", "functionArn"),
        READER.text(resource, "eksClusterDetails", "arn"),
        READER.text(resource, "ecsClusterDetails", "arn"),
        READER.text(resource, "rdsDbInstanceDetails", "dbInstanceArn"),
    )


def _tags(resource: dict[str, Any]) -> dict[str, str]:
    """The tags of whatever the finding is about."""
    found = [tag for name in resource for tag in objects(resource, name, "tags")]
    found += [tag for bucket in objects(resource, "s3BucketDetails") for tag in objects(bucket, "tags")]
    pairs = [(at(tag, "key"), at(tag, "value")) for tag in found]
    return {key: value for key, value in pairs if isinstance(key, str) and isinstance(value, str)}


def _sample(info: Any) -> bool:
    """`additionalInfo` is an object from EventBridge, and from the API `{"Value": "<JSON text>"}`."""
    if not isinstance(info, dict):
        return False
    if isinstance(text := info.get("value"), str):
        try:
            info = json.loads(text)
        except (ValueError, RecursionError):
            return False
    return isinstance(info, dict) and info.get("sample") is True
