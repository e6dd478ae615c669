"""The credential verbs at AWS where its answers waver, mislead, or come from CloudTrail: scripted before an emulator."""

import datetime
import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from activities._clients import Clients
from firedoor.config import Settings
from firedoor.incident import Outcome
from firedoor.plan import Verdict
from tests.activities.performing import accounts
from tests.activities.wire import Forward, Reply, Rule, Wire, refused, replaced
from tests.emulators import Emulator, Keys, People
from tests.killing import attempt

SINK = "aws-sm:gateway/aws"
BEDROCK = "bedrock.amazonaws.com"


@pytest.fixture
def clients(wire: Wire, tmp_path: Path) -> Iterator[Clients]:
    """firedoor acts as root, through the proxy; what it changes must hold for a moment."""
    made = Clients(Settings(home=tmp_path), aws=accounts(wire, settle_seconds=0.2))
    yield made
    made.close()


@pytest.fixture
def leaked(aws: Emulator, people: People) -> Keys:
    """A user's key, in a secret."""
    keys = people.user("gateway", "s3:*")
    value = json.dumps({"aws_access_key_id": keys.access_key_id, "aws_secret_access_key": keys.secret})
    aws.client("secretsmanager").create_secret(Name="gateway/aws", SecretString=value)
    return keys


def outcome(clients: Clients, action: str, **arguments: Any) -> Outcome:
    """What comes of a step that has to succeed."""
    _, ended = attempt(clients, action, **arguments)
    assert isinstance(ended, Outcome), ended
    return ended


def named(keys: Keys) -> dict[str, str]:
    """The key as a runbook names it."""
    return {"provider": "aws", "id": keys.access_key_id, "scope": "gateway", "where": SINK}


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("InvalidClientTokenId", "dead"),
        ("ExpiredToken", "dead"),
        ("SignatureDoesNotMatch", "unknown"),
        ("RequestExpired", "unknown"),
        ("Throttling", "unknown"),
    ],
)
def test_only_a_refusal_of_the_key_itself_is_dead(
    wire: Wire, clients: Clients, leaked: Keys, code: str, state: str
) -> None:
    """A wrong signature comes of another secret or a wrong clock: AWS knows the key then, and it is active."""
    session = {"provider": "aws", "kind": "session", "where": SINK}
    wire.on("GetCallerIdentity", refused(403, code))
    assert outcome(clients, "credential.verify", credential=session).result["state"] == state


def test_a_key_whose_place_holds_another_secret_is_revoked_all_the_same(
    aws: Emulator, clients: Clients, leaked: Keys
) -> None:
    """The value there is refused for its signature; by its id the key is active, and becomes inactive."""
    value = json.dumps({"aws_access_key_id": leaked.access_key_id, "aws_secret_access_key": "x" * 40})
    aws.client("secretsmanager").put_secret_value(SecretId="gateway/aws", SecretString=value)
    done = outcome(clients, "credential.revoke", credential=named(leaked))
    assert (done.verdict, done.changed) == (Verdict.CONTAINED, True)


def test_one_refusal_is_no_proof_while_aws_wavers(wire: Wire, clients: Clients, leaked: Keys) -> None:
    """Refused, accepted once more, refused: only a refusal that holds over the whole window counts."""
    dead = refused(403, "InvalidClientTokenId")
    wire.on("GetCallerIdentity", accepted, dead, accepted, dead)
    done = outcome(clients, "credential.revoke", credential=named(leaked))
    assert done.verdict is Verdict.CONTAINED
    assert wire.calls.count("GetCallerIdentity") >= 5


def accepted(forward: Forward) -> Reply:
    """A stale answer: the key is called alive."""
    who = "<Arn>arn:aws:iam::000000000000:user/gateway</Arn><UserId>x</UserId><Account>000000000000</Account>"
    name = "GetCallerIdentity"
    body = f"<{name}Response><{name}Result>{who}</{name}Result></{name}Response>"
    return Reply(200, "text/xml", body.encode())


