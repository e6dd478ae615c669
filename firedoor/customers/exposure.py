"""Which customers are affected: what was within a thief's reach, joined with what the registry and the inventory know.

Pure. How sure it is:

- `confirmed`: the credential, or the place that holds it, is among those that are known to have been read;
- `likely`: it is itself among those that could be read: by its id, its fingerprint, or its very place;
- `possible`: only something that holds it or uses it is: all below a place, or a service that the customer depends on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from firedoor.campaign import Exposure
from firedoor.customers.model import Affected, Dependency
from firedoor.inventory.model import Entry, Inventory, bare, held_at, is_same
from firedoor.steps._step import Credential

#: The surest first.
SURE = (Exposure.CONFIRMED, Exposure.LIKELY, Exposure.POSSIBLE)
RANK = {exposure: rank for rank, exposure in enumerate(SURE)}


@dataclass(frozen=True, slots=True)
class Reach:
    """What somebody could read, and of that what is known to have been read. Places as `inventory.find` takes them."""

    credentials: Sequence[Credential] = ()
    places: Sequence[str] = ()
    confirmed: Sequence[Credential] = ()
    confirmed_places: Sequence[str] = ()
    provider: str = ""

    def asked(self) -> list[tuple[Credential, bool]]:
        """Every credential and every single place as a credential, and whether it is known to have been read."""
        pairs = [(one, True) for one in self.confirmed] + [(one, False) for one in self.credentials]
        for places, sure in ((self.confirmed_places, True), (self.places, False)):
            pairs += [(Credential(provider=ANY, where=one), sure) for one in places if not _below(one)]
        return pairs


@dataclass(frozen=True, slots=True)
class Found:
    """The affected, by customer, and labels of what no customer is known of: a person has to look."""

    affected: Sequence[Affected]
    unknown: Sequence[str]


#: The provider of a place: whatever is there is meant.
ANY = "place"
#: Whose credentials are places: a secret of AWS, as steps list it. Its fields are the credentials of others.
STORES = frozenset({ANY, "aws-secretsmanager", "aws-ssm"})


def affected(reach: Reach, dependencies: Iterable[tuple[str, tuple[Dependency, ...]]], inventory: Inventory) -> Found:
    """Join. `dependencies` are the registry's, by customer."""
    search = _Search(reach, inventory)
    found = dict[str, dict[Dependency, Exposure]]()
    for customer, own in dependencies:
        for one in own:
            if (exposure := search.exposure(one)) is not None:
                found.setdefault(customer, {})[one] = exposure
    for name, exposure in search.entries.items():
        _from_inventory(name, exposure, search, inventory, found)
    return Found([_affected(customer, found[customer]) for customer in sorted(found)], search.unknown())


def _from_inventory(
    name: str,
    exposure: Exposure,
    search: "_Search",
    inventory: Inventory,
    found: dict[str, dict[Dependency, Exposure]],
) -> None:
    """The customers of an entry. Those of a service that uses it depend on that, not on this credential."""
    entry = inventory.credentials[name]
    one = dependency(entry)
    if search.reach.provider not in {"", entry.provider}:
        return
    customers = inventory.reach([name]).customers
    for customer in customers:
        sure = exposure if customer in entry.customers else Exposure.POSSIBLE
        known = found.setdefault(customer, {})
        # What the registry itself says of the same credential is more: its name there, and where it is kept.
        if not any(is_same(entry, credential(other)) for other in known):
            known[one] = sure
    if customers:
        search.answered |= search.marks_of(entry)
        search.answer_below(map(bare, entry.where))


class _Mark(NamedTuple):
    """What a mark stands for: a credential that was within reach, and what is answered for if it is a customer's."""

    credential: Credential
    exposure: Exposure
    answers: set[str]


