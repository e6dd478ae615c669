"""A whole account: who can act in it, and what an intruder left there."""

import datetime
import json
from pathlib import Path

import pytest

from activities._clients import Clients
from firedoor.config import Settings
from firedoor.incident import Outcome
from tests.activities.performing import accounts
from tests.emulators import ACCOUNT, Emulator, People
from tests.killing import attempt


@pytest.fixture
def clients(aws: Emulator, tmp_path: Path) -> Clients:
    """What a worker reaches."""
    return Clients(Settings(home=tmp_path), aws=accounts(aws))


@pytest.fixture
def since() -> str:
    """A moment before everything that a test makes."""
    moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=1)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_who_can_act_is_listed_with_their_last_use(people: People, clients: Clients, since: str) -> None:
    """Users with active credentials, roles whose sessions can be denied; who has no credential is not among them."""
    key = people.user("deploy", "s3:*")
    role = people.role("gateway", "s3:*")
    people.emulator.client("iam").create_user(UserName="nobody")
    _, done = attempt(clients, "aws.iam.list_principals", None, since=since)
    assert isinstance(done, Outcome)
    found = {one["name"]: one for one in done.result["principals"]}
    assert "nobody" not in found
    assert found["deploy"]["used"]
    assert [one["access_key_id"] for one in done.result["access_keys"] if one["user_name"] == "deploy"] == [
        key.access_key_id
    ]
    assert role in done.result["roles"]
    assert f"arn:aws:iam::{ACCOUNT}:user/deploy" in done.result["users"]


def test_what_was_left_behind_is_found(people: People, aws: Emulator, clients: Clients, since: str) -> None:
    """A user with a key and a password, a role that lets a stranger in, each with what IAM tells."""
    key = people.user("backdoor")
    people.role("door", trusts="999999999999")
    iam = aws.client("iam")
    iam.create_login_profile(UserName="backdoor", Password="Canary-0-password")
    made = iam.create_service_specific_credential(UserName="backdoor", ServiceName="codecommit.amazonaws.com")
    _, done = attempt(clients, "aws.iam.find_persistence", None, since=since)
    assert isinstance(done, Outcome)
    result = done.result
    assert key.access_key_id in [one["access_key_id"] for one in result["access_keys"]]
    assert result["passwords"] == ["backdoor"]
    assert result["service_users"] == ["backdoor"]
    assert [arn.rpartition("/")[2] for arn in result["outsiders"]] == ["door"]
    assert f"arn:aws:iam::{ACCOUNT}:user/backdoor" in result["principals"]
    kinds = {one["kind"] for one in result["findings"]}
    assert {"user", "access_key", "console_password", "service_credential", "role", "trust"} <= kinds
    assert made["ServiceSpecificCredential"]["ServicePassword"] not in json.dumps(result)
    assert "anary-0-password" not in json.dumps(result)


def test_what_was_there_before_is_none_of_it(people: People, clients: Clients) -> None:
    """A moment after everything: nothing but roles that let outsiders in, whenever they began to."""
    people.user("deploy")
    people.role("partner", trusts="999999999999")
    later = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    _, done = attempt(clients, "aws.iam.find_persistence", None, since=later)
    assert isinstance(done, Outcome)
    assert (done.result["access_keys"], done.result["principals"]) == ([], [])
    assert [arn.rpartition("/")[2] for arn in done.result["outsiders"]] == ["partner"]
