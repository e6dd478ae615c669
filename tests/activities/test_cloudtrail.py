"""What was done with a key and with the sessions born from it, from CloudTrail events of the real shape."""

import datetime
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from activities.aws.cloudtrail import Findings, Key
from firedoor.errors import StepError
from tests.activities.performing import accounts, perform
from tests.activities.wire import Wire, refused_json
from tests.emulators import ACCOUNT, Emulator, Keys, People

ACTIVITY = "aws.cloudtrail.access_key_activity"


def attempt(client: Any, operation: str, **arguments: Any) -> None:
    """A call that may be refused."""
    try:
        getattr(client, operation)(**arguments)
    except ClientError:
        return


def test_lineage(aws: Emulator, people: People) -> None:
    """Calls of the key, of its sessions, and of the sessions of these are found, and nobody else's."""
    leaked = people.user("leaked", "sts:*", "iam:CreateUser")
    reader = people.role("reader", "secretsmanager:GetSecretValue", "sts:AssumeRole")
    deeper = people.role("deeper", "secretsmanager:*")
    aws.client("secretsmanager").create_secret(Name="ai/openai", SecretString="canary")
    people.session_token(leaked)
    first = people.assume(leaked, reader)
    second = people.assume(first, deeper)
    aws.client("secretsmanager", first).get_secret_value(SecretId="ai/openai")
    aws.client("secretsmanager", second).list_secrets()
    aws.client("iam", leaked).create_user(UserName="backdoor")
    attempt(aws.client("iam", leaked), "list_users")
    production = people.user("production", "secretsmanager:*")
    aws.client("secretsmanager", production).list_secrets()
    found = perform(accounts(aws), ACTIVITY, access_key_id=leaked.access_key_id)
    result = found.result
    events = {one["event"]: (one["count"], one["refused"]) for one in result["events"]}
    assert events == {
        "sts:AssumeRole": (2, 0),
        "sts:GetSessionToken": (1, 0),
        "iam:CreateUser": (1, 0),
        "iam:ListUsers": (1, 1),
        "secretsmanager:GetSecretValue": (1, 0),
        "secretsmanager:ListSecrets": (1, 0),
    }
    assert result["calls"] == 7
    assert result["roles"] == sorted([reader, deeper])
    issued = {one["access_key_id"]: one["issued_by"] for one in result["sessions"]}
    assert issued[first.access_key_id] == leaked.access_key_id
    assert issued[second.access_key_id] == first.access_key_id
    assert len(issued) == 3
    assert all(one["followed"] for one in result["sessions"])
    assert [(one["event"], one["resource"]) for one in result["created"]] == [("iam:CreateUser", "backdoor")]
    assert result["secrets_read"] == ["ai/openai"]
    assert result["addresses"] == ["127.0.0.1"]
    assert result["complete"]
    assert "some minutes late" in found.summary
    assert "canary" not in found.model_dump_json()


def test_what_was_read_as_places(aws: Emulator, people: People) -> None:
    """Secrets by name and by ARN, and parameters, as the inventory names them."""
    key = people.user("leaked", "secretsmanager:*", "ssm:*")
    arn = aws.client("secretsmanager").create_secret(Name="ai/openai", SecretString="canary")["ARN"]
    aws.client("ssm").put_parameter(Name="/ai/mistral", Value="canary", Type="SecureString")
    aws.client("secretsmanager", key).get_secret_value(SecretId=arn)
    aws.client("ssm", key).get_parameters(Names=["/ai/mistral"], WithDecryption=True)
    found = perform(accounts(aws), ACTIVITY, access_key_id=key.access_key_id).result
    assert found["places_read"] == ["aws-sm:ai/openai", "aws-ssm:/ai/mistral"]
    assert found["secrets_read"] == sorted(["/ai/mistral", arn])


def test_nothing_found(aws: Emulator, people: People) -> None:
    """An empty answer proves nothing, and the summary says so."""
    key = people.user("quiet")
    found = perform(accounts(aws), ACTIVITY, access_key_id=key.access_key_id)
    assert (found.result["calls"], found.result["complete"]) == (0, True)
    assert "That proves nothing yet" in found.summary


def test_pages(aws: Emulator, people: People) -> None:
    """All pages are read; with too few requests allowed the result says that there may be more."""
    key = people.user("busy", "secretsmanager:*")
    manager = aws.client("secretsmanager", key)
    for _ in range(60):
        manager.list_secrets()
    assert perform(accounts(aws), ACTIVITY, access_key_id=key.access_key_id).result["calls"] == 60
    short = perform(accounts(aws), ACTIVITY, access_key_id=key.access_key_id, max_pages=1)
    assert (short.result["calls"], short.result["complete"]) == (50, False)
    assert "there may be more" in short.summary


