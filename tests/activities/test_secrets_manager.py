"""A new value for a secret: pending, verified, current; never half-way."""

import json
from pathlib import Path
from typing import Any

import pytest

from activities.aws.accounts import Accounts
from firedoor.config import Aws
from firedoor.errors import StepError
from firedoor.incident import Preview
from tests.activities import performing
from tests.activities.performing import Performing, accounts, perform
from tests.activities.wire import Wire, lost, refused_json, replaced
from tests.emulators import Emulator

PUT = "aws.secretsmanager.put_secret"
NEW = "env:FIREDOOR_SECRET_NEW"
VALUE = "canary-new-value"


def acting(at: Emulator | Wire, **variables: str) -> Accounts:
    """Accounts of a worker that has the new value in its environment."""
    settings = Aws(settle_seconds=0, endpoint_url=at.url)
    return Accounts(settings, at.session(), {"FIREDOOR_SECRET_NEW": VALUE} | variables)


@pytest.fixture
def manager(aws: Emulator) -> Any:
    """Secrets Manager, with a secret `app` in it."""
    client = aws.client("secretsmanager")
    client.create_secret(Name="app", SecretString="canary-old-value")
    return client


def labels(manager: Any) -> dict[str, str]:
    """Label → value of the version that holds it."""
    versions = manager.describe_secret(SecretId="app")["VersionIdsToStages"]
    return {
        label: manager.get_secret_value(SecretId="app", VersionId=version)["SecretString"]
        for version, held in versions.items()
        for label in held
    }


def failure(aws: Accounts, **arguments: str) -> StepError:
    """The error that the step ends with; it holds no value."""
    error = performing.failure(aws, PUT, **{"secret_id": "app", "value": NEW} | arguments)
    assert "canary" not in str(error)
    return error


def test_put(aws: Emulator, manager: Any) -> None:
    """The new value is current, the old one previous, nothing is pending, and no value is in preview or outcome."""
    step = Performing(acting(aws), PUT, secret_id="app", value=NEW)
    assert labels(manager) == {"AWSCURRENT": "canary-old-value"}
    outcome = step.finish()
    assert labels(manager) == {"AWSCURRENT": VALUE, "AWSPREVIOUS": "canary-old-value"}
    assert outcome.changed
    assert outcome.result["credential"]["where"].endswith(f"#{outcome.result['version_id']}")
    assert step.preview.inverse
    assert step.preview.inverse.arguments["instead_of"] == outcome.result["version_id"]
    assert "canary" not in step.preview.model_dump_json() + outcome.model_dump_json()


def test_put_by_moto(moto_wire: Wire) -> None:
    """The same on an emulator that refuses to move a label without saying from where."""
    manager = moto_wire.emulator.client("secretsmanager")
    manager.create_secret(Name="app", SecretString="canary-old-value")
    perform(acting(moto_wire), PUT, secret_id="app", value=NEW)
    assert labels(manager)["AWSCURRENT"] == VALUE
    assert "AWSPENDING" not in labels(manager)


def test_first_value(moto_wire: Wire) -> None:
    """A secret without any version gets its first."""
    manager = moto_wire.emulator.client("secretsmanager")
    arn = manager.create_secret(Name="app")["ARN"]
    outcome = perform(acting(moto_wire), PUT, secret_id=arn, value=NEW)
    assert outcome.result["previous_version_id"] == ""
    assert manager.get_secret_value(SecretId="app", VersionStage="AWSCURRENT")["SecretString"] == VALUE


def test_same_value(aws: Emulator, manager: Any) -> None:
    """A secret that holds the value already is left alone, and the outcome warns."""
    acting_now = acting(aws, FIREDOOR_SECRET_NEW="canary-old-value")
    outcome = perform(acting_now, PUT, secret_id="app", value=NEW)
    assert not outcome.changed
    assert "if it leaked, a new one is needed" in outcome.summary
    assert labels(manager) == {"AWSCURRENT": "canary-old-value"}


@pytest.mark.parametrize("operation", ["PutSecretValue", "UpdateSecretVersionStage"])
def test_answer_lost(wire: Wire, manager: Any, operation: str) -> None:
    """Wherever an answer is lost, the next attempt continues the same version to the end."""
    wire.on(operation, lost)
    step = Performing(acting(wire), PUT, secret_id="app", value=NEW)
    with pytest.raises(StepError) as raised:
        step.finish()
    assert raised.value.retryable
    again = Performing(acting(wire), PUT, step.preview, secret_id="app", value=NEW).finish()
    assert again.changed
    assert labels(manager) == {"AWSCURRENT": VALUE, "AWSPREVIOUS": "canary-old-value"}
    assert len(manager.describe_secret(SecretId="app")["VersionIdsToStages"]) == 2


def test_somebody_else_changes_it(aws: Emulator, manager: Any) -> None:
    """Between preview and change somebody puts another value: theirs stays, and nothing is pending."""
    step = Performing(acting(aws), PUT, secret_id="app", value=NEW)
    manager.put_secret_value(SecretId="app", SecretString="theirs")
    with pytest.raises(StepError) as raised:
        step.finish()
    assert raised.value.reason == "conflict"
    assert "Somebody else changed app" in raised.value.what
    assert labels(manager) == {"AWSCURRENT": "theirs", "AWSPREVIOUS": "canary-old-value"}


