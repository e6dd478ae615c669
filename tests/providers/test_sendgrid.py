"""What is SendGrid's own: scopes that are copied, a deletion that lags, a hundred keys."""

import json

import pytest
from pydantic import SecretStr

from activities._http import ProviderError
from activities.providers import sendgrid
from activities.providers._provider import Api
from firedoor.drill.fakes._fake import Fault, Said
from firedoor.drill.fakes.sendgrid import MOST_KEYS, FakeSendGrid
from firedoor.errors import StepError
from firedoor.steps._step import Credential
from tests.faking import Fakes
from tests.providers.conftest import Apis

pytestmark = pytest.mark.usefixtures("changing")


@pytest.fixture
def fake(fakes: Fakes) -> FakeSendGrid:
    """One account."""
    return fakes(FakeSendGrid())


@pytest.fixture
def api(fake: FakeSendGrid, apis: Apis) -> Api:
    """What the module is given, with the setting's default."""
    return apis(fake, scopes="mail.send", **fake.secrets)


def test_a_new_key_may_do_what_the_old_one_may(fake: FakeSendGrid, api: Api) -> None:
    """Its scopes, without those that SendGrid sets itself and refuses; the new value is accepted."""
    like = fake.plant_credential("api_key", "gateway").credential
    new = sendgrid.create(api, like, "gateway-fd1")
    assert fake.keys[new.credential.id].scopes == ("mail.send", "stats.read")
    assert sendgrid.verify(api, new.credential, new.value).life == "live"
    assert [one.id for one in sendgrid.made(api, like, "gateway-fd1", ())] == [new.credential.id]


def test_when_the_old_key_is_gone_the_new_one_may_only_what_the_setting_says(fake: FakeSendGrid, api: Api) -> None:
    """The scopes went with it, and a key without scopes would get all of them."""
    like = fake.plant_credential("api_key", "gateway").credential
    sendgrid.revoke(api, like, None)
    new = sendgrid.create(api, like, "gateway-fd1")
    assert fake.keys[new.credential.id].scopes == ("mail.send",)


def test_a_deletion_takes_effect_a_little_later(fake: FakeSendGrid, api: Api) -> None:
    """Its id is gone at once; only the value itself proves that it is dead."""
    fake.lag = 2
    planted = fake.plant_credential("api_key", "gateway")
    sendgrid.revoke(api, planted.credential, None)
    assert not sendgrid.look(api, planted.credential).exists
    lives = [sendgrid.verify(api, planted.credential, SecretStr(planted.value)).life for _ in range(3)]
    assert lives == ["live", "live", "dead"]


def test_a_lost_answer_leaves_a_key_that_is_found_by_its_name(fake: FakeSendGrid, api: Api) -> None:
    """The key exists, its value is lost, and `made` names it."""
    like = fake.plant_credential("api_key", "gateway").credential
    fake.faults.append(Fault("POST", "/v3/api_keys", lose_reply=True))
    with pytest.raises(ProviderError) as raised:
        sendgrid.create(api, like, "gateway-fd1")
    assert "not known" in raised.value.changed
    (orphan,) = sendgrid.made(api, like, "gateway-fd1", ())
    assert fake.keys[orphan.id].name == "gateway-fd1"


def test_the_hundred_and_first_key_is_a_sentence(fake: FakeSendGrid, api: Api) -> None:
    """SendGrid's own words are in it, and no value."""
    like = fake.plant_credential("api_key", "gateway").credential
    while len(fake.keys) < MOST_KEYS:
        fake.plant("more", ("mail.send",))
    with pytest.raises(ProviderError, match="Cannot create more than 100") as raised:
        sendgrid.create(api, like, "gateway-fd1")
    assert "canary" not in str(raised.value)


def test_a_key_without_the_scope_is_told_which(fake: FakeSendGrid, api: Api) -> None:
    """The sentence names the permission in SendGrid's own word."""
    fake.own.scopes = ("mail.send",)
    planted = fake.plant_credential("api_key", "gateway").credential
    with pytest.raises(ProviderError, match=r"needs api_keys\.delete") as raised:
        sendgrid.delete(api, planted)
    assert raised.value.reason == "permission_missing"


def test_firedoor_does_not_cut_off_its_own_hand(fake: FakeSendGrid, api: Api) -> None:
    """The id of its own key is in the key's value: nothing is sent."""
    own = Credential(provider="sendgrid", kind="api_key", id=fake.own.id)
    with pytest.raises(StepError) as raised:
        sendgrid.revoke(api, own, None)
    assert raised.value.reason == "refused_self"
    assert fake.log == []


def test_a_single_key_may_come_in_a_list(fake: FakeSendGrid, api: Api) -> None:
    """SendGrid's document says so, and its answers do not: both are read."""
    like = fake.plant_credential("api_key", "gateway").credential
    listed = {"result": [{"api_key_id": like.id, "name": "gateway", "scopes": ["stats.read"]}]}
    fake.faults.append(Fault("GET", f"/v3/api_keys/{like.id}", instead=Said(data=listed)))
    sendgrid.create(api, like, "gateway-fd1")
    assert json.loads(fake.log[-1].body)["scopes"] == ["stats.read"]