@dataclass
class _Search:
    """What is looked for: by every mark that a credential can be recognised by, with the surest that stands for it."""

    reach: Reach
    inventory: Inventory
    entries: dict[str, Exposure] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    _exact: dict[str, list[_Mark]] = field(default_factory=dict)
    _stored: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, entry in self.inventory.credentials.items():
            for mark in {mark for where in entry.where for mark in _places(where)}:
                self._stored.setdefault(mark, []).append(name)
        for one, sure in self.reach.asked():
            self._add(one, Exposure.CONFIRMED if sure else Exposure.LIKELY)
        self._confirmed_below = tuple(bare(one) for one in self.reach.confirmed_places if _below(one))
        self._below = tuple(bare(one) for one in self.reach.places if _below(one))
        for name, entry in self.inventory.credentials.items():
            if (exposure := self._under(map(bare, entry.where))) is not None:
                self._entry(name, exposure)

    def _add(self, one: Credential, exposure: Exposure) -> None:
        self._index(one, exposure, set(_marks(one)))
        for name in self._known(one):
            self._entry(name, exposure)

    def _known(self, one: Credential) -> Iterable[str]:
        if one.provider not in STORES:
            return self.inventory.known(one)
        holds = held_at([one.where])
        return [name for name in self._stored.get(bare(one.where), ()) if holds(self.inventory.credentials[name])]

    def _entry(self, name: str, exposure: Exposure) -> None:
        """An entry of the inventory is exposed, and so is every credential that it is elsewhere."""
        before = self.entries.get(name)
        if before is None or RANK[exposure] < RANK[before]:
            self.entries[name] = exposure
            entry = self.inventory.credentials[name]
            for where in entry.where or [""]:
                one = entry.credential().model_copy(update={"where": where})
                self._index(one, exposure, self.marks_of(entry))

    def _index(self, one: Credential, exposure: Exposure, answers: set[str]) -> None:
        for mark in _marks(one):
            self._exact.setdefault(mark, []).append(_Mark(one, exposure, answers))

    def _under(self, places: Iterable[str]) -> Exposure | None:
        """Does one of these places, as `bare` has them, lie below one of which everything was within reach?"""
        own = tuple(places)
        if any(one.startswith(self._confirmed_below) for one in own):
            return Exposure.CONFIRMED
        return Exposure.POSSIBLE if any(one.startswith(self._below) for one in own) else None

    def answer_below(self, places: Iterable[str]) -> None:
        """Note that whole places were answered for, because a customer has something in them."""
        own = tuple(places)
        for below in (*self._confirmed_below, *self._below):
            if below not in self.answered and any(one.startswith(below) for one in own):
                self.answered.add(below)

    def exposure(self, one: Dependency) -> Exposure | None:
        """How sure it is that a customer's credential was within reach; None where it was not, as far as is known."""
        if self.reach.provider not in {"", one.provider}:
            return None
        places = _places(one.store)
        near = [known for mark in (one.id, one.fingerprint, *places) if mark for known in self._exact.get(mark, ())]
        sure = list[Exposure]()
        if near:
            entry = entry_of(one)
            for hit in near:
                if _is_hit(entry, hit.credential):
                    self.answered |= hit.answers
                    sure.append(hit.exposure)
        if (under := self._under(places[:1])) is not None:
            self.answer_below(places[:1])
            sure.append(under)
        return min(sure, key=RANK.__getitem__, default=None)

    def marks_of(self, entry: Entry) -> set[str]:
        """What an entry can be recognised by."""
        return {
            mark for where in entry.where or [""] for mark in (entry.id, entry.fingerprint, *_places(where)) if mark
        }

    def unknown(self) -> list[str]:
        """What was asked of and concerns no customer that is known; a whole place too, for its name may be a slip."""
        left = [one for one, _ in self.reach.asked() if self.answered.isdisjoint(_marks(one))]
        names = [bare(one.where) if one.provider in STORES else one.label or one.fingerprint for one in left]
        whole = {one for one in (*self._confirmed_below, *self._below) if one not in self.answered}
        return sorted({*filter(None, names), *whole})


def _is_hit(entry: Entry, other: Credential) -> bool:
    return is_same(entry, other) or (other.provider in STORES and held_at([other.where])(entry))


def dependency(entry: Entry) -> Dependency:
    """An entry of the inventory as a customer's credential."""
    return Dependency(
        provider=entry.provider,
        name=entry.name,
        kind=entry.kind,
        id=entry.id,
        scope=entry.scope,
        fingerprint=entry.fingerprint,
        store=entry.where[0] if entry.where else "",
    )


def entry_of(one: Dependency) -> Entry:
    """A customer's credential as an entry of the inventory, to compare it by the same rules."""
    where = [one.store] if one.store else []
    return Entry(provider=one.provider, id=one.id, fingerprint=one.fingerprint, where=where)


def credential(one: Dependency) -> Credential:
    """A customer's credential as steps know it."""
    return Credential(provider=one.provider, id=one.id, fingerprint=one.fingerprint, where=one.store)


def counts(affected: Iterable[Affected]) -> Mapping[Exposure, int]:
    """How many customers there are of each exposure."""
    found = dict.fromkeys(SURE, 0)
    for one in affected:
        found[Exposure(one.exposure)] += 1
    return found


def _affected(customer: str, found: Mapping[Dependency, Exposure]) -> Affected:
    surest = min(found.values(), key=RANK.__getitem__)
    return Affected(customer=customer, exposure=surest.value, credentials=tuple(found))


def _below(where: str) -> bool:
    return where.endswith((":", "/"))


def _marks(one: Credential) -> tuple[str, ...]:
    """What a credential can be recognised by: its id, its fingerprint, its place, and the place that is a field of."""
    return tuple(mark for mark in (one.id, one.fingerprint, *_places(one.where)) if mark)


def _places(where: str) -> tuple[str, ...]:
    if not where:
        return ()
    place = bare(where)
    whole = place.partition("?")[0]
    return (place,) if whole == place else (place, whole)