def test_lost_race(wire: Wire, manager: Any) -> None:
    """AWS refuses the move because the label is elsewhere: our version is given up, theirs stays."""
    message = "The parameter RemoveFromVersionId can't be empty or is wrong"
    wire.on("UpdateSecretVersionStage", refused_json(400, "InvalidParameterException", message))
    error = failure(acting(wire))
    assert error.reason == "conflict"
    assert labels(manager) == {"AWSCURRENT": "canary-old-value"}


def test_move_refused(wire: Wire, manager: Any) -> None:
    """Without the permission to move the label nothing stays half-way, and the permission is named."""
    wire.on("UpdateSecretVersionStage", refused_json(400, "AccessDeniedException", "No."))
    error = failure(acting(wire))
    assert error.reason == "permission_missing"
    assert "secretsmanager:UpdateSecretVersionStage" in error.what
    assert error.changed == "The secret keeps its current value."
    assert labels(manager) == {"AWSCURRENT": "canary-old-value"}


def test_rotation_under_way(aws: Emulator, manager: Any) -> None:
    """Somebody's pending version is not touched."""
    manager.put_secret_value(SecretId="app", SecretString="rotating", VersionStages=["AWSPENDING"])
    error = failure(acting(aws))
    assert error.reason == "conflict"
    assert "cancel-rotate-secret" in error.next
    assert labels(manager) == {"AWSCURRENT": "canary-old-value", "AWSPENDING": "rotating"}


def test_value_does_not_read_back(wire: Wire, manager: Any) -> None:
    """A stored value that is not the one put never becomes current."""
    wire.on("GetSecretValue", lambda forward: forward(), replaced(VALUE, "something else"))
    error = failure(acting(wire))
    assert error.reason == "conflict"
    assert error.changed == "The secret keeps its current value."
    assert labels(manager) == {"AWSCURRENT": "canary-old-value"}


def test_current_does_not_read_back(wire: Wire, manager: Any) -> None:
    """After the move a reading of AWSCURRENT that shows another value is tried again."""
    keep = [lambda forward: forward()] * 2
    wire.on("GetSecretValue", *keep, replaced(VALUE, "something else"))
    error = failure(acting(wire))
    assert (error.reason, error.retryable) == ("not_stable", True)
    assert error.changed.startswith("The new value of app is current")


def test_secrets_that_cannot_take_a_value(aws: Emulator, manager: Any) -> None:
    """No such secret, one that is being deleted, one with binary data."""
    assert failure(acting(aws), secret_id="nothing").what.startswith("There is no secret nothing in region us-east-1")
    manager.create_secret(Name="binary", SecretBinary=b"\x00")
    assert failure(acting(aws), secret_id="binary").reason == "conflict"
    manager.delete_secret(SecretId="app", RecoveryWindowInDays=7)
    assert failure(acting(aws)).reason == "not_found"


def test_references(aws: Emulator, manager: Any, tmp_path: Path) -> None:
    """A value comes from a file, without its last newline, or from a version of another secret."""
    source = tmp_path / "key.txt"
    source.write_text("from-a-file\n")
    perform(acting(aws), PUT, secret_id="app", value=f"file:{source}")
    assert labels(manager)["AWSCURRENT"] == "from-a-file"
    version = manager.create_secret(Name="other", SecretString="by-stage")["VersionId"]
    perform(accounts(aws), PUT, secret_id="app", value="aws-sm:other")
    assert labels(manager)["AWSCURRENT"] == "by-stage"
    manager.put_secret_value(SecretId="other", SecretString="newer")
    manager.put_secret_value(SecretId="app", SecretString="x")
    step = Performing(accounts(aws), PUT, secret_id="app", value=f"aws-sm:other#{version}")
    assert "by-stage" not in json.dumps(step.preview.model_dump(mode="json"))


def test_references_to_nothing(aws: Emulator, manager: Any, tmp_path: Path) -> None:
    """A reference without a value names itself; what is too large is refused."""
    assert failure(acting(aws), value="env:FIREDOOR_SECRET_ABSENT").what == (
        "There is no value at env:FIREDOOR_SECRET_ABSENT."
    )
    error = failure(acting(aws), value=f"file:{tmp_path}/absent")
    assert (error.reason, "FileNotFoundError" in error.what) == ("not_found", True)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert "UnicodeDecodeError" in failure(acting(aws), value=f"file:{tmp_path}/binary").what
    (tmp_path / "large").write_text("x" * 70_000)
    assert "larger than 65536 bytes" in failure(acting(aws), value=f"file:{tmp_path}/large").what


def test_preview_of_an_earlier_attempt(aws: Emulator, manager: Any) -> None:
    """The state before is the one that the first attempt saw, also after the value has moved."""
    first = Performing(acting(aws), PUT, secret_id="app", value=NEW)
    first.finish()
    again = Performing(acting(aws), PUT, first.preview, secret_id="app", value=NEW)
    assert isinstance(again.preview, Preview)
    assert again.preview.before == first.preview.before
    assert again.finish().result["previous_version_id"] == first.preview.before["version_id"]
