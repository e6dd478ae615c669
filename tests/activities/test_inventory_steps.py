"""What steps make of the inventory: who held what, and who is hit."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from activities._clients import Clients
from firedoor.config import Settings
from firedoor.drill.fakes.braintrust import FakeBraintrust
from firedoor.errors import StepError
from firedoor.incident import Outcome
from firedoor.inventory import Inventory, load_inventory
from tests.activities.openai import SINK, Stage, stage
from tests.emulators import Emulator
from tests.killing import attempt

TEXT = """
credentials:
  gateway: {{provider: openai, id: {id}, where: ['{sink}', 'braintrust:ai_secret/X'], consumers: [gateway, braintrust]}}
  other: {{provider: openai, id: key_none, where: ['aws-sm:other'], consumers: [batch], customers: [c1]}}
  stored: {{provider: unknown, where: ['braintrust:ai_secret/Y']}}
consumers:
  gateway: {{customers: [c1, c2]}}
  braintrust: {{}}
  batch: {{}}
customers: {{c1: {{}}, c2: {{}}}}
"""


@pytest.fixture
def on(aws: Emulator, tmp_path: Path) -> Generator[Stage]:
    """A leaked key that the inventory knows."""
    with stage(aws, tmp_path) as built:
        (tmp_path / "inventory.yaml").write_text(TEXT.format(id=built.key.id, sink=SINK))
        yield built


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"consumer": "braintrust"}, ["gateway"]),
        ({"places": ["braintrust:"]}, ["gateway", "stored"]),
        ({"places": ["aws-sm:"]}, ["gateway", "other"]),
        ({"places": ["aws-sm:other"]}, ["other"]),
        ({"places": ["aws-sm:oth", "braintrust:ai_secret"]}, []),
        ({"places": ["braintrust:ai_secret/"]}, ["gateway", "stored"]),
        ({"places": ["aws-sm:arn:aws:secretsmanager:us-east-1:111122223333:secret:other-AbCdEf"]}, ["other"]),
        ({"holder": "braintrust"}, ["gateway", "stored"]),
        ({"holder": "brain"}, []),
        ({"customer": "c2"}, ["gateway"]),
        ({"provider": "openai", "except_names": ["gateway"]}, ["other"]),
        ({"provider": "anthropic"}, []),
        ({}, ["gateway", "other", "stored"]),
    ],
)
def test_what_somebody_held_is_found(on: Stage, arguments: dict[str, object], names: list[str]) -> None:
    """By who uses it, where it is (a part of a name is another place), whose it is, who depends on it."""
    _, done = attempt(on.clients, "inventory.find", None, **arguments)
    assert isinstance(done, Outcome)
    assert [one["name"] for one in done.result["found"]] == names
    if names == ["gateway"]:
        assert done.result["customers"] == ["c1", "c2"]
        assert done.result["found"][0]["places"] == [SINK, "braintrust:ai_secret/X"]


def test_places_of_which_nothing_is_known(on: Stage) -> None:
    """What could be read and the inventory does not know would be forgotten: it is named, whatever else is asked."""
    places = ["aws-sm:other", "aws-sm:nothing", "aws-ssm:/x", "braintrust:"]
    _, done = attempt(on.clients, "inventory.find", places=places, consumer="gateway")
    assert isinstance(done, Outcome)
    assert done.result["unknown"] == ["aws-sm:nothing", "aws-ssm:/x"]


def test_what_has_not_changed_since(on: Stage, tmp_path: Path) -> None:
    """Of what a store tells when it changed, those that did not; who depends on them is told with them."""
    with FakeBraintrust() as fake:
        assert isinstance(fake, FakeBraintrust)
        for name in ("Y", "Z"):
            fake.plant_credential("ai_secret", name)
        since = max(str(one["secret_updated_at"]) for one in fake.objects["ai_secret"].values())
        settings = {"braintrust": {"base_url": fake.url, "api_key": "env:FIREDOOR_SECRET_BT"}}
        on.clients.aws.variables = {**on.clients.aws.variables, "FIREDOOR_SECRET_BT": fake.owner}
        clients = Clients(Settings(home=tmp_path, providers=settings), aws=on.clients.aws)
        try:
            _, done = attempt(clients, "credential.inventory", provider="braintrust", unchanged_since=since)
        finally:
            clients.close()
    assert isinstance(done, Outcome)
    (found,) = done.result["found"]
    assert (found["credential"]["name"], found["entries"]) == ("Y", ["stored"])


def test_an_approver_sees_who_is_hit(on: Stage) -> None:
    """Consumers and customers, by name, in the preview of a rotation and of a revocation."""
    for action in ("credential.rotate", "credential.revoke"):
        preview, _ = attempt(on.clients, action, credential=on.credential)
        assert [(one.kind, one.name) for one in preview.dependents] == [
            ("services", "braintrust"),
            ("services", "gateway"),
            ("customers", "c1"),
            ("customers", "c2"),
        ]


def test_an_inventory_that_cannot_be_read_stops_no_revocation(on: Stage, tmp_path: Path) -> None:
    """The preview says so and counts nothing; a step that needs the inventory says what is wrong with it."""
    (tmp_path / "inventory.yaml").write_text("credentials: [")
    preview, done = attempt(on.clients, "credential.revoke", credential=on.credential)
    assert isinstance(done, Outcome)
    assert [(one.name, one.count) for one in preview.dependents] == [("inventory", 0)]
    with pytest.raises(StepError, match=r"inventory\.yaml:"):
        attempt(on.clients, "inventory.find")


def test_what_a_provider_lists_comes_with_what_the_inventory_knows(on: Stage) -> None:
    """Where it lives, who uses it, who depends on it."""
    _, done = attempt(on.clients, "credential.inventory", provider="openai", kind="service_account_key")
    assert isinstance(done, Outcome)
    (found,) = done.result["found"]
    assert (found["credential"]["where"], found["consumers"], found["customers"]) == (
        SINK,
        ["braintrust", "gateway"],
        ["c1", "c2"],
    )


def test_threads_that_begin_together_read_the_file_once(on: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mass work begins in all threads of a worker at once: a large file would be read by each of them."""
    read: list[Path] = []
    together = Barrier(8)

    def counted(path: Path) -> Inventory:
        read.append(path)
        return load_inventory(path)

    def find(_: int) -> Inventory:
        together.wait()
        return on.clients.inventory()

    monkeypatch.setattr("activities._clients.load_inventory", counted)
    with ThreadPoolExecutor(8) as threads:
        (same,) = {id(one) for one in threads.map(find, range(8))}
    assert same
    assert len(read) == 1
