"""The credential verbs besides rotation, against a fake OpenAI that behaves."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activities._clients import Clients
from activities.providers import MODULES, module_of
from activities.providers import openai as openai_module
from activities.providers._provider import kind_of
from firedoor.config import Settings
from firedoor.drill.fakes._fake import Fault, Said
from firedoor.errors import StepError
from firedoor.incident import Outcome
from firedoor.plan import Effect, Verdict
from firedoor.providers import providers
from firedoor.providers._provider import Provider
from firedoor.steps._step import Credential
from tests import killing
from tests.activities.openai import SECRET, SINK, Stage, stage
from tests.activities.performing import accounts
from tests.activities.test_rotation import attempt
from tests.emulators import Emulator

MODELS = "/v1/models"


@pytest.fixture
def on(aws: Emulator, tmp_path: Path) -> Generator[Stage]:
    """A leaked key of a service account, in a secret."""
    with stage(aws, tmp_path) as built:
        yield built


def outcome(on: Stage, action: str, **arguments: Any) -> Outcome:
    """What comes of a step that has to succeed."""
    _, ended = attempt(on, action, **arguments)
    assert isinstance(ended, Outcome), ended
    return ended


def refused(on: Stage, action: str, **arguments: Any) -> StepError:
    """The error that a step ends with."""
    try:
        _, ended = attempt(on, action, **arguments)
    except StepError as error:
        return error
    assert isinstance(ended, StepError), ended
    return ended


def test_keys_of_people_who_left_are_listed(on: Stage) -> None:
    """They work, and OpenAI hides them from whoever does not ask."""
    on.openai.plant("laptop", user="ada").left = True
    found = outcome(on, "credential.inventory", provider="openai", kind="user_key").result
    assert [one["owner"] for one in found["credentials"]] == ["ada@example.com"]


def test_what_exists_is_listed_by_kind_over_all_pages(on: Stage) -> None:
    """Keys of service accounts, of users and admin keys, more than a page of them; no value among it."""
    for number in range(120):
        on.openai.plant(f"more-{number}")
    on.openai.plant("laptop", user="ada")
    found = outcome(on, "credential.inventory", provider="openai").result
    kinds = [one["credential"]["kind"] for one in found["found"]]
    assert [kinds.count(kind) for kind in ("service_account_key", "user_key", "admin_key")] == [121, 1, 1]
    assert "canary" not in str(found)
    some = outcome(on, "credential.inventory", provider="openai", kind="user_key", name_contains="lap").result
    assert [one["owner"] for one in some["credentials"]] == ["ada@example.com"]
    none = outcome(on, "credential.inventory", provider="openai", name_contains="gateway", except_ids=[on.key.id])
    assert none.result["found"] == []


def test_a_kind_or_provider_that_does_not_exist(on: Stage) -> None:
    """The sentence says what there is."""
    error = refused(on, "credential.inventory", provider="openai", kind="nope")
    assert "it has service_account_key, user_key, admin_key" in error.what
    error = refused(on, "credential.inventory", provider="nope")
    assert "knows no provider 'nope'" in error.what


@pytest.mark.parametrize(
    ("said", "state", "verdict"),
    [
        (None, "live", Verdict.NOT_CONTAINED),
        (Said(401, {"error": {"message": "no", "code": "invalid_api_key"}}), "dead", Verdict.CONTAINED),
        (Said(403, {"error": {"message": "no", "code": "missing_scope"}}), "live", Verdict.NOT_CONTAINED),
    ],
)
def test_the_value_itself_is_tried(on: Stage, said: Said | None, state: str, verdict: Verdict) -> None:
    """401 is dead, 403 is alive and not allowed that call."""
    if said:
        on.openai.faults.append(Fault("GET", MODELS, times=2, instead=said))
    value = {"provider": "openai", "where": SINK}
    assert outcome(on, "credential.verify", credential=value).result["state"] == state
    assert outcome(on, "credential.prove_dead", credential=value).verdict is verdict


def test_a_dead_value_says_nothing_of_a_key_that_lives(on: Stage) -> None:
    """What is in the place is outdated: the id decides, and the key that leaked is revoked."""
    on.aws.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString="sk-of-long-ago")
    assert outcome(on, "credential.verify", credential=on.credential).result["state"] == "live"
    assert outcome(on, "credential.prove_dead", credential=on.credential).verdict is Verdict.NOT_CONTAINED
    done = outcome(on, "credential.revoke", credential=on.credential)
    assert (done.verdict, done.changed, on.openai.keys) == (Verdict.CONTAINED, True, {})


def test_who_may_not_ask_by_id_believes_the_value(on: Stage) -> None:
    """An admin key that sees nothing is no reason to doubt that the provider refuses the value."""
    on.openai.faults += [
        Fault("GET", MODELS, instead=Said(401, {"error": {"message": "no"}})),
        Fault("GET", ".*/api_keys/.*", instead=Said(403, {"error": {"message": "no"}})),
    ]
    assert outcome(on, "credential.verify", credential=on.credential).result["state"] == "dead"


@pytest.mark.parametrize(("action", "given"), [("credential.revoke", {}), ("credential.rotate", {"into": [SINK]})])
def test_an_id_that_the_provider_does_not_know_is_no_dead_key(on: Stage, action: str, given: dict[str, Any]) -> None:
    """It may be another organization's, and alive there: nothing is done, and nothing is called contained."""
    on.aws.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString="{}")
    stranger = on.credential | {"id": "key_of_another_organization", "where": ""}
    sink = "aws-sm:gateway/openai?field=key"
    error = refused(on, action, credential=stranger, **({"into": [sink]} if given else {}))
    assert (error.reason, error.changed) == ("not_found", "Nothing was changed.")
    assert "belongs to another account, organization or project than firedoor acts in" in error.what
    assert "give `value`" in error.next
    assert list(on.openai.keys) == [on.key.id]
    assert [one.method for one in on.openai.log] == ["GET"]
    told = outcome(on, "credential.verify", credential=stranger)
    assert "is not there: OpenAI" in told.summary


