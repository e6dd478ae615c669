"""What is Google's own about API keys: keys that work on after their deletion, operations, restrictions, ids that last."""

import datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from activities._clients import Clients
from activities.aws.accounts import Accounts
from activities.providers import _google_api_keys, google
from activities.providers._provider import Api
from firedoor.config import Aws, Settings
from firedoor.drill.fakes._fake import Fault, Said
from firedoor.drill.fakes._google import PROJECT, no
from firedoor.drill.fakes.google import ApiKey, FakeGoogle
from firedoor.errors import StepError
from firedoor.incident import Outcome
from firedoor.plan import Verdict
from firedoor.providers.google import PROVIDER
from firedoor.steps._step import Credential
from tests.faking import Fakes
from tests.killing import attempt
from tests.providers.conftest import Apis

KIND = PROVIDER.kind("api_key")
MAPS: dict[str, Any] = {"apiTargets": [{"service": "maps-backend.googleapis.com"}]}
KEYS = rf"/v2/projects/{PROJECT}/locations/global/keys"


@pytest.fixture
def fake(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> FakeGoogle:
    """One project, whose operations nobody waits for."""
    monkeypatch.setattr(_google_api_keys, "PAUSES", (0.0,) * 4)
    return fakes(FakeGoogle())


@pytest.fixture
def api(fake: FakeGoogle, apis: Apis) -> Api:
    """With the key file of firedoor's service account."""
    return apis(fake, **fake.secrets)


def credential(key: ApiKey, **fields: str) -> Credential:
    """A key as a runbook names it."""
    return Credential(provider="google", id=key.id, scope=PROJECT, name="gateway", **fields)


def tried(api: Api, key: ApiKey) -> str:
    """What firedoor makes of Google's answer to a value."""
    return google.verify(api, credential(key), SecretStr(key.value)).life


@pytest.mark.usefixtures("changing")
def test_a_new_key_may_do_no_more_than_the_old_one(fake: FakeGoogle, api: Api) -> None:
    """Its restrictions, annotations and account; also after the old one was deleted, as in a breach."""
    said: dict[str, Any] = {
        "restrictions": MAPS | {"serverKeyRestrictions": {"allowedIps": ["192.0.2.0/24"]}},
        "annotations": {"team": "maps"},
        "serviceAccountEmail": f"maps@{PROJECT}.iam.gserviceaccount.com",
    }
    old = fake.plant("gateway", **said)
    google.revoke(api, credential(old), None)
    made = google.create(api, credential(old), "Gateway_2")
    new = fake.keys[made.credential.id]
    assert (new.id, new.value) == ("gateway-2", made.value.get_secret_value())
    assert new.said == said | {"displayName": "Gateway_2"}


@pytest.mark.usefixtures("changing")
def test_without_the_old_restrictions_no_key_is_made(fake: FakeGoogle, api: Api) -> None:
    """A key that is not named, or is not there any more, would be followed by one that may do everything."""
    with pytest.raises(StepError, match="it would have no restrictions"):
        google.create(api, Credential(provider="google", scope=PROJECT), "gateway-2")
    with pytest.raises(StepError, match="restrictions cannot be carried over"):
        google.create(api, Credential(provider="google", scope=PROJECT, id="gone"), "gateway-2")
    assert fake.keys == {}


@pytest.mark.usefixtures("changing")
def test_what_a_lost_answer_made_is_the_key(fake: FakeGoogle, api: Api) -> None:
    """The id is ours, so that the second try finds the first one's key; a deleted one keeps its id for 30 days."""
    like = credential(fake.plant("gateway"))
    fake.faults.append(Fault("POST", KEYS, lose_reply=True))
    with pytest.raises(StepError) as raised:
        google.create(api, like, "gateway-2")
    assert "not known whether Google carried it out" in raised.value.changed
    assert [one.id for one in google.made(api, like, "gateway-2", ())] == ["gateway-2"]
    first = google.create(api, like, "gateway-2")
    assert len(fake.keys) == 2
    google.delete(api, first.credential)
    assert google.made(api, like, "gateway-2", ()) == []
    again = google.create(api, like, "gateway-2")
    assert again.value == first.value
    assert fake.keys["gateway-2"].deleted is None
    assert google.verify(api, again.credential, again.value).life == "live"


@pytest.mark.usefixtures("changing")
def test_a_key_that_is_still_being_made_is_waited_for(fake: FakeGoogle, api: Api) -> None:
    """Google says that the id is taken, and knows no such key yet."""
    like = credential(fake.plant("gateway"))
    fake.faults.append(Fault("POST", KEYS, instead=no(409, "ALREADY_EXISTS", "It exists.")))
    with pytest.raises(StepError, match="still making the API key gateway-2") as raised:
        google.create(api, like, "gateway-2")
    assert raised.value.retryable


@pytest.mark.usefixtures("changing")
@pytest.mark.parametrize(
    ("slow", "fails", "what"),
    [
        (3, {}, ""),
        (99, {}, "is not done with it"),
        (1, {"done": True, "error": {"code": 8, "message": "Too many keys"}}, "did not carry it out: “Too many keys”"),
    ],
    ids=["slow", "never", "failed"],
)
def test_a_change_is_done_when_its_operation_is(
    fake: FakeGoogle, api: Api, slow: int, fails: dict[str, Any], what: str
) -> None:
    """It is asked for until it is done; what does not end, or fails, is a sentence."""
    key = fake.plant("gateway")
    fake.slow, fake.fails = slow, fails
    if not what:
        assert "is deleted" in google.revoke(api, credential(key), None).says
        assert len([one for one in fake.log if "/operations/" in one.path]) == slow
        return
    with pytest.raises(StepError) as raised:
        google.revoke(api, credential(key), None)
    assert what in raised.value.what
    assert raised.value.retryable


@pytest.mark.usefixtures("changing")
@pytest.mark.parametrize(("minutes", "life"), [(2, "unknown"), (29, "unknown"), (31, "dead")])
def test_a_refusal_proves_nothing_for_half_an_hour(fake: FakeGoogle, api: Api, minutes: int, life: str) -> None:
    """One server refuses it, another may still take it: neither the value nor the id tells more before that."""
    key = fake.plant("gateway")
    fake.deleted_ago, fake.lag = minutes * 60, 1
    google.revoke(api, credential(key), None)
    assert tried(api, key) == "live"
    reading = google.verify(api, credential(key), SecretStr(key.value))
    assert (reading.life, google.look(api, credential(key)).life) == (life, life)
    assert ("may still take it" in reading.evidence.says) is (life == "unknown")


def test_a_refusal_of_a_key_that_exists_is_no_proof(fake: FakeGoogle, api: Api) -> None:
    """Google refuses a key in the same words where its project has no Gemini, or the key is not everywhere yet."""
    key = fake.plant("gateway")
    fake.gemini = False
    reading = google.verify(api, credential(key), SecretStr(key.value))
    assert reading.life == "unknown"
    assert "although its key exists" in reading.evidence.says
    fake.may_look_up = False
    reading = google.verify(api, credential(key), SecretStr(key.value))
    assert reading.life == "unknown"
    assert "apikeys.keys.lookup" in reading.evidence.says


def test_a_restricted_key_that_is_not_for_gemini_is_alive(fake: FakeGoogle, api: Api) -> None:
    """Google knows the key and says why this call may not use it: it works elsewhere."""
    blocked = [fake.plant("maps", restrictions=MAPS)]
    blocked.append(fake.plant("backend", restrictions={"serverKeyRestrictions": {"allowedIps": ["192.0.2.1"]}}))
    assert [tried(api, key) for key in blocked] == ["live", "live"]
    off = no(403, "PERMISSION_DENIED", "Generative Language API is disabled.", "SERVICE_DISABLED")
    fake.faults.append(Fault("GET", "/v1/models", instead=off))
    assert tried(api, blocked[0]) == "live"
    leaked = Said(403, {"error": {"code": 403, "message": "Your API key was reported as leaked.", "status": "X"}})
    fake.faults.append(Fault("GET", "/v1/models", instead=leaked))
    assert tried(api, blocked[0]) == "unknown"


@pytest.mark.usefixtures("changing")
def test_a_key_is_revoked_by_its_value_alone(fake: FakeGoogle, api: Api) -> None:
    """Google tells whose it is; the value is in no address, and a stranger's value is not an error."""
    key = fake.plant("gateway")
    nobody = Credential(provider="google")
    assert "is deleted" in google.revoke(api, nobody, SecretStr(key.value)).says
    assert key.deleted
    assert tried(api, key) == "dead"
    assert "knows no such key" in google.revoke(api, nobody, SecretStr("AIzacanary-stranger")).says
    assert [one.path for one in fake.log if "canary" in one.path or "canary" in str(one.query)] == []


@pytest.mark.usefixtures("changing")
def test_a_key_that_google_does_not_delete_is_a_sentence(fake: FakeGoogle, api: Api) -> None:
    """The key is still there: that is said, with Google's own word."""
    key = fake.plant("gateway")
    fake.faults.append(Fault("DELETE", KEYS + ".*", instead=no(400, "FAILED_PRECONDITION", "In use.")))
    with pytest.raises(StepError, match="does not delete") as raised:
        google.revoke(api, credential(key), None)
    assert "FAILED_PRECONDITION" in raised.value.what
    assert not key.deleted


def test_the_project_is_the_scope_the_setting_or_that_of_the_key_file(fake: FakeGoogle, apis: Apis) -> None:
    """Without any of them nothing is sent."""
    fake.plant("gateway")
    for settings in ({}, {"project": PROJECT}):
        (found,) = google.inventory(apis(fake, **fake.secrets, **settings), KIND, "")
        assert (found.credential.scope, found.credential.name) == (PROJECT, "gateway")
    other = apis(fake, **fake.secrets, project="another-project")
    with pytest.raises(StepError, match="refuses"):
        google.inventory(other, KIND, "")
    fake.log.clear()
    bare = fake.own.file.replace(PROJECT, "")
    with pytest.raises(StepError, match="which project of Google is meant"):
        google.inventory(apis(fake, service_account_key=bare), KIND, "")
    assert fake.log == []


def test_use_is_told_by_hour_service_and_region(fake: FakeGoogle, api: Api) -> None:
    """Of this key alone; what was refused is counted as failed."""
    key, other = fake.plant("gateway"), fake.plant("other")
    for uid, service, answered, count in (
        (key.uid, "generativelanguage.googleapis.com", "2xx", "40"),
        (key.uid, "generativelanguage.googleapis.com", "4xx", "2"),
        (key.uid, "maps-backend.googleapis.com", "2xx", "7"),
        (other.uid, "maps-backend.googleapis.com", "2xx", "1000"),
    ):
        fake.series.append(_counted(uid, service, answered, count))
    since = datetime.datetime(2026, 11, 20, tzinfo=datetime.UTC)
    uses = google.usage(api, credential(key), since)
    assert [(one.start.hour, one.seconds, one.requests, one.failed, one.model, one.region) for one in uses] == [
        (8, 3600, 42, 2, "generativelanguage.googleapis.com", "global"),
        (8, 3600, 7, 0, "maps-backend.googleapis.com", "global"),
    ]
    with pytest.raises(StepError, match="does not know the API key"):
        google.usage(api, Credential(provider="google", id="gone", scope=PROJECT), since)


@pytest.mark.parametrize(
    ("name", "key"),
    [("Gateway_EU-fd12", "gateway-eu-fd12"), ("7up", "k-7up"), ("-x-", "x"), ("a" * 80, "a" * 63), ("é", "k")],
)
def test_a_name_becomes_an_id_that_google_takes(name: str, key: str) -> None:
    """RFC 1034: lower case, begins with a letter, ends with a letter or a digit."""
    assert _google_api_keys.key_id(name) == key


def test_a_revocation_waits_until_google_is_known_to_refuse_everywhere(
    fake: FakeGoogle, home_settings: Settings
) -> None:
    """`not_yet` while a deleted key is accepted, and while its refusal proves nothing; then it is contained."""
    key = fake.plant("gateway")
    fake.deleted_ago, fake.lag = 60, 1
    acting = Accounts(Aws(settle_seconds=0.0))
    acting.variables = {"FIREDOOR_SECRET_OWN": fake.own.file, "FIREDOOR_SECRET_LEAKED": key.value}
    providers = {"google": {"base_url": fake.url, "service_account_key": "env:FIREDOOR_SECRET_OWN"}}
    clients = Clients(home_settings.model_copy(update={"providers": providers}), aws=acting)
    asked: dict[str, Any] = {
        "credential": credential(key).model_dump(mode="json"),
        "value": "env:FIREDOOR_SECRET_LEAKED",
    }
    preview, ended = attempt(clients, "credential.revoke", **asked)
    for says in ("accepted the value", "may still take it"):
        assert isinstance(ended, StepError), ended
        assert (ended.reason, says in ended.what) == ("not_yet", True)
        assert "was accepted" in ended.changed
        _, ended = attempt(clients, "credential.revoke", preview, **asked)
    key.deleted = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=31)
    _, ended = attempt(clients, "credential.revoke", preview, **asked)
    clients.close()
    assert isinstance(ended, Outcome), ended
    assert ended.verdict is Verdict.CONTAINED
    assert "canary" not in ended.model_dump_json()


