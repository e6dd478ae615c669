"""Contracts of steps that read `inventory.yaml`: what somebody holds, who uses it, which customers depend on it."""

from typing import ClassVar

from pydantic import Field

from firedoor.plan import Effect
from firedoor.steps._step import Credential, Result, Step


class Entry(Result):
    """A credential of the inventory, and who is hit when it stops working."""

    name: str = Field(description="Its name in the inventory.")
    credential: Credential = Field(description="The credential; `where` is the first of its places.")
    places: tuple[str, ...] = Field(default=(), description="All places that hold its value.")
    consumers: tuple[str, ...] = Field(default=(), description="Who uses it.")
    customers: tuple[str, ...] = Field(default=(), description="Customers that depend on it.")


class Held(Result):
    """What was found in the inventory."""

    found: tuple[Entry, ...] = Field(description="The entries, by name.")
    credentials: tuple[Credential, ...] = Field(description="Their credentials.")
    consumers: tuple[str, ...] = Field(default=(), description="Everybody who uses one of them.")
    customers: tuple[str, ...] = Field(default=(), description="Every customer that depends on one of them.")
    unplaced: tuple[str, ...] = Field(default=(), description="Entries of which no place is known.")
    unrecognised: tuple[str, ...] = Field(default=(), description="Entries of which nobody says whose they are.")
    unknown: tuple[str, ...] = Field(
        default=(), description="Of `places`, those at which the inventory knows nothing, whatever else was asked."
    )


class FindCredentials(Step):
    """Find credentials in the inventory: those that a vendor held, that a place holds, that a customer depends on.

    An entry is found if everything that is given fits it. With nothing given, all are found.
    """

    action: ClassVar[str] = "inventory.find"
    effect: ClassVar[Effect] = Effect.READ
    result: ClassVar[type[Result]] = Held

    consumer: str = Field(default="", description="Used by this consumer: a vendor, a service.")
    holder: str = Field(
        default="", description="Held by this vendor: it is a consumer, or one of its places has it (`braintrust:…`)."
    )
    places: tuple[str, ...] = Field(
        default=(),
        description=(
            "Held at one of these places, or below those that end in `:` or `/`: `braintrust:`, `vault:kv/gateway/`. "
            "Empty: anywhere."
        ),
    )
    provider: str = Field(default="", description="Of this provider.")
    customer: str = Field(default="", description="This customer depends on it.")
    except_names: tuple[str, ...] = Field(default=(), description="Never these.")
