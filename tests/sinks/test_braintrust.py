"""Braintrust as a sink: a provider's key is put back there, and that it changed is proved without reading it."""

import uuid

import httpx
import pytest

from firedoor.drill.fakes._fake import Fault, Said
from firedoor.drill.fakes.braintrust import ORGANIZATION, PROJECT, FakeBraintrust
from firedoor.errors import StepError
from tests.faking import Fakes
from tests.killing import attempt
from tests.sinks.conftest import Stage, Staging

SCOPES = [f"organization/{ORGANIZATION}", f"project/{PROJECT}", f"function/{uuid.UUID(int=9)}"]
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


@pytest.mark.parametrize("scope", SCOPES)
def test_a_variable_of_one_scope_is_written_and_those_of_its_name_elsewhere_are_not(
    stage: Stage, braintrust: FakeBraintrust, scope: str
) -> None:
    """The organization, a project, a function: each has a variable of that name, and only one holds the leaked key."""
    braintrust.objects["env_var"].clear()
    old = {one: braintrust.plant_credential("env_var", "OPENAI_API_KEY", one) for one in SCOPES}
    stage.rotated(f"braintrust:env_var/{scope}/OPENAI_API_KEY")
    (left,) = stage.openai.keys.values()
    now = {one: braintrust.objects["env_var"][planted.credential.id]["value"] for one, planted in old.items()}
    assert now == {one: left.value if one == scope else planted.value for one, planted in old.items()}


def test_a_post_would_have_kept_the_leaked_value(braintrust: FakeBraintrust) -> None:
    """The trap: POST on a name that exists answers 200 with the old object. That is why the sink never sends one."""
    before = braintrust.stored("ai_secret", "OPENAI_API_KEY")
    body = {"name": "OPENAI_API_KEY", "secret": "new"}
    headers = {"Authorization": f"Bearer {braintrust.owner}"}
    with httpx.Client(base_url=braintrust.url, headers=headers, trust_env=False) as client:
        answer = client.post("/v1/ai_secret", json=body)
    assert (answer.status_code, braintrust.stored("ai_secret", "OPENAI_API_KEY")) == (200, before)


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
