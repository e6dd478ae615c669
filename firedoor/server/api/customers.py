"""The registry of customers: who they are, how they are reached, and who is affected by what was exposed.

Addresses of people stand in it, so that every call needs a scope of its own, and is written into the log.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints

from firedoor.config import Settings
from firedoor.customers.exposure import counts
from firedoor.customers.inquiry import MOST_NAMES, inquire, reach_of
from firedoor.customers.model import Affected, Customer
from firedoor.customers.registry import Registry, Version
from firedoor.customers.sharing import sharing
from firedoor.errors import UsageError
from firedoor.server.api.answers import Body, Cursor, Most, Page, page
from firedoor.server.api.office import Confidant, SettingsOf, SiteOf, alone

ROUTER = APIRouter(prefix="/customers", tags=["customers"])
#: The number of an import; 0 is the newest. No registry will ever have more.
LAST = 2**31
Number = Annotated[int, Query(ge=0, le=LAST)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class Wanted(Cursor):
    """Which customers: with `version` those of that import, on every page, whatever is imported meanwhile."""

    version: int = Field(default=0, ge=0, le=LAST)
    missing_contact: bool = Field(default=False, description="Those without any contact.")
    same_address: bool = Field(default=False, description="Those who share an address.")


class Question(Body):
    """What was exposed: places (`braintrust:`, `aws-sm:acme/openai`), and ids of credentials, which have no colon.

    `confirmed` are those that are known to have been read. With `provider` only its credentials are meant.
    """

    names: tuple[Name, ...] = Field(default=(), max_length=MOST_NAMES)
    confirmed: tuple[Name, ...] = Field(default=(), max_length=MOST_NAMES)
    provider: str = ""


class AffectedCustomers(Page[Affected]):
    """Who is affected, by id, and what a person has to look at.

    `counts` are those of all pages, by how sure it is. `unknown` is what no customer is known of; `unregistered` are
    customers that only the inventory knows, whom nobody can tell. `version` is that of the registry.
    """

    counts: dict[str, int]
    unknown: tuple[str, ...]
    unregistered: tuple[str, ...]
    version: int


@ROUTER.get("")
async def list_customers(who: Confidant, site: SiteOf, wanted: Annotated[Wanted, Query()]) -> Page[Customer]:
    """By id, with their contacts and credentials."""
    if wanted.same_address:
        return await alone(site, _customers, site.settings, wanted)
    return await asyncio.to_thread(_customers, site.settings, wanted)


@ROUTER.get("/versions")
async def list_versions(who: Confidant, settings: SettingsOf, limit: Most = 50, before: Number = 0) -> list[Version]:
    """The imports, the newest first; those before a number, if one is given."""
    return await asyncio.to_thread(_versions, settings, limit, before)


@ROUTER.post("/affected")
async def affected_customers(
    question: Question, who: Confidant, site: SiteOf, part: Annotated[Cursor, Query()]
) -> AffectedCustomers:
    """Who is affected, by the registry and the inventory as they are now. Nothing is kept; no campaign begins.

    Each page is found anew, which takes seconds of a hundred thousand customers: ask for large ones.
    """
    return await alone(site, _affected, site.settings, question, part)


@ROUTER.get("/{customer}")
async def show_customer(customer: str, who: Confidant, settings: SettingsOf, version: Number = 0) -> Customer:
    """One customer, with its contacts and credentials, now or after an earlier import."""
    return await asyncio.to_thread(_customer, settings, customer, version)


def _opened(settings: Settings) -> Registry:
    """Looking makes no file. Raises `UsageError`."""
    if not settings.customers_path.exists():
        raise UsageError(
            "There are no customers yet.",
            changed="Nothing was changed.",
            next="`firedoor customers import`, where the server runs, imports them.",
        )
    return Registry.open(settings.customers_path)


def _customers(settings: Settings, wanted: Wanted) -> Page[Customer]:
    after, most, version = wanted.after, wanted.limit, wanted.version
    with _opened(settings) as registry:
        if not wanted.same_address:
            found = registry.part(after, most + 1, version, lonely=wanted.missing_contact)
        elif wanted.missing_contact:
            # Who has no contact shares none.
            found = []
        else:
            found = [one for one in sharing(registry.all(version)) if one.id > after]
    return page([(one.id, one) for one in found], most)


def _versions(settings: Settings, most: int, before: int) -> list[Version]:
    with _opened(settings) as registry:
        return [one for one in registry.versions() if not before or one.number < before][:most]


def _customer(settings: Settings, customer: str, version: int) -> Customer:
    with _opened(settings) as registry:
        return registry.customer(customer, version)


def _affected(settings: Settings, question: Question, part: Cursor) -> AffectedCustomers:
    if not question.names and not question.confirmed:
        raise UsageError(
            "It is not said what was exposed.", changed="Nothing was changed.", next="Give `names` or `confirmed`."
        )
    reach = reach_of(question.names, question.confirmed, question.provider)
    with _opened(settings) as registry:
        answer = inquire(settings, registry, reach)
    found = page([(one.customer, one) for one in answer.found.affected if one.customer > part.after], part.limit)
    return AffectedCustomers(
        items=found.items,
        next=found.next,
        counts={exposure.value: count for exposure, count in counts(answer.found.affected).items()},
        unknown=tuple(answer.found.unknown),
        unregistered=answer.strangers,
        version=answer.version,
    )
