"""Who is affected, asked by a person: the registry and the inventory as they are now, joined. Nothing is kept."""

from collections.abc import Iterable
from dataclasses import dataclass

from firedoor.config import Settings
from firedoor.customers.exposure import Found, Reach, affected
from firedoor.customers.registry import Registry
from firedoor.inventory import Inventory, load_inventory
from firedoor.inventory.model import UNKNOWN
from firedoor.steps._step import Credential

#: Places and ids of one question; more come from a runbook.
MOST_NAMES = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """Who is affected; `strangers` are those of them that the registry has not. `version` is that of the registry."""

    found: Found
    strangers: tuple[str, ...]
    version: int


def inquire(settings: Settings, registry: Registry, reach: Reach) -> Answer:
    """Takes its time: call it in a thread. Raises `RegistryError`, and `UsageError` for an inventory with mistakes."""
    path = settings.inventory_path
    inventory = load_inventory(path) if settings.inventory or path.exists() else Inventory()
    version, dependencies = registry.dependencies()
    found = affected(reach, dependencies, inventory)
    return Answer(found, tuple(registry.strangers([one.customer for one in found.affected])), version.number)


def reach_of(names: Iterable[str], confirmed: Iterable[str], provider: str = "") -> Reach:
    """What words ask for: those with a colon are places, the others ids of credentials."""
    places, ids = _divided(names)
    sure_places, sure_ids = _divided(confirmed)
    return Reach(ids, places, sure_ids, sure_places, provider)


def _divided(words: Iterable[str]) -> tuple[list[str], list[Credential]]:
    known = list(words)
    ids = [Credential(provider=UNKNOWN, id=one) for one in known if ":" not in one]
    return [one for one in known if ":" in one], ids
