"""A new access key goes straight into a secret."""

import json
from typing import Any

import pytest

from firedoor.errors import StepError
from tests.activities import performing
from tests.activities.performing import Performing, accounts, perform
from tests.activities.wire import Wire, forwarded, lost, refused, refused_json, replaced
from tests.emulators import Emulator, Keys, People

CREATE = "aws.iam.create_access_key"


@pytest.fixture
def manager(aws: Emulator) -> Any:
    """Secrets Manager, with a secret `app` that holds another field."""
    client = aws.client("secretsmanager")
    client.create_secret(Name="app", SecretString='{"region": "eu-west-1", "AccessKeyId": "AKIAOLD"}')
    return client


def stored(manager: Any) -> dict[str, str]:
    """The current value of the secret."""
    value: dict[str, str] = json.loads(
        manager.get_secret_value(SecretId="app", VersionStage="AWSCURRENT")["SecretString"]
    )
    return value


def keys(aws: Emulator) -> list[str]:
    """The keys of the user."""
    listed = aws.client("iam").list_access_keys(UserName="gateway")["AccessKeyMetadata"]
    return sorted(one["AccessKeyId"] for one in listed)


def failure(aws: Any, **arguments: str) -> StepError:
    """The error that the step ends with."""
    return performing.failure(aws, CREATE, **{"user_name": "gateway", "secret_id": "app"} | arguments)


def test_create(aws: Emulator, people: People, manager: Any) -> None:
    """The key in the secret works, other fields stay, and neither preview nor outcome holds its value."""
    people.user("gateway", "secretsmanager:*")
    step = Performing(accounts(aws), CREATE, user_name="gateway", secret_id="app")
    assert len(keys(aws)) == 1
    outcome = step.finish()
    value = stored(manager)
    assert value["region"] == "eu-west-1"
    new = Keys(value["AccessKeyId"], value["SecretAccessKey"])
    assert outcome.result["credential"]["id"] == new.access_key_id
    assert outcome.result["credential"]["where"].startswith("aws-sm:arn:")
    assert aws.client("sts", new).get_caller_identity()["Arn"].endswith("user/gateway")
    assert new.secret not in step.preview.model_dump_json() + outcome.model_dump_json()


def test_fields(aws: Emulator, people: People, manager: Any) -> None:
    """The fields are named as the consumer reads them."""
    people.user("gateway")
    perform(accounts(aws), CREATE, user_name="gateway", secret_id="app", id_field="id", secret_field="key")
    assert set(stored(manager)) == {"region", "AccessKeyId", "id", "key"}


def test_two_key_limit(aws: Emulator, people: People, manager: Any) -> None:
    """Both slots full: the error lists the keys, before anything is asked of AWS."""
    first = people.user("gateway")
    second = people.key("gateway")
    error = failure(accounts(aws))
    assert (error.reason, error.retryable) == ("limit_reached", False)
    assert f"{first.access_key_id} (Active" in error.what
    assert f"{second.access_key_id} (Active" in error.what
    assert "aws.iam.delete_access_key" in error.next
    assert error.changed == "Nothing was changed."


def test_two_key_limit_by_moto(moto_wire: Wire) -> None:
    """The limit as an emulator enforces it: a key that was made meanwhile takes the last slot."""
    people = People(moto_wire.emulator)
    people.user("gateway")
    moto_wire.emulator.client("secretsmanager").create_secret(Name="app", SecretString="{}")
    step = Performing(accounts(moto_wire), CREATE, user_name="gateway", secret_id="app")
    other = people.key("gateway")
    with pytest.raises(StepError) as raised:
        step.finish()
    assert raised.value.reason == "limit_reached"
    assert other.access_key_id in raised.value.what


def test_answer_of_the_creation_lost(wire: Wire, people: People, manager: Any) -> None:
    """The orphan of a lost answer is deleted by the next attempt, and one new key remains."""
    old = people.user("gateway")
    wire.on("CreateAccessKey", lost)
    step = Performing(accounts(wire), CREATE, user_name="gateway", secret_id="app")
    with pytest.raises(StepError) as raised:
        step.finish()
    assert "not known whether AWS carried out iam:CreateAccessKey" in raised.value.changed
    (orphan,) = set(keys(wire.emulator)) - {old.access_key_id}
    Performing(accounts(wire), CREATE, step.preview, user_name="gateway", secret_id="app").finish()
    new = stored(manager)["AccessKeyId"]
    assert keys(wire.emulator) == sorted([old.access_key_id, new])
    assert orphan != new


