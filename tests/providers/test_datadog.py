"""What is Datadog's own: two keys in every call, values that are told again, scopes and owners."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from activities._http import Http, ProviderError, Request
from activities._limits import Limits
from activities.providers import datadog
from activities.providers._provider import Api
from firedoor.drill.fakes._fake import Fault, Said
from firedoor.drill.fakes.datadog import SERVICE_ACCOUNT, USER, FakeDatadog
from firedoor.errors import StepError
from firedoor.providers import providers
from firedoor.steps._step import Credential
from tests.faking import Fakes
from tests.providers.conftest import Apis

pytestmark = pytest.mark.usefixtures("changing")


@pytest.fixture
def fake(fakes: Fakes) -> FakeDatadog:
    """One organization."""
    return fakes(FakeDatadog())


@pytest.fixture
def api(fake: FakeDatadog, apis: Apis) -> Api:
    """What the module is given."""
    return apis(fake, **fake.secrets)


def test_application_keys_are_told_apart_by_their_owner(fake: FakeDatadog, api: Api) -> None:
    """A service account's key is no user's, and a scope narrows it down to one owner."""
    machine = fake.plant_credential("service_account_key", "gateway").credential
    person = fake.plant_credential("application_key", "ada").credential

    def ids(kind: str, scope: str) -> set[str]:
        found = datadog.inventory(api, providers()["datadog"].kind(kind), scope)
        return {one.credential.id for one in found}

    assert ids("service_account_key", "") == {machine.id, fake.own["application_key"].id}
    assert ids("application_key", "") == {person.id}
    assert ids("application_key", SERVICE_ACCOUNT) == set()
    assert ids("application_key", USER) == {person.id}


def test_a_new_application_key_has_the_scopes_of_the_old_one(fake: FakeDatadog, api: Api) -> None:
    """It belongs to the same service account, and can be tried at once."""
    like = fake.plant_credential("service_account_key", "gateway").credential
    new = datadog.create(api, like, "gateway-fd1")
    key = fake.keys[new.credential.id]
    assert (key.owner, key.scopes) == (SERVICE_ACCOUNT, ["metrics_read"])
    assert datadog.verify(api, new.credential, new.value).life == "live"
    assert [one.id for one in datadog.made(api, like, "gateway-fd1", ())] == [key.id]


@pytest.mark.parametrize(("setting", "scopes"), [("", None), ("metrics_read, dashboards_read", 2)])
def test_when_the_old_key_is_gone_a_setting_says_the_scopes(
    fake: FakeDatadog, apis: Apis, setting: str, scopes: int | None
) -> None:
    """They went with it; without the setting it is what the service account may do."""
    api = apis(fake, scopes=setting, **fake.secrets)
    like = fake.plant_credential("service_account_key", "gateway").credential
    datadog.revoke(api, like, None)
    given = fake.keys[datadog.create(api, like, "gateway-fd1").credential.id].scopes
    assert (len(given) if given else None) == scopes


def test_a_refusal_that_may_mean_our_own_key_is_unknown(fake: FakeDatadog, api: Api) -> None:
    """Two keys are tried together: an application key is not dead because firedoor's API key is."""
    planted = fake.plant_credential("service_account_key", "gateway")
    del fake.keys[fake.own["api_key"].id]
    reading = datadog.verify(api, planted.credential, SecretStr(planted.value))
    assert reading.life == "unknown"
    assert "firedoor's own API key" in reading.evidence.says


@pytest.mark.parametrize(("setting", "kind"), [("api_key", "api_key"), ("application_key", "service_account_key")])
def test_firedoor_does_not_cut_off_its_own_hand(fake: FakeDatadog, api: Api, setting: str, kind: str) -> None:
    """Neither of its two keys; the sentence does not tell the value that Datadog told."""
    own = fake.own[setting]
    with pytest.raises(StepError) as raised:
        datadog.revoke(api, Credential(provider="datadog", kind=kind, id=own.id), None)
    assert raised.value.reason == "refused_self"
    assert own.id in fake.keys
    assert "canary" not in str(raised.value)


def test_an_api_key_that_is_read_is_not_shown(fake: FakeDatadog, api: Api) -> None:
    """Datadog answers with the whole key; firedoor says only that it exists."""
    planted = fake.plant_credential("api_key", "gateway")
    reading = datadog.look(api, planted.credential)
    assert planted.value.encode() in fake.log[-1].answer
    assert "canary" not in str(reading)


def test_a_key_that_may_not_is_told_which_permission(fake: FakeDatadog, api: Api) -> None:
    """In Datadog's own word."""
    like = fake.plant_credential("api_key", "gateway").credential
    fake.weak.add(fake.own["application_key"].value)
    with pytest.raises(ProviderError, match="needs api_keys_write") as raised:
        datadog.create(api, like, "gateway-fd1")
    assert raised.value.reason == "permission_missing"


def test_its_own_header_says_for_how_long_to_wait(fake: FakeDatadog, tmp_path: Path) -> None:
    """Datadog sends no Retry-After: the seconds stand in X-RateLimit-Reset, and the next call waits for them."""
    slept: list[float] = []
    limits = Limits(tmp_path / "limits.sqlite", {}, clock=lambda: 0, sleep=slept.append)
    fake.faults.append(Fault("GET", "/api/v1/validate", instead=Said(429, {}, {"x-ratelimit-reset": "3"})))
    request = Request("GET", "/api/v1/validate", headers={"DD-API-KEY": fake.secrets["api_key"]})
    http = Http("datadog", "Datadog", fake.url, limits)
    with pytest.raises(StepError, match="Datadog is throttling firedoor"):
        http.send(request)
    assert slept == []
    assert http.send(request).status == 200
    assert slept == [3.0]
    http.close()
