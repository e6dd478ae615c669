"""AWS GuardDuty findings: from EventBridge (camelCase, in an envelope), bare, or from the API (PascalCase).

Format: https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html and the API's `Finding`.
The id stays the same while GuardDuty aggregates repeats into one finding; `count` and `last_seen` grow. Severity is 1.0
to 10.0. Only what is about an access key has `access_key_id`.
"""

import json
from typing import Any

from firedoor.alerts import _sns
from firedoor.alerts._reading import Reader, objects, part
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
    finding = _finding(READER.json(body))
    details = part(finding, "resource", "accessKeyDetails")
    service = part(finding, "service")
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
        raw=finding,
    )
    return Parsed(key=f"{identity}/{finding.get('updatedAt', '')}/{alert.count}", alerts=(alert,))


def _finding(value: Any) -> dict[str, Any]:
    """The finding inside whatever it came in, with camelCase keys."""
    if not isinstance(value, dict):
        READER.wrong("it is not a JSON object")
    if "detail-type" in value:
        if value.get("source") != "aws.guardduty" or value["detail-type"] != "GuardDuty Finding":
            READER.wrong(f"the event is from {value.get('source')!r}, detail-type {value['detail-type']!r}")
        value = value.get("detail")
    elif "Findings" in value:
        findings = objects(value, "Findings")
        if len(findings) != 1:
            READER.wrong(f"it holds {len(findings)} findings; send one at a time")
        value = findings[0]
    if not isinstance(value, dict):
        READER.wrong("the finding is not a JSON object")
    return _camel(value) if "Id" in value else value


def _camel(value: Any, depth: int = 4) -> Any:
    """PascalCase keys as camelCase, as deep as anything is read."""
    if not isinstance(value, dict) or depth == 0:
        return value
    return {f"{key[:1].lower()}{key[1:]}": _camel(member, depth - 1) for key, member in value.items()}


def _sample(info: Any) -> bool:
    """`additionalInfo` is an object from EventBridge, and from the API `{"Value": "<JSON text>"}`."""
    if not isinstance(info, dict):
        return False
    if isinstance(text := info.get("value"), str):
        try:
            info = json.loads(text)
        except ValueError:
            return False
    return isinstance(info, dict) and info.get("sample") is True
