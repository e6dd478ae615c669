"""What holds of every provider and each kind of its credentials, through its module and a fake that behaves."""

import datetime
from collections.abc import Callable
from contextlib import suppress

import pytest
from pydantic import SecretStr

from activities.providers import module_of
from activities.providers._provider import Api, ProviderModule, kind_of
from firedoor.drill.fakes import FAKES
from firedoor.drill.fakes._fake import Fake, Fault, Planted, Said
from firedoor.errors import StepError
from firedoor.providers import Verb, providers
from firedoor.providers._provider import ByHand, Kind
from tests.faking import Fakes
from tests.providers.conftest import Apis

KINDS = [(name, kind.name) for name in sorted(FAKES) for kind in providers()[name].kinds]
HOSTILE = ("../../v1/models", "id\nX-Evil: 1", "a/b/../../c", "..", " ", "%2e%2e%2f", "a" * 4000)
SPOILED = {
    "html": Said(200, b"<html>log in</html>"),
    "throttled": Said(429, {}, {"retry-after": "92189159"}),
    "down": Said(503, b"down"),
    "moved": Said(302, None, {"location": "http://127.0.0.1:1/"}),
}


class Case:
    """One kind of one provider, with a fake and a planted credential."""

    def __init__(self, fake: Fake, api: Api, kind: Kind) -> None:
        self.fake, self.api, self.kind = fake, api, kind
        self.module: ProviderModule = module_of(api.provider)
        self.planted: Planted = fake.plant_credential(kind.name, "gateway")
        self.credential = self.planted.credential
        self.value = SecretStr(self.planted.value)


@pytest.fixture
def case(request: pytest.FixtureRequest, fakes: Fakes, apis: Apis) -> Case:
    """A kind of a provider."""
    provider, kind = request.param
    fake = fakes(FAKES[provider]())
    return Case(fake, apis(fake, **fake.secrets), providers()[provider].kind(kind))


def kinds(*verbs: Verb, how: str = "api") -> pytest.MarkDecorator:
    """The test's `case` is each kind with these verbs; without verbs, every kind."""
    chosen = [
        (name, kind)
        for name, kind in KINDS
        if all(providers()[name].kind(kind).means(verb).how == how for verb in verbs)
    ]
    return pytest.mark.parametrize("case", chosen, indirect=True, ids=[f"{name}-{kind}" for name, kind in chosen])


@kinds()
def test_a_planted_credential_looks_as_the_contract_says(case: Case) -> None:
    """Ids, scopes and values of the fake match the patterns, so that the patterns are tried at all."""
    assert kind_of(case.api.provider, case.credential) is case.kind
    assert "canary" in case.planted.value
    assert case.planted.value in case.fake.alive(case.kind.name)


@kinds(Verb.VERIFY)
def test_a_value_is_tried(case: Case) -> None:
    """Live by the provider's own answer; a value that it never gave is dead."""
    assert case.module.verify(case.api, case.credential, case.value).life == "live"
    stranger = SecretStr(case.fake.stranger(case.planted.value))
    reading = case.module.verify(case.api, case.credential, stranger)
    assert reading.life == "dead"
    assert "canary" not in reading.evidence.model_dump_json()


@kinds(Verb.VERIFY)
@pytest.mark.parametrize("spoiled", SPOILED.values(), ids=SPOILED.keys())
def test_what_tells_nothing_is_unknown(case: Case, spoiled: Said) -> None:
    """HTML, a limit, an outage, a redirect: neither dead nor alive."""
    case.fake.faults += [Fault(method, ".*", times=9, instead=spoiled) for method in ("GET", "POST")]
    assert case.module.verify(case.api, case.credential, case.value).life == "unknown"


@kinds(Verb.INVENTORY)
def test_what_exists_is_listed_without_values(case: Case) -> None:
    """Over all pages, with ids that the contract allows."""
    more = {case.fake.plant_credential(case.kind.name, f"more-{number}").credential.id for number in range(3)}
    found = case.module.inventory(case.api, case.kind, case.credential.scope)
    assert more | {case.credential.id} <= {one.credential.id for one in found}
    assert all(kind_of(case.api.provider, one.credential) is case.kind for one in found)
    assert "canary" not in str(found)


@kinds(Verb.REVOKE)
@pytest.mark.usefixtures("changing")
def test_what_is_revoked_is_refused_and_a_second_time_changes_nothing(case: Case) -> None:
    """The value dies, the id is dead where the provider tells; what can be taken back lives again."""
    evidence = case.module.revoke(case.api, case.credential, case.value)
    assert "canary" not in evidence.model_dump_json()
    if not case.kind.lag:
        assert case.planted.value not in case.fake.alive(case.kind.name)
    assert case.module.look(case.api, case.credential).life in {"dead", "unknown"}
    case.module.revoke(case.api, case.credential, case.value)
    if case.kind.reversible:
        case.module.enable(case.api, case.credential)
        assert case.planted.value in case.fake.alive(case.kind.name)


@kinds()
@pytest.mark.usefixtures("changing")
@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_id_is_never_sent(case: Case, hostile: str) -> None:
    """An id from an alert reaches no endpoint at all."""
    bad = case.credential.model_copy(update={"id": hostile})
    with pytest.raises(StepError, match="nothing was sent"):
        kind_of(case.api.provider, bad)
    for call in (case.module.look, case.module.delete, lambda api, it: case.module.revoke(api, it, None)):
        with suppress(StepError):
            call(case.api, bad)
    assert case.fake.log == []


BY_HAND: dict[Verb, Callable[[Case], object]] = {
    Verb.INVENTORY: lambda case: case.module.inventory(case.api, case.kind, ""),
    Verb.REVOKE: lambda case: case.module.revoke(case.api, case.credential, None),
    Verb.CREATE: lambda case: case.module.create(case.api, case.credential, "gateway-2"),
    Verb.USAGE: lambda case: case.module.usage(case.api, case.credential, datetime.datetime.now(datetime.UTC)),
}


@pytest.mark.usefixtures("changing")
@pytest.mark.parametrize(
    ("case", "verb"),
    [(one, verb) for one in KINDS for verb in BY_HAND if providers()[one[0]].kind(one[1]).means(verb).how != "api"],
    indirect=["case"],
)
def test_what_only_a_person_can_do_is_a_sentence_with_a_link(case: Case, verb: Verb) -> None:
    """What to do and where, with the credential's own name in it; nothing is sent. What nobody can says why."""
    means = case.kind.means(verb)
    with pytest.raises(StepError) as raised:
        BY_HAND[verb](case)
    if isinstance(means, ByHand):
        assert raised.value.reason == "needs_person"
        assert means.link in raised.value.next
        assert "{" not in raised.value.next
    assert case.fake.log == []


@kinds(Verb.INVENTORY)
def test_without_its_secrets_a_sentence_shows_the_setting(case: Case, apis: Apis) -> None:
    """Which setting, what it is, and how it is written."""
    with pytest.raises(StepError) as raised:
        case.module.inventory(apis(case.fake), case.kind, case.credential.scope)
    assert raised.value.reason == "credentials_missing"
    assert f"[providers.{case.fake.name}]" in raised.value.next
