"""Findings of Security Hub: imported ones, and those that a person hands over."""

import json
from typing import Any

import pytest

from firedoor.alerts import Alert, Parsed, securityhub
from firedoor.errors import UsageError
from tests.alerts.sns import notification, posted
from tests.shared import SHARED, needs_shared

PAYLOADS = SHARED / "payloads" / "aws_securityhub"


def finding(**changes: Any) -> dict[str, Any]:
    """A finding that a service has imported."""
    return {
        "SchemaVersion": "2018-10-08",
        "Id": "arn:aws:guardduty:eu-west-1:123456789012:detector/12abc/finding/0001",
        "AwsAccountId": "123456789012",
        "Types": ["TTPs/Initial Access/UnauthorizedAccess:IAMUser-MaliciousIPCaller.Custom"],
        "UpdatedAt": "2026-11-29T11:40:00.000Z",
        "Severity": {"Label": "HIGH", "Normalized": 80},
        "Resources": [access_key("AKIAIOSFODNN7EXAMPLE")],
        "RecordState": "ACTIVE",
        "Workflow": {"Status": "NEW"},
    } | changes


def access_key(key: str, **details: Any) -> dict[str, Any]:
    """The resource that is an access key."""
    details = {
        "AccessKeyId": key,
        "UserName": "deploy",
        "PrincipalType": "IAMUser",
        "PrincipalId": "AIDAEXAMPLE",
    } | details
    return {"Type": "AwsIamAccessKey", "Id": f"AWS::IAM::AccessKey:{key}", "Details": {"AwsIamAccessKey": details}}


def event(*findings: Any, kind: str = "Security Hub Findings - Imported", **detail: Any) -> dict[str, Any]:
    """An event of EventBridge around findings."""
    return {
        "id": "8e5622f9-d81c-4d81-612a-9319e7ee2506",
        "detail-type": kind,
        "source": "aws.securityhub",
        "region": "eu-west-1",
        "detail": {"findings": list(findings), **detail},
    }


def delivered(value: Any) -> Parsed:
    """What a JSON value says."""
    return securityhub.parse({}, posted(value))


def only(**changes: Any) -> Alert:
    """The alert of one finding."""
    (alert,) = delivered(event(finding(**changes))).alerts
    return alert


@needs_shared
def test_a_custom_action() -> None:
    """It names a user but no key; the literal `AWS::IAM::AccessKey:null` is none."""
    body = (PAYLOADS / "custom_action_access_key.json").read_bytes()
    recorded = json.loads(body)["detail"]["findings"][0]
    delivery = securityhub.parse({}, body)
    assert delivery.key == f"25a1be76-1141-cb5d-be5c-bbaa5461e626/{recorded['Id']}/2019-06-12T15:34:50.346Z/ACTIVE/"
    assert delivery.alerts == (
        Alert(
            source="securityhub",
            id=recorded["Id"],
            type="Unusual Behaviors/User/UnauthorizedAccess:IAMUser-ConsoleLogin",
            title="Unusual console login was seen for principal kapil.",
            description=recorded["Description"],
            severity=5.0,
            account="644160558196",
            region="us-east-1",
            provider="aws",
            user_name="kapil",
            first_seen="2019-06-12T15:11:20Z",
            last_seen="2019-06-12T15:12:40Z",
            labels=recorded["ProductFields"] | {"actionName": "Ec2 aws"},
            raw=recorded,
        ),
    )


@needs_shared
def test_a_finding_of_a_decoy() -> None:
    """A bare finding: the actor's key, the target's ARN, and times in a spelling of their own."""
    [alert] = securityhub.parse({}, (PAYLOADS / "finding_decoy_secret.json").read_bytes()).alerts
    assert (alert.severity, alert.region, alert.type) == (7.0, "us-east-1", "Unusual Behaviors")
    assert (alert.credential, alert.access_key_id) == ("EXAMPLE-ACCESS-KEY-ID", "EXAMPLE-ACCESS-KEY-ID")
    assert (alert.user_name, alert.user_type) == ("tester", "AssumedRole")
    assert alert.resource == "arn:aws:secretsmanager:us-east-1:123456789012:secret:Dummy-Secret-ab12cde34f"
    assert (alert.first_seen, alert.last_seen) == ("2024-05-23T20:49:02Z", "2024-05-23T20:49:02Z")


def test_many_findings() -> None:
    """Each is an alert. The key is that of all of them, in whatever order, and another when one of them changes."""
    one, two = finding(), finding(Id="arn:2", Resources=[access_key("ASIAEXAMPLE000000002")])
    delivery = delivered(notification(event(one, two)))
    assert [(alert.id, alert.access_key_id) for alert in delivery.alerts] == [
        (one["Id"], "AKIAIOSFODNN7EXAMPLE"),
        ("arn:2", "ASIAEXAMPLE000000002"),
    ]
    assert delivered(event(two, one)).key == delivery.key
    assert delivered(event(one, two | {"UpdatedAt": "2026-11-29T11:45:00Z"})).key != delivery.key
    assert [alert.id for alert in delivered({"Findings": [one, two]}).alerts] == [one["Id"], "arn:2"]


