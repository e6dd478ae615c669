"""What a new credential cannot be made without is looked up before the old one is revoked: a key of Mistral."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from activities._clients import Clients
from firedoor.config import Settings
from firedoor.drill.fakes._fake import Fault
from firedoor.drill.fakes.mistral import ADA, API_KEY, OTHER, FakeMistral
from firedoor.errors import StepError
from firedoor.incident import Outcome, Preview
from firedoor.plan import Verdict
from tests import killing
from tests.activities.performing import accounts
from tests.emulators import Emulator

SINK = "aws-sm:gateway/mistral"


@pytest.fixture
def fake() -> Generator[FakeMistral]:
    """An organization with two workspaces."""
    with FakeMistral() as started:
        assert isinstance(started, FakeMistral)
        yield started


@pytest.fixture
def clients(fake: FakeMistral, aws: Emulator, tmp_path: Path) -> Generator[Clients]:
    """What a worker reaches."""
    acting = accounts(aws)
    acting.variables = {"FIREDOOR_SECRET_MISTRAL": fake.admin}
    given = {"base_url": fake.url, "admin_key": "env:FIREDOOR_SECRET_MISTRAL"}
    made = Clients(Settings(home=tmp_path, providers={"mistral": given}), aws=acting)
    yield made
    made.close()


def attempt(clients: Clients, credential: dict[str, Any], earlier: Preview | None = None) -> tuple[Preview, Any]:
    """One attempt at a rotation, the old key first."""
    arguments = {"credential": {"provider": "mistral", "where": SINK} | credential, "mode": "breach"}
    return killing.attempt(clients, "credential.rotate", earlier, **arguments)


def test_a_key_of_which_only_the_id_is_known_is_replaced_by_one_of_the_same_user(
    fake: FakeMistral, clients: Clients, aws: Emulator
) -> None:
    """Mistral forgets a deleted key, and an attempt that failed after that: the intent has kept whose it was."""
    old = fake.plant("gateway", OTHER)
    aws.client("secretsmanager").create_secret(Name="gateway/mistral", SecretString=old.value)
    fake.faults.append(Fault("POST", "/v1/admin/api-keys", lose_reply=True))
    preview, error = attempt(clients, {"id": old.id})
    assert isinstance(error, StepError)
    assert old.id not in fake.keys
    facts = {"scope": OTHER, "owner": "ada@example.com", "id": old.id}
    assert preview.before["old"].items() >= facts.items()
    assert "slot" not in preview.before
    _, ended = attempt(clients, {"id": old.id}, preview)
    assert isinstance(ended, Outcome), ended
    assert ended.verdict is Verdict.CONTAINED
    (new,) = fake.keys.values()
    assert (new.said["workspace_id"], new.said["user"]) == (OTHER, ADA)


@pytest.mark.parametrize(
    ("maker", "known", "reason", "says"),
    [
        (API_KEY, True, "invalid_arguments", "Mistral does not tell `owner`, without which no new one can be made."),
        ("ada@example.com", False, "not_found", "and so does not tell `scope` and `owner`"),
    ],
)
def test_what_nobody_tells_stops_it_before_anything_is_revoked(
    fake: FakeMistral, clients: Clients, aws: Emulator, maker: str, known: bool, reason: str, says: str
) -> None:
    """Else the old key would be gone, and nobody could make a new one."""
    old = fake.plant("gateway", created_by=maker)
    aws.client("secretsmanager").create_secret(Name="gateway/mistral", SecretString=old.value)
    with pytest.raises(StepError) as raised:
        attempt(clients, {"id": old.id if known else "00000000-0000-0000-0000-000000000000"})
    assert (raised.value.reason, says in raised.value.what) == (reason, True), raised.value.what
    assert raised.value.next.startswith("Say `")
    assert old.value in fake.alive("api_key")


def test_who_says_all_of_it_is_asked_nothing(fake: FakeMistral, clients: Clients, aws: Emulator) -> None:
    """A thousand rotations do not list a thousand times."""
    old = fake.plant("gateway")
    aws.client("secretsmanager").create_secret(Name="gateway/mistral", SecretString=old.value)
    preview, ended = attempt(clients, {"id": old.id, "scope": old.said["workspace_id"], "owner": ADA})
    assert isinstance(ended, Outcome), ended
    assert preview.before["old"]["owner"] == ADA
    first = next(one for one in fake.log if one.method == "DELETE")
    assert all(one.path == "/v1/models" for one in fake.log[: fake.log.index(first)])
