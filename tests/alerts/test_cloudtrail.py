"""Events of CloudTrail: what somebody did with a credential, or which one they made."""

import json
from typing import Any

import pytest

from firedoor.alerts import Alert, Parsed, cloudtrail
from firedoor.errors import UsageError
from tests.alerts.sns import notification, posted
from tests.shared import SHARED, needs_shared

PAYLOADS = SHARED / "payloads" / "aws_cloudtrail"


def record(**changes: Any) -> dict[str, Any]:
    """What a role did."""
    return {
        "eventVersion": "1.11",
        "eventID": "0f1e2d3c-0000-4000-8000-000000000001",
        "eventName": "ListBuckets",
        "eventSource": "s3.amazonaws.com",
        "eventTime": "2026-11-29T11:50:00Z",
        "awsRegion": "eu-west-1",
        "recipientAccountId": "111111111111",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.31",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:session",
            "arn": "arn:aws:sts::222222222222:assumed-role/deploy/session",
            "accountId": "222222222222",
            "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
            "sessionContext": {"sessionIssuer": {"type": "Role", "userName": "deploy"}},
        },
    } | changes


def event(detail: Any, kind: str = "AWS API Call via CloudTrail") -> dict[str, Any]:
    """An event of EventBridge around a record."""
    return {"detail-type": kind, "source": "aws.s3", "account": "111111111111", "detail": detail}


def delivered(value: Any) -> Parsed:
    """What a JSON value says."""
    return cloudtrail.parse({}, posted(value))


def only(**changes: Any) -> Alert:
    """The alert of one record."""
    (alert,) = delivered(event(record(**changes))).alerts
    return alert


@needs_shared
def test_a_key_that_was_made() -> None:
    """The new key is the credential, and it is its user's, not the caller's."""
    body = (PAYLOADS / "create_access_key.json").read_bytes()
    delivery = cloudtrail.parse({}, body)
    assert delivery.key == "c64c4ded-ef03-4e5c-81eb-153b118d72f2"
    assert delivery.alerts == (
        Alert(
            source="cloudtrail",
            id="c64c4ded-ef03-4e5c-81eb-153b118d72f2",
            type="CreateAccessKey",
            title="CreateAccessKey by arn:aws:iam::946986569305:user/christophe",
            account="946986569305",
            region="ap-central-2r",
            provider="aws",
            credential="AKIAIOSFODNN7EXAMPLE",
            access_key_id="AKIAIOSFODNN7EXAMPLE",
            user_name="stratus-red-team-backdoor-u-user",
            user_type="IAMUser",
            first_seen="2024-07-30T21:53:13Z",
            last_seen="2024-07-30T21:53:13Z",
            url="https://ap-central-2r.console.aws.amazon.com/cloudtrailv2/home?region=ap-central-2r#/events/c64c4ded-ef03-4e5c-81eb-153b118d72f2",
            labels={
                "callerArn": "arn:aws:iam::946986569305:user/christophe",
                "callerType": "IAMUser",
                "errorCode": "",
                "eventSource": "iam.amazonaws.com",
                "sourceIPAddress": "211.9.016.253",
                "userAgent": "stratus-red-team_f3f19dcd-8552-47ca-a01e-0e1f5578d15e",
            },
            raw=json.loads(body)[0],
        ),
    )


@needs_shared
def test_an_attack() -> None:
    """Three events in one file: three alerts, the caller's key in two of them."""
    body = (PAYLOADS / "create_admin_user.json").read_bytes()
    delivery = cloudtrail.parse({}, body)
    assert [(alert.type, alert.credential, alert.user_name) for alert in delivery.alerts] == [
        ("AttachUserPolicy", "EXAMPLE-CALLER-ACCESS-KEY-ID", "christophe"),
        ("CreateAccessKey", "AKIAIOSFODNN7EXAMPLE", "malicious-iam-user"),
        ("CreateUser", "EXAMPLE-CALLER-ACCESS-KEY-ID", "christophe"),
    ]
    assert delivered({"Records": json.loads(body)}) == delivery


