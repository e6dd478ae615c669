"""What waits for an incident is claimed once, in the transaction that knows of it, and counts as a start if it is one."""

from datetime import UTC, datetime, timedelta

from firedoor.alerts import Alert
from firedoor.deliveries import Deliveries, Hit, State, ledger
from firedoor.deliveries.delivery import Batch, Matched
from tests.deliveries.conftest import posted

NOW = datetime(2026, 11, 30, tzinfo=UTC)
ONCE = {"leak": 1}


async def matched(store: Deliveries, key: str, *incidents: str) -> Matched:
    """A delivery that was found to be about incidents of the runbook `leak`."""
    name = (await store.add(posted(key))).id
    alert = Alert(source="guardduty", id=key)
    return Matched(name, hits=tuple(Hit(name, place, "leak", one, {}, alert) for place, one in enumerate(incidents)))


async def claimed(store: Deliveries, incident: str, later: timedelta = timedelta()) -> Batch:
    """What waits for an incident, claimed while alerts may start one an hour."""
    batch = await store.change(ledger.claim, incident, ONCE, NOW + later)
    assert batch is not None
    return batch


async def test_what_is_found_is_claimed_with_it(deliveries: Deliveries) -> None:
    """In one transaction: of the incidents that may be told now, and with what waited for them before."""
    await deliveries.change(ledger.record, [await matched(deliveries, "1", "a")], NOW)
    found = [await matched(deliveries, "2", "a", "busy")]
    [batch] = await deliveries.change(ledger.take, found, ["a", "unheard-of"], ONCE, NOW)
    assert (batch.first.incident, batch.count, batch.number, batch.admitted) == ("a", 2, 1, True)
    assert sorted(await deliveries.look(ledger.waiting)) == ["a", "busy"]
    [_, waits] = await deliveries.look(ledger.hits, found[0].delivery)
    assert (waits.incident, waits.batch) == ("busy", "")


async def test_the_same_batch_again(deliveries: Deliveries) -> None:
    """What was claimed by a process that died comes first, under its name, and is no second start."""
    await deliveries.change(ledger.take, [await matched(deliveries, "1", "a")], [], ONCE, NOW)
    before = await claimed(deliveries, "a")
    await deliveries.change(ledger.record, [await matched(deliveries, "2", "a")], NOW)
    assert await claimed(deliveries, "a") == before
    await deliveries.change(ledger.settle, before.id, State.STARTED, NOW)
    rest = await claimed(deliveries, "a")
    assert (rest.id != before.id, rest.count, rest.number, rest.admitted) == (True, 1, 2, False)


async def test_a_runbook_that_alerts_may_not_start_any_more(deliveries: Deliveries) -> None:
    """A batch that was admitted before its runbook was set to `auto: off` is not admitted any more."""
    await deliveries.change(ledger.record, [await matched(deliveries, "1", "a")], NOW)
    assert (await claimed(deliveries, "a")).admitted
    again = await deliveries.change(ledger.claim, "a", {}, NOW)
    assert again is not None
    assert not again.admitted


async def test_what_starts_nothing_is_no_start(deliveries: Deliveries) -> None:
    """A batch that has joined, or is a dead letter, leaves its place to the next one; one that has started keeps it."""
    found = [await matched(deliveries, name, name) for name in ("joins", "dies", "starts", "next")]
    await deliveries.change(ledger.record, found, NOW)
    for name, state in (("joins", State.JOINED), ("dies", State.DEAD), ("starts", State.STARTED)):
        batch = await claimed(deliveries, name)
        assert batch.admitted
        await deliveries.change(ledger.settle, batch.id, state, NOW)
    assert not (await claimed(deliveries, "next")).admitted
    assert (await claimed(deliveries, "next", timedelta(hours=1, seconds=1))).admitted
