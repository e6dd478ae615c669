"""`customers.affected_by`: the step finds whom to tell, and keeps the list."""

from pathlib import Path

import pytest

from activities._clients import Clients
from firedoor.config import Settings
from firedoor.customers.model import Customer, Dependency
from firedoor.customers.registry import Registry
from firedoor.errors import StepError
from firedoor.incident import Outcome
from tests.killing import Ended, Killed, attempt

INVENTORY = """
credentials: {gateway: {provider: openai, id: key_gateway, where: ['aws-sm:gateway'], consumers: [gateway]}}
consumers: {gateway: {customers: [acme, umbrella]}}
customers: {acme: {}, umbrella: {}}
"""


def customer(name: str, **facts: str) -> Customer:
    """A customer with one credential."""
    return Customer(id=name, credentials=(Dependency.model_validate({"provider": "openai", **facts}),))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home with a registry and an inventory."""
    found = Settings(home=tmp_path)
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    with Registry.open(found.customers_path) as registry:
        many = [customer(f"c{number:03d}", store=f"braintrust:ai_secret/C{number}") for number in range(120)]
        registry.replace([customer("acme", id="key_1"), *many], source="crm.csv", by="user:ada")
    return found


def run(settings: Settings, **arguments: object) -> Ended | Killed:
    """One attempt at the step."""
    return attempt(Clients(settings), "customers.affected_by", None, **arguments)[1]


def test_those_who_are_affected_are_kept_as_a_list(settings: Settings) -> None:
    """Counts and fifty names travel; the list itself is read from the store by its digest."""
    done = run(
        settings, places=["braintrust:", "aws-sm:gateway", "aws-sm:new"], confirmed_places=["braintrust:ai_secret/C7"]
    )
    assert isinstance(done, Outcome)
    found = done.result
    assert (found["count"], found["confirmed"], found["likely"], found["possible"]) == (122, 1, 0, 121)
    assert (len(found["names"]), found["names"][0]) == (50, "acme")
    assert (found["unregistered"], found["unregistered_count"]) == (["umbrella"], 1)
    assert (found["unknown"], found["unknown_count"], found["customers"]["unknown"]) == (["aws-sm:new"], 1, 1)
    with Registry.open(settings.customers_path) as registry:
        kept = registry.audience(found["customers"]["list"])
        version = registry.version()
    assert [one.customer for one in kept if one.exposure == "confirmed"] == ["c007"]
    assert len(kept) == found["customers"]["count"] == 122
    assert done.summary == (
        "122 customers affected: 1 confirmed, 0 likely, 121 possible. 1 of them are not in the registry, so that nobody "
        "there can be told. Of 1 that could be read no customer is known: a person has to look."
    )
    assert version.digest[:16] in done.evidence[0].says
    assert len(done.model_dump_json()) < 4000


def test_two_looks_are_the_same(settings: Settings) -> None:
    """An approval is bound to the list: looked at again it has the same digest."""
    one, two = (run(settings, credentials=[{"provider": "openai", "id": "key_1"}]) for _ in range(2))
    assert isinstance(one, Outcome)
    assert isinstance(two, Outcome)
    assert one.result == two.result
    assert one.result["names"] == ["acme"]


def test_nobody_has_said_who_the_customers_are(tmp_path: Path) -> None:
    """An empty registry is no proof that nobody is affected."""
    with pytest.raises(StepError, match="the registry is empty") as refused:
        run(Settings(home=tmp_path), places=["braintrust:"])
    assert refused.value.reason == "not_found"
    assert "firedoor customers import FILE" in refused.value.next


def test_a_registry_that_is_something_else(settings: Settings) -> None:
    """Said as what it is, and not touched."""
    settings.customers_path.write_bytes(b"not a database, and not empty either")
    with pytest.raises(StepError, match="The customers in") as refused:
        run(settings, places=["braintrust:"])
    assert refused.value.reason == "record_failed"
    assert settings.customers_path.read_bytes().startswith(b"not a database")
