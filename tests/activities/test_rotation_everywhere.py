"""Every provider that can create by its API: one of its credentials is rotated, killed at each call."""

import datetime
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from activities._clients import Clients
from firedoor.config import Settings
from firedoor.drill.fakes import FAKES
from firedoor.drill.fakes._fake import Fake, Planted
from firedoor.drill.fakes.google import FakeGoogle
from firedoor.errors import StepError
from firedoor.incident import Outcome
from firedoor.plan import Verdict
from firedoor.providers import Verb, providers
from firedoor.providers._provider import ByApi
from tests.activities.performing import accounts
from tests.emulators import Emulator
from tests.killing import DOORS, attempt, killed_everywhere

#: Those that are created and revoked by an API, so that nobody has to help.
KINDS = [
    (name, kind.name)
    for name in sorted(FAKES)
    for kind in providers()[name].kinds
    if isinstance(kind.means(Verb.CREATE), ByApi) and isinstance(kind.means(Verb.REVOKE), ByApi)
]
SINK = "aws-sm:gateway/key"
#: In both orders, before the calls of one and after those of the other: both ways of all of them are in `make chaos`.
WAYS = [
    pytest.param("breach", False, id="before-breach"),
    pytest.param("rotation", True, id="after-rotation"),
    pytest.param("breach", True, id="after-breach", marks=pytest.mark.chaos),
    pytest.param("rotation", False, id="before-rotation", marks=pytest.mark.chaos),
]


@pytest.fixture
def provider(request: pytest.FixtureRequest) -> Generator[Fake]:
    """The fake of the provider that a test names."""
    with FAKES[request.param]() as fake:
        yield fake


@pytest.fixture
def clients(provider: Fake, aws: Emulator, tmp_path: Path) -> Generator[Clients]:
    """What a worker reaches: the fake, with the secrets that it gave firedoor, and AWS."""
    variables = {f"FIREDOOR_SECRET_{name.upper()}": value for name, value in provider.secrets.items()}
    known = providers()[provider.name].settings
    references = {
        name: f"env:FIREDOOR_SECRET_{name.upper()}" if known[name].secret else value
        for name, value in provider.secrets.items()
    }
    settings = Settings(home=tmp_path, providers={provider.name: {"base_url": provider.url, **references}})
    acting = accounts(aws)
    acting.variables = variables
    with ExitStack() as stack:
        made = Clients(settings, aws=acting)
        stack.callback(made.close)
        yield made


@pytest.fixture
def leaked(provider: Fake, kind: str, aws: Emulator) -> Planted:
    """A credential of the kind, in a secret."""
    planted = provider.plant_credential(kind, "gateway")
    aws.client("secretsmanager").create_secret(Name="gateway/key", SecretString=planted.value)
    return planted


