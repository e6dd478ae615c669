"""The ways to a customer, in the order in which they are tried. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence

from firedoor.customers.model import Affected, Customer, Role
from firedoor.recipient import Recipient, Way

_ORDER = {role: number for number, role in enumerate(Role)}


def ways_of(customer: Customer, channels: Sequence[str]) -> tuple[Way, ...]:
    """Channel by channel in the order of `channels`, in each the contacts by role; an address comes once a channel."""
    return tuple(way for channel in channels for way in _by(customer, channel))


def _by(customer: Customer, channel: str) -> Iterator[Way]:
    contacts = sorted((one for one in customer.contacts if one.channel == channel), key=lambda one: _ORDER[one.role])
    seen: set[str] = set()
    counts: Counter[str] = Counter()
    for one in contacts:
        if one.address in seen:
            continue
        seen.add(one.address)
        counts[one.role.value] += 1
        number = counts[one.role.value]
        yield Way(one.role.value if number == 1 else f"{one.role.value}-{number}", one.name, channel, one.address)


def first_ways(ways: Sequence[Way], *, every: bool) -> tuple[Way, ...]:
    """The ways that are used at once: the first; with `every` the first of each channel."""
    if not every:
        return tuple(ways[:1])
    first: dict[str, Way] = {}
    for way in ways:
        first.setdefault(way.channel, way)
    return tuple(first.values())


def recipient_of(customer: Customer, affected: Affected, ways: tuple[Way, ...], *, position: int) -> Recipient:
    """A customer as it is written to. Its cohort is not known yet."""
    return Recipient(
        customer=customer.id,
        position=position,
        name=customer.name or customer.id,
        cohort="",
        exposure=affected.exposure,
        language=customer.language,
        zone=customer.zone,
        hours=customer.hours,
        ways=ways,
        credentials=affected.credentials,
    )
