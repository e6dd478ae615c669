"""Taking a change back by what its preview recorded: exactly as it was, or not at all."""

import json
import uuid
from typing import Any

import pytest

from activities.aws.accounts import Accounts
from firedoor.config import Aws
from firedoor.errors import StepError
from firedoor.incident import Inverse, Preview
from firedoor.plan import Verdict
from tests.activities.performing import Elsewhere, Performing, accounts, failure, perform, undo, undo_failure
from tests.activities.wire import Wire, forwarded, lost, replaced
from tests.emulators import ACCOUNT, Emulator, People

LEAKED = f"arn:aws:iam::{ACCOUNT}:user/leaked"
DEACTIVATE = "aws.iam.deactivate_access_key"
DENY = "aws.iam.deny_sessions"
DENY_ALL = "aws.iam.deny_principal"
LIFT = "aws.iam.lift_denies"
DISABLE = "aws.iam.disable_service_credentials"
PUT = "aws.secretsmanager.put_secret"
CREATE = "aws.iam.create_access_key"


def inline(emulator: Emulator, user: str = "leaked") -> dict[str, Any]:
    """The inline policies of a user, name → document."""
    iam = emulator.client("iam")
    names = iam.list_user_policies(UserName=user)["PolicyNames"]
    return {name: iam.get_user_policy(UserName=user, PolicyName=name)["PolicyDocument"] for name in names}


def statuses(emulator: Emulator, user: str) -> dict[str, str]:
    """A user's access keys, id → status."""
    listed = emulator.client("iam").list_access_keys(UserName=user)["AccessKeyMetadata"]
    return {one["AccessKeyId"]: one["Status"] for one in listed}


def done(aws: Accounts, action: str, /, **arguments: Any) -> Preview:
    """Perform a change; its preview."""
    step = Performing(aws, action, **arguments)
    step.finish()
    return step.preview


def taken_back(aws: Accounts, inverse: Inverse | None) -> Preview:
    """The preview of taking a change back."""
    assert inverse
    return Performing(aws, inverse.action, **inverse.arguments).preview


def test_key(wire: Wire, people: People) -> None:
    """A key is active again; taken back once more nothing changes, and the undo of the undo shuts it."""
    key = people.user("leaked").access_key_id
    aws = accounts(wire)
    preview = done(aws, DEACTIVATE, access_key_id=key)
    back = taken_back(aws, preview.inverse)
    outcome = undo(aws, preview)
    assert (outcome.verdict, outcome.changed, outcome.evidence[0].source) == (
        Verdict.RESTORED,
        True,
        "iam:ListAccessKeys",
    )
    assert statuses(wire.emulator, "leaked") == {key: "Active"}
    again = undo(aws, preview)
    assert (again.verdict, again.changed) == (Verdict.RESTORED, False)
    assert wire.calls.count("UpdateAccessKey") == 2
    assert undo(aws, back).verdict is Verdict.CONTAINED
    assert statuses(wire.emulator, "leaked") == {key: "Inactive"}


def test_key_that_was_deleted_since(aws: Emulator, people: People) -> None:
    """A deleted key cannot come back, and the error says that somebody deleted it."""
    key = people.user("leaked").access_key_id
    preview = done(accounts(aws), DEACTIVATE, access_key_id=key)
    aws.client("iam").delete_access_key(UserName="leaked", AccessKeyId=key)
    error = undo_failure(accounts(aws), preview)
    assert error.what.endswith(f"no longer has the access key {key}: somebody has deleted it.")
    assert error.changed == "Nothing was changed."
    aws.client("iam").delete_user(UserName="leaked")
    assert undo_failure(accounts(aws), preview).what == error.what


def test_denies_of_another_incident_come_back(aws: Emulator, people: People) -> None:
    """What an earlier incident denied stands there again word for word; what was never firedoor's is not touched."""
    people.user("leaked", "secretsmanager:*")
    Elsewhere(accounts(aws), DENY, principal_arn=LEAKED).finish()
    before = inline(aws)
    assert set(before) == {"work", "FiredoorDenyAll", "FiredoorRevokeOlderSessions"}
    preview = done(accounts(aws), DENY, principal_arn=LEAKED)
    assert inline(aws) != before
    outcome = undo(accounts(aws), preview)
    assert (outcome.verdict, outcome.changed) == (Verdict.RESTORED, True)
    assert inline(aws) == before
    again = undo(accounts(aws), preview)
    assert (again.verdict, again.changed) == (Verdict.RESTORED, False)
    assert inline(aws) == before


