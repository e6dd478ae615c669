"""AWS GuardDuty findings: from EventBridge (camelCase, in an envelope), bare, or from the API (PascalCase).

Format: https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html and the API's `Finding`.
The id stays the same while GuardDuty aggregates repeats into one finding; `count` and `last_seen` grow. Severity is 1.0
to 10.0. Only what is about an access key has `access_key_id`.
"""

import json
from typing import Any

from pydantic import ValidationError

from firedoor.alerts._alert import Alert
from firedoor.errors import UsageError

NAME = "guardduty"
MAX_BYTES = 1 << 20
CONSOLE = "https://{region}.console.aws.amazon.com/guardduty/home?region={region}#/findings?search=id%3D{id}"


def parse(body: bytes) -> Alert:
    """The alert of one finding. Raises `UsageError` that says what is wrong with the body."""
    finding = _finding(_decoded(body))
    details = _part(finding, "resource", "accessKeyDetails")
    service = _part(finding, "service")
    region, identity = _text(finding, "region"), _text(finding, "id")
    if not identity or not _text(finding, "type"):
        raise _wrong("it has no finding id and type")
    try:
        return Alert(
            source=NAME,
            id=identity,
            type=_text(finding, "type"),
            title=_text(finding, "title"),
            description=_text(finding, "description"),
            severity=finding.get("severity", 0.0),
            account=_text(finding, "accountId"),
            region=region,
            access_key_id=_text(details, "accessKeyId"),
            user_name=_text(details, "userName"),
            user_type=_text(details, "userType"),
            principal_id=_text(details, "principalId"),
            sample=_sample(service.get("additionalInfo")),
            archived=service.get("archived") is True,
            first_seen=_text(service, "eventFirstSeen"),
            last_seen=_text(service, "eventLastSeen"),
            count=service.get("count", 1),
            url=CONSOLE.format(region=region, id=identity) if region.replace("-", "").isalnum() else "",
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _wrong(f"`{'.'.join(str(part) for part in first['loc'])}`: {first['msg']}") from None


def _wrong(why: str) -> UsageError:
    return UsageError(
        f"This is not a GuardDuty finding: {why}.",
        changed="Nothing was started.",
        next="Send one finding as JSON: the EventBridge event, the finding itself, or one of `get-findings`.",
    )


def _decoded(body: bytes) -> Any:
    if len(body) > MAX_BYTES:
        raise _wrong(f"it has {len(body):,} bytes; a finding has less than 1 MiB")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _wrong(f"it is not JSON ({error})") from None


def _finding(value: Any) -> dict[str, Any]:
    """The finding inside whatever it came in, with camelCase keys."""
    if not isinstance(value, dict):
        raise _wrong("it is not a JSON object")
    if "detail-type" in value:
        if value.get("source") != "aws.guardduty" or value["detail-type"] != "GuardDuty Finding":
            raise _wrong(f"the event is from {value.get('source')!r}, detail-type {value['detail-type']!r}")
        value = value.get("detail")
    elif isinstance(findings := value.get("Findings"), list):
        if len(findings) != 1:
            raise _wrong(f"it holds {len(findings)} findings; send one at a time")
        value = findings[0]
    if not isinstance(value, dict):
        raise _wrong("the finding is not a JSON object")
    return _camel(value) if "Id" in value else value


def _camel(value: Any, depth: int = 4) -> Any:
    """PascalCase keys as camelCase, as deep as anything is read."""
    if not isinstance(value, dict) or depth == 0:
        return value
    return {f"{key[:1].lower()}{key[1:]}": _camel(member, depth - 1) for key, member in value.items()}


def _part(value: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        member = value.get(name)
        value = member if isinstance(member, dict) else {}
    return value


def _text(value: dict[str, Any], name: str) -> str:
    member = value.get(name)
    if member is None:
        return ""
    if not isinstance(member, str):
        raise _wrong(f"`{name}` is not a text")
    return member


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
