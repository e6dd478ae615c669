"""What `inventory.yaml` may say, and what follows from it: who is hit when a credential is revoked or rotated."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from firedoor.steps._step import Credential

Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}$")]
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
        return tuple(name for name, entry in self.credentials.items() if is_same(entry, credential))

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
    here = bool(credential.where) and _bare(credential.where) in {_bare(one) for one in entry.where}
    if here and entry.provider != credential.provider:
        return True
    if entry.provider not in {UNKNOWN, credential.provider} and credential.provider != UNKNOWN:
        return False
    if entry.id and credential.id:
        return entry.id == credential.id
    if entry.fingerprint and credential.fingerprint:
        return entry.fingerprint == credential.fingerprint
    return here


def held_at(entry: Entry, places: Collection[str]) -> bool:
    """Does a place, or one below it, hold the entry? `braintrust:` is everything there."""
    return any(_bare(one).startswith(_bare(wanted)) for one in entry.where for wanted in places)


def _bare(where: str) -> str:
    """A place without a version: that of its value, whichever that is."""
    head, _, query = where.partition("?")
    options = f"?{query}" if query else ""
    return head.partition("#")[0].replace("aws-secretsmanager:", "aws-sm:", 1) + options
