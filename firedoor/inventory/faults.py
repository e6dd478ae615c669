"""What does not fit together in an inventory: names that nobody has, credentials that stand there twice, no places."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from firedoor.errors import StepError
from firedoor.inventory.model import UNKNOWN, Entry, Inventory
from firedoor.sinks import place

#: What firedoor can read and not write is a place as well.
READ_ONLY = ("env:", "file:")


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake: the path to it, what it is, what is allowed there."""

    path: tuple[str, ...]
    what: str
    allowed: str = ""


def faults(inventory: Inventory, kinds: Mapping[str, Collection[str]]) -> Iterator[Fault]:
    """Every mistake. `kinds` are the kinds of credentials by provider."""
    seen: dict[tuple[str, str], str] = {}
    for name, entry in inventory.credentials.items():
        at = ("credentials", name)
        yield from _whose(at, entry, kinds)
        yield from _where(at, entry)
        yield from _named((*at, "consumers"), entry.consumers, inventory.consumers)
        yield from _named((*at, "customers"), entry.customers, inventory.customers)
        if entry.id and (first := seen.setdefault((entry.provider, entry.id), name)) != name:
            yield Fault((*at, "id"), f"`{name}` and `{first}` are the same credential.", "keep one of them")
    for name, consumer in inventory.consumers.items():
        yield from _named(("consumers", name, "customers"), consumer.customers, inventory.customers)


def _whose(at: tuple[str, ...], entry: Entry, kinds: Mapping[str, Collection[str]]) -> Iterator[Fault]:
    if entry.provider == UNKNOWN:
        return
    if entry.provider not in kinds:
        what = f"`{entry.provider}` is no provider that firedoor knows."
        yield Fault((*at, "provider"), what, ", ".join([*sorted(kinds), UNKNOWN]))
    elif entry.kind and entry.kind not in kinds[entry.provider]:
        yield Fault((*at, "kind"), f"{entry.provider} has no `{entry.kind}`.", ", ".join(kinds[entry.provider]))


def _where(at: tuple[str, ...], entry: Entry) -> Iterator[Fault]:
    if not (entry.id or entry.where or entry.fingerprint or entry.seen):
        yield Fault(at, f"`{at[-1]}` has nothing to recognise it by.", "an id, a place, or a fingerprint")
    for number, where in enumerate(entry.where):
        if where.startswith(READ_ONLY):
            continue
        try:
            place(where)
        except StepError as error:
            yield Fault((*at, "where", str(number)), error.what, "docs/reference/sinks.md lists the places")


def _named(path: tuple[str, ...], given: Collection[str], known: Mapping[str, Any]) -> Iterator[Fault]:
    for number, name in enumerate(given):
        if name not in known:
            what = f"There is no `{name}` under `{path[-1]}`."
            yield Fault((*path, str(number)), what, ", ".join(list(known)[:SHOWN]) or "there are none")


#: Names of customers go into the thousands.
SHOWN = 12
