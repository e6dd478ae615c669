"""Whom a campaign is for: every customer of it, with its cohort and its ways, one after the other.

Of 100,000 customers only some hundred are looked up at a time.
"""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, TypeVar

from pydantic import ValidationError

from firedoor.campaign import LEFT, Exposure, MessageState, PrepareCall, Remaining
from firedoor.customers.model import Affected, Customer, Dependency
from firedoor.customers.registry import Registry
from firedoor.customers.unsubscribed import Unsubscribed, Whose
from firedoor.errors import UsageError
from firedoor.expressions import ExpressionError, evaluate
from firedoor.notices.ways import first_ways, recipient_of, ways_of
from firedoor.outbox import merged
from firedoor.outbox.store import Outbox
from firedoor.plan import Campaign, Cohort
from firedoor.recipient import Message, Recipient, Way

T = TypeVar("T")

#: Customers that are looked up at once.
CHUNK = 500
#: Of mistakes that repeat, so many are told one by one.
TOLD = 5
#: Who has got a notice: whoever complains of it has it too.
GOT = LEFT | {MessageState.COMPLAINED}
#: The surest first: a reader of several customers is told the worst.
_SUREST = {exposure.value: number for number, exposure in enumerate(Exposure)}
UNKNOWN = "The registry of customers does not know it: there is nobody to write to."
NO_WAY = "It has no contact for {}: somebody has to reach it another way."

#: Takes the ways out by which somebody does not want to be written to: `Refusals.wanted`, or nothing at all.
Wanted = Callable[[Sequence[Recipient]], Iterable[Recipient]]


@dataclass(slots=True)
class Trouble:
    """What keeps a campaign from being sent, as sentences; of the same kind only some, then how many more."""

    sentences: list[str] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, kind: str, sentence: str) -> None:
        """One more; `kind` is what it is counted with: `customers in no cohort`."""
        self._counts[kind] += 1
        if self._counts[kind] <= TOLD:
            self.sentences.append(sentence)

    def all(self) -> tuple[str, ...]:
        """The sentences, and how many were not told."""
        more = [f"… and {count - TOLD:,} more {kind}." for kind, count in self._counts.items() if count > TOLD]
        return (*self.sentences, *more)


@dataclass(slots=True)
class Sharing:
    """Does one message go to customers who have the same contact? `told` says of each such customer in whose."""

    merge: bool
    told: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Refusals:
    """Who was unsubscribed: heeded where a notice is informational. Of a stolen key everybody is told."""

    unsubscribed: Unsubscribed
    informational: bool
    customers: int = 0
    """Customers that are not written to, for none of their ways is wanted."""

    def wanted(self, part: Sequence[Recipient]) -> Iterator[Recipient]:
        """Customers without the ways that were unsubscribed; whoever has none left is left out."""
        every = [_whose(one, way) for one in part for way in one.ways] if self.informational else []
        refused = self.unsubscribed.among(every) if every else frozenset()
        for one in part:
            ways = tuple(way for way in one.ways if _whose(one, way) not in refused)
            if ways or not one.ways:
                yield one if ways == one.ways else replace(one, ways=ways)
            else:
                self.customers += 1


def _whose(one: Recipient, way: Way) -> Whose:
    return one.customer, way.channel, way.address


def recipients(
    call: PrepareCall, outbox: Outbox, registry: Registry, trouble: Trouble, *, sharing: Sharing, wanted: Wanted
) -> Iterator[Recipient]:
    """Every customer that is written to, by position. Raises `UsageError` where the list is not to be had."""
    if call.spec.corrects:
        found = _corrected(call, outbox, wanted, sharing)
    else:
        found = _listed(affected(call.to, registry), call.spec, registry, wanted, sharing)
    position = 0
    for one in found:
        cohort = _cohort(call.spec.cohorts, one, trouble)
        if cohort is None:
            trouble.add(
                "customers in no cohort",
                f"{one.customer} is in none of the cohorts: it would not be told.",
            )
            continue
        yield replace(one, cohort=cohort or one.cohort, position=position)
        position += 1


