"""What is Google's own about keys of service accounts: key files, tokens that outlive them, limits, firedoor's own key."""

import datetime
import json
from contextlib import closing
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from pydantic import SecretStr

from activities._clients import Clients
from activities.aws.accounts import Accounts
from activities.google_account import ADDRESS_ONLY, project_of
from activities.providers import _google_account_keys, google
from activities.providers._provider import Api
from firedoor.config import Aws, Settings
from firedoor.drill.fakes._fake import Fault, Said
from firedoor.drill.fakes._google import GATEWAY, PROJECT, AccountKey
from firedoor.drill.fakes.google import FakeGoogle
from firedoor.errors import StepError
from firedoor.incident import Outcome
from firedoor.plan import Verdict
from firedoor.providers.google import PROVIDER
from firedoor.steps._step import Credential
from tests.faking import Fakes
from tests.killing import attempt
from tests.providers.conftest import Apis

KIND = PROVIDER.kind("service_account_key")


@pytest.fixture
def fake(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> FakeGoogle:
    """One project with two service accounts; nobody waits for a new key."""
    monkeypatch.setattr(_google_account_keys, "PAUSES", (0.0,) * 4)
    return fakes(FakeGoogle())


@pytest.fixture
def api(fake: FakeGoogle, apis: Apis) -> Api:
    """With the key file of firedoor's service account."""
    return apis(fake, **fake.secrets)


def credential(key: AccountKey) -> Credential:
    """A key as a runbook names it."""
    return Credential(provider="google", kind="service_account_key", id=key.id, scope=key.account)


def test_a_key_file_is_tried_with_the_least_and_nowhere_else(fake: FakeGoogle, api: Api) -> None:
    """The token could read the account's address only; the address that the file itself names is not asked."""
    key = fake.plant_key(GATEWAY)
    reading = google.verify(api, credential(key), SecretStr(key.file))
    assert reading.life == "live"
    (asked,) = fake.log
    form = parse_qs(asked.body.decode())
    claims = jwt.decode(form["assertion"][0], options={"verify_signature": False})
    assert (claims["scope"], claims["iss"]) == (ADDRESS_ONLY, GATEWAY)
    assert fake.tokens == {}
    assert "canary" not in reading.evidence.model_dump_json()


def test_what_is_no_key_file_or_another_ones_tells_nothing(fake: FakeGoogle, api: Api) -> None:
    """A truncated file of a key that works must not pass for a dead one; and nothing is sent."""
    key, other = fake.plant_key(GATEWAY), fake.plant_key(GATEWAY)
    half = json.loads(key.file)
    half["private_key"] = half["private_key"][:400]
    for value in (json.dumps(half), "AIzacanary", "[]", "{}", other.file):
        assert google.verify(api, credential(key), SecretStr(value)).life == "unknown"
    assert fake.log == []


@pytest.mark.parametrize(("ahead", "life"), [(0, "live"), (7200, "unknown"), (-7200, "unknown")])
def test_a_wrong_clock_says_nothing_of_the_key(fake: FakeGoogle, api: Api, ahead: int, life: str) -> None:
    """Google says `invalid_grant` of that as well as of a dead key."""
    key = fake.plant_key(GATEWAY)
    fake.clock_ahead = ahead
    assert google.verify(api, credential(key), SecretStr(key.file)).life == life


@pytest.mark.usefixtures("changing")
def test_what_a_revocation_does_not_end_is_said(fake: FakeGoogle, api: Api) -> None:
    """Access tokens go on; and that Google itself disabled a key, and why, is in the evidence."""
    key = fake.plant_key(GATEWAY)
    assert "access tokens" in google.revoke(api, credential(key), None).says
    assert google.verify(api, credential(key), SecretStr(key.file)).life == "dead"
    key.reason = "EXPOSED"
    assert "is inactive (EXPOSED)" in google.look(api, credential(key)).evidence.says
    assert "access tokens" in google.delete(api, credential(key)).says
    assert "does not exist" in google.delete(api, credential(key)).says
    assert not google.look(api, credential(key)).exists
    assert google.verify(api, credential(key), SecretStr(key.file)).life == "dead"


def test_a_value_that_does_not_tell_is_not_proved_dead_by_its_id(fake: FakeGoogle, home_settings: Settings) -> None:
    """The key is disabled, and Google did not answer to what it signs: it may still take it for some minutes."""
    key = fake.plant_key(GATEWAY)
    acting = Accounts(Aws(settle_seconds=0.0))
    acting.variables = {"FIREDOOR_SECRET_OWN": fake.own.file, "FIREDOOR_SECRET_LEAKED": key.file}
    providers = {"google": {"base_url": fake.url, "service_account_key": "env:FIREDOOR_SECRET_OWN"}}
    with closing(Clients(home_settings.model_copy(update={"providers": providers}), aws=acting)) as clients:
        asked: dict[str, Any] = {"credential": credential(key).model_dump(mode="json")}
        asked["value"] = "env:FIREDOOR_SECRET_LEAKED"
        key.disabled = True
        attempt(clients, "credential.prove_dead", **asked)
        fake.faults.append(Fault("POST", "/token", instead=Said(503, {})))
        _, ended = attempt(clients, "credential.prove_dead", **asked)
        assert isinstance(ended, Outcome), ended
        assert ended.verdict is Verdict.UNKNOWN
        _, ended = attempt(clients, "credential.prove_dead", **asked)
        assert isinstance(ended, Outcome), ended
        assert ended.verdict is Verdict.CONTAINED


@pytest.mark.usefixtures("changing")
def test_the_new_value_is_the_whole_file_and_works(fake: FakeGoogle, api: Api) -> None:
    """Google may refuse it at first: its answer is the only one with the value, so that it is waited for."""
    old = fake.plant_key(GATEWAY)
    fake.early = 2
    made = google.create(api, credential(old), "ignored")
    new = fake.account_keys[made.credential.id]
    assert made.value.get_secret_value() == new.file
    assert google.verify(api, made.credential, made.value).life == "live"
    assert [one.id for one in google.made(api, credential(old), "ignored", (old.id,))] == [new.id]


@pytest.mark.usefixtures("changing")
def test_why_google_makes_no_key_is_a_sentence(fake: FakeGoogle, api: Api) -> None:
    """It answers both with the same words: the limit of ten, and an organization's policy."""
    like = credential(fake.plant_key(GATEWAY))
    fake.no_new_keys = True
    with pytest.raises(StepError, match="Google makes no key for") as raised:
        google.create(api, like, "")
    assert raised.value.reason == "conflict"
    assert "iam.disableServiceAccountKeyCreation" in raised.value.next
    for _ in range(9):
        fake.plant_key(GATEWAY)
    with pytest.raises(StepError, match="Google allows 10") as raised:
        google.create(api, like, "")
    assert raised.value.reason == "limit_reached"


@pytest.mark.usefixtures("changing")
def test_firedoor_keeps_its_own_key(fake: FakeGoogle, api: Api) -> None:
    """It is neither disabled nor deleted, and nothing is sent."""
    own = credential(fake.own)
    with pytest.raises(StepError, match="firedoor itself works with") as raised:
        google.revoke(api, own, None)
    assert raised.value.reason == "refused_self"
    with pytest.raises(StepError, match="firedoor itself works with"):
        google.delete(api, own)
    assert fake.log == []


def test_every_account_of_the_project_is_listed(fake: FakeGoogle, api: Api) -> None:
    """Their keys that people made, with their state; without a scope those of all accounts."""
    key, off = fake.plant_key(GATEWAY), fake.plant_key(GATEWAY)
    off.disabled = True
    found = {one.credential.id: one for one in google.inventory(api, KIND, "")}
    assert found.keys() == {fake.own.id, key.id, off.id}
    assert [found[one.id].status for one in (key, off)] == ["active", "inactive"]
    assert found[key.id].expires == ""
    assert {one.credential.id for one in google.inventory(api, KIND, PROJECT)} == found.keys()
    assert {one.credential.id for one in google.inventory(api, KIND, GATEWAY)} == {key.id, off.id}
    assert google.inventory(api, PROVIDER.kind("api_key"), GATEWAY) == ()


def test_whose_key_it_is_must_be_said(fake: FakeGoogle, api: Api) -> None:
    """Google finds no key by its id alone: nothing is sent."""
    key = fake.plant_key(GATEWAY)
    nobody = Credential(provider="google", kind="service_account_key", id=key.id)
    with pytest.raises(StepError, match="whose key"):
        google.look(api, nobody)
    with pytest.raises(StepError, match="which key of"):
        google.usage(api, credential(key).model_copy(update={"id": ""}), datetime.datetime.now(datetime.UTC))
    assert fake.log == []


def test_use_is_how_often_it_authenticated(fake: FakeGoogle, api: Api) -> None:
    """By hour, of this key alone."""
    key, other = fake.plant_key(GATEWAY), fake.plant_key(GATEWAY)
    fake.series += [_counted(key.id, "2026-11-20T09:00:00Z", "3"), _counted(other.id, "2026-11-20T09:00:00Z", "900")]
    fake.series.append(_counted(key.id, "2026-11-20T08:00:00Z", "1"))
    uses = google.usage(api, credential(key), datetime.datetime(2026, 11, 20, tzinfo=datetime.UTC))
    assert [(one.start.hour, one.seconds, one.requests, one.model) for one in uses] == [
        (7, 3600, 1, ""),
        (8, 3600, 3, ""),
    ]


def test_an_answer_without_a_token_tells_nothing(fake: FakeGoogle, api: Api) -> None:
    """A new kind of refusal is neither dead nor alive."""
    key = fake.plant_key(GATEWAY)
    answers: tuple[Any, ...] = (
        {"error": "unauthorized_client"},
        {},
        [],
        {"error": "invalid_grant", "error_description": "Something"},
    )
    for said in answers:
        fake.faults.append(Fault("POST", "/token", instead=Said(400, said)))
        assert google.verify(api, credential(key), SecretStr(key.file)).life == "unknown"


@pytest.mark.parametrize(
    ("email", "project"),
    [
        (GATEWAY, PROJECT),
        ("gateway@my-project.example.com.iam.gserviceaccount.com", "example.com:my-project"),
        ("123456789012-compute@developer.gserviceaccount.com", "123456789012"),
        ("my-project@appspot.gserviceaccount.com", "my-project"),
        ("service-1@gcp-sa-x.gserviceaccount.com", "-"),
    ],
)
def test_the_project_of_an_account_is_in_its_address(email: str, project: str) -> None:
    """So that Google answers 404 to a wrong one, and not the 403 that its wildcard gets."""
    assert project_of(email) == project


def _counted(key: str, end: str, count: str) -> dict[str, Any]:
    return {
        "metric": {"type": "iam.googleapis.com/service_account/key/authn_events_count", "labels": {"key_id": key}},
        "resource": {"type": "iam_service_account", "labels": {"project_id": PROJECT, "unique_id": "1"}},
        "points": [{"interval": {"startTime": end, "endTime": end}, "value": {"int64Value": count}}],
    }