def test_only_what_the_change_put_is_lifted(aws: Emulator, people: People) -> None:
    """An undo of one deny leaves another deny of firedoor on the same user alone."""
    people.user("leaked", "secretsmanager:*")
    Elsewhere(accounts(aws), DENY, principal_arn=LEAKED, everything=False).finish()
    before = inline(aws)
    preview = done(accounts(aws), DENY_ALL, principal_arn=LEAKED)
    assert set(inline(aws)) == {*before, "FiredoorDenyAll"}
    outcome = undo(accounts(aws), preview)
    assert outcome.result["removed"] == ["FiredoorDenyAll"]
    assert outcome.result["policies"] == ["FiredoorRevokeOlderSessions"]
    assert inline(aws) == before


def test_deny_that_another_incident_took_over(aws: Emulator, people: People) -> None:
    """Another incident has denied the same user since: its denies are not lifted, and the error says why."""
    people.user("leaked")
    preview = done(accounts(aws), DENY, principal_arn=LEAKED)
    Elsewhere(accounts(aws), DENY, principal_arn=LEAKED).finish()
    before = inline(aws)
    error = undo_failure(accounts(aws), preview)
    assert "is no longer what firedoor put there" in error.what
    assert inline(aws) == before


def test_deny_that_a_person_edited(aws: Emulator, people: People) -> None:
    """A policy that somebody edited by hand is theirs now."""
    people.user("leaked")
    preview = done(accounts(aws), DENY_ALL, principal_arn=LEAKED)
    document = inline(aws)["FiredoorDenyAll"]
    document["Statement"][0]["NotResource"] = document["Statement"][0].pop("Resource") + "edited"
    aws.client("iam").put_user_policy(
        UserName="leaked", PolicyName="FiredoorDenyAll", PolicyDocument=json.dumps(document)
    )
    undo_failure(accounts(aws), preview)
    assert inline(aws)["FiredoorDenyAll"] == document