def test_a_key_that_its_provider_deleted_by_itself_gets_a_successor(on: Stage) -> None:
    """OpenAI found the leak first: its consumers have no working key, and the value proves that it is dead."""
    del on.openai.keys[on.key.id]
    done = outcome(on, "credential.rotate", credential=on.credential, mode="breach")
    assert done.verdict is Verdict.CONTAINED
    assert [key.value for key in on.openai.keys.values()] == [on.stored()]


def test_a_key_that_dies_before_its_second_attempt_was_ours(on: Stage) -> None:
    """The answer to the deletion was lost: what the second attempt does not find, it knew."""
    on.openai.faults.append(Fault("DELETE", ".*", lose_reply=True))
    by_id = on.credential | {"where": ""}
    preview, error = attempt(on, "credential.revoke", credential=by_id)
    assert isinstance(error, StepError)
    _, done = attempt(on, "credential.revoke", preview, credential=by_id)
    assert (done.verdict, done.changed) == (Verdict.CONTAINED, True)


def test_what_fails_after_a_revocation_says_that_it_was_sent(on: Stage) -> None:
    """The proof cannot be read: nobody is told that nothing was changed."""
    by_id = on.credential | {"where": ""}
    on.openai.faults.append(Fault("GET", ".*/api_keys/.*", times=0, instead=Said(403, {"error": {"message": "no"}})))
    answer = on.openai.answer

    def forbidding(asked: Any) -> Said:
        on.openai.faults[0].times = 9 * (asked.method == "DELETE")
        return answer(asked)

    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(on.openai, "answer", forbidding)
        error = refused(on, "credential.revoke", credential=by_id)
    assert error.reason == "permission_missing"
    assert error.changed == f"The revocation of the OpenAI service-account key gateway {on.key.id} was sent."


def test_what_tells_nothing_is_unknown(on: Stage) -> None:
    """HTML for the value, and nothing by the id: unknown never passes for dead."""
    on.openai.faults.append(Fault("GET", MODELS, times=9, instead=Said(200, b"<html>")))
    given = {"provider": "openai", "where": SINK}
    proved = outcome(on, "credential.prove_dead", credential=given)
    assert (proved.verdict, proved.result["state"]) == (Verdict.UNKNOWN, "unknown")
    assert "may be alive or dead" in proved.summary


def test_nothing_known_is_a_sentence(on: Stage) -> None:
    """Neither an id nor a value."""
    assert "Nothing is known of" in refused(on, "credential.verify", credential={"provider": "openai"}).what


