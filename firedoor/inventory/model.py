"""What `inventory.yaml` may say, and what follows from it: who is hit when a credential is revoked or rotated."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from firedoor.steps._step import Credential

Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}$")]
#: AWS adds a hyphen and six characters to a secret's name; a reference may leave them out.
SECRET_ARN = re.compile(r"^aws-sm:arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:(.+?)(?:-\w{6})?$")
#: For what is known to exist while nobody knows yet whose it is.
UNKNOWN = "unknown"


class Part(BaseModel):
    """A part of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Entry(Part):
    """A credential, never its value."""

    provider: str = Field(description=f"Whose it is: `openai`; `{UNKNOWN}` until somebody knows.")
    kind: str = Field(default="", description="Which kind, as `firedoor providers` names it; empty: the usual.")
    id: str = Field(default="", description="The provider's id of it.")
    name: str = Field(default="", description="Its name at the provider.")
    scope: str = Field(default="", description="What it belongs to there: a project, a user, an organization.")
    owner: str = Field(default="", description="Whose it is: a person, a team, a service account.")
    fingerprint: str = Field(
        default="", pattern=r"^(sha256:[0-9a-f]{16})?$", description="The start of the SHA-256 of its value."
    )
    where: list[str] = Field(default=[], description="The places that hold its value: `aws-sm:gateway/openai`.")
    consumers: list[Label] = Field(default=[], description="Who uses it, by the names below.")
    customers: list[Label] = Field(
        default=[], description="Customers that depend on it besides those of its consumers."
    )
    seen: list[str] = Field(default=[], description="Where it was seen and must not be: a repository, a file, a line.")
    note: str = Field(default="", description="What the next responder should know.")

    def credential(self) -> Credential:
        """As steps know it; `where` is the first of its places."""
        return Credential(
            provider=self.provider,
            kind=self.kind,
            id=self.id,
            name=self.name,
            scope=self.scope,
            owner=self.owner,
            fingerprint=self.fingerprint,
            where=self.where[0] if self.where else "",
        )


class Consumer(Part):
    """A service, a job, a vendor that uses credentials."""

    title: str = Field(default="", description="What people call it.")
    owner: str = Field(default="", description="Who answers for it at three in the morning.")
    customers: list[Label] = Field(default=[], description="Customers that depend on it.")


class Customer(Part):
    """Somebody who has to be told."""

    title: str = Field(default="", description="What people call it.")
    contact: str = Field(default="", description="Whom to tell.")


@dataclass(frozen=True, slots=True)
class Reach:
    """Who is hit: names of consumers and customers, sorted."""

    consumers: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()

    def blast(self) -> dict[str, int]:
        """As the blast radius counts them; nothing where there is nobody."""
        counts = {"consumers": len(self.consumers), "customers": len(self.customers)}
        return {kind: count for kind, count in counts.items() if count}


class Inventory(Part):
    """The file."""

    credentials: dict[Label, Entry] = Field(default={}, description="The credentials, each by a name of your choice.")
    consumers: dict[Label, Consumer] = Field(default={}, description="Who uses them.")
    customers: dict[Label, Customer] = Field(default={}, description="Who depends on that.")

    def known(self, credential: Credential) -> tuple[str, ...]:
        """The names of the entries that a credential is: by its id, its fingerprint, or the place of its value."""
        marks = (credential.id, credential.fingerprint, bare(credential.where))
        near = {name for mark in marks if mark for name in self._by_mark.get(mark, ())}
        return tuple(sorted(name for name in near if is_same(self.credentials[name], credential)))

    @cached_property
    def _by_mark(self) -> dict[str, list[str]]:
        """The entries by whatever they can be recognised by: of thousands only a few need to be compared."""
        found: dict[str, list[str]] = {}
        for name, entry in self.credentials.items():
            for mark in {entry.id, entry.fingerprint, *map(bare, entry.where)}:
                found.setdefault(mark, []).append(name)
        return found

    def unused(self) -> list[str]:
        """The entries that nobody is known to use or to depend on."""
        return [name for name, one in self.credentials.items() if not one.consumers and not one.customers]

    def unplaced(self) -> list[str]:
        """The entries of which no place is known."""
        return [name for name, one in self.credentials.items() if not one.where]

    def reach(self, names: Iterable[str]) -> Reach:
        """Who is hit when these entries stop working."""
        entries = [self.credentials[name] for name in names]
        consumers = {consumer for entry in entries for consumer in entry.consumers}
        customers = {customer for entry in entries for customer in entry.customers}
        customers |= {one for name in consumers & self.consumers.keys() for one in self.consumers[name].customers}
        return Reach(tuple(sorted(consumers)), tuple(sorted(customers)))


def is_same(entry: Entry, credential: Credential) -> bool:
    """Is an entry this credential? One fact that both have and that only one credential has is enough.

    What a vendor lists as stored there is the credential that the entry says is there, whoever issued it.
    """
    here = bool(credential.where) and bare(credential.where) in {bare(one) for one in entry.where}
    if here and entry.provider != credential.provider:
        return True
    if entry.provider not in {UNKNOWN, credential.provider} and credential.provider != UNKNOWN:
        return False
    if entry.id and credential.id:
        return entry.id == credential.id
    if entry.fingerprint and credential.fingerprint:
        return entry.fingerprint == credential.fingerprint
    return here


def held_at(places: Collection[str]) -> Callable[[Entry], bool]:
    """Does one of these places hold an entry? One that ends in `:` or `/` means all below: `braintrust:`, `vault:kv/`.

    Else it is that place alone, whichever of its fields and wherever it is: `aws-sm:gateway` is not `aws-sm:gateway/x`.
    """
    wanted = [bare(one) for one in places]
    exact, below = set(wanted), tuple(one for one in wanted if one.endswith((":", "/")))

    def holds(entry: Entry) -> bool:
        own = [bare(one) for one in entry.where]
        return any(one in exact or one.partition("?")[0] in exact or one.startswith(below) for one in own)

    return holds


def unknown_places(inventory: Inventory, places: Iterable[str]) -> tuple[str, ...]:
    """Of places, those at which nothing is known. One that means all below it is none."""
    known = {part for entry in inventory.credentials.values() for one in entry.where for part in _parts(bare(one))}
    return tuple(one for one in places if not one.endswith((":", "/")) and bare(one) not in known)


def _parts(where: str) -> tuple[str, str]:
    """A place, and the place that it is a field of."""
    return where, where.partition("?")[0]


def bare(where: str) -> str:
    """A place without a version, which is that of its value, whichever that is; a secret's ARN as its name."""
    head, _, query = where.partition("?")
    options = f"?{query}" if query else ""
    plain = head.partition("#")[0].replace("aws-secretsmanager:", "aws-sm:", 1)
    return SECRET_ARN.sub(r"aws-sm:\1", plain) + options
