"""A provider that another package brings: loaded, listed and checked as firedoor's own; a broken one is left out."""

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from textwrap import dedent

import pytest

from activities._clients import Clients
from activities.providers import MODULES
from activities.providers._shape import module_problems
from firedoor.cli.app import run
from firedoor.config import Settings
from firedoor.drill.fakes._fake import Asked, Fake, Said
from firedoor.errors import StepError
from firedoor.incident import Outcome
from firedoor.providers import foreign, providers
from firedoor.providers._packages import problems
from tests.killing import attempt

PROVIDER = """
    from firedoor.providers._provider import ByApi, ByHand, Kind, Provider, Setting

    LINK = "https://acme.example/keys"
    PROVIDER = Provider(
        name="acme", title="Acme", base_url="https://acme.example", docs="https://acme.example/docs",
        client="acme_firedoor.client",
        kinds=(
            Kind(
                name="key", title="API key",
                inventory=ByHand(steps="Look.", link=LINK), verify=ByApi(call="GET /me"),
                revoke=ByHand(steps="Delete {name}.", link=LINK), create=ByHand(steps="Create one.", link=LINK),
                usage=ByHand(steps="Look.", link=LINK), replacement="by_hand",
            ),
        ),
    )
"""
CLIENT = """
    from activities._http import Request
    from activities.providers import _by_hand
    from activities.providers._reading import tried

    inventory, look, revoke, enable = _by_hand.inventory, _by_hand.look, _by_hand.revoke, _by_hand.enable
    delete, create, made, usage = _by_hand.delete, _by_hand.create, _by_hand.made, _by_hand.usage


    def verify(api, credential, value):
        headers = {"Authorization": f"Bearer {value.get_secret_value()}"}
        return tried(api, Request("GET", "/me", headers=headers, secrets=[value], statuses={401}), dead={401})
"""
Install = Callable[..., None]


class FakeAcme(Fake):
    """Knows one key."""

    name = "acme"

    def __init__(self) -> None:
        super().__init__()
        self.route("GET", "/me", self._me)

    def _me(self, asked: Asked) -> Said:
        return Said(data={}) if asked.bearer() == "acme-canary" else Said(401, {})


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package whose entry point names `acme_firedoor:PROVIDER`, of the given sources."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def installed(provider: str = PROVIDER, client: str = CLIENT) -> None:
        for path, text in (
            ("acme_firedoor/__init__.py", provider),
            ("acme_firedoor/client.py", client),
            ("acme_firedoor-1.2.dist-info/METADATA", "Name: acme-firedoor\nVersion: 1.2\n"),
            ("acme_firedoor-1.2.dist-info/entry_points.txt", "[firedoor.providers]\nacme = acme_firedoor:PROVIDER\n"),
        ):
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_text(dedent(text))
        _forget()

    yield installed
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    providers.cache_clear()
    foreign.cache_clear()
    for name in [name for name in sys.modules if name.startswith("acme_firedoor")]:
        del sys.modules[name]


def test_it_is_listed_explained_and_used_like_one_of_ours(
    install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`firedoor providers`, a step, and the sentence of what a person has to do."""
    install()
    assert run(["providers"]) == 0
    assert "\nacme " in capsys.readouterr().out
    assert run(["providers", "acme", "-o", "json"]) == 0
    assert '"package": "acme-firedoor 1.2"' in capsys.readouterr().out
    (tmp_path / "key").write_text("acme-canary")
    with FakeAcme() as fake:
        clients = Clients(Settings(home=tmp_path, providers={"acme": {"base_url": fake.url}}))
        credential = {"provider": "acme", "id": "k1", "name": "gateway"}
        _, tried = attempt(clients, "credential.verify", credential=credential, value=f"file:{tmp_path}/key")
        assert isinstance(tried, Outcome)
        assert tried.result["state"] == "live"
        _, asked = attempt(clients, "credential.revoke", credential=credential, value=f"file:{tmp_path}/key")
        assert isinstance(asked, StepError)
        assert asked.next.startswith("Delete gateway. https://acme.example/keys")
        clients.close()


@pytest.mark.parametrize(
    ("provider", "says"),
    [
        ("PROVIDER = 1 / 0", "it cannot be imported: ZeroDivisionError"),
        ("PROVIDER = {}", "it is a dict, not a firedoor Provider"),
        (PROVIDER.replace('name="acme"', 'name="openai"'), "the name openai is taken"),
        (PROVIDER.replace('client="acme_firedoor.client",', ""), "its `client` names no module"),
        (PROVIDER.replace('title="API key",', 'title="API key", id_pattern=".*",'), "matches '../../x'"),
        (PROVIDER.replace('title="API key",', 'title="API key", scope_pattern="[",'), "is no regular expression"),
        (PROVIDER.replace("https://acme.example/keys", "acme.example"), "by hand has no https link"),
        (PROVIDER.replace('replacement="by_hand"', 'replacement="slots"'), "has to list it first (slots, needs)"),
        (PROVIDER.replace('title="API key",', 'title="API key", needs=("owner",),'), "has to list it first"),
        (PROVIDER.replace('title="API key",', 'title="API key", batch=9,'), "a batch of it needs a value_pattern"),
    ],
)
def test_a_broken_package_is_left_out_and_named(
    install: Install, provider: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """firedoor goes on with its own providers, and says what is wrong with which package."""
    install(provider)
    assert run(["providers"]) == 0
    captured = capsys.readouterr()
    assert "\nopenai " in captured.out
    assert "\nacme " not in captured.out
    told = " ".join(captured.err.split())
    assert "Left out: acme_firedoor:PROVIDER of acme-firedoor 1.2: " in told
    assert says in told


@pytest.mark.parametrize(
    ("client", "says"),
    [
        ("import nothing_of_this_name", "it cannot be imported: ModuleNotFoundError"),
        (CLIENT.replace("def verify(api, credential, value)", "def verify(api)"), "its verify must take 3 arguments"),
        (CLIENT.replace("delete, create, made, usage =", "delete, create, made, _ ="), "it has no function usage"),
    ],
)
def test_a_broken_module_is_a_sentence(install: Install, tmp_path: Path, client: str, says: str) -> None:
    """What the description promises, the module must have; it is found before anything is sent."""
    install(client=client)
    clients = Clients(Settings(home=tmp_path))
    with pytest.raises(StepError, match=says) as raised:
        clients.provider("acme")
    assert "The package that brings the provider acme is broken" in raised.value.what


@pytest.mark.parametrize("name", sorted(MODULES))
def test_firedoors_own_pass_the_same_check(name: str) -> None:
    """Description and module of each agree, and no id pattern lets a hostile id through."""
    provider = providers()[name]
    assert list(problems(provider)) == []
    assert list(module_problems(provider, import_module(f"activities.providers.{name}"))) == []


def test_a_description_that_its_module_does_not_keep() -> None:
    """The API shall do it, and the module leaves it to a person."""
    by_hand = import_module("activities.providers._by_hand")
    found = list(module_problems(providers()["openai"], by_hand))
    assert "it has no function verify" in found
    assert "service_account_key: the API shall create, and the module leaves it to a person" in found


def test_a_batch_needs_the_function_that_revokes_many() -> None:
    """Only where a kind has one: what other packages have made needs nothing new."""
    lacks = import_module("activities.providers.slack")
    assert "it has no function revoke_values" in list(module_problems(providers()["github"], lacks))
    assert list(module_problems(providers()["slack"], lacks)) == []