def test_settled_counts_from_the_revocation(on: Stage) -> None:
    """A provider without a lag has had its time at once."""
    ago = (datetime.now(UTC) - timedelta(seconds=5)).isoformat()
    assert outcome(on, "credential.verify", credential=on.credential, revoked_at=ago).result["settled"] is True


def test_a_revoked_key_is_refused_and_a_second_time_changes_nothing(on: Stage) -> None:
    """The whole service account goes, and its value is refused."""
    preview, done = attempt(on, "credential.revoke", credential=on.credential)
    assert (preview.effect, preview.inverse) == (Effect.DESTRUCTIVE, None)
    assert (done.verdict, done.changed) == (Verdict.CONTAINED, True)
    preview, again = attempt(on, "credential.revoke", credential=on.credential)
    assert "nothing to change" in preview.change
    assert (again.verdict, again.changed) == (Verdict.CONTAINED, False)


def test_a_users_key_is_revoked_and_never_created(on: Stage) -> None:
    """OpenAI has no call to create one: the sentence says who does it, and where; nothing was changed."""
    mine = on.openai.plant("laptop", user="ada")
    given = {"provider": "openai", "kind": "user_key", "id": mine.id, "scope": mine.project, "owner": "ada"}
    assert outcome(on, "credential.revoke", credential=given).verdict is Verdict.CONTAINED
    error = refused(on, "credential.create", like=given, into=[SINK])
    assert error.reason == "needs_person"
    assert "Ask ada to create a new secret key in project proj_gateway" in error.next
    assert "https://platform.openai.com/api-keys" in error.next


def test_a_pasted_value_takes_the_place_of_a_users_key(on: Stage) -> None:
    """Revoked, waiting for a person; with the new value in the sink it goes on, and makes nothing itself."""
    mine = on.openai.plant("laptop", user="ada")
    manager = on.aws.client("secretsmanager")
    manager.put_secret_value(SecretId=SECRET, SecretString=mine.value)
    given = {"provider": "openai", "kind": "user_key", "id": mine.id, "scope": mine.project, "name": "laptop"}
    preview, error = attempt(on, "credential.rotate", credential=given, into=[SINK], mode="breach")
    assert isinstance(error, StepError)
    assert error.reason == "needs_person"
    assert "is revoked; its consumers have no working one." in error.changed
    new = on.openai.plant("laptop-2", user="ada")
    manager.put_secret_value(SecretId=SECRET, SecretString=new.value)
    _, done = attempt(on, "credential.rotate", preview, credential=given, into=[SINK], mode="breach")
    assert isinstance(done, Outcome), done
    assert (done.verdict, on.stored()) == (Verdict.CONTAINED, new.value)


def test_firedoors_own_admin_key_is_never_revoked(on: Stage) -> None:
    """That would cut off the hand that works; another admin key is rotated into its sink."""
    (own,) = on.openai.admin_keys.values()
    given = {"provider": "openai", "kind": "admin_key", "id": own.id}
    assert refused(on, "credential.revoke", credential=given).reason == "refused_self"
    on.aws.client("secretsmanager").create_secret(Name="admin", SecretString="{}")
    sink = "aws-sm:admin?field=key"
    made = outcome(on, "credential.create", like={"provider": "openai", "kind": "admin_key"}, into=[sink]).result
    other = on.openai.admin_keys[made["credential"]["id"]]
    assert (made["places"], made["credential"]["where"]) == ([sink], sink)
    assert on.stored("admin") == f'{{"key": "{other.value}"}}'
    assert outcome(on, "credential.rotate", credential=made["credential"]).verdict is Verdict.CONTAINED
    assert other.id not in on.openai.admin_keys


def test_a_rotation_gives_consumers_their_time(on: Stage) -> None:
    """With a grace the old one still works, and the error is one that is tried again."""
    preview, error = attempt(on, "credential.rotate", credential=on.credential, mode="rotation", grace=600)
    assert isinstance(error, StepError)
    assert (error.reason, error.retryable) == ("not_yet", True)
    assert on.key.id in on.openai.keys
    assert on.stored() != on.key.value
    _, done = attempt(on, "credential.rotate", preview, credential=on.credential, mode="rotation")
    assert done.verdict is Verdict.CONTAINED


def test_without_a_sink_nothing_is_made(on: Stage) -> None:
    """There is nowhere for the new value to go."""
    error = refused(on, "credential.rotate", credential=on.credential | {"where": ""})
    assert "It is not said where the new value" in error.what
    assert len(on.openai.keys) == 1


