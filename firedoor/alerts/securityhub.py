"""AWS Security Hub (CSPM): findings in the AWS Security Finding Format, from EventBridge, or bare.

Format: https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-cwe-event-formats.html and
https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html. Read are "Security Hub
Findings - Imported" and "… - Custom Action", whose name is the label `actionName`; not "Insight Results", which name
no credential, and not "Findings Imported V2" of the newer Security Hub, which is OCSF, another format. Each finding is
an alert; one that is about several access keys is one for each. Severity is `Normalized` / 10, or what AWS sets
`Normalized` to for a `Label`. The other labels are `ProductFields` and `UserDefinedFields`.

Proof: SNS's signature, from one of the door's `topics`. What does not come by SNS, such as an API destination of
EventBridge, shows a secret of the door.

Key: `Id`, `UpdatedAt`, `RecordState` and `Workflow.Status` of each finding: the last two change by people's hands,
which leaves `UpdatedAt` as it was. A custom action counts each time that a person chooses it, so the id of its event
comes first. An alert's id is the finding's.

Answers: SNS tries again after 5xx, three times within a minute if its subscription says nothing else, never for more
than an hour; 4xx it drops, or puts into the subscription's dead-letter queue. It waits 15 seconds.
"""

from collections.abc import Iterator
from typing import Any

from firedoor.alerts import _sns
from firedoor.alerts._alert import Alert
from firedoor.alerts._eventbridge import event, first, members, rfc3339, together
from firedoor.alerts._reading import Reader, at, part, texts
from firedoor.alerts._source import Headers, Parsed

NAME = "securityhub"
CUSTOM = "Security Hub Findings - Custom Action"
KINDS = ("Security Hub Findings - Imported", CUSTOM)
KEY = "AwsIamAccessKey"
#: What Security Hub writes where it knows no key: the literal text.
NO_KEY = "AWS::IAM::AccessKey:null"
#: https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_Severity.html, `Normalized` for a `Label`.
SEVERITIES = {"INFORMATIONAL": 0.0, "LOW": 0.1, "MEDIUM": 4.0, "HIGH": 7.0, "CRITICAL": 9.0}
#: Where GuardDuty says in Security Hub that it made a finding up.
SAMPLE = "aws/guardduty/service/additionalInfo/sample"
READER = Reader(
    "a finding of Security Hub",
    "Send the EventBridge event (Findings Imported or Custom Action), its findings, or one finding as JSON.",
)
authenticate = _sns.authenticate


def parse(headers: Headers, body: bytes) -> Parsed:
    """The alerts of all findings. Raises `UsageError` that says what is wrong with the body."""
    return _sns.opened(READER, body, _parsed)


def _parsed(value: Any) -> Parsed:
    envelope, detail = event(READER, value, expected=lambda source, kind: source == "aws.securityhub" and kind in KINDS)
    findings = (
        [detail] if "Id" in detail else members(READER, detail, "findings") or members(READER, detail, "Findings")
    )
    if not findings:
        READER.wrong("it holds no finding")
    custom = {"actionName": READER.text(detail, "actionName")} if envelope.get("detail-type") == CUSTOM else {}
    alerts = tuple(alert for finding in findings for alert in _alerts(finding, envelope, custom))
    key = together(_key(finding) for finding in findings)
    return Parsed(key=f"{READER.text(envelope, 'id')}/{key}" if custom else key, alerts=alerts)


