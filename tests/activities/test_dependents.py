"""What a plan says of who is hit: consumers of a key, sessions that die."""

import json
from pathlib import Path

import pytest

from activities._clients import Clients
from firedoor.config import Settings
from tests.activities import performing
from tests.activities.performing import Performing, Planning, accounts
from tests.activities.wire import Wire, refused_json
from tests.emulators import ACCOUNT, Emulator, People

DEACTIVATE = "aws.iam.deactivate_access_key"
DENY = "aws.iam.deny_sessions"
LEAKED = f"arn:aws:iam::{ACCOUNT}:user/leaked"


def named(step: Performing, kind: str) -> dict[str, str]:
    """The dependents of a kind, name → what is said of them."""
    return {one.name: one.says for one in step.preview.dependents if one.kind == kind}


def test_consumers_of_a_key(aws: Emulator, people: People) -> None:
    """The services that a key called are named, with how often, when last, and by what; another key's are not."""
    key, other = people.user("leaked", "iam:*", "secretsmanager:*"), people.user("other", "sqs:*")
    aws.client("secretsmanager", key).list_secrets()
    aws.client("secretsmanager", key).list_secrets()
    aws.client("iam", key).list_users()
    aws.client("sqs", other).list_queues()
    step = Planning(accounts(aws), DEACTIVATE, access_key_id=key.access_key_id)
    found = named(step, "services")
    assert set(found) == {"iam", "secretsmanager"}
    assert found["secretsmanager"].startswith(f"2 calls with {key.access_key_id} in 7 days, the last 20")
    assert "Boto3" in found["secretsmanager"]
    assert "from 127.0.0.1" in found["secretsmanager"]
    assert Performing(accounts(aws), DEACTIVATE, access_key_id=key.access_key_id).preview.dependents == ()


def test_nothing_depends_on_an_unused_key(aws: Emulator, people: People) -> None:
    """A key that nobody used has no consumers."""
    key = people.user("leaked").access_key_id
    assert Planning(accounts(aws), DEACTIVATE, access_key_id=key).preview.dependents == ()


def test_sessions_and_keys_of_a_user(aws: Emulator, people: People) -> None:
    """The sessions that a deny ends, each by its own key id, and the keys that may do nothing then."""
    key = people.user("leaked", "sts:*")
    theirs = people.session_token(people.user("other", "sts:*"))
    first, second = people.session_token(key), people.session_token(key)
    people.assume(key, people.role("gateway"))
    step = Planning(accounts(aws), DENY, principal_arn=LEAKED)
    sessions = named(step, "sessions")
    assert set(sessions) == {first.access_key_id, second.access_key_id}
    assert theirs.access_key_id not in sessions
    assert f"to {LEAKED} from 127.0.0.1" in sessions[first.access_key_id]
    assert named(step, "credentials") == {key.access_key_id: "Active; it may do nothing then"}


def test_who_is_hit_as_the_inventory_says(
    aws: Emulator, people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Consumers and customers of a key that the inventory knows: for the key, and for a user who has it."""
    key, spare = people.user("leaked").access_key_id, people.key("leaked").access_key_id
    entries = {
        "deploy": {"provider": "aws", "id": key, "consumers": ["gateway"]},
        "spare": {"provider": "aws", "id": spare, "customers": ["acme", "globex"]},
    }
    inventory = {"credentials": entries, "consumers": {"gateway": {"customers": ["acme"]}}}
    (tmp_path / "inventory.yaml").write_text(json.dumps(inventory | {"customers": {"acme": {}, "globex": {}}}))
    monkeypatch.setattr(performing, "clients", lambda aws: Clients(Settings(home=tmp_path), aws=aws))
    step = Performing(accounts(aws), DEACTIVATE, access_key_id=key)
    assert (set(named(step, "services")), set(named(step, "customers"))) == ({"gateway"}, {"acme"})
    denied = Planning(accounts(aws), DENY, principal_arn=LEAKED)
    assert (set(named(denied, "services")), set(named(denied, "customers"))) == ({"gateway"}, {"acme", "globex"})
    assert sum(one.count for one in denied.preview.dependents if one.kind == "customers") == 2


def test_sessions_of_a_role(aws: Emulator, people: People) -> None:
    """The sessions of a role are found by the role, whoever assumed it; those of another role are not."""
    one, two = people.user("one", "sts:*"), people.user("two", "sts:*")
    role, other = people.role("gateway"), people.role("other")
    sessions = {people.assume(one, role).access_key_id, people.assume(two, role).access_key_id}
    people.assume(one, other)
    step = Planning(accounts(aws), DENY, principal_arn=role)
    assert set(named(step, "sessions")) == sessions
    assert named(step, "credentials") == {}


def test_many_sessions_are_counted(aws: Emulator, people: People) -> None:
    """Twenty are named, of the others the number."""
    user, role = people.user("one", "sts:*"), people.role("gateway")
    for _ in range(23):
        people.assume(user, role)
    found = named(Planning(accounts(aws), DENY, principal_arn=role), "sessions")
    assert len(found) == 21
    assert "3 others of gateway" in found


def test_what_cannot_be_read_is_said(wire: Wire, people: People) -> None:
    """Without permission for CloudTrail the preview stands, and says what it does not know."""
    key = people.user("leaked", "iam:*")
    responder = people.user("responder", "sts:*", "iam:List*", "iam:GetUser*")
    step = Planning(
        accounts(wire, responder), DEACTIVATE, access_key_id=key.access_key_id, user_name="leaked", account=ACCOUNT
    )
    said = named(step, "services")
    assert "iam:GetAccessKeyLastUsed" in said["last use"]
    assert said["CloudTrail of us-east-1"].startswith("could not be read: ")
    denied = Planning(accounts(wire, responder), DENY, principal_arn=LEAKED)
    assert named(denied, "sessions")["CloudTrail of us-east-1"].startswith("could not be read: ")
    assert denied.preview.blast == {"principals": 1}


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalError"])
def test_a_busy_cloudtrail_fails_no_preview(wire: Wire, people: People, code: str) -> None:
    """CloudTrail throttles: the change is shown all the same."""
    key = people.user("leaked", "iam:*").access_key_id
    wire.always["LookupEvents"] = refused_json(400, code)
    step = Planning(accounts(wire), DEACTIVATE, access_key_id=key)
    assert step.preview.change.endswith("Active → Inactive")
    assert set(named(step, "services")) == {"CloudTrail of us-east-1"}