@pytest.mark.parametrize(("provider", "kind"), KINDS, indirect=["provider"], ids=[f"{a}-{b}" for a, b in KINDS])
@pytest.mark.parametrize(("mode", "after"), WAYS)
def test_killed_at_each_call_there_is_one_new_credential_and_the_old_one_is_dead(
    provider: Fake,
    kind: str,
    clients: Clients,
    leaked: Planted,
    aws: Emulator,
    mode: str,
    after: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No orphan: as many are alive as before; what the secret holds is one of them, and the leaked one is none."""
    before = provider.alive(kind)
    assert leaked.value in before
    credential = leaked.credential.model_dump(mode="json") | {"where": SINK}
    arguments = {"credential": credential, "mode": mode, "gap": True}
    with monkeypatch.context() as patching:
        ended, points = killed_everywhere(
            patching, lambda earlier: attempt(clients, "credential.rotate", earlier, **arguments), after=after
        )
    assert isinstance(ended, Outcome), ended
    assert ended.verdict is Verdict.CONTAINED
    assert points > 4
    stored = aws.client("secretsmanager").get_secret_value(SecretId="gateway/key")["SecretString"]
    now = provider.alive(kind)
    assert stored in now - before
    assert leaked.value not in now
    assert len(now) == len(before)
    assert "canary" not in ended.model_dump_json()


@pytest.mark.parametrize(("provider", "kind"), KINDS, indirect=["provider"], ids=[f"{a}-{b}" for a, b in KINDS])
@pytest.mark.parametrize("mode", ["breach", "rotation"])
def test_a_consumer_works_throughout_and_a_thief_is_out_before_anything_is_new(
    provider: Fake,
    kind: str,
    clients: Clients,
    leaked: Planted,
    aws: Emulator,
    mode: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In mode rotation what the secret holds is always accepted; in a breach the stolen value is dead before a new one is.

    Both are tried before and after every call to the outside.
    """
    manager, before = aws.client("secretsmanager"), provider.alive(kind)
    moments: list[tuple[bool, bool, bool]] = []

    def look() -> None:
        stored = manager.get_secret_value(SecretId="gateway/key", VersionStage="AWSCURRENT")["SecretString"]
        alive = provider.alive(kind)
        moments.append((stored in alive, leaked.value in alive, bool(alive - before)))

    with monkeypatch.context() as patching:
        for owner, name in DOORS:
            patching.setattr(owner, name, watched(getattr(owner, name), look))
        credential = leaked.credential.model_dump(mode="json") | {"where": SINK}
        _, ended = attempt(clients, "credential.rotate", credential=credential, mode=mode, gap=True)
    assert isinstance(ended, Outcome), ended
    assert (ended.verdict, len(moments) > 8) == (Verdict.CONTAINED, True)
    consumer, thief, new = (list(column) for column in zip(*moments, strict=True))
    assert (thief[0], thief[-1], consumer[-1]) == (True, False, True)
    out = thief.index(False)
    assert not any(thief[out:])
    if mode == "rotation":
        assert all(consumer)
    else:
        assert new.index(True) >= out


def watched(call: Callable[..., Any], look: Callable[[], None]) -> Callable[..., Any]:
    """The call, with a look before and after it."""

    def wrapped(*arguments: Any, **named: Any) -> Any:
        look()
        try:
            return call(*arguments, **named)
        finally:
            look()

    return wrapped


@pytest.mark.parametrize(("provider", "kind"), [("google", "api_key")], indirect=["provider"])
def test_in_a_breach_consumers_do_not_wait_for_a_provider_that_lags(
    provider: Fake, kind: str, clients: Clients, leaked: Planted, aws: Emulator
) -> None:
    """Google refuses a deleted key after half an hour only: the new one is in its place at once, the verdict comes then."""
    assert isinstance(provider, FakeGoogle)
    provider.deleted_ago = 60
    credential = leaked.credential.model_dump(mode="json") | {"where": SINK}
    preview, waiting = attempt(clients, "credential.rotate", credential=credential, mode="breach")
    assert isinstance(waiting, StepError)
    assert (waiting.reason, waiting.retryable) == ("not_yet", True)
    assert f"{SINK} has a new one" in waiting.changed
    manager = aws.client("secretsmanager")
    stored = manager.get_secret_value(SecretId="gateway/key")["SecretString"]
    assert stored in provider.alive(kind) - {leaked.value}
    assert manager.get_secret_value(SecretId="gateway/key", VersionStage="AWSPREVIOUS")["SecretString"] == leaked.value
    for key in provider.keys.values():
        key.deleted = key.deleted and key.deleted - datetime.timedelta(minutes=31)
    _, ended = attempt(clients, "credential.rotate", preview, credential=credential, mode="breach")
    assert isinstance(ended, Outcome), ended
    assert ended.verdict is Verdict.CONTAINED
    assert manager.get_secret_value(SecretId="gateway/key")["SecretString"] == stored
    labels = manager.describe_secret(SecretId="gateway/key")["VersionIdsToStages"].values()
    assert [one for one in labels if one] == [["AWSCURRENT"]]
    assert len(provider.alive(kind)) == 1
