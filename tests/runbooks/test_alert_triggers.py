"""What the alerts of each source start among all the shipped runbooks: the right one, with what the alert says, or none."""

import json
from pathlib import Path
from typing import Any

import pytest

from firedoor.alerts import SOURCES, Matches, matches
from firedoor.alerts._secrets import fingerprint
from firedoor.compiler import compile_runbook
from firedoor.drill.aws_access_key_leaked import FINDING as GUARDDUTY
from firedoor.inputs import incident_id
from firedoor.plan import Auto, Plan
from tests.alerts.messages import changed, parsed
from tests.alerts.scanners import (
    GITGUARDIAN,
    GITHUB,
    GITHUB_TOKEN,
    HUGGINGFACE_TOKEN,
    KEY_ID,
    TRUFFLEHOG_AWS,
    TRUFFLEHOG_GITHUB,
)

RUNBOOKS = Path(__file__).parents[2] / "runbooks"
AWS, TOKEN, PROVIDER = "aws-access-key-leaked", "github-token-leaked", "provider-key-leaked"
GATEWAY = "ai-gateway-breached"
KEY = {"access_key_id": KEY_ID, "since": ""}

HEALTH: dict[str, Any] = {
    "version": "0",
    "id": "121345678-1234-1234-1234-123456789012",
    "detail-type": "AWS Health Event",
    "source": "aws.health",
    "account": "111122223333",
    "time": "2026-11-29T11:58:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {
        "eventArn": "arn:aws:health:us-east-1::event/RISK/AWS_RISK_CREDENTIALS_EXPOSED/AWS_RISK_CREDENTIALS_EXPOSED_1",
        "service": "RISK",
        "eventTypeCode": "AWS_RISK_CREDENTIALS_EXPOSED",
        "eventTypeCategory": "issue",
        "startTime": "Sun, 29 Nov 2026 11:50:00 GMT",
        "eventDescription": [{"language": "en_US", "latestDescription": "A key was found in public."}],
        "affectedEntities": [{"entityValue": KEY_ID}],
    },
}
FINDING: dict[str, Any] = {
    "SchemaVersion": "2018-10-08",
    "Id": "arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/f",
    "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/guardduty",
    "AwsAccountId": "111122223333",
    "Types": ["TTPs/Initial Access/UnauthorizedAccess:IAMUser-MaliciousIPCaller"],
    "CreatedAt": "2026-11-29T11:50:00Z",
    "UpdatedAt": "2026-11-29T11:50:00Z",
    "Severity": {"Label": "HIGH", "Normalized": 80},
    "Title": "API was called from a malicious address.",
    "Resources": [
        {
            "Type": "AwsIamAccessKey",
            "Id": f"AWS::IAM::AccessKey:{KEY_ID}",
            "Details": {
                "AwsIamAccessKey": {"AccessKeyId": KEY_ID, "PrincipalName": "deploy", "PrincipalType": "IAMUser"}
            },
        }
    ],
    "RecordState": "ACTIVE",
    "Workflow": {"Status": "NEW"},
}
TRUFFLEHOG_HF = TRUFFLEHOG_GITHUB | {
    "DetectorName": "HuggingFace",
    "Raw": HUGGINGFACE_TOKEN,
    "SecretParts": {"key": HUGGINGFACE_TOKEN},
    "Verified": True,
    "VerificationError": "",
}
FOUND_GITHUB = f"Github-{fingerprint(GITHUB_TOKEN).removeprefix('sha256:')}"
FOUND_HF = f"HuggingFace-{fingerprint(HUGGINGFACE_TOKEN).removeprefix('sha256:')}"


def hub(finding: dict[str, Any]) -> dict[str, Any]:
    """As Security Hub sends a finding."""
    return {
        "version": "0",
        "id": "e-1",
        "detail-type": "Security Hub Findings - Imported",
        "source": "aws.securityhub",
        "account": "111122223333",
        "time": "2026-11-29T11:58:00Z",
        "region": "us-east-1",
        "resources": [finding["ProductArn"]],
        "detail": {"findings": [finding]},
    }


def of_github(kind: str, **changes: Any) -> dict[str, Any]:
    """An alert of GitHub about a kind of secret."""
    return GITHUB | {"alert": GITHUB["alert"] | {"secret_type": kind} | changes}


def of_gitguardian(detector: str, **changes: Any) -> dict[str, Any]:
    """An incident of GitGuardian found by a detector."""
    incident = changed(GITGUARDIAN, "incident.detector.name", detector)["incident"]
    return GITGUARDIAN | {"incident": incident | changes}