def test_every_exchange_is_judged_by_googles_documents(fakes: Fakes) -> None:
    """What they do not declare is found, in a query and in a body."""
    fake = fakes(FakeGoogle())
    fake.tokens["ours"] = "firedoor"
    with httpx.Client(base_url=fake.url, headers={"Authorization": "Bearer ours"}, trust_env=False) as client:
        client.get(KEYS)
        fakes.judge()
        client.get(KEYS, params={"limit": 1})
        with pytest.raises(AssertionError, match="the query parameter limit is not declared"):
            fakes.judge()
        fake.log.clear()
        client.post(KEYS, params={"keyId": "x"}, json={"label": "x"})
        with pytest.raises(AssertionError, match="'label' was unexpected"):
            fakes.judge()
        fake.log.clear()


def _counted(uid: str, service: str, answered: str, count: str) -> dict[str, Any]:
    interval = {"startTime": "2026-11-20T08:00:00Z", "endTime": "2026-11-20T09:00:00Z"}
    labels = {"service": service, "location": "global", "credential_id": f"apikey:{uid}"}
    return {
        "metric": {
            "type": "serviceruntime.googleapis.com/api/request_count",
            "labels": {"response_code_class": answered},
        },
        "resource": {"type": "consumed_api", "labels": labels},
        "metricKind": "DELTA",
        "valueType": "INT64",
        "points": [{"interval": interval, "value": {"int64Value": count}}],
    }
