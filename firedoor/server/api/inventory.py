"""The inventory: which credentials there are, who uses them, and who is hit when one of them stops working."""

from collections.abc import Callable, Mapping
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.inventory import Consumer, Customer, Entry, Inventory, load_inventory
from firedoor.server.api.answers import Cursor, Page, page
from firedoor.server.api.office import Confidant, Reader, SiteOf, alone

ROUTER = APIRouter(prefix="/inventory", tags=["inventory"])
Part = TypeVar("Part")
Line = TypeVar("Line")


class InventoryCounts(BaseModel):
    """How much there is. `unused`: credentials that nobody is known to use; `unplaced`: of which no place is known."""

    credentials: int
    consumers: int
    customers: int
    unused: int
    unplaced: int


class Wanted(Cursor):
    """Which credentials."""

    unused: bool = Field(default=False, description="Those that nobody is known to use.")
    unplaced: bool = Field(default=False, description="Those of which no place is known.")

    def chosen(self, inventory: Inventory) -> dict[str, Entry]:
        """They, by their names."""
        names = set(inventory.credentials)
        names &= set(inventory.unused()) if self.unused else names
        names &= set(inventory.unplaced()) if self.unplaced else names
        return {name: inventory.credentials[name] for name in names}


class CredentialLine(Entry):
    """A credential of the inventory, never its value."""

    entry: str = Field(description="Its name in the inventory.")


class WholeCredential(CredentialLine):
    """The same, and who is hit when it stops working: also those who depend on a consumer of it."""

    hit_consumers: tuple[str, ...]
    hit_customers: tuple[str, ...]


class ConsumerLine(Consumer):
    """A service, a job, a vendor that uses credentials."""

    entry: str = Field(description="Its name in the inventory.")


class DependentLine(Customer):
    """Somebody who depends on credentials."""

    entry: str = Field(description="Its name in the inventory.")


@ROUTER.get("")
async def count_inventory(who: Reader, site: SiteOf) -> InventoryCounts:
    """Reads and checks the file: 400 says every mistake of it."""
    return await alone(site, _counts, site.settings)


@ROUTER.get("/credentials")
async def list_credentials(who: Reader, site: SiteOf, wanted: Annotated[Wanted, Query()]) -> Page[CredentialLine]:
    """By name."""
    return await alone(site, _page, site.settings, wanted.chosen, _credential, wanted)


@ROUTER.get("/credentials/{entry}")
async def show_credential(entry: str, who: Reader, site: SiteOf) -> WholeCredential:
    """One credential by its name in the inventory."""
    return await alone(site, _whole, site.settings, entry)


@ROUTER.get("/consumers")
async def list_consumers(who: Reader, site: SiteOf, part: Annotated[Cursor, Query()]) -> Page[ConsumerLine]:
    """By name."""
    return await alone(site, _page, site.settings, lambda found: found.consumers, _consumer, part)


@ROUTER.get("/customers")
async def list_dependents(who: Confidant, site: SiteOf, part: Annotated[Cursor, Query()]) -> Page[DependentLine]:
    """By name. What the inventory says of customers, with whom to tell; who is in the registry is in `/customers`."""
    return await alone(site, _page, site.settings, lambda found: found.customers, _dependent, part)


def _page(
    settings: Settings,
    chosen: Callable[[Inventory], Mapping[str, Part]],
    line: Callable[[str, Part], Line],
    part: Cursor,
) -> Page[Line]:
    parts = chosen(load_inventory(settings.inventory_path))
    names = sorted(name for name in parts if name > part.after)[: part.limit + 1]
    return page([(name, line(name, parts[name])) for name in names], part.limit)


def _counts(settings: Settings) -> InventoryCounts:
    found = load_inventory(settings.inventory_path)
    return InventoryCounts(
        credentials=len(found.credentials),
        consumers=len(found.consumers),
        customers=len(found.customers),
        unused=len(found.unused()),
        unplaced=len(found.unplaced()),
    )


def _whole(settings: Settings, name: str) -> WholeCredential:
    found = load_inventory(settings.inventory_path)
    if name not in found.credentials:
        raise UsageError(
            f"The inventory has no credential {name!r}.",
            changed="Nothing was changed.",
            next="GET /api/v1/inventory/credentials lists them.",
        )
    reach = found.reach([name])
    facts = _credential(name, found.credentials[name]).model_dump()
    return WholeCredential(**facts, hit_consumers=reach.consumers, hit_customers=reach.customers)


def _credential(name: str, one: Entry) -> CredentialLine:
    return CredentialLine(**one.model_dump(), entry=name)


def _consumer(name: str, one: Consumer) -> ConsumerLine:
    return ConsumerLine(**one.model_dump(), entry=name)


def _dependent(name: str, one: Customer) -> DependentLine:
    return DependentLine(**one.model_dump(), entry=name)