def by_value(provider: str, name: str) -> dict[str, Any]:
    """The inputs of a key whose value a person has to paste."""
    given = {"provider": provider, "name": name, "quarantine": f"aws-sm:incident/{name}"}
    return {"kind": "", "id": "", "scope": "", "sink": "", "since": ""} | given


def of_token(name: str) -> dict[str, Any]:
    """The inputs for a token of GitHub."""
    return {"token": name, "quarantine": f"aws-sm:incident/{name}", "tokens": "", "owner": "", "sink": ""}


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    """Every shipped runbook, compiled."""
    return [compile_runbook(file) for file in sorted(RUNBOOKS.glob("*.yaml"))]


def found(source: str, message: Any, plans: list[Plan]) -> Matches:
    """What the alert of a message starts."""
    (alert,) = parsed(source, message).alerts
    return matches(alert, plans)


STARTS = [
    ("health", HEALTH, AWS, KEY),
    ("securityhub", hub(FINDING), AWS, KEY),
    ("securityhub", hub(FINDING | {"Types": ["Unusual Behaviors/User/X"]}), AWS, KEY),
    ("trufflehog", TRUFFLEHOG_AWS, AWS, KEY),
    ("github", of_github("aws_access_key_id", secret=KEY_ID), AWS, KEY),
    ("github", of_github("github_personal_access_token"), TOKEN, of_token("example.gateway-42")),
    ("github", of_github("github_refresh_token", validity="unknown"), TOKEN, of_token("example.gateway-42")),
    ("gitguardian", of_gitguardian("github_access_token"), TOKEN, of_token("gitguardian-3759")),
    ("trufflehog", TRUFFLEHOG_GITHUB | {"Verified": True}, TOKEN, of_token(FOUND_GITHUB)),
    ("github", of_github("hf_user_access_token"), PROVIDER, by_value("huggingface", "example.gateway-42")),
    ("gitguardian", GITGUARDIAN, PROVIDER, by_value("huggingface", "gitguardian-3759")),
    ("trufflehog", TRUFFLEHOG_HF, PROVIDER, by_value("huggingface", FOUND_HF)),
]


@pytest.mark.parametrize(("source", "message", "runbook", "inputs"), STARTS)
def test_the_right_one_starts(
    plans: list[Plan], source: str, message: Any, runbook: str, inputs: dict[str, Any]
) -> None:
    """One runbook, with what the alert says and nothing else; its secret is in no input."""
    result = found(source, message, plans)
    assert [(plan.name, given) for plan, given in result.found] == [(runbook, inputs)]
    assert "canary" not in json.dumps(result.found[0][1]).lower()


#: What GitHub, GitGuardian, TruffleHog, Security Hub and Health send when nobody has to get up.
QUIET = [
    ("health", changed(HEALTH, "detail.eventTypeCode", "AWS_EC2_MAINTENANCE_SCHEDULED")),
    ("health", changed(HEALTH, "detail.affectedEntities", [])),
    ("health", changed(HEALTH, "detail.statusCode", "closed")),
    ("securityhub", hub(FINDING | {"Severity": {"Label": "MEDIUM", "Normalized": 50}})),
    ("securityhub", hub(FINDING | {"RecordState": "ARCHIVED"})),
    ("securityhub", hub(FINDING | {"Workflow": {"Status": "RESOLVED"}})),
    ("securityhub", hub(FINDING | {"Sample": True})),
    ("securityhub", hub(FINDING | {"Types": ["Software and Configuration Checks/AWS Security Best Practices"]})),
    ("trufflehog", TRUFFLEHOG_AWS | {"Verified": False}),
    ("trufflehog", changed(TRUFFLEHOG_AWS, "ExtraData.is_canary", "true")),
    ("trufflehog", TRUFFLEHOG_GITHUB),
    ("trufflehog", TRUFFLEHOG_GITHUB | {"DetectorName": "GitHubApp", "Verified": True}),
    ("trufflehog", TRUFFLEHOG_GITHUB | {"DetectorName": "Alibaba", "Verified": True}),
    ("github", of_github("aws_access_key_id", secret=KEY_ID, state="resolved")),
    ("github", of_github("github_personal_access_token", validity="inactive")),
    ("github", of_github("github_personal_access_token", resolution="revoked")),
    ("github", of_github("github_test_token")),
    ("github", of_github("github_ssh_private_key")),
    ("github", of_github("github_app_installation_access_token")),
    ("github", of_github("hf_user_access_token", validity="inactive")),
    ("github", of_github("adafruit_io_key")),
    ("gitguardian", of_gitguardian("github_access_token", status="resolved")),
    ("gitguardian", of_gitguardian("github_access_token", status="ignored")),
    ("gitguardian", of_gitguardian("github_access_token", secret_revoked=True)),
    ("gitguardian", of_gitguardian("github_app_keys")),
    ("gitguardian", of_gitguardian("huggingface_user_access_token", validity="no_checker", severity="medium", tags=[])),
    ("gitguardian", of_gitguardian("generic_password")),
]


