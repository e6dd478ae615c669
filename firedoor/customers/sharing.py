"""Addresses that several customers have: an agency that runs them, a reseller, or a mistake. Pure."""

from collections.abc import Iterable, Sequence

from firedoor.customers.model import Customer


def same_addresses(customers: Iterable[Customer]) -> dict[str, list[str]]:
    """The customers behind each address that more than one has, as `channel:address`, sorted."""
    found: dict[str, set[str]] = {}
    for one in customers:
        for contact in one.contacts:
            found.setdefault(f"{contact.channel}:{contact.address.casefold()}", set()).add(one.id)
    return {address: sorted(ids) for address, ids in sorted(found.items()) if len(ids) > 1}


def sharing(customers: Sequence[Customer]) -> list[Customer]:
    """Those who share an address with another one of them, in their order."""
    ids = {id for behind in same_addresses(customers).values() for id in behind}
    return [one for one in customers if one.id in ids]
