"""Simulated customers of an AI gateway: who they are, how they are reached, what each does when it is told.

The same number of them is the same people every time. Everything about them is made up, and every address is one that
RFC 2606 keeps for examples.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from firedoor.campaign import Channel
from firedoor.customers.model import Contact, Customer, Dependency, Role

FIRST: Final = (
    "Amber", "Arctic", "Beacon", "Birch", "Blue", "Bright", "Cedar", "Cinder", "Clear", "Cobalt", "Coral", "Delta",
    "Ember", "Fable", "Fern", "Flint", "Foxglove", "Granite", "Harbor", "Hazel", "Indigo", "Iron", "Juniper", "Kestrel",
    "Lark", "Linden", "Lumen", "Maple", "Meridian", "Nimbus", "North", "Opal", "Orchard", "Pebble", "Quarry", "Raven",
    "Saffron", "Silver", "Tidal", "Willow",
)  # fmt: skip
SECOND: Final = (
    "Analytics", "Bank", "Bikes", "Books", "Clinics", "Cloud", "Courses", "Dental", "Energy", "Farms", "Freight",
    "Games", "Gardens", "Hotels", "Insurance", "Kitchens", "Labs", "Legal", "Logistics", "Media", "Motors", "Museums",
    "Music", "Networks", "Optics", "Payments", "Pharma", "Press", "Robotics", "Schools", "Software", "Sports", "Studio",
    "Systems", "Telecom", "Tours", "Trading", "Travel", "Water", "Works",
)  # fmt: skip
PEOPLE: Final = ("Ines Okafor", "Jonas Lindqvist", "Mei Tanaka", "Paulo Reis", "Sára Novák", "Tom Byrne", "Zoë Martin")
ZONES: Final = (
    "Europe/Berlin", "America/New_York", "America/Los_Angeles", "Asia/Tokyo", "Europe/London", "Asia/Kolkata",
    "Australia/Sydney", "America/Sao_Paulo",
)  # fmt: skip
HOURS: Final = (0, 24, 0, 48, 0, 72, 0, 24)
#: Of seventeen customers so many speak each language, as far as the gateway knows.
LANGUAGES: Final = ("en",) * 9 + ("de",) * 4 + ("fr",) * 2 + ("ja", "en")
#: A domain on which many of them have their mail.
SHARED_DOMAIN: Final = "post.example"
#: Who looks after several of them.
AGENCY: Final = "ops@agency.example"
#: The secrets that are not in the store but in AWS, one for each of these customers.
IN_AWS: Final = 12
#: How many of those the intruder reads, as CloudTrail shows.
READ: Final = 5
#: Of a thousand customers so many share an address, have one that is stale, have a channel; of these so many are gone.
SHARING, STALE, IN_SLACK, GONE = 8, 8, 200, 50
THOUSAND: Final = 1_000


class Habit(StrEnum):
    """What a customer does when it is told. `nobody` has no contact, `deaf` only addresses that bounce."""

    PROMPT = "prompt"
    ACKNOWLEDGES = "acknowledges"
    REMINDED = "reminded"
    NEVER = "never"
    NOBODY = "nobody"
    DEAF = "deaf"


#: How many of a thousand have each habit.
HABITS: Final = (
    *[Habit.NOBODY] * 8,
    *[Habit.DEAF] * 4,
    *[Habit.NEVER] * 20,
    *[Habit.REMINDED] * 140,
    *[Habit.ACKNOWLEDGES] * 120,
    *[Habit.PROMPT] * 708,
)


#: However few there are, each habit is among them.
FIRST_OF_EACH: Final = dict(
    enumerate((Habit.NOBODY, Habit.DEAF, Habit.NEVER, Habit.REMINDED, Habit.ACKNOWLEDGES), IN_AWS)
)


@dataclass(frozen=True, slots=True)
class Client:
    """A customer: what the registry knows of it, what it does, and the names of its stored secrets in the store.

    `channel` is its Slack Connect channel, if it has one; `gone` says that the channel is archived by now. `bounced`
    are the addresses of it that the mail server refuses.
    """

    number: int
    customer: Customer
    habit: Habit
    secrets: tuple[str, ...]
    channel: str = ""
    gone: bool = False
    bounced: tuple[str, ...] = ()

    @property
    def in_aws(self) -> bool:
        """Is its secret in AWS rather than in the store?"""
        return self.number < IN_AWS


def clientele(count: int, store: str) -> tuple[Client, ...]:
    """So many customers, whose secrets are in `store` (`braintrust:ai_secret/`), those of the first few in AWS."""
    return tuple(_client(number, store) for number in range(count))


def _client(number: int, store: str) -> Client:
    name = f"{FIRST[number * 7 % len(FIRST)]} {SECOND[(number + number // 40) % len(SECOND)]}"
    id = f"{name.lower().replace(' ', '-')}-{number:04d}"
    # The keys that were read for sure are replaced: their customers are told first, and look at once.
    habit = Habit.PROMPT if number < IN_AWS else FIRST_OF_EACH.get(number, HABITS[_lot(number, "habit")])
    contacts, bounced, channel = _reached(number, id, habit)
    providers = (
        ("openai", "anthropic") if number % 5 == 3 else (("openai", "anthropic", "openai", "google")[number % 4],)
    )
    secrets = tuple(f"{id}-{provider}".upper() for provider in providers)
    places = [f"aws-sm:customers/{id}"] if number < IN_AWS else [f"{store}{secret}" for secret in secrets]
    credentials = tuple(
        Dependency(provider=provider, name=f"{id}-{provider}".upper(), store=place)
        for provider, place in zip(providers, places, strict=False)
    )
    customer = Customer(
        id=id,
        name=name,
        language=LANGUAGES[number % len(LANGUAGES)],
        zone=ZONES[number % len(ZONES)],
        hours=HOURS[number % len(HOURS)],
        contacts=contacts,
        credentials=credentials,
    )
    gone = bool(channel) and number >= IN_AWS and _lot(number, "gone") < GONE
    return Client(number, customer, habit, secrets if number >= IN_AWS else (), channel, gone, bounced)


def _reached(number: int, id: str, habit: Habit) -> tuple[tuple[Contact, ...], tuple[str, ...], str]:
    """Its contacts, the addresses of them that bounce, its Slack channel."""
    if habit is Habit.NOBODY:
        return (), (), ""
    # One in eight has its mail where many have it; a few share an address with their agency.
    domain = SHARED_DOMAIN if number % 8 == 5 else f"{id}.example"
    mailbox = f"security.{id}" if domain == SHARED_DOMAIN else "security"
    first = AGENCY if _lot(number, "agency") < SHARING else f"{mailbox}@{domain}"
    second = f"admin@{id}.example"
    person = PEOPLE[number % len(PEOPLE)]
    mails = [Contact(role=Role.SECURITY, channel=Channel.EMAIL, address=first, name=person)]
    if number % 3 != 1 or habit is Habit.DEAF:
        mails.append(Contact(role=Role.ADMIN, channel=Channel.EMAIL, address=second))
    if habit is Habit.DEAF:
        return tuple(mails), (first, second), ""
    stale = len(mails) > 1 and number >= IN_AWS and _lot(number, "stale") < STALE and first != AGENCY
    bounced = (first,) if stale else ()
    channel = f"C0CLIENT{number:06d}" if _lot(number, "slack") < IN_SLACK else ""
    slack = [Contact(role=Role.SECURITY, channel=Channel.SLACK, address=channel)] if channel else []
    return (*slack, *mails), bounced, channel


def _lot(number: int, what: str) -> int:
    """What falls to a customer: 0 to 999, the same each time, and for each question another."""
    return int.from_bytes(hashlib.sha256(f"{what} {number}".encode()).digest()[:8]) % THOUSAND


def registry(clients: Sequence[Client]) -> list[dict[str, Any]]:
    """What the registry of customers is imported from."""
    return [one.customer.model_dump(mode="json") for one in clients]


def write_registry(clients: Sequence[Client], path: Path) -> Path:
    """The registry as a JSON file; its path."""
    path.write_text(json.dumps(registry(clients), ensure_ascii=False, indent=1))
    return path


def inventory(clients: Sequence[Client]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The entries of `inventory.yaml` that name these customers' credentials."""
    for one in clients:
        for number, credential in enumerate(one.customer.credentials):
            entry = {"provider": credential.provider, "where": [credential.store], "customers": [one.customer.id]}
            yield f"{one.customer.id}-{number}", entry


def habits(clients: Sequence[Client]) -> Counter[Habit]:
    """How many have each habit."""
    return Counter(one.habit for one in clients)
