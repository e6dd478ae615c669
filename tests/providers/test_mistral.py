"""What is Mistral's own: keys of workspaces and users, days instead of times, a policy that shortens and says nothing."""

import datetime

import pytest
from pydantic import SecretStr

from activities.providers import mistral
from activities.providers._provider import Api
from firedoor.drill.fakes._fake import Fault, Said
from firedoor.drill.fakes.mistral import ADA, API_KEY, MEMBERS, OTHER, WORKSPACE, FakeMistral, Key
from firedoor.errors import StepError
from firedoor.providers.mistral import PROVIDER
from firedoor.steps._step import Credential
from tests.faking import Fakes
from tests.providers.conftest import Apis

pytestmark = pytest.mark.usefixtures("changing")
KIND = PROVIDER.kind("api_key")
KEYS = "/v1/admin/api-keys"
ALAN = MEMBERS["alan@example.com"]


@pytest.fixture
def fake(fakes: Fakes) -> FakeMistral:
    """An organization with two workspaces and two members."""
    return fakes(FakeMistral())


@pytest.fixture
def api(fake: FakeMistral, apis: Apis) -> Api:
    """With the fake's own Admin API key."""
    return apis(fake, **fake.secrets)


def named(key: Key, **facts: str) -> Credential:
    """A key as the list names it."""
    return Credential(provider="mistral", kind="api_key", id=key.id, name=key.said["name"] or "", **facts)


def day(days: int) -> str:
    """A date so many days from today."""
    return (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=days)).isoformat()


def test_every_page_is_listed_and_each_key_under_its_own_kind(fake: FakeMistral, api: Api) -> None:
    """In one workspace or in all; what is over, when it was made and last used, and whose it is."""
    planted = [fake.plant(f"gateway-{number}") for number in range(3)]
    planted += [fake.plant("old", OTHER, expiration_date=day(-1)), fake.plant("", product=None, created_by=None)]
    vibe = fake.plant("vibe", product="Vibe")
    found = {one.credential.id: one for one in mistral.inventory(api, KIND, "")}
    assert found.keys() == {key.id for key in planted}
    assert found[planted[3].id].status == "expired"
    first = found[planted[0].id]
    assert (first.credential.scope, first.credential.owner) == (WORKSPACE, "ada@example.com")
    assert (first.created, first.last_used, first.expires) == ("2026-09-01T08:30:00Z", "2026-11-20T00:00:00Z", "")
    assert [one.credential.name for one in mistral.inventory(api, KIND, OTHER)] == ["old"]
    products = mistral.inventory(api, PROVIDER.kind("product_key"), "")
    assert [one.credential.id for one in products] == [vibe.id]


def test_a_key_lives_until_its_last_day_is_over(fake: FakeMistral, api: Api) -> None:
    """Mistral tells days; on the last one it still works."""
    today, over, endless = (
        fake.plant("a", expiration_date=day(0)),
        fake.plant("b", expiration_date=day(-1)),
        fake.plant("c"),
    )
    for key, life, says in ((today, "live", f"ends on {day(0)}"), (over, "dead", f"ended on {day(-1)}")):
        reading = mistral.look(api, named(key))
        assert (reading.life, says in reading.evidence.says) == (life, True)
        assert mistral.verify(api, named(key), SecretStr(key.value)).life == life
    reading = mistral.look(api, named(endless))
    assert (reading.last_used, "ends never" in reading.evidence.says) == ("2026-11-20T00:00:00Z", True)


def test_a_name_that_only_resembles_it_is_another_one(fake: FakeMistral, api: Api) -> None:
    """Mistral finds parts of names, in any case, and the last four characters of values: none of those is deleted."""
    right = fake.plant("Gateway-fd1")
    fake.plant("gateway-fd1")
    fake.plant("Gateway-fd12")
    fake.plant("Gateway-fd1", OTHER)
    like = named(right, scope=WORKSPACE)
    assert [one.id for one in mistral.made(api, like, "Gateway-fd1", ())] == [right.id]
    assert mistral.made(api, like, right.value[-4:], ()) == []


def test_a_new_key_is_of_the_same_workspace_and_user_for_as_many_days(fake: FakeMistral, api: Api) -> None:
    """The owner is told as an e-mail, and asked for by it; an old key without an end has one without."""
    old = fake.plant("gateway", OTHER, created_at=f"{day(-80)}T23:59:59Z", expiration_date=day(10))
    made = mistral.create(api, named(old), "gateway-2")
    new = fake.keys[made.credential.id]
    assert new.value == made.value.get_secret_value()
    told = {name: new.said[name] for name in ("name", "workspace_id", "user", "expiration_date")}
    assert told == {"name": "gateway-2", "workspace_id": OTHER, "user": ADA, "expiration_date": day(90)}
    assert (made.credential.scope, made.credential.owner) == (OTHER, "ada@example.com")
    endless = mistral.create(api, named(fake.plant("forever"), owner=ALAN), "forever-2")
    said = fake.keys[endless.credential.id].said
    assert (said["user"], said["expiration_date"], endless.credential.owner) == (ALAN, None, ALAN)


def test_a_policy_that_shortens_is_seen_in_the_next_look(fake: FakeMistral, api: Api) -> None:
    """The creation says nothing; the list tells the day."""
    fake.most_days = 30
    made = mistral.create(api, named(fake.plant("gateway")), "gateway-2")
    assert f"ends on {day(30)}" in mistral.look(api, made.credential).evidence.says


