"""Customers whom a person has reached another way: they count, their task is closed, the timeline has who and why."""

from dataclasses import replace

import pytest

from firedoor.campaign import Flow, MessageState
from firedoor.errors import RefusedError, UsageError
from firedoor.outbox import claims, contracts
from firedoor.outbox.claims import Outcome
from tests.campaigning import CAMPAIGN, PREPARED
from tests.sending import Desk, people

NOW = PREPARED + 100.0
HOUR = 3600
WHY = "telephoned Ada, their CISO"


def alone(store: Desk) -> None:
    """Three customers with 24 h in their contracts; nobody can write to the first."""
    crowd = [replace(one, hours=24) for one in people(3)]
    store.prepare([replace(crowd[0], ways=()), *crowd[1:]], until="customer.reached")


def test_it_counts_as_reached_and_the_task_is_closed(store: Desk) -> None:
    """Once, at the time of the first word; `until` and contracts see it."""
    alone(store)
    assert store.outbox.standing(CAMPAIGN, NOW).tasks == 1
    assert store.outbox.reach(CAMPAIGN, ["customer-0", "customer-1"], "user:ada", WHY, NOW) == 2
    assert store.outbox.reach(CAMPAIGN, ["customer-0", "customer-2"], "user:ada", WHY, NOW + HOUR) == 1
    now = store.outbox.standing(CAMPAIGN, NOW)
    assert (now.reached, now.by_hand, now.tasks, now.holding) == (3, 3, 0, 0)
    assert now.sentence().endswith("3 reached, 3 of them by hand")
    assert store.outbox.recipient(CAMPAIGN, "customer-0").by_hand == NOW
    [group] = store.outbox.look(contracts.groups, CAMPAIGN, PREPARED)
    assert (group.customers, group.reached, group.late) == (3, 3, 0)


def test_the_timeline_has_who_and_when_and_behind_a_digest_whom_and_how(store: Desk) -> None:
    """One entry for what one person said at once, told once."""
    alone(store)
    store.outbox.reach(CAMPAIGN, ["customer-0", "customer-1"], "user:ada", WHY, NOW)
    store.outbox.reach(CAMPAIGN, ["customer-2"], "user:bob", "met them", NOW)
    store.publisher.tell(CAMPAIGN)
    assert store.publisher.tell(CAMPAIGN) == 0
    first, second = [one for one in store.entries("note") if "reached" in one.fields]
    assert first.body["say"] == "2 customers reached another way, by hand."
    assert [one.body["actor"]["id"] for one in (first, second)] == ["user:ada", "user:bob"]
    assert [one["at"] for one in first.body["reached"]] == [NOW * 1000] * 2
    assert b"CISO" not in first.data
    assert b"customer-0" not in first.data
    [digest] = first.body["reached"][0]["_sd"]
    found = store.disclosures.value(digest)
    assert found
    assert found.value == {"customer": "customer-0", "says": WHY}


def test_a_letter_that_comes_back_later_makes_no_new_task(store: Desk) -> None:
    """The customer stays reached: somebody has spoken with it."""
    store.prepare(people(1))
    [due] = store.outbox.look(claims.due, CAMPAIGN, 1, NOW)
    store.publisher.intend(CAMPAIGN, [due.id])
    store.outbox.change(claims.settle, [], [[due.id]], NOW)
    store.outbox.reach(CAMPAIGN, ["customer-0"], "user:ada", WHY, NOW)
    store.outbox.change(claims.settle, [Outcome(due.id, MessageState.BOUNCED, reason="550")], [], NOW + 1)
    now = store.outbox.standing(CAMPAIGN, NOW)
    assert (now.reached, now.tasks) == (1, 0)


def test_after_the_end_too(store: Desk) -> None:
    """Tasks and contracts outlast a campaign that was stopped."""
    alone(store)
    store.outbox.steer(CAMPAIGN, Flow.STOPPED, "user:ada", "enough", NOW)
    assert store.outbox.reach(CAMPAIGN, ["customer-0"], "user:ada", WHY, NOW) == 1


def test_who_is_not_known_is_refused_with_the_nearest(store: Desk) -> None:
    """By what it is called, or nearly called; then the others do not count either."""
    alone(store)
    for wrong, near in (("costumer-0", "customer-0"), ("CUSTOMER-1 INC.", "customer-1")):
        with pytest.raises(UsageError, match=rf"has no customer '{wrong}' \(did you mean {near}"):
            store.outbox.reach(CAMPAIGN, ["customer-2", wrong], "user:ada", WHY, NOW)
    with pytest.raises(UsageError, match=r"'1'; '2'; '3'; and 2 others"):
        store.outbox.reach(CAMPAIGN, ["1", "2", "3", "4", "5"], "user:ada", WHY, NOW)
    assert store.outbox.standing(CAMPAIGN, NOW).by_hand == 0


def test_not_before_it_is_approved(store: Desk) -> None:
    """Who its customers are may still change."""
    store.prepare(people(1), approved=False)
    with pytest.raises(RefusedError, match="has not been approved"):
        store.outbox.reach(CAMPAIGN, ["customer-0"], "user:ada", WHY, NOW)
