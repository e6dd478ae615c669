"""What is Azure's own: an application's tokens, lists by place, where a key may be sent, keys that are switched off."""

from typing import Any

import pytest
from pydantic import SecretStr

from activities._http import Http
from activities.access_tokens import MARGIN, AccessTokens
from activities.aws.accounts import Accounts
from activities.providers import _entra, azure_openai
from activities.providers._provider import Api
from activities.providers._reading import fingerprint
from firedoor.cli.app import run
from firedoor.config import Settings
from firedoor.drill.fakes._fake import Fault, Said
from firedoor.drill.fakes.azure_openai import APPLICATION, GROUP, SUBSCRIPTION, Account, FakeAzureOpenAI
from firedoor.errors import StepError
from firedoor.providers.azure_openai import PROVIDER
from firedoor.steps._step import Credential
from tests.faking import Fakes
from tests.providers.conftest import Apis

pytestmark = pytest.mark.usefixtures("changing")
KEY, ACCESS = PROVIDER.kind("account_key"), PROVIDER.kind("key_access")
TOKEN = ".*/oauth2/v2.0/token"
MODELS = ".*/openai/models"
FIREWALL = {"error": {"code": "403", "message": "Access denied due to Virtual Network/Firewall rules."}}


@pytest.fixture
def fake(fakes: Fakes) -> FakeAzureOpenAI:
    """One subscription without accounts."""
    return fakes(FakeAzureOpenAI())


@pytest.fixture
def api(fake: FakeAzureOpenAI, apis: Apis) -> Api:
    """As the application that firedoor acts as."""
    return apis(fake, **fake.secrets)


@pytest.fixture
def account(fake: FakeAzureOpenAI) -> Account:
    """An account with two keys."""
    return fake.plant("gateway")


def key(account: Account, slot: str = "Key1", **facts: str) -> Credential:
    """One of its keys."""
    return Credential(provider="azure_openai", id=f"{account.place}/{slot}", **facts)


def asked(fake: FakeAzureOpenAI, pattern: str) -> int:
    """How many calls had this in their path."""
    return sum(pattern in one.path for one in fake.log)