def test_deny_of_a_repeated_attempt(wire: Wire, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first attempt died half-way and the second denied a later moment: the inverse of the first takes back both."""
    people.user("leaked")
    wire.on("PutUserPolicy", lost)
    first = Performing(accounts(wire), DENY, principal_arn=LEAKED)
    with pytest.raises(StepError):
        first.finish()
    monkeypatch.setattr("activities.aws.denies.timestamp", lambda moment: "2099-01-01T00:00:00Z")
    second = Performing(accounts(wire), DENY, first.preview, principal_arn=LEAKED)
    second.finish()
    assert second.preview.inverse == first.preview.inverse
    assert "2099" in json.dumps(inline(wire.emulator))
    assert undo(accounts(wire), first.preview).verdict is Verdict.RESTORED
    assert inline(wire.emulator) == {}


def test_undo_whose_answer_was_lost(wire: Wire, people: People) -> None:
    """The undo died after its first change: the next attempt ends it and says what it changed."""
    people.user("leaked")
    preview = done(accounts(wire), DENY, principal_arn=LEAKED)
    assert preview.inverse
    wire.on("DeleteUserPolicy", lost)
    step = Performing(accounts(wire), LIFT, **preview.inverse.arguments)
    with pytest.raises(StepError):
        step.finish()
    again = Performing(accounts(wire), LIFT, step.preview, **preview.inverse.arguments).finish()
    assert (again.verdict, again.changed) == (Verdict.RESTORED, True)
    assert again.result["removed"] == ["FiredoorDenyAll", "FiredoorRevokeOlderSessions"]


def test_lifted_denies_come_back(aws: Emulator, people: People) -> None:
    """What a runbook lifted is put back word for word, and that can be taken back as well."""
    people.user("leaked")
    perform(accounts(aws), DENY, principal_arn=LEAKED)
    before = inline(aws)
    preview = done(accounts(aws), LIFT, principal_arn=LEAKED)
    assert inline(aws) == {}
    back = taken_back(accounts(aws), preview.inverse)
    outcome = undo(accounts(aws), preview)
    assert (outcome.verdict, outcome.result["everything_denied"]) == (Verdict.RESTORED, True)
    assert outcome.summary.endswith("stands on user leaked of account 000000000000 again, word for word.")
    assert inline(aws) == before
    undo(accounts(aws), back)
    assert inline(aws) == {}


def test_lifted_denies_where_somebody_put_others(aws: Emulator, people: People) -> None:
    """Another incident has denied the user since the lift: its denies stay."""
    people.user("leaked")
    perform(accounts(aws), DENY, principal_arn=LEAKED)
    preview = done(accounts(aws), LIFT, principal_arn=LEAKED)
    Elsewhere(accounts(aws), DENY_ALL, principal_arn=LEAKED).finish()
    before = inline(aws)
    undo_failure(accounts(aws), preview)
    assert inline(aws) == before


def test_denies_that_cannot_be_read(aws: Emulator, people: People) -> None:
    """A policy that is not JSON is refused before anything is asked of AWS to change."""
    people.user("leaked")
    error = failure(accounts(aws), LIFT, principal_arn=LEAKED, policies={"FiredoorDenyAll": "{"})
    assert error.reason == "invalid_arguments"


def test_restoring_that_does_not_read_back(wire: Wire, people: People) -> None:
    """What is put back and shows otherwise is tried again."""
    people.user("leaked")
    perform(accounts(wire), DENY_ALL, principal_arn=LEAKED)
    preview = done(accounts(wire), LIFT, principal_arn=LEAKED)
    wire.on("GetUserPolicy", *[forwarded] * 2, replaced("%22Deny%22", "%22Allow%22"))
    assert preview.inverse
    error = failure(accounts(wire), preview.inverse.action, **preview.inverse.arguments)
    assert (error.reason, error.retryable) == ("not_stable", True)


@pytest.fixture
def service_user(people: People) -> str:
    """A user of a new name: the emulator forgets users, but not their service credentials."""
    name = f"leaked-{uuid.uuid4().hex}"
    people.user(name)
    return name


def service_credentials(emulator: Emulator, user: str) -> dict[str, str]:
    """A user's service-specific credentials, id → status."""
    listed = emulator.client("iam").list_service_specific_credentials(UserName=user)["ServiceSpecificCredentials"]
    return {one["ServiceSpecificCredentialId"]: one["Status"] for one in listed}


def test_service_credentials(aws: Emulator, service_user: str) -> None:
    """Only those that were active are active again; one that is deleted since stops the undo."""
    iam = aws.client("iam")
    first, second = (
        iam.create_service_specific_credential(UserName=service_user, ServiceName="bedrock.amazonaws.com")[
            "ServiceSpecificCredential"
        ]["ServiceSpecificCredentialId"]
        for _ in range(2)
    )
    iam.update_service_specific_credential(UserName=service_user, ServiceSpecificCredentialId=first, Status="Inactive")
    before = service_credentials(aws, service_user)
    preview = done(accounts(aws), DISABLE, user_name=service_user)
    back = taken_back(accounts(aws), preview.inverse)
    outcome = undo(accounts(aws), preview)
    assert (outcome.verdict, outcome.result["enabled"]) == (Verdict.RESTORED, [second])
    assert service_credentials(aws, service_user) == before
    assert not undo(accounts(aws), preview).changed
    assert undo(accounts(aws), back).result["disabled"] == [second]
    iam.delete_service_specific_credential(UserName=service_user, ServiceSpecificCredentialId=second)
    assert undo_failure(accounts(aws), preview).what.endswith(f"no longer has {second}: somebody has deleted it.")


def test_service_credentials_that_stay_inactive(wire: Wire, service_user: str) -> None:
    """What does not read back as active is tried again."""
    wire.emulator.client("iam").create_service_specific_credential(
        UserName=service_user, ServiceName="bedrock.amazonaws.com"
    )
    preview = done(accounts(wire), DISABLE, user_name=service_user)
    wire.on("ListServiceSpecificCredentials", forwarded, replaced("Active", "Inactive"))
    assert preview.inverse
    error = failure(accounts(wire), preview.inverse.action, **preview.inverse.arguments)
    assert (error.reason, error.retryable) == ("not_stable", True)


@pytest.fixture
def manager(aws: Emulator) -> Any:
    """Secrets Manager, with a secret `app` that an access key fits into."""
    client = aws.client("secretsmanager")
    client.create_secret(Name="app", SecretString='{"canary": "old"}')
    return client


def acting(at: Emulator | Wire) -> Accounts:
    """Accounts of a worker that has a new value in its environment."""
    return Accounts(
        Aws(settle_seconds=0, endpoint_url=at.url), at.session(), {"FIREDOOR_SECRET_NEW": '{"canary": "new"}'}
    )


def current(manager: Any) -> str:
    """The current value."""
    value: str = manager.get_secret_value(SecretId="app", VersionStage="AWSCURRENT")["SecretString"]
    return value


def test_secret(wire: Wire, manager: Any) -> None:
    """The old value is current again, no value is in the record, and the undo can be taken back."""
    preview = done(acting(wire), PUT, secret_id="app", value="env:FIREDOOR_SECRET_NEW")
    back = taken_back(acting(wire), preview.inverse)
    outcome = undo(acting(wire), preview)
    assert (outcome.verdict, outcome.changed, current(manager)) == (Verdict.RESTORED, True, '{"canary": "old"}')
    assert not undo(acting(wire), preview).changed
    undo(acting(wire), back)
    assert current(manager) == '{"canary": "new"}'
    assert "canary" not in preview.model_dump_json() + back.model_dump_json() + outcome.model_dump_json()


def test_secret_that_got_another_value_since(aws: Emulator, manager: Any) -> None:
    """A value that somebody put since stays."""
    preview = done(acting(aws), PUT, secret_id="app", value="env:FIREDOOR_SECRET_NEW")
    manager.put_secret_value(SecretId="app", SecretString="theirs")
    error = undo_failure(acting(aws), preview)
    assert "app has got another value since" in error.what.replace(str(preview.before["secret"]), "app")
    assert current(manager) == "theirs"


def test_secret_whose_version_is_gone(wire: Wire, manager: Any) -> None:
    """A version that AWS keeps no longer cannot come back."""
    preview = done(acting(wire), PUT, secret_id="app", value="env:FIREDOOR_SECRET_NEW")
    assert preview.inverse
    arguments = preview.inverse.arguments | {"version_id": str(uuid.uuid4())}
    error = failure(acting(wire), preview.inverse.action, **arguments)
    assert (error.reason, "is gone" in error.what) == ("changed_since", True)
    assert current(manager) == '{"canary": "new"}'


def test_first_value_has_no_inverse(moto_wire: Wire) -> None:
    """Before a secret's first value there was none to go back to."""
    moto_wire.emulator.client("secretsmanager").create_secret(Name="app")
    step = Performing(acting(moto_wire), PUT, secret_id="app", value="env:FIREDOOR_SECRET_NEW")
    assert step.preview.inverse is None


def test_created_key(aws: Emulator, people: People, manager: Any) -> None:
    """The key that was made is deleted, no other, and the secret is as it was; repeated, nothing changes."""
    old = people.user("gateway").access_key_id
    preview = done(acting(aws), CREATE, user_name="gateway", secret_id="app")
    new = json.loads(current(manager))["AccessKeyId"]
    outcome = undo(acting(aws), preview)
    assert (outcome.verdict, outcome.result["access_key_id"]) == (Verdict.RESTORED, new)
    assert statuses(aws, "gateway") == {old: "Active"}
    assert current(manager) == '{"canary": "old"}'
    again = undo(acting(aws), preview)
    assert (again.verdict, again.changed) == (Verdict.RESTORED, False)


def test_created_key_that_is_the_last_one(aws: Emulator, people: People, manager: Any) -> None:
    """The key from before is shut by now: deleting the new one would leave its consumers without any."""
    old = people.user("gateway").access_key_id
    manager.put_secret_value(SecretId="app", SecretString=json.dumps({"AccessKeyId": old}))
    preview = done(acting(aws), CREATE, user_name="gateway", secret_id="app")
    perform(acting(aws), DEACTIVATE, access_key_id=old)
    before = current(manager)
    assert f"{old}, the key that" in undo_failure(acting(aws), preview).what
    assert current(manager) == before
    assert len(statuses(aws, "gateway")) == 2


def test_created_key_whose_secret_moved_on(aws: Emulator, people: People, manager: Any) -> None:
    """The secret has got another value since: neither key nor secret is touched."""
    people.user("gateway")
    preview = done(acting(aws), CREATE, user_name="gateway", secret_id="app")
    manager.put_secret_value(SecretId="app", SecretString="theirs")
    undo_failure(acting(aws), preview)
    assert (current(manager), len(statuses(aws, "gateway"))) == ("theirs", 2)


def test_created_key_that_cannot_be_told(wire: Wire, people: People, manager: Any) -> None:
    """The answer was lost and the key never stored: a key that is new may be somebody's, and stays."""
    people.user("gateway")
    step = Performing(acting(wire), CREATE, user_name="gateway", secret_id="app")
    assert not undo(acting(wire), step.preview).changed
    wire.on("CreateAccessKey", lost)
    with pytest.raises(StepError):
        step.finish()
    assert "cannot tell whether it is this one" in undo_failure(acting(wire), step.preview).what
    assert len(statuses(wire.emulator, "gateway")) == 2
