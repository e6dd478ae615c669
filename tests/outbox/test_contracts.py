"""Customers whose contracts give hours: counted by hours, when they were reached, how many late."""

from firedoor.clock import ContractGroup
from firedoor.outbox import contracts
from tests.campaigning import CAMPAIGN, PREPARED, recipient
from tests.sending import Desk

HOUR = 3600


def test_customers_are_counted_by_their_hours(store: Desk) -> None:
    """Those without hours are none of it; a campaign that nobody has approved has no customers yet."""
    hours = (0, 24, 24, 72)
    people = [recipient(f"customer-{number}", number, hours=given) for number, given in enumerate(hours)]
    store.prepare(people, approved=False)
    assert not store.outbox.look(contracts.begun, CAMPAIGN)
    assert not store.outbox.look(contracts.begun, "nothing")
    assert store.outbox.look(contracts.groups, CAMPAIGN, PREPARED) == ()

    store.prepare(people)
    assert store.outbox.look(contracts.begun, CAMPAIGN)
    assert store.outbox.look(contracts.groups, CAMPAIGN, PREPARED) == (
        ContractGroup(hours=24, customers=2),
        ContractGroup(hours=72, customers=1),
    )
    for person, after in ((people[1], 23 * HOUR), (people[2], 24 * HOUR + 60)):
        store.outbox.acknowledge(CAMPAIGN, person.customer, person.ways[0].contact, PREPARED + after)
    [first, second] = store.outbox.look(contracts.groups, CAMPAIGN, PREPARED)
    assert (first.reached, first.late, second.reached) == (2, 1, 0)
    assert first.last.endswith("Z")
    assert first.sentence() == "2 of 2 customers with 24 h in their contracts reached, 1 of them late"
    assert second.sentence() == "0 of 1 customers with 72 h in their contracts reached"