@pytest.mark.parametrize("operation", ["PutSecretValue", "UpdateSecretVersionStage"])
def test_answer_of_the_sink_lost(wire: Wire, people: People, manager: Any, operation: str) -> None:
    """The key was stored and the answer lost: the next attempt finds it in the secret and makes no other."""
    people.user("gateway")
    wire.on(operation, lost)
    step = Performing(accounts(wire), CREATE, user_name="gateway", secret_id="app")
    with pytest.raises(StepError) as raised:
        step.finish()
    assert "The access key AKIA" in raised.value.changed
    outcome = Performing(accounts(wire), CREATE, step.preview, user_name="gateway", secret_id="app").finish()
    assert outcome.result["credential"]["id"] == stored(manager)["AccessKeyId"]
    assert wire.calls.count("CreateAccessKey") == 1
    assert len(keys(wire.emulator)) == 2


def test_sink_refuses(wire: Wire, people: People, manager: Any) -> None:
    """A key that cannot be stored is deleted again, and the error says so."""
    old = people.user("gateway")
    wire.on("PutSecretValue", refused_json(400, "AccessDeniedException", "No."))
    error = failure(accounts(wire))
    assert error.reason == "permission_missing"
    assert "was deleted again; the secret keeps its value" in error.changed
    assert keys(wire.emulator) == [old.access_key_id]
    assert stored(manager)["AccessKeyId"] == "AKIAOLD"


def test_sink_refuses_and_the_key_stays(wire: Wire, people: People, manager: Any) -> None:
    """If the new key cannot even be deleted, the error names it."""
    people.user("gateway")
    wire.on("PutSecretValue", refused_json(400, "AccessDeniedException", "No."))
    wire.on("DeleteAccessKey", refused(403, "AccessDenied"))
    error = failure(accounts(wire))
    assert "could not be stored, and may still exist: delete it." in error.changed


def test_key_that_somebody_else_made_and_uses(wire: Wire, people: People, manager: Any) -> None:
    """A key that appeared since the first attempt and is in use is not firedoor's: a person must look."""
    people.user("gateway", "iam:*")
    step = Performing(accounts(wire), CREATE, user_name="gateway", secret_id="app")
    theirs = people.key("gateway")
    wire.emulator.client("iam", theirs).list_users()
    with pytest.raises(StepError) as raised:
        Performing(accounts(wire), CREATE, step.preview, user_name="gateway", secret_id="app").finish()
    assert raised.value.reason == "conflict"
    assert theirs.access_key_id in raised.value.what
    assert theirs.access_key_id in keys(wire.emulator)


def test_secret_that_is_no_object(aws: Emulator, people: People) -> None:
    """Text that is not a JSON object has no place for a key; no key is made."""
    people.user("gateway")
    for value in ("plain text", "[1]"):
        aws.client("secretsmanager").create_secret(Name=f"app {value}", SecretString=value)
        assert failure(accounts(aws), secret_id=f"app {value}").reason == "conflict"
    assert len(keys(aws)) == 1


def test_creation_refused(wire: Wire, people: People, manager: Any) -> None:
    """A missing permission is named."""
    people.user("gateway")
    wire.on("CreateAccessKey", refused(403, "AccessDenied"))
    assert "iam:CreateAccessKey" in failure(accounts(wire)).what


def test_new_key_does_not_show(wire: Wire, people: People, manager: Any) -> None:
    """IAM does not list the new key yet: tried again, and the error says that it was made and stored."""
    people.user("gateway")
    wire.on("ListAccessKeys", forwarded, replaced("<Status>Active</Status>", "<Status>Inactive</Status>"))
    error = failure(accounts(wire))
    assert (error.reason, error.retryable) == ("not_stable", True)
    assert "was made and stored in app" in error.changed


def test_first_version(moto_wire: Wire) -> None:
    """A secret without a version takes the key as its first."""
    People(moto_wire.emulator).user("gateway")
    manager = moto_wire.emulator.client("secretsmanager")
    manager.create_secret(Name="app")
    perform(accounts(moto_wire), CREATE, user_name="gateway", secret_id="app")
    assert set(stored(manager)) == {"AccessKeyId", "SecretAccessKey"}