@pytest.mark.parametrize(
    "kind",
    ["AWS API Call via CloudTrail", "AWS Console Sign In via CloudTrail", "AWS Service Event via CloudTrail"],
)
def test_an_event_of_eventbridge(kind: str) -> None:
    """In a message of SNS, whatever the service; the account is that of the credential."""
    delivery = delivered(notification(event(record(), kind)))
    [alert] = delivery.alerts
    assert delivery.key == alert.id == record()["eventID"]
    assert (alert.credential, alert.account) == ("ASIAIOSFODNN7EXAMPLE", "222222222222")
    assert (alert.user_name, alert.user_type, alert.principal_id) == ("deploy", "AssumedRole", "AROAEXAMPLE:session")
    assert alert.severity == 0.0


def test_root_at_the_console() -> None:
    """No key was used, and root has no name."""
    root = {
        "type": "Root",
        "principalId": "111111111111",
        "arn": "arn:aws:iam::111111111111:root",
        "accountId": "111111111111",
    }
    alert = only(eventName="ConsoleLogin", userIdentity=root)
    assert alert.title == "ConsoleLogin by arn:aws:iam::111111111111:root"
    assert (alert.type, alert.user_type, alert.credential, alert.user_name) == ("ConsoleLogin", "Root", "", "")
    assert alert.labels["callerType"] == "Root"


def test_a_key_that_root_made_for_itself() -> None:
    """Without a user's name in the request the key is the caller's own."""
    made = {"accessKey": {"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "userName": "root-alias"}}
    changes: dict[str, Any] = {
        "eventName": "CreateAccessKey",
        "responseElements": made,
        "userIdentity": {"type": "Root"},
    }
    assert only(**changes).user_type == "Root"
    assert only(**changes, requestParameters={"userName": "deploy"}).user_type == "IAMUser"


def test_what_was_refused() -> None:
    """The error is in a label; a key that was not made is not reported, but the one that tried is."""
    alert = only(
        eventName="CreateAccessKey",
        errorCode="AccessDenied",
        errorMessage="User is not authorized",
        responseElements=None,
    )
    assert (
        alert.title
        == "CreateAccessKey by arn:aws:sts::222222222222:assumed-role/deploy/session was refused: AccessDenied"
    )
    assert (alert.labels["errorCode"], alert.description) == ("AccessDenied", "User is not authorized")
    assert alert.credential == "ASIAIOSFODNN7EXAMPLE"


def test_what_a_service_did() -> None:
    """Whoever is known is named; the rest is empty, so that expressions need no guards."""
    alert = only(userIdentity={"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}, sourceIPAddress=None)
    assert alert.title == "ListBuckets by ec2.amazonaws.com"
    assert (alert.account, alert.labels["sourceIPAddress"]) == ("111111111111", "")
    assert only(userIdentity=None).title == "ListBuckets by somebody unknown"


def test_what_it_was_done_to() -> None:
    """The first of the event's resources."""
    resources = [{"type": "AWS::S3::Object"}, {"ARN": "arn:aws:s3:::logs", "type": "AWS::S3::Bucket"}]
    assert only(resources=resources).resource == "arn:aws:s3:::logs"


def test_places_that_are_none() -> None:
    """A link is only made of what can stand in one."""
    assert only(awsRegion="eu-west-1/../x").url == ""
    assert only(awsRegion=None).url == ""


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "it holds no event"),
        ({"Records": []}, "it holds no event"),
        ([record(), 5], "`Records` is not a list of JSON objects"),
        ({"Records": {}}, "`Records` is not a list of JSON objects"),
        (record(eventID=None), "it has no `eventID`"),
        (event(record(eventName="")), "it has no `eventName`"),
        (event(record(resources="x")), "`resources` is not a list of JSON objects"),
        (event(record(), "GuardDuty Finding"), "detail-type 'GuardDuty Finding'"),
        ("x", "it is not a JSON object"),
    ],
)
def test_what_is_no_event(value: Any, says: str) -> None:
    """A sentence that says what is wrong."""
    with pytest.raises(UsageError) as caught:
        delivered(value)
    assert says in caught.value.what