def test_what_a_deleted_key_cannot_say_the_credential_or_the_settings_do(
    fake: FakeMistral, apis: Apis, api: Api
) -> None:
    """Workspace and owner were looked up before (`Kind.needs`), and how long it lives is said in firedoor.toml."""
    old = fake.plant("gateway")
    gone = named(old, scope=WORKSPACE, owner=ADA)
    mistral.revoke(api, gone, None)
    mistral.revoke(api, gone, None)
    assert mistral.look(api, gone).exists is False
    for days, ends in (("", None), ("45", day(45))):
        made = mistral.create(apis(fake, **fake.secrets, days=days), gone, "gateway-2")
        assert fake.keys[made.credential.id].said["expiration_date"] == ends
    with pytest.raises(StepError, match="no number of days"):
        mistral.create(apis(fake, **fake.secrets, days="soon"), gone, "gateway-2")
    with pytest.raises(StepError, match="in which workspace"):
        mistral.create(api, named(old, owner=ADA), "gateway-2")


@pytest.mark.parametrize("maker", [API_KEY, None, "gone@example.com"])
def test_a_key_whose_owner_nobody_knows(fake: FakeMistral, apis: Apis, api: Api, maker: str | None) -> None:
    """It was made by another key, by nobody, or by somebody who left: a person says whose the new one shall be."""
    old = named(fake.plant("gateway", created_by=maker))
    with pytest.raises(StepError, match="whose the new one for gateway") as raised:
        mistral.create(api, old, "gateway-2")
    assert raised.value.reason == "invalid_arguments"
    assert "[providers.mistral] user_id" in raised.value.next
    assert len(fake.keys) == 1
    told = apis(fake, **fake.secrets, user_id=ALAN)
    assert fake.keys[mistral.create(told, old, "gateway-2").credential.id].said["user"] == ALAN
    owners = {one.credential.owner for one in mistral.inventory(told, KIND, "")}
    assert owners == {ALAN, *((maker,) if maker == "gone@example.com" else ())}


def test_a_key_of_another_product_is_never_tried(fake: FakeMistral, api: Api) -> None:
    """The API refuses it while it lives: what the list says counts. A new one only a person makes."""
    planted = fake.plant_credential("product_key", "vibe")
    assert mistral.verify(api, planted.credential, SecretStr(planted.value)).life == "live"
    assert all(one.path == KEYS for one in fake.log)
    with pytest.raises(StepError) as raised:
        mistral.create(api, planted.credential, "vibe-2")
    assert raised.value.reason == "needs_person"
    assert mistral.made(api, planted.credential, "vibe", ()) == ()


def test_what_a_lost_answer_made_is_found(fake: FakeMistral, api: Api) -> None:
    """By its name; deleting it twice is no error."""
    old = named(fake.plant("gateway"), scope=WORKSPACE)
    fake.faults.append(Fault("POST", KEYS, lose_reply=True))
    with pytest.raises(StepError) as raised:
        mistral.create(api, old, "gateway-2")
    assert "not known whether Mistral carried it out" in raised.value.changed
    (orphan,) = mistral.made(api, old, "gateway-2", ())
    mistral.delete(api, orphan)
    mistral.delete(api, orphan)
    assert [key.said["name"] for key in fake.keys.values()] == ["gateway"]


def test_one_key_among_thousands_is_looked_for_by_its_name_first(fake: FakeMistral, api: Api) -> None:
    """One page, and the empty one after it, where it bears its name; the whole list where it was given another."""
    for number in range(7):
        fake.plant(f"other-{number}")
    key = fake.plant("gateway")
    assert mistral.look(api, named(key)).life == "live"
    assert len(fake.log) == 1
    assert mistral.look(api, named(key).model_copy(update={"name": "renamed"})).life == "live"


@pytest.mark.parametrize("kind", ["api_key", "stranger"])
def test_only_an_admin_api_key_is_let_in(fake: FakeMistral, apis: Apis, kind: str) -> None:
    """An ordinary key is refused; the sentence names what is needed, and no value."""
    value = fake.plant("gateway").value if kind == "api_key" else "canary-stranger"
    with pytest.raises(StepError) as raised:
        mistral.inventory(apis(fake, admin_key=value), KIND, "")
    assert raised.value.reason == ("permission_missing" if kind == "api_key" else "credentials_expired")
    assert "canary" not in str(raised.value)


def test_an_admin_api_key_is_tried_as_such(fake: FakeMistral, api: Api) -> None:
    """What no list shows can still be proved dead; an ordinary key in its place is neither dead nor alive."""
    planted = fake.plant_credential("admin_key", "ci")
    assert mistral.verify(api, planted.credential, SecretStr(planted.value)).life == "live"
    fake.admins.discard(planted.value)
    assert mistral.verify(api, planted.credential, SecretStr(planted.value)).life == "dead"
    ordinary = SecretStr(fake.plant("gateway").value)
    assert mistral.verify(api, planted.credential, ordinary).life == "unknown"
    assert mistral.look(api, planted.credential).life == "unknown"
    for call in (mistral.delete, lambda api, it: mistral.create(api, it, "x")):
        with pytest.raises(StepError) as raised:
            call(api, planted.credential)
        assert raised.value.reason == "needs_person"


def test_a_list_that_never_ends_is_an_error(fake: FakeMistral, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a worker that never comes back."""
    monkeypatch.setattr(mistral, "MOST_PAGES", 3)
    key = fake.plant("gateway")
    page = Said(200, {"keys": [{**key.said, "key_id": key.id}]})
    fake.faults.append(Fault("GET", KEYS, times=9, instead=page))
    with pytest.raises(StepError, match="goes on listing"):
        mistral.inventory(api, KIND, "")
