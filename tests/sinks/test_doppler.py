"""Doppler as a sink: a change that names what it expects, and values that are not its own to change."""

from collections.abc import Callable

import pytest

from firedoor.drill.fakes.doppler import FakeDoppler
from firedoor.errors import StepError
from tests.faking import Fakes
from tests.killing import attempt
from tests.sinks.conftest import Stage, Staging

PLACE = "doppler:gateway/prd/OPENAI_API_KEY"
NAME = "OPENAI_API_KEY"


@pytest.fixture
def doppler(fakes: Fakes) -> FakeDoppler:
    """One config with another secret in it."""
    fake = fakes(FakeDoppler())
    fake.secrets_now["OTHER"] = "kept"
    return fake


@pytest.fixture
def stage(staging: Staging, doppler: FakeDoppler) -> Stage:
    """firedoor may write there, and the leaked key is there."""
    made = staging(doppler={"base_url": doppler.url, "token": doppler.token})
    doppler.secrets_now[NAME] = made.key.value
    return made


@pytest.mark.parametrize("mode", ["breach", "rotation"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_each_call_it_ends_with_the_one_new_key(
    stage: Stage, doppler: FakeDoppler, monkeypatch: pytest.MonkeyPatch, mode: str, after: bool
) -> None:
    """Doppler holds the key that OpenAI has, and the other secret as it was."""
    stage.killed(monkeypatch, PLACE, mode=mode, after=after)
    (left,) = stage.openai.keys.values()
    assert doppler.secrets_now[NAME] == left.value
    assert doppler.secrets_now["OTHER"] == "kept"


def test_a_secret_that_does_not_exist_yet_is_made(stage: Stage, doppler: FakeDoppler) -> None:
    """There is no value to expect, and none to look at."""
    del doppler.secrets_now[NAME]
    stage.rotated(PLACE)
    assert doppler.secrets_now[NAME] in {key.value for key in stage.openai.keys.values()}


def test_a_change_by_somebody_else_is_not_overwritten(stage: Stage, doppler: FakeDoppler) -> None:
    """It comes between our look and our write: Doppler itself refuses, and the new key is deleted again."""
    doppler.meanwhile = {NAME: "theirs"}
    error = _refused(stage)
    assert "changed by somebody else" in error.what
    assert doppler.secrets_now[NAME] == "theirs"
    assert len(stage.openai.keys) == 1


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda fake: fake.secrets_now.update({NAME: "${OTHER}"}), "refers to other secrets"),
        (lambda fake: fake.restricted.add(NAME), "does not show"),
        (lambda fake: setattr(fake, "read_only", True), "needs read and write the secrets of the config"),
        (lambda fake: setattr(fake, "token", "another"), "does not accept the credential"),
    ],
    ids=["reference", "restricted", "read-only", "token"],
)
def test_what_cannot_be_written_is_a_sentence(
    stage: Stage, doppler: FakeDoppler, spoil: Callable[[FakeDoppler], object], what: str
) -> None:
    """What is wrong is said; the place is as it was, and no key is left over."""
    spoil(doppler)
    before = dict(doppler.secrets_now)
    error = _refused(stage)
    assert what in error.what
    assert "canary" not in str(error)
    assert doppler.secrets_now == before
    assert len(stage.openai.keys) == 1


def _refused(stage: Stage) -> StepError:
    """A rotation in mode rotation that ends with an error."""
    credential = {"provider": "openai", "id": stage.key.id, "scope": stage.key.project, "name": "gateway"}
    try:
        _, ended = attempt(stage.clients, "credential.rotate", credential=credential, into=[PLACE], mode="rotation")
    except StepError as error:
        return error
    assert isinstance(ended, StepError), ended
    return ended
