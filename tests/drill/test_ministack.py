"""The corrections of ministack: it records and lists what AWS would, and refuses exactly as before."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from firedoor.drill import ministack
from firedoor.drill.emulators import Aws, AwsKey

ASSUMED = b"""<?xml version="1.0"?><AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<Credentials><AccessKeyId>ASIACHILD</AccessKeyId><SecretAccessKey>canary-secret</SecretAccessKey>
<SessionToken>canary-token</SessionToken></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}'
ALL = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
DENY = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'


def a_user(aws: Aws, policy: str = ALL) -> AwsKey:
    """A user with one key."""
    iam = aws.client("iam")
    iam.create_user(UserName="deploy")
    iam.put_user_policy(UserName="deploy", PolicyName="deploy", PolicyDocument=policy)
    made = iam.create_access_key(UserName="deploy")["AccessKey"]
    return AwsKey(made["AccessKeyId"], made["SecretAccessKey"])


def recorded(aws: Aws, key: AwsKey) -> list[dict[str, Any]]:
    """CloudTrail's events of a key, all pages, newest first."""
    pages = aws.client("cloudtrail").get_paginator("lookup_events")
    attribute = {"AttributeKey": "AccessKeyId", "AttributeValue": key.id}
    found = pages.paginate(LookupAttributes=[attribute])
    return [json.loads(event["CloudTrailEvent"]) for page in found for event in page["Events"]]


