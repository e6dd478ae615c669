"""Contracts of steps on the registry of customers: who is affected by what was exposed."""

from typing import Any, ClassVar

from pydantic import Field

from firedoor.campaign import Audience
from firedoor.plan import Effect
from firedoor.steps._step import Credential, Result, Step


class AffectedCustomers(Result):
    """The customers to be told. The list itself stays in the worker's store; `customers` says which it is."""

    customers: Audience = Field(description="The list, as `campaign: to:` takes it: its digest, and counts.")
    count: int = Field(description="How many customers are affected.")
    confirmed: int = Field(description="Of them, those whose credentials are known to have been read.")
    likely: int = Field(description="Those of whom a credential itself, or its very place, could be read.")
    possible: int = Field(
        description="Those of whom only something that holds or uses a credential could be: a whole store, a service."
    )
    names: tuple[str, ...] = Field(default=(), description="The first 50 of them, sorted.")
    unregistered: tuple[str, ...] = Field(
        default=(), description="The first 50 whom the inventory names and the registry does not know: no contact."
    )
    unregistered_count: int = Field(default=0, description="How many those are.")
    unknown: tuple[str, ...] = Field(
        default=(), description="The first 50 credentials and places of which no customer is known. A person must look."
    )
    unknown_count: int = Field(default=0, description="How many those are.")


class AffectedBy(Step):
    """Find the customers whose credentials were within reach, in the registry of customers and in the inventory.

    A credential is recognised by its id, by its fingerprint, or by the place that holds it. `confirmed`: it, or its
    place, is known to have been read. `likely`: it is itself among those that could be read. `possible`: only all below
    a place that ends in `:` or `/`, or a service that the customer depends on. A customer counts as the surest of its
    credentials. The list is kept in the worker's data folder, so that a hundred thousand customers cost Temporal no
    more than ten. Nobody is told by this.
    """

    action: ClassVar[str] = "customers.affected_by"
    effect: ClassVar[Effect] = Effect.READ
    timeout: ClassVar[int] = 300
    result: ClassVar[type[Result]] = AffectedCustomers

    credentials: tuple[Credential, ...] = Field(default=(), description="Credentials that could be read.")
    places: tuple[str, ...] = Field(
        default=(),
        description=(
            "Places that could be read, or all below those that end in `:` or `/`: `braintrust:`, as "
            "`aws.secretsmanager.list_readable` returns them."
        ),
    )
    confirmed: tuple[Credential, ...] = Field(default=(), description="Credentials that are known to have been read.")
    confirmed_places: tuple[str, ...] = Field(default=(), description="Places that are known to have been read.")
    provider: str = Field(default="", description="Only customers' credentials of this provider.")

    def asked(self) -> dict[str, Any]:
        """The arguments that say what was within reach."""
        return {name: getattr(self, name) for name in ("credentials", "places", "confirmed", "confirmed_places")}