@pytest.mark.parametrize(("source", "message"), QUIET)
def test_nothing_starts(plans: list[Plan], source: str, message: Any) -> None:
    """What is over, put away, dead, made to try things out, mild, or none of a runbook's business; and it is no failure."""
    result = found(source, message, plans)
    assert result.found == ()
    assert result.failures == ()


@pytest.mark.parametrize(
    ("source", "message", "runbook", "field"),
    [
        ("github", of_github("aws_access_key_id"), AWS, "alert.access_key_id"),
        ("gitguardian", of_gitguardian("aws_iam"), AWS, "alert.access_key_id"),
        ("trufflehog", TRUFFLEHOG_AWS | {"Raw": "canary", "Redacted": "", "RawV2": ""}, AWS, "alert.access_key_id"),
        ("github", GITHUB, PROVIDER, "alert.credential"),
        ("gitguardian", of_gitguardian("claude_api_key"), PROVIDER, "alert.credential"),
        ("trufflehog", TRUFFLEHOG_HF | {"DetectorName": "OpenAI"}, PROVIDER, "alert.credential"),
    ],
)
def test_an_alert_without_the_field_that_is_needed(
    plans: list[Plan], source: str, message: Any, runbook: str, field: str
) -> None:
    """Nothing starts, and the reason says which field is missing."""
    result = found(source, message, plans)
    assert result.found == ()
    assert [one for one in result.reasons if one.startswith(f"{runbook}: trigger ") and f" needs {field}, and " in one]


def test_one_leak_is_one_incident(plans: list[Plan]) -> None:
    """A key that three sources report, and a token that is found twice; two leaks are two."""
    by_name = {plan.name: plan for plan in plans}
    names = {incident_id(by_name[AWS], given, "x") for _, _, runbook, given in STARTS if runbook == AWS}
    assert names == {f"{AWS}-{KEY_ID}"}
    elsewhere = changed(TRUFFLEHOG_GITHUB | {"Verified": True}, "SourceMetadata.Data.Filesystem.file", "other")
    ((_, again),) = found("trufflehog", elsewhere, plans).found
    assert again == of_token(FOUND_GITHUB)
    ((_, other),) = found("github", of_github("github_personal_access_token", number=43), plans).found
    assert incident_id(by_name[TOKEN], other, "x") != incident_id(by_name[TOKEN], of_token("example.gateway-42"), "x")


def test_every_trigger_for_an_alert_is_tried_here(plans: list[Plan]) -> None:
    """A trigger that no test has fits or names the field that it lacks has never been seen to work."""
    sources = {trigger.alert for plan in plans for trigger in plan.triggers if trigger.alert}
    assert sources == {"guardduty", *(source for source, *_ in STARTS)}
    assert sources <= set(SOURCES)
    started = {plan.name: plan.auto for plan in plans if any(trigger.alert for trigger in plan.triggers)}
    assert started == dict.fromkeys((AWS, GATEWAY, TOKEN, PROVIDER), Auto.CONTAIN)


@pytest.mark.parametrize(
    ("kind", "severity"), [("CredentialAccess:IAMUser/AnomalousBehavior", 5.0), ("Recon:EC2/Portscan", 5.0)]
)
def test_secrets_that_are_read_as_never_before(plans: list[Plan], kind: str, severity: float) -> None:
    """GuardDuty's middling finding starts the gateway's runbook, from when it was first seen; another does not."""
    finding = json.loads(GUARDDUTY.read_bytes())
    finding["detail"] |= {"type": kind, "severity": severity}
    finding["detail"]["resource"]["accessKeyDetails"]["accessKeyId"] = KEY_ID
    first_seen = finding["detail"]["service"]["eventFirstSeen"]
    started = {plan.name: given for plan, given in found("guardduty", finding, plans).found}
    if kind.startswith("CredentialAccess:"):
        wanted = {"access_key_id": KEY_ID, "since": first_seen}
        assert {name: {key: given[key] for key in wanted} for name, given in started.items()} == {GATEWAY: wanted}
    else:
        assert started == {}


def test_a_long_name_of_a_repository(plans: list[Plan]) -> None:
    """Still is a name that the runbook takes, and another one than its neighbour's."""
    long = [
        changed(of_github("github_personal_access_token"), "repository.full_name", f"o/{'r' * 99}{n}") for n in "ab"
    ]
    names = {found("github", message, plans).found[0][1]["token"] for message in long}
    assert {len(name) for name in names} == {100}