def _alerts(finding: dict[str, Any], envelope: dict[str, Any], custom: dict[str, str]) -> Iterator[Alert]:
    resources = members(READER, finding, "Resources")
    keys = [one for one in resources if at(one, "Type") == KEY]
    # Of several, those without an id add nothing.
    known = [one for one in keys if _credential(one)] or keys[:1] or [{}]
    identity = READER.needed(finding, "Id")
    for key in known:
        credential, details = _credential(key), part(key, "Details", KEY)
        yield READER.alert(
            source=NAME,
            id=identity if len(known) == 1 else f"{identity}/{credential}",
            type=_type(finding),
            title=READER.text(finding, "Title"),
            description=READER.text(finding, "Description"),
            severity=_severity(finding),
            account=READER.text(finding, "AwsAccountId"),
            region=first(READER.text(finding, "Region"), READER.text(key, "Region"), READER.text(envelope, "region")),
            provider="aws",
            credential=credential,
            resource=_about(resources),
            access_key_id=credential,
            user_name=_user(details, resources),
            user_type=READER.text(details, "PrincipalType"),
            principal_id=READER.text(details, "PrincipalId"),
            sample=finding.get("Sample") is True or at(finding, "ProductFields", SAMPLE) == "true",
            archived=finding.get("RecordState") == "ARCHIVED" or at(finding, "Workflow", "Status") == "SUPPRESSED",
            first_seen=_time(finding, "FirstObservedAt", "CreatedAt"),
            last_seen=_time(finding, "LastObservedAt", "UpdatedAt"),
            url=_url(finding),
            resolved=at(finding, "Workflow", "Status") == "RESOLVED",
            labels=texts(finding.get("ProductFields")) | texts(finding.get("UserDefinedFields")) | custom,
            raw=finding,
        )


def _key(finding: dict[str, Any]) -> str:
    parts = (
        READER.needed(finding, "Id"),
        READER.text(finding, "UpdatedAt"),
        READER.text(finding, "RecordState"),
        READER.text(finding, "Workflow", "Status"),
    )
    return "/".join(parts)


def _credential(key: dict[str, Any]) -> str:
    """The id of an access key: from its details, or from the resource's `Id`, which may have a prefix."""
    found = READER.text(key, "Details", KEY, "AccessKeyId")
    identity = READER.text(key, "Id")
    if found or identity == NO_KEY:
        return found
    tail = identity.rpartition(":")[2].rpartition("/")[2]
    return "" if tail == "null" else tail


def _user(details: dict[str, Any], resources: list[dict[str, Any]]) -> str:
    """Whose key it is: the user, the role of a session, or the user whom the finding is about."""
    users = [one for one in resources if at(one, "Type") == "AwsIamUser"]
    return first(
        READER.text(details, "UserName"),
        READER.text(details, "SessionContext", "SessionIssuer", "UserName"),
        *(READER.text(one, "Details", "AwsIamUser", "UserName") for one in users),
        *(READER.text(one, "Id").rpartition("/")[2] for one in users),
    )


def _about(resources: list[dict[str, Any]]) -> str:
    """The ARN of what the finding is about: its target, if it says which that is."""
    targets = [one for one in resources if at(one, "ResourceRole") == "Target"]
    found = [READER.text(one, "Id") for one in (*targets, *resources)]
    return first(*(one for one in found if one.startswith("arn:")))


def _type(finding: dict[str, Any]) -> str:
    types = finding.get("Types")
    if types is None or types == []:
        return ""
    if not isinstance(types, list) or not isinstance(types[0], str):
        READER.wrong("`Types` is not a list of texts")
    return types[0]


def _severity(finding: dict[str, Any]) -> float:
    severity = part(finding, "Severity")
    normalized = severity.get("Normalized")
    if normalized is None:
        return SEVERITIES.get(READER.text(severity, "Label"), 0.0)
    if isinstance(normalized, bool) or not isinstance(normalized, int | float):
        READER.wrong("`Severity.Normalized` is not a number")
    if not 0 <= normalized <= 100:
        READER.wrong("`Severity.Normalized` does not lie between 0 and 100")
    return normalized / 10


def _time(finding: dict[str, Any], *names: str) -> str:
    return rfc3339(first(*(READER.text(finding, name) for name in names)))


def _url(finding: dict[str, Any]) -> str:
    url = READER.text(finding, "SourceUrl")
    return url if url.startswith("https://") else ""