def test_session_limit(aws: Emulator, people: People) -> None:
    """Sessions beyond the limit are listed, but not followed."""
    key = people.user("leaked", "sts:*")
    people.session_token(key)
    people.session_token(key)
    found = perform(accounts(aws), ACTIVITY, access_key_id=key.access_key_id, max_sessions=1).result
    assert sorted(one["followed"] for one in found["sessions"]) == [False, True]
    assert not found["complete"]


def test_regions(wire: Wire, people: People) -> None:
    """Every region is asked, us-east-1 always; an event that two regions show counts once."""
    key = people.user("leaked", "secretsmanager:*")
    wire.emulator.client("secretsmanager", key).list_secrets()
    acting = accounts(wire, cloudtrail_regions=["eu-west-1", "ap-south-1"])
    found = perform(acting, ACTIVITY, access_key_id=key.access_key_id).result
    assert found["searched_regions"] == ["eu-west-1", "ap-south-1", "us-east-1"]
    assert wire.calls.count("LookupEvents") == 3
    assert found["calls"] == 1
    one = perform(acting, ACTIVITY, access_key_id=key.access_key_id, regions=["us-east-1"]).result
    assert one["searched_regions"] == ["us-east-1"]


def test_session_in_a_closed_account(aws: Emulator, people: People) -> None:
    """A session in an account without a configured role is listed, not followed, and the result is not complete."""
    others = People(aws, Keys("111122223333", "test"))
    leaked = people.user("leaked", "sts:*")
    session = people.assume(leaked, others.role("far", "secretsmanager:*"))
    found = perform(accounts(aws), ACTIVITY, access_key_id=leaked.access_key_id).result
    (child,) = found["sessions"]
    assert (child["access_key_id"], child["account"], child["followed"]) == (
        session.access_key_id,
        "111122223333",
        False,
    )
    assert not found["complete"]


def test_permission_missing(wire: Wire, people: People) -> None:
    """For the key itself a missing permission is an error that names it."""
    key = people.user("leaked")
    wire.on("LookupEvents", refused_json(400, "AccessDeniedException", "No."))
    with pytest.raises(StepError) as raised:
        perform(accounts(wire), ACTIVITY, access_key_id=key.access_key_id)
    assert raised.value.reason == "permission_missing"
    assert "cloudtrail:LookupEvents" in raised.value.what


def test_window(wire: Wire, people: People) -> None:
    """Only so many hours are asked for."""
    key = people.user("leaked")
    perform(accounts(wire), ACTIVITY, access_key_id=key.access_key_id, hours=3)
    asked = json.loads(next(body for body in wire.bodies if "LookupAttributes" in body))
    age = datetime.datetime.now(datetime.UTC).timestamp() - float(asked["StartTime"])
    assert 3 * 3600 - 5 < age < 3 * 3600 + 60


def event(name: str, **fields: Any) -> dict[str, Any]:
    """A CloudTrail event of the real shape."""
    return {
        "eventID": name,
        "eventSource": "iam.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "eventTime": "2026-11-23T10:00:00Z",
        "userIdentity": {"arn": f"arn:aws:iam::{ACCOUNT}:user/leaked"},
        **fields,
    }


def test_what_outlives_the_key() -> None:
    """Changes are listed with what they were done to, as CloudTrail names it; reads and refusals are not."""
    findings = Findings()
    by = Key("AKIALEAKED", ACCOUNT)
    named = {"resources": [{"ARN": "arn:aws:s3:::bucket"}, {"type": "x"}]}
    findings.add(event("PutBucketPolicy", **named), by)
    findings.add(event("CreateAccessKey", requestParameters={"userName": "victim", "other": 1}), by)
    findings.add(event("StopLogging", requestParameters=None), by)
    findings.add(event("CreateUser", errorCode="AccessDenied"), by)
    findings.add(event("PutMetricsQuery", readOnly=True), by)
    assert [(one.event, one.resource) for one in findings.created] == [
        ("iam:PutBucketPolicy", "arn:aws:s3:::bucket"),
        ("iam:CreateAccessKey", "victim"),
        ("iam:StopLogging", ""),
    ]


def test_federated_session_and_parameters() -> None:
    """GetFederationToken answers with the federated user; several parameters read at once are all listed."""
    findings = Findings()
    by = Key("AKIALEAKED", ACCOUNT)
    answer = {
        "credentials": {"accessKeyId": "ASIACHILD"},
        "federatedUser": {"arn": f"arn:aws:sts::{ACCOUNT}:federated-user/bob"},
    }
    child = findings.add(event("GetFederationToken", responseElements=answer), by)
    assert child == Key("ASIACHILD", ACCOUNT)
    assert findings.sessions["ASIACHILD"].issued_to.endswith("federated-user/bob")
    findings.add(event("GetParameters", requestParameters={"names": ["/a", "/b"]}), by)
    assert findings.secrets_read == {"/a", "/b"}
    again = event("AssumeRole", responseElements=answer)
    assert findings.add(again, by) is None