def test_without_an_admin_key_the_sentence_shows_the_setting(on: Stage) -> None:
    """What to add to which file."""
    on.clients._settings.providers["openai"].pop("admin_key")
    error = refused(on, "credential.inventory", provider="openai")
    assert error.reason == "credentials_missing"
    assert '[providers.openai]\nadmin_key = "env:FIREDOOR_SECRET_OPENAI_ADMIN_KEY"' in error.next


def test_a_third_access_key_is_refused_with_what_to_do(moto_server: Emulator, tmp_path: Path) -> None:
    """AWS allows a user two: nothing was made, and the sentence says what is in the way."""
    moto_server.reset("/moto-api/reset")
    iam = moto_server.client("iam")
    iam.create_user(UserName="gateway")
    old, _ = (iam.create_access_key(UserName="gateway")["AccessKey"]["AccessKeyId"] for _ in range(2))
    moto_server.client("secretsmanager").create_secret(Name="gateway/aws", SecretString="{}")
    clients = Clients(Settings(home=tmp_path), aws=accounts(moto_server))
    credential = {"provider": "aws", "id": old, "scope": "gateway"}
    _, error = killing.attempt(
        clients, "credential.rotate", credential=credential, into=["aws-sm:gateway/aws"], mode="rotation"
    )
    assert isinstance(error, StepError)
    assert "gateway has two already, inactive ones included" in error.next


def test_usage_is_read_by_key_and_model(on: Stage) -> None:
    """An hour a bucket, only of this key, only since then."""
    now = int(datetime.now(UTC).timestamp()) // 3600 * 3600
    use = {"key": on.key.id, "requests": 7, "tokens": 90, "model": "gpt-fake"}
    on.openai.uses += [{**use, "start": now - 3600}, {**use, "start": now - 90000}, {**use, "start": now, "key": "x"}]
    _, api = on.clients.provider("openai")
    since = datetime.now(UTC) - timedelta(hours=5)
    (one,) = openai_module.usage(api, Credential.model_validate(on.credential), since)
    assert (one.requests, one.tokens, one.model, one.seconds) == (7, 90, "gpt-fake", 3600)
    admin = Credential(provider="openai", kind="admin_key", id="key_admin_1")
    with pytest.raises(StepError, match="OpenAI reports no usage of admin keys"):
        openai_module.usage(api, admin, since)


def test_usage_is_compared_with_the_days_before(on: Stage) -> None:
    """A theft at night: volume and a model that the key never used, each with its figures; what is not told is named."""
    hour = int(datetime.now(UTC).timestamp()) // 3600 * 3600
    for back in range(30, 190):
        on.openai.uses.append(
            {"key": on.key.id, "start": hour - back * 3600, "requests": 40, "tokens": 10, "model": "gpt-5"}
        )
    on.openai.uses.append({"key": on.key.id, "start": hour - 3600, "requests": 900, "tokens": 7, "model": "o9"})
    done = outcome(on, "credential.usage", credential=on.credential)
    assert (done.result["requests"], done.result["tokens"], done.result["models"]) == (900, 7, ["o9"])
    assert [flag["kind"] for flag in done.result["flags"]] == ["spike", "new_model"]
    assert "900 requests in one hour; its busiest hour of the 7 days before had 40." in done.summary
    assert done.result["blind"] == ["regions", "addresses", "failed requests"]
    quiet = outcome(on, "credential.usage", credential=on.credential, hours=720)
    assert quiet.result["requests"] == 900 + 160 * 40


@pytest.mark.parametrize("since", ["yesterday", "2999-01-01T00:00:00Z", "2026-11-20T08:00:00"])
def test_a_window_begins_in_the_past(on: Stage, since: str) -> None:
    """What is no moment, one to come, and one without a zone."""
    error = refused(on, "credential.usage", credential=on.credential, since=since)
    assert "is no moment that has passed" in error.what
    assert on.openai.log == []


def test_every_provider_has_a_module_and_every_kind_is_found() -> None:
    """Both halves are there, under the same name."""
    for name, provider in providers().items():
        assert isinstance(provider, Provider)
        assert module_of(provider) is MODULES[name]
        for kind in provider.kinds:
            assert kind_of(provider, Credential(provider=name, kind=kind.name)) is kind
