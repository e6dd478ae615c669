"""What is Cloudflare's own: a no inside a 200, whole tokens in a PUT, policies that are copied."""

import pytest
from pydantic import SecretStr

from activities._http import ProviderError
from activities.providers import cloudflare
from activities.providers._provider import Api
from firedoor.drill.fakes._fake import Fault, Said
from firedoor.drill.fakes.cloudflare import ACCOUNT, FakeCloudflare
from firedoor.errors import StepError
from firedoor.providers import providers
from firedoor.steps._step import Credential
from tests.faking import Fakes
from tests.providers.conftest import Apis

pytestmark = pytest.mark.usefixtures("changing")
FAILED = Said(200, {"success": False, "errors": [{"code": 10000, "message": "Internal error"}], "result": None})
NARROW = {
    "policies": [{"effect": "allow", "resources": {"com.cloudflare.api.account.zone.1": "*"}}],
    "condition": {"request_ip": {"in": ["192.0.2.0/24"]}},
    "expires_on": "2027-01-01T00:00:00Z",
}


@pytest.fixture
def fake(fakes: Fakes) -> FakeCloudflare:
    """One user, one account."""
    return fakes(FakeCloudflare())


@pytest.fixture
def api(fake: FakeCloudflare, apis: Apis) -> Api:
    """What the module is given."""
    return apis(fake, **fake.secrets)


@pytest.fixture
def narrow(fake: FakeCloudflare) -> Credential:
    """A token of the account that may do little, from few addresses, and not for long."""
    token = fake.plant("gateway", ACCOUNT, **NARROW)
    return Credential(provider="cloudflare", kind="account_token", id=token.id, scope=ACCOUNT, name="gateway")


def test_a_new_token_may_do_what_the_disabled_one_could(fake: FakeCloudflare, api: Api, narrow: Credential) -> None:
    """Policies, conditions and expiry are copied, the status is not; the new value is accepted."""
    cloudflare.revoke(api, narrow, None)
    new = cloudflare.create(api, narrow, "gateway-fd1")
    assert fake.tokens[new.credential.id].data == NARROW | {"name": "gateway-fd1", "status": "active"}
    assert cloudflare.verify(api, new.credential, new.value).life == "live"


def test_disabling_and_enabling_leave_the_rest_of_a_token(fake: FakeCloudflare, api: Api, narrow: Credential) -> None:
    """A PUT replaces everything, so everything is sent; a token that is disabled already is not sent again."""
    for change, status in ((cloudflare.revoke, "disabled"), (cloudflare.revoke, "disabled")):
        change(api, narrow, None)
        assert fake.tokens[narrow.id].data == NARROW | {"name": "gateway", "status": status}
    assert len([one for one in fake.log if one.method == "PUT"]) == 1
    cloudflare.enable(api, narrow)
    assert fake.tokens[narrow.id].data == NARROW | {"name": "gateway", "status": "active"}


def test_a_disabled_value_is_dead_by_its_status(fake: FakeCloudflare, api: Api, narrow: Credential) -> None:
    """Cloudflare answers 200 for it."""
    value = SecretStr(fake.tokens[narrow.id].value)
    cloudflare.revoke(api, narrow, None)
    assert cloudflare.verify(api, narrow, value).life == "dead"
    assert fake.log[-1].status == 200


def test_a_no_inside_a_200_is_a_no(fake: FakeCloudflare, api: Api, narrow: Credential) -> None:
    """A change that failed so is an error with Cloudflare's words, and a value that was tried so is unknown."""
    fake.faults.append(Fault("PUT", ".*", instead=FAILED))
    with pytest.raises(ProviderError, match="that it failed: “Internal error”"):
        cloudflare.revoke(api, narrow, None)
    fake.faults.append(Fault("GET", ".*/verify", instead=FAILED))
    assert cloudflare.verify(api, narrow, SecretStr(fake.tokens[narrow.id].value)).life == "unknown"


def test_a_token_that_is_asked_at_the_wrong_door_is_unknown(fake: FakeCloudflare, api: Api, narrow: Credential) -> None:
    """The user's door refuses a token of an account, which is alive all the same."""
    value = SecretStr(fake.tokens[narrow.id].value)
    assert cloudflare.verify(api, narrow.model_copy(update={"kind": "user_token"}), value).life == "unknown"


def test_tokens_of_no_account_are_a_sentence(fake: FakeCloudflare, api: Api) -> None:
    """The account has to be said; nothing is sent."""
    with pytest.raises(StepError, match="none is said"):
        cloudflare.inventory(api, providers()["cloudflare"].kind("account_token"), "")
    assert fake.log == []


def test_without_the_old_token_nobody_knows_the_policies(api: Api, fake: FakeCloudflare, narrow: Credential) -> None:
    """A new one is not guessed: none is made."""
    cloudflare.delete(api, narrow)
    with pytest.raises(StepError, match="does not exist"):
        cloudflare.create(api, narrow, "gateway-fd1")
    assert "POST" not in {one.method for one in fake.log}


@pytest.mark.parametrize("verb", ["revoke", "delete"])
def test_firedoor_does_not_cut_off_its_own_hand(fake: FakeCloudflare, api: Api, verb: str) -> None:
    """Its own token tells its id."""
    own = Credential(provider="cloudflare", kind="user_token", id=fake.own.id)
    with pytest.raises(StepError) as raised:
        cloudflare.delete(api, own) if verb == "delete" else cloudflare.revoke(api, own, None)
    assert raised.value.reason == "refused_self"
    assert fake.own.data["status"] == "active"


def test_a_token_that_may_not_is_told_which_permission(fake: FakeCloudflare, api: Api, narrow: Credential) -> None:
    """In Cloudflare's own words."""
    fake.weak.add(fake.own.value)
    with pytest.raises(ProviderError, match="needs Account API Tokens Read"):
        cloudflare.create(api, narrow, "gateway-fd1")


def test_which_token_is_its_own_is_asked_once(fake: FakeCloudflare, api: Api) -> None:
    """A thousand tokens are disabled without a thousand calls for the id of firedoor's own, which is still refused."""
    for number in range(3):
        token = fake.plant(f"job-{number}", "")
        cloudflare.revoke(api, Credential(provider="cloudflare", kind="user_token", id=token.id), None)
    own = Credential(provider="cloudflare", kind="user_token", id=fake.own.id)
    for change in (cloudflare.revoke, lambda api, one, _: cloudflare.delete(api, one)):
        with pytest.raises(StepError) as raised:
            change(api, own, None)
        assert raised.value.reason == "refused_self"
    assert len([one for one in fake.log if one.path.endswith("/verify")]) == 1
