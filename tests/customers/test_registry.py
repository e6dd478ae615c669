"""The registry: one version at a time, none half, and lists of affected customers that are kept."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from firedoor.customers.model import Affected, Contact, Customer, Dependency
from firedoor.customers.registry import Difference, Registry
from firedoor.customers.store import RegistryError
from firedoor.errors import RefusedError, UsageError


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """An empty one."""
    with Registry.open(tmp_path / "customers.sqlite") as opened:
        yield opened


def customer(id: str, name: str = "") -> Customer:
    """A customer with a contact and a credential."""
    contact = Contact.model_validate({"role": "owner", "channel": "email", "address": f"{id}@x.example"})
    return Customer(id=id, name=name, contacts=(contact,), credentials=(Dependency(provider="openai", id=f"key_{id}"),))


def replace(registry: Registry, *customers: Customer, anyway: bool = False) -> int:
    """Import, as Ada does."""
    return registry.replace(customers, source="crm.csv", by="user:ada", anyway=anyway).number


def test_an_import_is_a_version(registry: Registry) -> None:
    """Who, when, from where, what changed; the earlier ones stay readable."""
    assert registry.version().number == 0
    assert replace(registry, customer("a"), customer("b"), customer("c")) == 1
    assert replace(registry, customer("a"), customer("b", "B"), customer("d")) == 2
    newest, first = registry.versions()
    assert (newest.by, newest.source, newest.customers) == ("user:ada", "crm.csv", 3)
    assert (newest.added, newest.removed, newest.changed) == (1, 1, 1)
    assert newest.digest != first.digest
    assert registry.difference(2) == Difference(("d",), ("c",), ("b",))
    assert registry.difference(1) == Difference(("a", "b", "c"), (), ())
    assert [one.id for one in registry.all()] == ["a", "b", "d"]
    assert [one.id for one in registry.all(1)] == ["a", "b", "c"]
    assert (registry.customer("b").name, registry.customer("b", 1).name) == ("B", "")
    with pytest.raises(UsageError, match="no customer 'c'"):
        registry.customer("c")
    # Back as it was: the digest is that of the customers, not of the import.
    replace(registry, customer("a"), customer("b"), customer("c"))
    assert registry.version().digest == first.digest
    assert registry.customers(["b", "d"]) == {"b": customer("b")}
    assert registry.strangers(["b", "d"]) == ["d"]


def test_the_same_again_is_no_version(registry: Registry) -> None:
    """An import every night, of which nothing changed, is not five hundred versions."""
    replace(registry, customer("a"))
    assert not registry.compare([customer("a")])
    assert replace(registry, customer("a")) == 1
    assert len(registry.versions()) == 1


def test_an_export_that_was_cut_off(registry: Registry) -> None:
    """Many customers at once do not go away: it is refused, unless a person says so."""
    replace(registry, *(customer(f"c{number:02d}") for number in range(40)))
    with pytest.raises(RefusedError, match="would forget 39 customers of 40: c01, c02") as refused:
        replace(registry, customer("c00"))
    assert "Nothing was changed" in str(refused.value)
    assert registry.version().customers == 40
    assert replace(registry, customer("c00"), anyway=True) == 2


def test_one_sees_all_of_an_import_or_nothing(registry: Registry, tmp_path: Path) -> None:
    """Another process that reads while it is written sees the version before; so does everybody after a crash."""
    replace(registry, customer("a"))
    with Registry.open(tmp_path / "customers.sqlite") as other:
        database = sqlite3.connect(tmp_path / "customers.sqlite", isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        database.execute("UPDATE customer SET until = 2")
        assert [one.id for one in other.all()] == ["a"]
        database.close()  # As a process that is killed: its transaction is gone with it.
        assert [one.id for one in other.all()] == ["a"]


def test_a_list_is_kept_under_its_digest(registry: Registry) -> None:
    """What travels is a digest and counts; the same list is kept once, and read back as it was."""
    held = (Dependency(provider="openai", id="key_a"),)
    found = [Affected(customer="b", exposure="likely"), Affected(customer="a", exposure="confirmed", credentials=held)]
    audience = registry.keep_audience(found, unknown=2)
    assert (audience.count, audience.exposures, audience.unknown) == (2, {"confirmed": 1, "likely": 1}, 2)
    assert registry.keep_audience(list(reversed(found)), unknown=2) == audience
    assert [one.customer for one in registry.audience(audience.list)] == ["a", "b"]
    assert registry.audience(audience.list)[0].credentials == held
    with pytest.raises(UsageError, match="No list of customers is kept"):
        registry.audience("0" * 64)


def test_a_list_that_somebody_changed(registry: Registry, tmp_path: Path) -> None:
    """Nobody is added to those who are told behind the back of who approved it."""
    mine = registry.keep_audience([Affected(customer="a", exposure="likely")])
    other = registry.keep_audience([Affected(customer="b", exposure="likely")])
    database = sqlite3.connect(tmp_path / "customers.sqlite", isolation_level=None)
    query = "UPDATE audience SET data = (SELECT data FROM audience WHERE digest = ?) WHERE digest = ?"
    database.execute(query, (other.list, mine.list))
    database.close()
    with pytest.raises(RegistryError, match="is not what was kept"):
        registry.audience(mine.list)