def test_one_token_serves_until_its_end(
    fake: FakeAzureOpenAI, api: Api, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for once, and once more a few minutes before it ends."""
    now = [1000.0]
    monkeypatch.setattr(_entra, "TOKENS", AccessTokens(lambda: now[0]))
    for _ in range(3):
        azure_openai.look(api, key(account))
    assert asked(fake, "/token") == 1
    now[0] += 3599 - MARGIN + 1
    azure_openai.look(api, key(account))
    assert asked(fake, "/token") == 2


def test_a_token_that_azure_no_longer_takes_is_replaced_once(fake: FakeAzureOpenAI, api: Api, account: Account) -> None:
    """Also for a change: what was refused was not carried out. What is refused again is a sentence."""
    azure_openai.look(api, key(account))
    fake.tokens.clear()
    azure_openai.revoke(api, key(account), None)
    assert (asked(fake, "/token"), asked(fake, "/regenerateKey")) == (2, 2)
    expired = Said(401, {"error": {"code": "ExpiredAuthenticationToken"}})
    fake.faults.append(Fault("GET", "/subscriptions/.*", times=9, instead=expired))
    with pytest.raises(StepError) as raised:
        azure_openai.look(api, key(account))
    assert raised.value.reason == "credentials_expired"
    assert asked(fake, "/token") == 3


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("client_secret", "“AADSTS7000215: Invalid client secret provided”"),
        ("client_id", "“AADSTS700016: Application was not found in the directory”"),
    ],
)
def test_an_application_that_entra_does_not_let_in(
    fake: FakeAzureOpenAI, apis: Apis, account: Account, setting: str, says: str
) -> None:
    """Entra's own words, without the secret and without its trace; what to look at, and where it is written."""
    api = apis(fake, **fake.secrets | {setting: "canary-wrong"})
    with pytest.raises(StepError) as raised:
        azure_openai.look(api, key(account))
    assert raised.value.reason == "credentials_expired"
    assert says in raised.value.what
    assert "Trace" not in raised.value.what
    assert "[providers.azure_openai]" in raised.value.next
    assert setting == "client_id" or "canary" not in str(raised.value)


def test_a_token_endpoint_that_answers_nonsense(fake: FakeAzureOpenAI, api: Api, account: Account) -> None:
    """HTML in the place of a token, and an empty answer: sentences; of the value nothing is known."""
    for said in (Said(200, b"<html>"), Said(200, {})):
        fake.faults.append(Fault("POST", TOKEN, instead=said))
        with pytest.raises(StepError):
            azure_openai.look(api, key(account))
    fake.faults.append(Fault("POST", TOKEN, instead=Said(200, b"<html>")))
    reading = azure_openai.verify(api, key(account), SecretStr(account.keys["key1"]))
    assert reading.life == "unknown"


def test_all_accounts_are_listed_whatever_the_next_page_is_said_to_be(fake: FakeAzureOpenAI, api: Api) -> None:
    """Over subscriptions and pages, without accounts of other services; a link is followed in its query only."""
    planted = [fake.plant(f"gateway-{number}", kind=kind) for number, kind in enumerate(["OpenAI", "AIServices"] * 3)]
    fake.plant("vision", kind="ComputerVision")
    found = azure_openai.inventory(api, KEY, "")
    assert {one.credential.id for one in found} == {f"{one.place}/Key{number}" for one in planted for number in (1, 2)}
    elsewhere = fake.plant("lab", group="rg-(lab).1")
    assert {one.credential.id for one in azure_openai.inventory(api, ACCESS, f"{SUBSCRIPTION}/rg-(lab).1")} == {
        elsewhere.place
    }
    assert {one.credential.id for one in azure_openai.inventory(api, ACCESS, SUBSCRIPTION)} == {
        one.place for one in (*planted, elsewhere)
    }


def test_keys_are_read_of_one_account_only(fake: FakeAzureOpenAI, api: Api, account: Account) -> None:
    """Whoever lists everything reads no key; of one account the fingerprints are told, and nothing else of the values."""
    assert {one.credential.fingerprint for one in azure_openai.inventory(api, KEY, SUBSCRIPTION)} == {""}
    assert asked(fake, "/listKeys") == 0
    found = azure_openai.inventory(api, KEY, account.place)
    held = [fingerprint(SecretStr(value)) for value in account.keys.values()]
    assert [one.credential.fingerprint for one in found] == held
    account.off = True
    assert {(one.status, one.credential.fingerprint) for one in azure_openai.inventory(api, KEY, account.place)} == {
        ("inactive", "")
    }


@pytest.mark.parametrize(
    "place",
    [
        "..",
        f"{SUBSCRIPTION}/..",
        f"{SUBSCRIPTION}/{GROUP}/../../../x",
        f"{SUBSCRIPTION}/{GROUP}/gateway/extra",
        f"{SUBSCRIPTION}/{GROUP}/gate\nway",
        f"{SUBSCRIPTION}/rg./gateway",
        "gateway",
        f"{SUBSCRIPTION}/{GROUP}/gateway?api-version=1",
    ],
)
def test_a_place_that_is_none_is_never_sent(fake: FakeAzureOpenAI, api: Api, place: str) -> None:
    """Neither as what is listed nor as where a key is."""
    with pytest.raises(StepError, match="nothing was sent"):
        azure_openai.inventory(api, KEY, place)
    for bad in (Credential(provider="azure_openai", scope=place), Credential(provider="azure_openai", id=place)):
        with pytest.raises(StepError, match="nothing was sent"):
            azure_openai.look(api, bad)
    assert fake.log == []


def test_an_id_in_another_account_than_its_scope(fake: FakeAzureOpenAI, api: Api, account: Account) -> None:
    """Two accounts are meant: nothing is sent to either. The same name in another case is the same account."""
    other = f"{SUBSCRIPTION}/{GROUP}/other"
    for call in (azure_openai.look, azure_openai.delete):
        with pytest.raises(StepError, match="nothing was sent"):
            call(api, key(account, scope=other))
    assert fake.log == []
    upper = account.place.replace(GROUP, GROUP.upper()).replace("gateway", "Gateway")
    held = fingerprint(SecretStr(account.keys["key1"]))
    assert azure_openai.look(api, key(account, scope=upper, fingerprint=held)).life == "live"
    assert azure_openai.inventory(api, KEY, upper)[0].credential.id == f"{upper}/Key1"


@pytest.mark.parametrize(
    ("endpoint", "base_url", "right"),
    [
        ("https://gateway.openai.azure.com/", "https://management.azure.com", True),
        ("https://gateway.cognitiveservices.azure.com", "https://management.azure.com", True),
        ("https://westeurope.api.cognitive.microsoft.com/", "https://management.azure.com", True),
        ("https://gateway.openai.azure.us/", "https://management.usgovcloudapi.net", True),
        ("http://gateway.openai.azure.com/", "https://management.azure.com", False),
        ("https://openai.azure.com.evil.example/", "https://management.azure.com", False),
        ("https://evil.example/.openai.azure.com", "https://management.azure.com", False),
        ("https://evil.example\\.openai.azure.com", "https://management.azure.com", False),
        ("https://gateway.openai.azure.com@evil.example/", "https://management.azure.com", False),
        ("https://gatewayopenai.azure.com/", "https://management.azure.com", False),
        ("http://127.0.0.1:8080", "https://management.azure.com", False),
        ("http://127.0.0.1:8080", "http://127.0.0.1:9090", True),
        ("https://gateway.openai.azure.com/", "http://127.0.0.1:9090", False),
        ("", "https://management.azure.com", False),
    ],
)
def test_where_a_key_may_be_sent(endpoint: str, base_url: str, right: bool) -> None:
    """To addresses of Azure by https; from an emulator only to one on this machine."""
    assert azure_openai.is_azure(endpoint, base_url) is right


def test_a_key_is_not_sent_to_an_endpoint_that_is_not_azures(
    fake: FakeAzureOpenAI, api: Api, home_settings: Settings
) -> None:
    """It is neither dead nor alive then, and the evidence says where it would have gone."""
    account = fake.plant("gateway", endpoint="https://evil.example/")
    reading = azure_openai.verify(api, key(account), SecretStr(account.keys["key1"]))
    assert reading.life == "unknown"
    assert "evil.example" in reading.evidence.says
    assert asked(fake, "/openai/models") == 0
    nowhere = Api(PROVIDER, None, {}, SecretStr, Accounts(home_settings.aws))
    with pytest.raises(TypeError):
        _entra.client(nowhere)


def test_a_login_that_is_not_https_is_refused(fake: FakeAzureOpenAI, apis: Apis, account: Account) -> None:
    """The client secret is sent to no other machine in clear."""
    api = apis(fake, **fake.secrets | {"login_url": "http://login.example"})
    with pytest.raises(StepError, match="only https is used"):
        azure_openai.look(api, key(account))


@pytest.mark.parametrize(
    ("said", "life"),
    [
        (Said(403, FIREWALL), "unknown"),
        (Said(403, {"error": {"code": "AuthenticationTypeDisabled", "message": "disabled"}}), "dead"),
        (Said(401, {"error": {"code": "401", "message": "Access denied"}}), "dead"),
        (Said(404, {"error": {"code": "404", "message": "Resource not found"}}), "unknown"),
        (Said(200, {"models": []}), "unknown"),
        (Said(200, {"data": []}), "live"),
    ],
)
def test_only_a_no_to_the_key_itself_is_dead(
    fake: FakeAzureOpenAI, api: Api, account: Account, said: Said, life: str
) -> None:
    """A firewall's 403 says nothing of the key; that keys are switched off does."""
    fake.faults.append(Fault("GET", MODELS, instead=said))
    assert azure_openai.verify(api, key(account), SecretStr(account.keys["key1"])).life == life


def test_each_account_accepts_its_own_two_keys(fake: FakeAzureOpenAI, api: Api, account: Account) -> None:
    """Those of another account are dead there."""
    other = fake.plant("other")
    for value in account.keys.values():
        assert azure_openai.verify(api, key(account), SecretStr(value)).life == "live"
        assert azure_openai.verify(api, key(other), SecretStr(value)).life == "dead"


def test_what_azure_does_not_show_is_not_dead(fake: FakeAzureOpenAI, api: Api, account: Account) -> None:
    """An account that is not in its group is gone, with its keys; a subscription that firedoor does not see may have it."""
    gone = Credential(provider="azure_openai", id=f"{SUBSCRIPTION}/{GROUP}/gone/Key1")
    assert azure_openai.look(api, gone).exists is False
    hidden = account.place.replace(SUBSCRIPTION, "00000000-0000-0000-0000-000000000000")
    reading = azure_openai.look(api, Credential(provider="azure_openai", id=f"{hidden}/Key1"))
    assert (reading.life, reading.exists) == ("unknown", True)
    assert "SubscriptionNotFound" in reading.evidence.says


def test_a_slot_is_asked_about_by_what_it_should_hold(api: Api, account: Account) -> None:
    """Without that it is unknown: a slot always holds some key."""
    held = fingerprint(SecretStr(account.keys["key1"]))
    assert azure_openai.look(api, key(account)).life == "unknown"
    assert azure_openai.look(api, key(account, fingerprint=held)).life == "live"
    assert azure_openai.look(api, key(account, "Key2", fingerprint=held)).life == "dead"


@pytest.mark.parametrize(
    ("action", "call", "names"),
    [
        ("regenerateKey", azure_openai.revoke, "regenerateKey/action"),
        ("listKeys", azure_openai.create, "listKeys/action"),
        ("GET", azure_openai.revoke, "accounts/read"),
        ("PATCH", azure_openai.revoke, "accounts/write"),
    ],
)
def test_a_permission_that_is_missing_is_named(
    fake: FakeAzureOpenAI, api: Api, account: Account, action: str, call: Any, names: str
) -> None:
    """As Azure names it, so that it can be granted."""
    whole = Credential(provider="azure_openai", kind="key_access", id=account.place)
    fake.refused.add(action)
    with pytest.raises(StepError) as raised:
        call(api, whole if action in {"GET", "PATCH"} else key(account), None if call is azure_openai.revoke else "x")
    assert raised.value.reason == "permission_missing"
    assert names in raised.value.what


def test_keys_are_switched_off_and_on_again(fake: FakeAzureOpenAI, api: Api, account: Account) -> None:
    """Both at once, after a while; neither is lost. What is so already is not sent again."""
    whole = Credential(provider="azure_openai", kind="key_access", id=account.place)
    before, fake.lag = dict(account.keys), 2
    azure_openai.revoke(api, whole, None)
    lives = [azure_openai.verify(api, whole, SecretStr(account.keys["key2"])).life for _ in range(3)]
    assert lives == ["live", "live", "dead"]
    assert "already" in azure_openai.delete(api, whole).says
    assert azure_openai.look(api, whole).life == azure_openai.look(api, key(account)).life == "dead"
    azure_openai.enable(api, whole)
    assert fake.alive("key_access") == set(before.values())
    assert len([one for one in fake.log if one.method == "PATCH"]) == 2
    gone = whole.model_copy(update={"id": f"{account.place}x"})
    assert "does not exist" in azure_openai.revoke(api, gone, None).says
    with pytest.raises(StepError, match="no such thing"):
        azure_openai.enable(api, gone)
    with pytest.raises(StepError, match="switched on again"):
        azure_openai.create(api, whole, "x")
    assert azure_openai.made(api, whole, "x", ()) == ()


def test_a_key_cannot_be_enabled(api: Api, account: Account) -> None:
    """Its old value is gone."""
    with pytest.raises(StepError) as raised:
        azure_openai.enable(api, key(account))
    assert raised.value.reason == "conflict"


def test_while_keys_are_off_they_are_neither_shown_nor_made(fake: FakeAzureOpenAI, api: Api, account: Account) -> None:
    """The sentence says why, and what switches them on; another refusal of the list is not taken for that."""
    account.off = True
    with pytest.raises(StepError, match="access by keys is switched off there") as raised:
        azure_openai.create(api, key(account), "x")
    assert "kind key_access" in raised.value.next
    fake.faults.append(Fault("POST", ".*/listKeys", instead=Said(400, {"error": {"code": "BadRequest"}})))
    with pytest.raises(StepError, match="says that it cannot"):
        azure_openai.create(api, key(account), "x")


def test_an_answer_without_keys_is_in_doubt(fake: FakeAzureOpenAI, api: Api, account: Account) -> None:
    """It may have been carried out: the next look tells."""
    fake.faults.append(Fault("POST", ".*/regenerateKey", instead=Said(200, {"key1": None})))
    with pytest.raises(StepError) as raised:
        azure_openai.revoke(api, key(account), None)
    assert raised.value.retryable
    assert "not known whether a key was regenerated" in raised.value.changed


def test_an_account_that_is_none_is_no_account(fake: FakeAzureOpenAI, api: Api, account: Account) -> None:
    """An answer of another shape is an error of Azure's, not a dead key."""
    fake.faults.append(Fault("GET", "/subscriptions/.*", instead=Said(200, {"id": "/tenants/x"})))
    with pytest.raises(StepError, match="strange id '/tenants/x'"):
        azure_openai.look(api, key(account))


def test_without_the_slot_nothing_is_regenerated(fake: FakeAzureOpenAI, api: Api, account: Account) -> None:
    """A scope alone names two keys."""
    both = Credential(provider="azure_openai", scope=account.place)
    for call in (lambda: azure_openai.revoke(api, both, None), lambda: azure_openai.create(api, both, "x")):
        with pytest.raises(StepError, match="which of the two keys"):
            call()
    assert fake.log == []


def test_what_is_made_of_a_slot_is_what_it_holds(fake: FakeAzureOpenAI, api: Api, account: Account) -> None:
    """It is regenerated only while it holds what it held; whatever it holds else is the new value."""
    was = key(account, fingerprint=fingerprint(SecretStr(account.keys["key1"])))
    assert azure_openai.made(api, was, "x", ()) == []
    first, second = (azure_openai.create(api, was, "x") for _ in range(2))
    assert first.value == second.value == SecretStr(account.keys["key1"])
    assert [one.id for one in azure_openai.made(api, was, "x", ())] == [was.id]
    assert asked(fake, "/regenerateKey") == 1
    assert APPLICATION not in str(first)


def test_the_scope_of_a_token_is_the_manager_that_is_asked(fake: FakeAzureOpenAI, api: Api, account: Account) -> None:
    """In a sovereign cloud it is another one: the fake gives no token for anything else."""
    azure_openai.look(api, key(account))
    body = next(one.body for one in fake.log if one.path.endswith("/token")).decode()
    assert f"scope={fake.url.replace(':', '%3A').replace('/', '%2F')}%2F.default" in body
    assert Http("azure_openai", "Azure OpenAI", f"{fake.url}/").base_url == fake.url


def test_what_a_person_reads_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """That a rotation takes the other key, and that switching off can be undone, is told by `firedoor providers`."""
    assert run(["providers", "azure_openai"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "a rotation without an outage regenerates another one" in told
    assert "which can be undone" in told