@pytest.mark.parametrize("mode", ["breach", "rotation"])
def test_a_long_term_key_of_bedrock_is_replaced_for_as_many_days(
    wire: Wire, clients: Clients, people: People, mode: str
) -> None:
    """The same service, and an end where the old one had an end; the old one is inactive, the secret has the new one."""
    user, iam = f"gateway-{uuid.uuid4().hex}", wire.emulator.client("iam")
    people.user(user)
    made = iam.create_service_specific_credential(UserName=user, ServiceName=BEDROCK)["ServiceSpecificCredential"]
    old = made["ServiceSpecificCredentialId"]
    wire.emulator.client("secretsmanager").create_secret(Name="gateway/aws", SecretString=made["ServicePassword"])
    created = made["CreateDate"] + datetime.timedelta(days=30)
    ends = f"</CreateDate><ExpirationDate>{created:%Y-%m-%dT%H:%M:%SZ}</ExpirationDate>"
    wire.always["ListServiceSpecificCredentials"] = replaced("</CreateDate>", ends)
    credential = {"provider": "aws", "kind": "service_credential", "id": old, "scope": user, "where": SINK}
    done = outcome(clients, "credential.rotate", credential=credential, mode=mode)
    assert done.verdict is Verdict.CONTAINED
    body = next(one for one in wire.bodies if "Action=CreateServiceSpecificCredential" in one)
    asked = {name: values[0] for name, values in parse_qs(body).items()}
    assert (asked["ServiceName"], asked["CredentialAgeDays"]) == (BEDROCK, "30")
    listed = iam.list_service_specific_credentials(UserName=user)["ServiceSpecificCredentials"]
    states = {one["ServiceSpecificCredentialId"]: one["Status"] for one in listed}
    assert states == {old: "Inactive", done.result["new"]["id"]: "Active"}
    stored = wire.emulator.client("secretsmanager").get_secret_value(SecretId="gateway/aws")["SecretString"]
    assert stored != made["ServicePassword"]
    assert stored not in done.model_dump_json()


def test_use_is_flagged_by_region_address_and_refusals(wire: Wire, clients: Clients, leaked: Keys) -> None:
    """A week at one address in one region; then calls from elsewhere that are mostly refused: each with its figures."""
    now = datetime.datetime.now(datetime.UTC).replace(minute=30)
    calls = [(now - datetime.timedelta(hours=hours), "us-east-1", "192.0.2.1", "") for hours in range(30, 150)]
    calls += [(now - datetime.timedelta(hours=2), "eu-west-3", "198.51.100.7", "AccessDenied")] * 60
    wire.always["LookupEvents"] = recorded(calls)
    clients.aws._aws = clients.aws._aws.model_copy(update={"cloudtrail_regions": ("eu-west-3",)})
    done = outcome(clients, "credential.usage", credential=named(leaked))
    assert {flag["kind"]: flag["says"] for flag in done.result["flags"]} == {
        "spike": "60 requests in one hour; its busiest hour of the 7 days before had 1.",
        "new_region": "60 requests of the region eu-west-3, which it never used in the 7 days before.",
        "new_address": "60 requests from the address 198.51.100.7, which it never used in the 7 days before.",
        "malformed": "60 of 60 requests were refused as malformed or not allowed (100%; usually 0%).",
    }
    assert done.result["blind"] == ["models"]


def recorded(calls: Sequence[tuple[datetime.datetime, str, str, str]]) -> Rule:
    """CloudTrail's answer, the same in every region: it is asked one by one, and each event names its own."""
    events = [
        {
            "EventTime": when.timestamp(),
            "CloudTrailEvent": json.dumps(
                {"awsRegion": region, "sourceIPAddress": address, **({"errorCode": error} if error else {})}
            ),
        }
        for when, region, address, error in calls
    ]
    body = json.dumps({"Events": events}).encode()
    return lambda forward: Reply(200, "application/x-amz-json-1.1", body)


def test_the_last_use_of_a_key_is_listed_where_firedoor_may_ask(wire: Wire, clients: Clients, leaked: Keys) -> None:
    """IAM tells it key by key; without the permission the list is the same, and leaves it out."""
    last = "<AccessKeyLastUsed><LastUsedDate>2026-11-20T08:00:00Z</LastUsedDate></AccessKeyLastUsed>"
    name = "GetAccessKeyLastUsed"
    body = f"<{name}Response><{name}Result><UserName>gateway</UserName>{last}</{name}Result></{name}Response>"
    for rule, expected in (
        (lambda forward: Reply(200, "text/xml", body.encode()), "2026-11-20T08:00:00Z"),
        (refused(403, "AccessDenied"), ""),
    ):
        wire.always[name] = rule
        given = {"provider": "aws", "kind": "iam_access_key", "scope": "gateway"}
        (one,) = outcome(clients, "credential.inventory", **given).result["found"]
        assert (one["credential"]["id"], one["last_used"]) == (leaked.access_key_id, expected)
