"""What is OpenRouter's own: workspaces, disabled keys that lists hide, limits that a new key must have too."""

import datetime

import pytest
from pydantic import SecretStr

from activities.providers import openrouter
from activities.providers._provider import Api
from firedoor.drill.fakes._fake import Fault
from firedoor.drill.fakes.openrouter import OTHER, FakeOpenRouter
from firedoor.errors import StepError
from firedoor.providers.openrouter import PROVIDER
from firedoor.steps._step import Credential
from tests.faking import Fakes
from tests.providers.conftest import Apis

KIND = PROVIDER.kind("api_key")


@pytest.fixture
def fake(fakes: Fakes) -> FakeOpenRouter:
    """An account with two workspaces."""
    return fakes(FakeOpenRouter())


@pytest.fixture
def api(fake: FakeOpenRouter, apis: Apis) -> Api:
    """With the fake's own management key."""
    return apis(fake, management_key=fake.management)


def test_every_workspace_is_listed_and_disabled_keys_too(fake: FakeOpenRouter, api: Api) -> None:
    """OpenRouter lists the default workspace alone and hides what is disabled, unless it is asked."""
    expired = {"expires_at": "2026-01-01T00:00:00Z"}
    planted = [fake.plant("gateway"), fake.plant("off", disabled=True), fake.plant("old", **expired)]
    planted += [fake.plant(f"other-{number}", OTHER) for number in range(3)]
    found = {one.credential.id: one for one in openrouter.inventory(api, KIND, "")}
    assert found.keys() == {key.hash for key in planted}
    assert [found[key.hash].status for key in planted[:3]] == ["active", "inactive", "expired"]
    assert {one.credential.name for one in openrouter.inventory(api, KIND, OTHER)} == {"other-0", "other-1", "other-2"}


@pytest.mark.usefixtures("changing")
def test_a_new_key_may_do_no_more_than_the_old_one(fake: FakeOpenRouter, api: Api) -> None:
    """Same workspace, limit and end: a leaked key with a limit is not followed by one without."""
    limits = {"limit": 50, "limit_reset": "monthly", "include_byok_in_limit": True}
    old = fake.plant("gateway", OTHER, expires_at="2036-01-01T00:00:00Z", creator_user_id="user_ada", **limits)
    made = openrouter.create(api, Credential(provider="openrouter", id=old.hash), "gateway-2")
    new = fake.keys[made.credential.id]
    assert (new.workspace, made.credential.scope, new.value) == (OTHER, OTHER, made.value.get_secret_value())
    assert new.said == old.said | {"name": "gateway-2"}


@pytest.mark.usefixtures("changing")
def test_an_end_that_is_over_is_not_carried_over(fake: FakeOpenRouter, api: Api) -> None:
    """The new key of an expired one would be dead on arrival."""
    old = fake.plant("gateway", expires_at="2026-01-01T00:00:00Z")
    made = openrouter.create(api, Credential(provider="openrouter", id=old.hash), "gateway-2")
    assert "expires_at" not in fake.keys[made.credential.id].said


@pytest.mark.usefixtures("changing")
def test_without_the_old_limits_no_key_is_made(fake: FakeOpenRouter, api: Api) -> None:
    """A key that is gone tells no limit: a person decides, and a like without an id makes one without."""
    gone = Credential(provider="openrouter", id="0" * 64, name="gateway")
    with pytest.raises(StepError, match="its spending limit cannot be carried over"):
        openrouter.create(api, gone, "gateway-2")
    assert fake.keys == {}
    made = openrouter.create(api, Credential(provider="openrouter", scope=OTHER), "gateway-2")
    assert fake.keys[made.credential.id].said == {"name": "gateway-2"}
    assert made.credential.scope == OTHER


@pytest.mark.usefixtures("changing")
def test_what_a_lost_answer_made_is_found(fake: FakeOpenRouter, api: Api) -> None:
    """By its name, also where the scope of the old one is not known."""
    like = Credential(provider="openrouter", id=fake.plant("gateway", OTHER).hash)
    fake.faults.append(Fault("POST", "/api/v1/keys", lose_reply=True))
    with pytest.raises(StepError) as raised:
        openrouter.create(api, like, "gateway-2")
    assert "not known whether OpenRouter carried it out" in raised.value.changed
    (orphan,) = openrouter.made(api, like, "gateway-2", ())
    openrouter.delete(api, orphan)
    openrouter.delete(api, orphan)
    assert {key.said["name"] for key in fake.keys.values()} == {"gateway"}


@pytest.mark.usefixtures("changing")
def test_an_ordinary_key_is_no_management_key(fake: FakeOpenRouter, apis: Apis) -> None:
    """The sentence names what is needed; no value is in it."""
    value = fake.plant("gateway").value
    with pytest.raises(StepError) as raised:
        openrouter.create(apis(fake, management_key=value), Credential(provider="openrouter"), "gateway-2")
    assert raised.value.reason == "permission_missing"
    assert "which needs a management key" in raised.value.what
    assert "canary" not in str(raised.value)


def test_a_management_key_is_tried_as_any(fake: FakeOpenRouter, api: Api) -> None:
    """What no list shows can still be proved dead."""
    planted = fake.plant_credential("management_key", "ci")
    assert openrouter.verify(api, planted.credential, SecretStr(planted.value)).life == "live"
    fake.managements.discard(planted.value)
    assert openrouter.verify(api, planted.credential, SecretStr(planted.value)).life == "dead"
    assert openrouter.look(api, planted.credential).life == "unknown"
    assert openrouter.made(api, planted.credential, "ci-2", ()) == ()


def test_use_is_told_by_day_and_today_as_money(fake: FakeOpenRouter, api: Api) -> None:
    """Whole days of this key alone; what it spent today stands with the key, before any day tells it."""
    fake.spent_today = 12.5
    credential = fake.plant_credential("api_key", "gateway").credential
    days = ((credential.id, "2026-11-20 00:00:00"), (credential.id, "2026-11-18"), ("f" * 64, "2026-11-20"))
    for key, date in days:
        row = {"requests": 5, "prompt_tokens": 50, "completion_tokens": 20, "model": "fake/model"}
        fake.activity.append({"key": key, "date": date, **row})
    since = datetime.datetime(2026, 11, 19, 22, tzinfo=datetime.UTC)
    (use,) = openrouter.usage(api, credential, since)
    assert (use.start.day, use.seconds, use.requests, use.tokens, use.model) == (20, 86_400, 5, 70, "fake/model")
    assert "spent 12.5 USD today" in openrouter.look(api, credential).evidence.says
    with pytest.raises(StepError, match="nothing was sent"):
        openrouter.usage(api, Credential(provider="openrouter", name="gateway"), since)