def affected(to: Any, registry: Registry) -> Iterable[Affected]:
    """The list behind `to`: what `customers.affected_by` gave, names, `steps.NAME.remaining`. Raises `UsageError`."""
    if isinstance(to, Mapping) and isinstance(to.get("list"), str):
        return registry.each_of(to["list"])
    parts = list(to) if isinstance(to, list | tuple) else [None]
    names = [one for one in parts if isinstance(one, str)]
    if names == parts:
        return _named(names, registry)
    if all(isinstance(one, Mapping) and isinstance(one.get("customer"), str) for one in parts):
        # What pydantic says of a misfit holds the customer's values, and goes into the history of the workflow.
        with contextlib.suppress(ValidationError):
            return _remaining([Remaining.model_validate(one) for one in parts])
    raise UsageError(
        "`to` is no list of customers.",
        changed="Nothing was prepared.",
        next="Give it steps.NAME.customers of `customers.affected_by`, or a list of names of customers.",
    )


def _named(names: Iterable[str], registry: Registry) -> Iterator[Affected]:
    """Customers by their names: about all of their credentials, of which nothing is known."""
    for ids in _chunks(dict.fromkeys(names)):
        known = registry.customers(ids)
        for id in ids:
            credentials = known[id].credentials if id in known else ()
            yield Affected(customer=id, exposure=Exposure.POSSIBLE, credentials=credentials)


def _remaining(found: Iterable[Remaining]) -> list[Affected]:
    """Customers of another campaign: about what they have not replaced."""
    keys: dict[str, list[Dependency]] = {}
    for one in found:
        own = one.model_dump(include={"provider", "name", "kind", "id", "scope", "fingerprint"})
        keys.setdefault(one.customer, []).append(Dependency(**own, store=one.where))
    return [
        Affected(customer=customer, exposure=Exposure.POSSIBLE, credentials=tuple(credentials))
        for customer, credentials in keys.items()
    ]


def _listed(
    found: Iterable[Affected], spec: Campaign, registry: Registry, wanted: Wanted, sharing: Sharing
) -> Iterator[Recipient]:
    if not sharing.merge:
        for part in _chunks(found):
            yield from wanted(_each(part, spec, registry))
        return
    by_id = {one.customer: one for one in found}
    each = (one for part in _chunks(by_id.values()) for one in wanted(_each(part, spec, registry)))
    for group in _groups(each, every=spec.every):
        members = list(wanted(_each([by_id[id] for id in group], spec, registry)))
        sharing.told.update((one.customer, members[0].customer) for one in members[1:])
        yield _merged(members) if len(members) > 1 else members[0]


def _each(part: Sequence[Affected], spec: Campaign, registry: Registry) -> list[Recipient]:
    """Each customer by itself."""
    known = registry.customers([one.customer for one in part])
    return [_one(known.get(one.customer), one, spec) for one in part]


def _one(customer: Customer | None, affected: Affected, spec: Campaign) -> Recipient:
    if customer is None:
        nobody = recipient_of(Customer(id=affected.customer), affected, (), position=0)
        return replace(nobody, task=UNKNOWN)
    ways = ways_of(customer, spec.channels)
    lost = "" if ways else NO_WAY.format(" or ".join(spec.channels))
    return replace(recipient_of(customer, affected, ways, position=0), task=lost)


def _groups(each: Iterable[Recipient], *, every: bool) -> Iterator[list[str]]:
    """The names of the customers that are reached at the same addresses; most are alone."""
    groups: dict[object, list[str]] = {}
    for one in each:
        first = tuple((way.channel, way.address) for way in first_ways(one.ways, every=every))
        groups.setdefault(first or one.customer, []).append(one.customer)
    yield from groups.values()