async def test_lineage_of_a_session_is_recorded(aws: Aws) -> None:
    """An AssumeRole carries the id of the session it made, and the session's calls carry the role that issued it."""
    key = a_user(aws)
    role = aws.client("iam").create_role(RoleName="runtime", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    aws.client("iam").put_role_policy(RoleName="runtime", PolicyName="all", PolicyDocument=ALL)
    made = aws.client("sts", key).assume_role(RoleArn=role, RoleSessionName="thief")["Credentials"]
    session = AwsKey(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    aws.client("secretsmanager", session).list_secrets()

    (assumed,) = recorded(aws, key)
    assert assumed["eventName"] == "AssumeRole"
    assert assumed["requestParameters"] == {"roleArn": role, "roleSessionName": "thief"}
    assert assumed["responseElements"]["credentials"]["accessKeyId"] == session.id
    assert assumed["userIdentity"]["userName"] == "deploy"
    (listed,) = recorded(aws, session)
    assert listed["eventSource"] == "secretsmanager.amazonaws.com"
    assert listed["userIdentity"]["type"] == "AssumedRole"
    assert listed["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == role


async def test_no_secret_is_recorded(aws: Aws) -> None:
    """Secret keys, session tokens and secret values stay out of CloudTrail, in requests and in answers."""
    key = a_user(aws)
    client = aws.client("iam", key)
    new = client.create_access_key(UserName="deploy")["AccessKey"]
    token = aws.client("sts", key).get_session_token()["Credentials"]
    aws.client("secretsmanager", key).create_secret(Name="openai", SecretString="sk-canary-1")
    text = json.dumps(recorded(aws, key))
    assert new["AccessKeyId"] in text
    assert token["AccessKeyId"] in text
    for secret in (new["SecretAccessKey"], token["SecretAccessKey"], token["SessionToken"], "sk-canary-1", key.secret):
        assert secret not in text


async def test_refused_call_is_recorded_as_refused(aws: Aws) -> None:
    """A call that a policy denies is in CloudTrail with its error code; one with a dead key is not, as on AWS."""
    key = a_user(aws, DENY)
    with pytest.raises(ClientError):
        aws.client("secretsmanager", key).list_secrets()
    with pytest.raises(ClientError):
        aws.client("iam", key).list_users()
    assert [(event["eventName"], event["errorCode"]) for event in recorded(aws, key)] == [
        ("ListUsers", "AccessDenied"),
        ("ListSecrets", "AccessDeniedException"),
    ]
    aws.client("iam").update_access_key(UserName="deploy", AccessKeyId=key.id, Status="Inactive")
    with pytest.raises(ClientError):
        aws.client("iam", key).list_users()
    assert len(recorded(aws, key)) == 2


async def test_pages_hold_every_event_once(aws: Aws) -> None:
    """More events than a page holds are all found, also while others arrive."""
    key = a_user(aws)
    client = aws.client("iam", key)
    for _ in range(ministack.PAGE + 5):
        client.list_access_keys(UserName="deploy")
    lookup = aws.client("cloudtrail")
    first = lookup.lookup_events(LookupAttributes=[{"AttributeKey": "AccessKeyId", "AttributeValue": key.id}])
    client.list_users()
    second = lookup.lookup_events(
        LookupAttributes=[{"AttributeKey": "AccessKeyId", "AttributeValue": key.id}], NextToken=first["NextToken"]
    )
    ids = [event["EventId"] for page in (first, second) for event in page["Events"]]
    assert len(ids) == len(set(ids)) == ministack.PAGE + 5


async def test_last_use_of_a_key_moves(aws: Aws) -> None:
    """A key that was never used says so; after a call it names service and region."""
    key, iam = a_user(aws), aws.client("iam")
    never = iam.get_access_key_last_used(AccessKeyId=key.id)["AccessKeyLastUsed"]
    assert never == {"ServiceName": "N/A", "Region": "N/A"}
    aws.client("secretsmanager", key).list_secrets()
    used = iam.get_access_key_last_used(AccessKeyId=key.id)
    assert used["UserName"] == "deploy"
    assert (used["AccessKeyLastUsed"]["ServiceName"], used["AccessKeyLastUsed"]["Region"]) == (
        "secretsmanager",
        "us-east-1",
    )
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_access_key_last_used(AccessKeyId="AKIAIOSFODNN7EXAMPLE")


async def test_last_use_is_authorised_on_the_owner_of_the_key(aws: Aws) -> None:
    """A policy for one user's keys shows the last use of these and of no other user's."""
    own = {"Effect": "Allow", "Action": "iam:GetAccessKeyLastUsed", "Resource": "arn:aws:iam::000000000000:user/deploy"}
    key = a_user(aws, json.dumps({"Version": "2012-10-17", "Statement": own}))
    aws.client("iam").create_user(UserName="other")
    foreign = aws.client("iam").create_access_key(UserName="other")["AccessKey"]["AccessKeyId"]
    client = aws.client("iam", key)
    assert client.get_access_key_last_used(AccessKeyId=key.id)["UserName"] == "deploy"
    with pytest.raises(ClientError, match="AccessDenied"):
        client.get_access_key_last_used(AccessKeyId=foreign)


async def test_service_specific_credentials_live_and_die(aws: Aws) -> None:
    """A Bedrock API key can be made, listed without its secret, made inactive and deleted; SSH keys are an empty list."""
    a_user(aws)
    iam = aws.client("iam")
    made = iam.create_service_specific_credential(UserName="deploy", ServiceName="bedrock.amazonaws.com")
    identifier = made["ServiceSpecificCredential"]["ServiceSpecificCredentialId"]
    iam.update_service_specific_credential(UserName="deploy", ServiceSpecificCredentialId=identifier, Status="Inactive")
    (listed,) = iam.list_service_specific_credentials(UserName="deploy")["ServiceSpecificCredentials"]
    assert (listed["Status"], "ServicePassword" in listed) == ("Inactive", False)
    assert iam.list_service_specific_credentials(UserName="other")["ServiceSpecificCredentials"] == []
    iam.delete_service_specific_credential(UserName="deploy", ServiceSpecificCredentialId=identifier)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.delete_service_specific_credential(UserName="deploy", ServiceSpecificCredentialId=identifier)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.update_service_specific_credential(
            UserName="deploy", ServiceSpecificCredentialId=identifier, Status="Active"
        )
    assert iam.list_ssh_public_keys(UserName="deploy")["SSHPublicKeys"] == []
    assert iam.list_signing_certificates(UserName="deploy")["Certificates"] == []


async def test_simulation_answers_for_each_resource(aws: Aws) -> None:
    """Every resource that is asked about gets its own decision; without any, the answer is about everything."""
    iam = aws.client("iam")
    one = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:::b"}}'
    asked = {"PolicyInputList": [one], "ActionNames": ["sqs:SendMessage"]}
    said = iam.simulate_custom_policy(**asked, ResourceArns=["arn:aws:sqs:::a", "arn:aws:sqs:::b"])
    decisions = {result["EvalResourceName"]: result["EvalDecision"] for result in said["EvaluationResults"]}
    assert decisions == {"arn:aws:sqs:::a": "implicitDeny", "arn:aws:sqs:::b": "allowed"}
    (all_of_it,) = iam.simulate_custom_policy(**asked)["EvaluationResults"]
    assert all_of_it["EvalDecision"] == "implicitDeny"


async def test_what_is_refused_is_not_corrected(aws: Aws) -> None:
    """The proof of a drill is ministack's own refusal: a dead key and an old session are refused, a new one is not."""
    key, iam = a_user(aws), aws.client("iam")
    role = iam.create_role(RoleName="runtime", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    iam.put_role_policy(RoleName="runtime", PolicyName="all", PolicyDocument=ALL)

    def session() -> AwsKey:
        made = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="gateway")["Credentials"]
        return AwsKey(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])

    old = session()
    moment = aws.client("iam").get_role(RoleName="runtime")["Role"]["CreateDate"]
    await asyncio.sleep(1)
    older = {"DateLessThan": {"aws:TokenIssueTime": ministack.rfc3339(moment.timestamp() + 1)}}
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": older}
    iam.put_role_policy(
        RoleName="runtime", PolicyName="old", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": deny})
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("secretsmanager", old).list_secrets()
    aws.client("secretsmanager", session()).list_secrets()
    iam.update_access_key(UserName="deploy", AccessKeyId=key.id, Status="Inactive")
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        aws.client("secretsmanager", key).list_secrets()


def test_answers_that_are_no_xml_or_json_say_nothing() -> None:
    """Bodies in other formats neither fail nor invent fields."""
    assert ministack.response_elements(b"") is None
    assert ministack.response_elements(b"{}") is None
    assert ministack.refusal(b"oops") == {"errorCode": "", "errorMessage": ""}
    assert ministack.request({}, b"\xff\xfe") == ("", {})
    assert ministack.elements("a &amp; b") == "a & b"
    elements = ministack.response_elements(ASSUMED)
    assert elements == {"credentials": {"accessKeyId": "ASIACHILD"}}


def test_another_emulator_is_refused_by_version() -> None:
    """Without the ministack that the corrections were written for, the program ends at once and says which one it needs."""
    program = [sys.executable, "-I", str(Path(ministack.__file__))]
    ended = subprocess.run(program, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert f"not ministack {ministack.VERSION}" in ended.stderr