def test_several_keys_of_one_finding() -> None:
    """None is lost: each is an alert, with an id of its own that stays the same."""
    keys = [access_key("AKIAEXAMPLE000000001"), access_key("null"), access_key("AKIAEXAMPLE000000002", UserName="web")]
    keys[1]["Details"] = {}
    alerts = delivered(event(finding(Resources=keys))).alerts
    assert [(alert.id, alert.user_name) for alert in alerts] == [
        (f"{finding()['Id']}/AKIAEXAMPLE000000001", "deploy"),
        (f"{finding()['Id']}/AKIAEXAMPLE000000002", "web"),
    ]


@pytest.mark.parametrize(
    ("identity", "credential"),
    [
        ("AWS::IAM::AccessKey:null", ""),
        ("arn:aws:iam::123456789012:null", ""),
        ("AWS::IAM::AccessKey:AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("arn:aws:iam::123456789012:access-key/AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("", ""),
    ],
)
def test_where_only_the_id_says_which_key(identity: str, credential: str) -> None:
    """Products write the resource's id in several ways."""
    alert = only(Resources=[{"Type": "AwsIamAccessKey", "Id": identity}])
    assert (alert.credential, alert.access_key_id) == (credential, credential)


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        ({"Label": "CRITICAL", "Normalized": 95}, 9.5),
        ({"Normalized": 0}, 0.0),
        ({"Label": "CRITICAL"}, 9.0),
        ({"Label": "HIGH"}, 7.0),
        ({"Label": "MEDIUM"}, 4.0),
        ({"Label": "LOW"}, 0.1),
        ({"Label": "INFORMATIONAL"}, 0.0),
        ({"Label": "SEVERE"}, 0.0),
        ({}, 0.0),
    ],
)
def test_severity(severity: dict[str, Any], expected: float) -> None:
    """AWS's scale from 0 to 100, or the number that AWS itself sets for a label."""
    assert only(Severity=severity).severity == expected


def test_what_people_decide_about_a_finding() -> None:
    """Resolved, put away: the alert says so, and the delivery is another one though `UpdatedAt` stayed."""
    states: list[dict[str, Any]] = [
        {},
        {"Workflow": {"Status": "RESOLVED"}},
        {"Workflow": {"Status": "SUPPRESSED"}},
        {"RecordState": "ARCHIVED"},
    ]
    deliveries = [delivered(event(finding(**state))) for state in states]
    assert len({delivery.key for delivery in deliveries}) == len(states)
    found = [(delivery.alerts[0].resolved, delivery.alerts[0].archived) for delivery in deliveries]
    assert found == [(False, False), (True, False), (False, True), (False, True)]


def test_a_custom_action_twice() -> None:
    """Whoever chooses it again means it; the same event delivered twice is one."""
    action = event(finding(), kind="Security Hub Findings - Custom Action", actionName="firedoor")
    assert delivered(action).key == delivered(action).key != delivered(action | {"id": "another"}).key
    assert delivered(action).alerts[0].labels == {"actionName": "firedoor"}


def test_samples() -> None:
    """Security Hub's own, and those of GuardDuty."""
    assert not only().sample
    assert only(Sample=True).sample
    assert only(ProductFields={"aws/guardduty/service/additionalInfo/sample": "true"}).sample


def test_what_else_it_says() -> None:
    """Labels are the product's fields and the customer's; a link only if it is one to a web page."""
    alert = only(
        ProductFields={"team": "aws", "count": "3"},
        UserDefinedFields={"team": "web"},
        SourceUrl="https://example.com/f/1",
        Resources=[{"Type": "AwsIamUser", "Id": "arn:aws:iam::123456789012:user/path/deploy", "Region": "us-east-1"}],
    )
    assert alert.labels == {"team": "web", "count": "3"}
    assert alert.url == "https://example.com/f/1"
    assert (alert.user_name, alert.resource, alert.credential) == (
        "deploy",
        "arn:aws:iam::123456789012:user/path/deploy",
        "",
    )
    assert alert.region == "eu-west-1"
    assert only(SourceUrl="javascript:alert(1)").url == ""
    assert only(Types=[]).type == only(Types=None).type == ""


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (event(), "it holds no finding"),
        ({}, "it holds no finding"),
        (event("x"), "`findings` is not a list of JSON objects"),
        (event(finding(Resources={})), "`Resources` is not a list of JSON objects"),
        (event(finding(Id="")), "it has no `Id`"),
        (event(finding(Types="x")), "`Types` is not a list of texts"),
        (event(finding(Types=[1])), "`Types` is not a list of texts"),
        (event(finding(Severity={"Normalized": "80"})), "`Severity.Normalized` is not a number"),
        (event(finding(Severity={"Normalized": True})), "`Severity.Normalized` is not a number"),
        (event(finding(Severity={"Normalized": 101})), "does not lie between 0 and 100"),
        (event(finding(UpdatedAt=5)), "`UpdatedAt` is not a text"),
        (event(finding(), kind="Findings Imported V2"), "detail-type 'Findings Imported V2'"),
        (event(finding(), kind="Security Hub Insight Results"), "detail-type 'Security Hub Insight Results'"),
        (event(finding()) | {"source": "mine"}, "the event is from 'mine'"),
    ],
)
def test_what_is_no_finding(value: Any, says: str) -> None:
    """A sentence that says what is wrong."""
    with pytest.raises(UsageError) as caught:
        delivered(value)
    assert says in caught.value.what
