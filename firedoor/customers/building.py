"""Customers put together from what a source says of them, row after row, and everything that does not fit. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from firedoor.campaign import Channel
from firedoor.customers import fields
from firedoor.customers.fields import MisfitError
from firedoor.customers.model import Contact, Customer, Dependency, Role


class Fault(NamedTuple):
    """One mistake: the line where it stands (from 1), a sentence, and what is allowed there."""

    line: int
    what: str
    allowed: str = ""


#: The fields of a customer besides its id: how each is checked, and what it is called in a sentence.
OWN: Mapping[str, Callable[[str], object]] = {
    "name": fields.text,
    "language": fields.language,
    "zone": fields.zone,
    "hours": fields.hours,
}
#: The fields of a credential.
CREDENTIAL: Mapping[str, Callable[[str], str]] = {
    "provider": fields.provider,
    "name": fields.text,
    "kind": fields.text,
    "id": lambda value: fields.text(value, fields.LONGEST),
    "scope": fields.text,
    "fingerprint": fields.fingerprint,
    "store": lambda value: fields.text(value, fields.LONGEST),
}
ROLES = frozenset(Role)
CHANNELS = frozenset(Channel)


@dataclass(slots=True)
class _Draft:
    """A customer so far: its own fields, each with the line that said so first."""

    line: int
    own: dict[str, tuple[object, int]] = field(default_factory=dict)
    contacts: dict[tuple[Role, Channel, str], Contact] = field(default_factory=dict)
    credentials: dict[Dependency, None] = field(default_factory=dict)


class Builder:
    """Collects what rows say. Rows of one customer are one customer, as long as they agree."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._drafts: dict[str, _Draft] = {}

    def fault(self, line: int, what: str, allowed: str = "") -> None:
        """Note a mistake."""
        self.faults.append(Fault(line, what, allowed))

    def knows(self, id: str) -> int:
        """The line that named a customer first; 0 if none did."""
        draft = self._drafts.get(id)
        return draft.line if draft else 0

    def customer(self, line: int, id: str, own: Mapping[str, str]) -> bool:
        """A row about a customer, and its own fields that are not empty. False where its id is none."""
        try:
            fields.identity(id)
        except MisfitError as error:
            self.fault(line, f"customer: {error.what}.", error.allowed)
            return False
        draft = self._drafts.setdefault(id, _Draft(line))
        for name, value in own.items():
            self._own(line, id, draft, name, value)
        return True

    def _own(self, line: int, id: str, draft: _Draft, name: str, value: str) -> None:
        try:
            checked = OWN[name](value)
        except MisfitError as error:
            return self.fault(line, f"{id}: {name} {error.what}.", error.allowed)
        said, first = draft.own.setdefault(name, (checked, line))
        if said != checked:
            what = f"{id}: {name} is {fields.shown(str(checked))} here and {fields.shown(str(said))} in line {first}."
            self.fault(line, what, "the same in every row of a customer, or empty")
        return None

    def contact(self, line: int, id: str, given: Mapping[str, str]) -> None:
        """A contact of a customer: role, channel, address, name."""
        role, channel = given.get("role", "").lower(), given.get("channel", "").lower()
        address, name = given.get("address", ""), given.get("name", "")
        wrong: list[tuple[str, str]] = []
        if role not in ROLES:
            said = fields.shown(role) if role else "missing"
            wrong.append((f"{id}: the role of a contact is {said}.", ", ".join(Role)))
        if channel not in CHANNELS:
            said = fields.shown(channel) if channel else "missing"
            wrong.append((f"{id}: the channel of a contact is {said}.", ", ".join(Channel)))
        elif not address:
            wrong.append((f"{id}: a contact has a channel and no address.", "an address, or nothing at all"))
        else:
            address, complaint = _checked(fields.ADDRESSES[Channel(channel)], address)
            wrong += [(f"{id}: {what}.", allowed) for what, allowed in complaint]
        name, complaint = _checked(fields.text, name)
        wrong += [(f"{id}: the name of a contact {what}.", allowed) for what, allowed in complaint]
        for what, allowed in wrong:
            self.fault(line, what, allowed)
        if not wrong:
            known = self._drafts[id].contacts
            known.setdefault(
                (Role(role), Channel(channel), address),
                Contact(role=Role(role), channel=Channel(channel), address=address, name=name),
            )

    def credential(self, line: int, id: str, given: Mapping[str, str]) -> None:
        """A credential of a customer that depends on us."""
        values, sound = dict[str, str](), True
        for name, value in given.items():
            values[name], complaint = _checked(CREDENTIAL[name], value)
            for what, allowed in complaint:
                sound = False
                self.fault(line, f"{id}: {name} of a credential {what}.", allowed)
        if not values.get("provider"):
            return self.fault(line, f"{id}: a credential has no provider.", "whose it is: openai, anthropic, …")
        if sound and not (values.get("id") or values.get("store") or values.get("fingerprint")):
            what = f"{id}: a credential of {values['provider']} has nothing to recognise it by."
            return self.fault(line, what, "its id, the place where we keep it, or its fingerprint")
        if sound:
            self._drafts[id].credentials.setdefault(Dependency(**values))
        return None

    def customers(self) -> list[Customer]:
        """All of them, by id. Call it where there is no fault."""
        return [_customer(id, draft) for id, draft in sorted(self._drafts.items())]


def _customer(id: str, draft: _Draft) -> Customer:
    contacts = sorted(draft.contacts.values(), key=lambda one: (ORDER[one.role], one.channel, one.address))
    credentials = sorted(draft.credentials, key=lambda one: (one.provider, one.store, one.id, one.name))
    own = {name: value for name, (value, _) in draft.own.items()}
    return Customer.model_validate({"id": id, **own, "contacts": contacts, "credentials": credentials})


#: Contacts are written to in this order.
ORDER = {role: number for number, role in enumerate(Role)}


def _checked(check: Callable[[str], str], value: str) -> tuple[str, list[tuple[str, str]]]:
    """A value as it is kept, and what is wrong with it."""
    try:
        return check(value), []
    except MisfitError as error:
        return value, [(error.what, error.allowed)]
