"""Addresses that several customers have: an agency that runs them, a reseller, or a mistake. Pure."""

from collections.abc import Iterable

from firedoor.customers.model import Customer


def same_addresses(customers: Iterable[Customer]) -> dict[str, list[str]]:
    """The customers behind each address that more than one has, as `channel:address`, sorted."""
    found: dict[str, set[str]] = {}
    for one in customers:
        for contact in one.contacts:
            found.setdefault(f"{contact.channel}:{contact.address.casefold()}", set()).add(one.id)
    return {address: sorted(ids) for address, ids in sorted(found.items()) if len(ids) > 1}
