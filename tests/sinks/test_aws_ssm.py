"""Parameter Store as a sink, on an emulator: overwritten in one call, with a mark of who wrote."""

from typing import Any

import pytest

from activities.aws.accounts import Accounts
from firedoor.config import Aws
from firedoor.errors import StepError
from tests.emulators import REGION, ROOT, Emulator
from tests.killing import attempt
from tests.sinks.conftest import Stage, Staging

NAME = "/gateway/openai"
PLACE = f"aws-ssm:{NAME}"


@pytest.fixture
def ssm(aws: Emulator) -> Any:
    """Its Parameter Store, with nothing in it."""
    return aws.client("ssm")


@pytest.fixture
def stage(staging: Staging, aws: Emulator, ssm: Any) -> Stage:
    """A leaked key in a parameter with a description."""
    built = staging(Accounts(Aws(endpoint_url=aws.url, region=REGION), aws.session(ROOT)))
    ssm.put_parameter(Name=NAME, Value=built.key.value, Type="SecureString", Description="Ours")
    return built


def current(ssm: Any) -> str:
    """What consumers get."""
    return str(ssm.get_parameter(Name=NAME, WithDecryption=True)["Parameter"]["Value"])


@pytest.mark.parametrize("mode", ["breach", "rotation"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_each_call_it_ends_with_the_one_new_key(
    stage: Stage, ssm: Any, monkeypatch: pytest.MonkeyPatch, mode: str, after: bool
) -> None:
    """The parameter holds the key that OpenAI has, and keeps its type and description."""
    stage.killed(monkeypatch, PLACE, mode=mode, after=after)
    (left,) = stage.openai.keys.values()
    assert current(ssm) == left.value
    described = ssm.describe_parameters()["Parameters"][0]
    assert described["Type"] == "SecureString"
    assert described["Description"].startswith("Ours [firedoor ")


def test_somebody_else_wrote_meanwhile(stage: Stage, ssm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their value stays, and the new key is deleted again."""
    answer = stage.openai.answer

    def sabotage(asked: Any) -> Any:
        said = answer(asked)
        if asked.method == "POST":
            ssm.put_parameter(Name=NAME, Value="theirs", Type="SecureString", Overwrite=True)
        return said

    monkeypatch.setattr(stage.openai, "answer", sabotage)
    credential = {"provider": "openai", "id": stage.key.id, "scope": stage.key.project, "name": "gateway"}
    _, error = attempt(stage.clients, "credential.rotate", credential=credential, into=[PLACE], mode="rotation")
    assert isinstance(error, StepError)
    assert "Somebody else changed /gateway/openai: it is at version 2, not at 1 as before." in error.what
    assert current(ssm) == "theirs"
    assert list(stage.openai.keys) == [stage.key.id]


def test_a_parameter_that_does_not_exist_yet_is_made(stage: Stage, ssm: Any) -> None:
    """As a SecureString."""
    stage.rotated(f"{PLACE}-2")
    (left,) = stage.openai.keys.values()
    found = ssm.get_parameter(Name=f"{NAME}-2", WithDecryption=True)["Parameter"]
    assert (found["Value"], found["Type"]) == (left.value, "SecureString")


def test_a_reference_reads_it(stage: Stage) -> None:
    """The current value, and that of a version."""
    assert stage.clients.secret(PLACE).get_secret_value() == stage.key.value
    assert stage.clients.secret(f"{PLACE}#1").get_secret_value() == stage.key.value
