"""Customers on the terminal: an import, a list, one of them, those who are affected. Pure."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from firedoor.campaign import Exposure
from firedoor.customers.exposure import Found, counts
from firedoor.customers.model import Customer, Dependency
from firedoor.customers.reading import Reading
from firedoor.customers.registry import Difference, Version
from firedoor.plain import plain
from firedoor.providers import providers
from firedoor.sinks import STORES
from firedoor.words import counted, plural

#: Names in one line.
FEW = 5
STYLES = {Exposure.CONFIRMED: "bold red", Exposure.LIKELY: "yellow", Exposure.POSSIBLE: "dim"}


@dataclass(frozen=True, slots=True)
class Import:
    """What an import came to: what it changed, and what a person should know of it."""

    where: str
    reading: Reading
    difference: Difference
    version: Version
    shared: Mapping[str, Sequence[str]]
    dry_run: bool
    #: Why it would be refused if it were not a dry run.
    refused: str = ""

    @property
    def contactless(self) -> list[str]:
        """Customers without any contact: each is a task for a person in a campaign."""
        return [one.id for one in self.reading.customers if not one.contacts]

    def facts(self) -> dict[str, Any]:
        """For a program."""
        return {
            "imported": bool(self.difference) and not self.dry_run,
            "source": self.where,
            "version": self.version.number,
            "digest": self.version.digest,
            "customers": len(self.reading.customers),
            "added": list(self.difference.added),
            "removed": list(self.difference.removed),
            "changed": list(self.difference.changed),
            "without_contact": self.contactless,
            "same_address": dict(self.shared),
            "ignored_columns": list(self.reading.ignored),
            "unknown_providers": _strange(self.reading.customers, _provider),
            "unknown_stores": _strange(self.reading.customers, _scheme),
            "refused": self.refused,
        }

    def said(self, same_address: str) -> RenderableType:
        """For a person."""
        whole, found = plural(len(self.reading.customers), "customers"), self.difference
        signs = f"+{len(found.added):,} -{len(found.removed):,} ~{len(found.changed):,}"
        if not found and not self.reading.customers:
            head = f"! {self.where} has no customers at all: nobody would be told of anything."
        elif not found:
            head = f"✓ {self.where}: {whole}, as version {self.version.number} has them. Nothing changed."
        elif self.dry_run:
            head = f"{self.where}: {whole}, {signs}. Nothing was changed: this was a dry run."
        else:
            head = f"✓ Version {self.version.number}: {whole} from {self.where}, {signs}."
        parts = [Text(plain(head), style="" if self.dry_run else "bold")]
        for sign, ids in (("+", found.added), ("-", found.removed), ("~", found.changed)):
            if ids:
                parts.append(Text(f"  {sign} {_some(ids)}"))
        if self.refused:
            parts.append(Text(f"! {plain(self.refused)} Without --anyway it will be refused.", style="bold yellow"))
        parts += [Text(plain(f"! {one}"), style="yellow") for one in self._strange()]
        if self.contactless:
            text = f"! {plural(len(self.contactless), 'customers')} without any contact: {_some(self.contactless)}. "
            parts.append(Text(f"{text}A campaign leaves them to a person.", style="yellow"))
        if self.shared:
            address, sharing = next(iter(self.shared.items()))
            policy = "one message for all" if same_address == "merge" else "a message for each"
            text = f"! {plural(len(self.shared), 'addresses')} at more than one customer: {address} at {_some(sharing)}"
            parts.append(Text(plain(f"{text}. [customers] same_address = {same_address}: {policy}."), style="yellow"))
        if self.reading.ignored:
            text = f"  {counted(len(self.reading.ignored), 'Columns')} left alone: {', '.join(self.reading.ignored)}"
            parts.append(Text(plain(text), style="dim"))
        return Group(*parts)

    def _strange(self) -> Iterator[str]:
        """What may well be spelt wrong: then a credential is not recognised, and its customer not told."""
        for what, name in (("provider", _provider), ("store", _scheme)):
            for word, ids in _strange(self.reading.customers, name).items():
                yield f"No {what} is called {word}, at {_some(ids)}. If that is a slip, an incident may miss them."


def listing(found: Sequence[Customer], limit: int, version: Version) -> RenderableType:
    """One line a customer."""
    if not version.number:
        return Text("There are no customers yet. `firedoor customers import FILE` imports them.")
    table = _grid("CUSTOMER", "NAME", "LANGUAGE", "TIME ZONE", "HOURS", "CONTACTS", "CREDENTIALS")
    for one in found[:limit]:
        ways = ", ".join(dict.fromkeys(f"{contact.role} {contact.channel}" for contact in one.contacts))
        contacts = Text(ways) if ways else Text("none", style="yellow")
        hours = str(one.hours) if one.hours else "-"
        cells = (one.id, plain(one.name), one.language, one.zone, hours)
        table.add_row(*(Text(cell) for cell in cells), contacts, Text(_held(one.credentials)))
    return Group(table, _rest(len(found), limit, "customers"))


def customer(one: Customer) -> RenderableType:
    """Everything that is known of one."""
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row("name", plain(one.name) or "-")
    facts.add_row("language", one.language)
    facts.add_row("time zone", one.zone)
    facts.add_row("contract", f"to be told within {one.hours} h" if one.hours else "names no hours")
    parts: list[RenderableType] = [Text(one.id, style="bold"), facts]
    if one.contacts:
        table = _grid("CONTACT", "BY", "ADDRESS", "NAME")
        for contact in one.contacts:
            table.add_row(
                *(Text(plain(cell)) for cell in (contact.role, contact.channel, contact.address, contact.name))
            )
        parts += [Text(), table]
    else:
        parts += [Text("\n! No contact: a campaign leaves this customer to a person.", style="yellow")]
    if one.credentials:
        table = _grid("PROVIDER", "NAME", "ID", "STORE", "SCOPE", "FINGERPRINT")
        for held in one.credentials:
            cells = (held.provider, held.name, held.id, held.store, held.scope, held.fingerprint)
            table.add_row(*(Text(plain(cell) or "-") for cell in cells))
        parts += [Text(), table]
    return Group(*parts)


def versions(found: Sequence[Version]) -> RenderableType:
    """One line an import, the newest first."""
    if not found:
        return Text("Nothing was imported yet. `firedoor customers import FILE` does.")
    table = _grid("VERSION", "WHEN UTC", "CUSTOMERS", "+", "-", "~", "BY", "SHA256", "FROM")
    for one in found:
        when = one.at.replace("T", " ").removesuffix("Z")
        numbers = (f"{number:,}" for number in (one.customers, one.added, one.removed, one.changed))
        cells = (str(one.number), when, *numbers, one.by, one.digest[:16], one.source)
        table.add_row(*(Text(plain(cell)) for cell in cells))
    return table


def version_row(one: Version) -> dict[str, Any]:
    """An import for a program."""
    return dataclasses.asdict(one)


def affected(found: Found, strangers: Sequence[str], limit: int) -> RenderableType:
    """Those who are affected, the surest first, and what a person has to look at."""
    order = list(Exposure)
    ranked = sorted(found.affected, key=lambda one: (order.index(Exposure(one.exposure)), one.customer))
    by = ", ".join(f"{count:,} {exposure}" for exposure, count in counts(ranked).items())
    parts: list[RenderableType] = [Text(f"{plural(len(ranked), 'customers')} affected: {by}", style="bold")]
    if ranked:
        table = _grid("EXPOSURE", "CUSTOMER", "CREDENTIALS")
        for one in ranked[:limit]:
            word = Text(one.exposure, style=STYLES[Exposure(one.exposure)])
            table.add_row(word, Text(one.customer), Text(_held(one.credentials)))
        parts += [table, _rest(len(ranked), limit, "customers")]
    if strangers:
        text = f"! Not in the registry: {_some(strangers)}. Nobody there can be told."
        parts.append(Text(text, style="yellow"))
    if found.unknown:
        text = f"! No customer is known of: {_some(found.unknown)}. A person has to look."
        parts.append(Text(plain(text), style="yellow"))
    return Group(*parts)


def _provider(one: Dependency) -> str:
    """A provider that firedoor does not know; empty: it does."""
    return "" if one.provider in providers() else one.provider


def _scheme(one: Dependency) -> str:
    """A kind of store that firedoor does not know; empty: it does, or there is none."""
    scheme = one.store.partition(":")[0]
    return "" if scheme in {"", *STORES, "aws-secretsmanager"} else scheme


def _strange(customers: Sequence[Customer], name: Callable[[Dependency], str]) -> dict[str, list[str]]:
    """Who has something of an unknown name, by the name."""
    found = dict[str, dict[str, None]]()
    for one in customers:
        for held in one.credentials:
            if word := name(held):
                found.setdefault(word, {})[one.id] = None
    return {word: list(ids) for word, ids in found.items()}


def _held(credentials: Sequence[Dependency]) -> str:
    names = [plain(" ".join((one.provider, one.name or one.id or one.store))) for one in credentials]
    return _some(names) if names else "-"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:FEW]) + (f", and {len(names) - FEW:,} more" if len(names) > FEW else "")


def _rest(count: int, limit: int, noun: str) -> Text:
    left = count - limit
    said = f"{plural(count, noun)}; --limit shows more than {limit:,}" if left > 0 else plural(count, noun)
    return Text(said, style="dim")


def _grid(*titles: str) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in titles:
        table.add_column(overflow="fold")
    table.add_row(*(Text(title, style="dim") for title in titles))
    return table