def _merged(members: Sequence[Recipient]) -> Recipient:
    """One message for customers of the same contact: it names them all, and goes nowhere but where all of them are.

    It counts as the first of them; that one's other contacts are not to learn of the others.
    """
    first = members[0]
    everywhere = [{(way.channel, way.address) for way in one.ways} for one in members[1:]]
    shared = tuple(way for way in first.ways if all((way.channel, way.address) in ways for ways in everywhere))
    return replace(
        first,
        name=", ".join(one.name for one in members),
        exposure=min((one.exposure for one in members), key=lambda one: _SUREST.get(one, len(_SUREST))),
        hours=min((one.hours for one in members if one.hours), default=0),
        ways=shared,
        credentials=tuple(dict.fromkeys(each for one in members for each in one.credentials)),
    )


def corrected(call: PrepareCall, outbox: Outbox) -> str:
    """The id of the campaign that this one corrects: given as such, or as a step of the same incident."""
    for id in (call.spec.corrects, f"{call.incident}.{call.spec.corrects}"):
        with contextlib.suppress(UsageError):
            return outbox.campaign(id).id
    raise UsageError(
        f"There is no campaign {call.spec.corrects!r} to correct.",
        changed="Nothing was prepared.",
        next="`corrects` names a campaign, INCIDENT.STEP, or a step of this incident.",
    )


def _corrected(call: PrepareCall, outbox: Outbox, wanted: Wanted, sharing: Sharing) -> Iterator[Recipient]:
    """Exactly those who got the other campaign's notice, by the ways by which they got it."""
    earlier, after = corrected(call, outbox), -1
    sharing.told.update(outbox.look(merged.merged, earlier))
    while part := outbox.recipients(earlier, after=after, limit=CHUNK):
        after = part[-1].position
        yield from wanted([one for each in part if (one := _told(each, earlier, outbox))])


def _told(one: Recipient, earlier: str, outbox: Outbox) -> Recipient | None:
    """A customer by the ways by which it got the notice of a campaign; None where it did not get it."""
    got = [each for each in outbox.messages(earlier, customer=one.customer) if each.state in GOT]
    # Who was erased since has no address any more.
    ways = tuple(way for way in _same_ways(one, got) if way.address)
    return replace(one, ways=ways, acknowledged=0, reached=0, remediated=0, task="") if ways else None


def _same_ways(one: Recipient, got: Iterable[Message]) -> tuple[Way, ...]:
    """Contact and channel as they were; the address, too, for that is where it was read."""
    names = {(way.contact, way.channel): way.name for way in one.ways}
    keys = dict.fromkeys((each.contact, each.channel, each.address) for each in got)
    return tuple(Way(contact, names.get((contact, channel), ""), channel, at) for contact, channel, at in keys)


def _cohort(cohorts: Sequence[Cohort], one: Recipient, trouble: Trouble) -> str | None:
    """The first cohort whose expression holds; empty where there are none, None where it is in none of them."""
    if not cohorts:
        return ""
    scope = {"customer": described(one)}
    for cohort in cohorts:
        try:
            held = evaluate(cohort.when, scope)
        except ExpressionError as error:
            trouble.add(
                "customers that a cohort cannot judge", f"The cohort {cohort.name}, for {one.customer}: {error}."
            )
            return None
        if held is True:
            return cohort.name
    return None


def described(one: Recipient) -> dict[str, Any]:
    """`customer`, as the expression of a cohort sees it."""
    return {
        "id": one.customer,
        "name": one.name,
        "exposure": one.exposure,
        "language": one.language,
        "zone": one.zone,
        "hours": one.hours,
        "credentials": len(one.credentials),
        "providers": sorted({each.provider for each in one.credentials}),
        "channels": list(dict.fromkeys(way.channel for way in one.ways)),
    }


def _chunks(values: Iterable[T]) -> Iterator[list[T]]:
    source = iter(values)
    while part := list(islice(source, CHUNK)):
        yield part


#: Told how many customers are done, every now and then; it may raise, to end it.
Progress = Callable[[int], None]
