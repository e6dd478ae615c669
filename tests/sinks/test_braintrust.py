"""Braintrust as a sink: a provider's key is put back there, and that it changed is proved without reading it."""

import uuid

import pytest

from firedoor.drill.fakes._fake import Fault, Said
from firedoor.drill.fakes.braintrust import PROJECT, FakeBraintrust
from firedoor.errors import StepError
from tests.faking import Fakes
from tests.killing import attempt
from tests.sinks.conftest import Stage, Staging

PLACES = ["braintrust:ai_secret/OPENAI_API_KEY", f"braintrust:env_var/project/{PROJECT}/OPENAI_API_KEY"]


@pytest.fixture
def braintrust(fakes: Fakes) -> FakeBraintrust:
    """It holds the leaked key in both stores; every exchange is judged."""
    fake = fakes(FakeBraintrust())
    for kind in ("ai_secret", "env_var"):
        fake.plant_credential(kind, "OPENAI_API_KEY")
        fake.plant_credential(kind, "OTHER")
    return fake


@pytest.fixture
def stage(staging: Staging, braintrust: FakeBraintrust) -> Stage:
    """firedoor may write there."""
    return staging(braintrust={"base_url": braintrust.url, "api_key": braintrust.owner})


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("mode", ["breach", "rotation"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_each_call_it_ends_with_the_one_new_key(
    stage: Stage, braintrust: FakeBraintrust, monkeypatch: pytest.MonkeyPatch, place: str, mode: str, after: bool
) -> None:
    """Braintrust holds the key that OpenAI has, and nothing else there has changed."""
    kind = place.removeprefix("braintrust:").partition("/")[0]
    other = braintrust.stored(kind, "OTHER")
    stage.killed(monkeypatch, place, mode=mode, after=after)
    (left,) = stage.openai.keys.values()
    assert braintrust.stored(kind, "OPENAI_API_KEY") == left.value
    assert braintrust.stored(kind, "OTHER") == other


def test_several_places_get_the_same_key_and_say_when_they_changed(stage: Stage, braintrust: FakeBraintrust) -> None:
    """Both stores; a place that does not exist yet is made there, by PUT."""
    made = f"braintrust:env_var/project/{uuid.UUID(int=77)}/OPENAI_API_KEY?type=openai"
    outcome = stage.rotated(*PLACES, made)
    (left,) = stage.openai.keys.values()
    values = {one["value"] for kind in ("ai_secret", "env_var") for one in braintrust.objects[kind].values()}
    assert left.value in values
    assert len(values) == 3
    assert sum("the value is never shown" in one.says for one in outcome.evidence) == 3
    assert not any(one.method == "POST" for one in braintrust.log)


def test_an_answer_that_changed_nothing_is_noticed(stage: Stage, braintrust: FakeBraintrust) -> None:
    """Status 200 and the old object: `secret_updated_at` has not moved, so it is not believed."""
    one = next(one for one in braintrust.objects["ai_secret"].values() if one["name"] == "OPENAI_API_KEY")
    shown = {key: value for key, value in one.items() if key != "value"}
    braintrust.faults.append(Fault("PATCH", ".*", instead=Said(200, shown)))
    credential = {"provider": "openai", "id": stage.key.id, "scope": stage.key.project, "name": "gateway"}
    _, error = attempt(stage.clients, "credential.rotate", credential=credential, into=[PLACES[0]], mode="rotation")
    assert isinstance(error, StepError)
    assert "does not say yet that it changed" in error.what
    assert error.retryable


def test_what_it_holds_cannot_be_read(stage: Stage) -> None:
    """A reference to it as a value is a sentence."""
    credential = {"provider": "openai", "id": stage.key.id, "scope": stage.key.project}
    with pytest.raises(StepError, match="never shows the values that it holds"):
        attempt(stage.clients, "credential.verify", credential=credential, value=PLACES[0])


def test_without_its_key_the_sentence_shows_the_setting(staging: Staging, braintrust: FakeBraintrust) -> None:
    """Which setting, in which table."""
    stage = staging(braintrust={"base_url": braintrust.url})
    with pytest.raises(StepError) as raised:
        stage.clients.sink(PLACES[0])
    assert "[sinks.braintrust]\napi_key = " in raised.value.next
