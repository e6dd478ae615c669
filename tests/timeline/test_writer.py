"""The group-commit writer."""

import asyncio
import sqlite3
from collections.abc import Callable

import pytest

from firedoor.timeline.checkpoint import open_note
from firedoor.timeline.entry import Draft, EntryError, TimelineError
from firedoor.timeline.store import Timeline
from firedoor.timeline.writer import MAX_GROUP, Writer

Drafter = Callable[..., Draft]


def commits(timeline: Timeline) -> int:
    """How many transactions have been committed: each leaves one checkpoint."""
    database = sqlite3.connect(timeline.path)
    count: int = database.execute("SELECT count(*) FROM checkpoint").fetchone()[0]
    database.close()
    return count


async def test_an_append_is_durable_when_it_returns(timeline: Timeline, note: Drafter) -> None:
    """The receipt names an entry that another reader of the file already sees."""
    async with Writer(timeline) as writer:
        [receipt] = await writer.append(note(0))
        with Timeline.read(timeline.path) as reader:
            assert receipt.id == reader.entries()[receipt.idx].entry.id
            assert 1 == open_note(reader.checkpoint(), timeline.verifier).size


async def test_many_share_a_transaction(timeline: Timeline, note: Drafter) -> None:
    """What a hundred coroutines append at once is one transaction, and so is what they append after it."""
    async with Writer(timeline) as writer:

        async def lane(number: int) -> None:
            for step in range(5):
                [receipt] = await writer.append(note(number * 5 + step))
                assert not receipt.duplicate

        await asyncio.gather(*(lane(number) for number in range(100)))
    assert (500, 5) == (len(timeline.entries()), commits(timeline))


async def test_groups_have_a_limit(timeline: Timeline, note: Drafter) -> None:
    """A crowd is cut into transactions, so that the first need not wait for all; one large call is never cut."""
    async with Writer(timeline) as writer:
        crowd = [writer.append(note(number)) for number in range(MAX_GROUP + 10)]
        large = writer.append(*(note(number, "inc-2") for number in range(MAX_GROUP + 10)))
        await asyncio.gather(*crowd, large)
    assert 3 == commits(timeline)


async def test_order_within_a_coroutine(timeline: Timeline, note: Drafter) -> None:
    """The drafts of one call keep their order, and each call gets its own receipts."""
    async with Writer(timeline) as writer:
        first, second = await asyncio.gather(writer.append(note(0), note(1)), writer.append(note(2), note(3), note(4)))
    assert [[0, 1], [2, 3, 4]] == [[receipt.seq for receipt in group] for group in (first, second)]
    assert [f"Note {n}" for n in range(5)] == [stored.entry.body["say"] for stored in timeline.entries()]


async def test_nothing_to_append(timeline: Timeline) -> None:
    """Appending nothing returns nothing."""
    async with Writer(timeline) as writer:
        assert [] == await writer.append()


async def test_a_bad_draft_harms_only_its_caller(timeline: Timeline, note: Drafter) -> None:
    """What cannot be an entry is refused before it joins the group."""
    async with Writer(timeline) as writer:
        good, bad = await asyncio.gather(
            writer.append(note(0)), writer.append(note(1), note(2, bad=1.5)), return_exceptions=True
        )
    assert isinstance(bad, EntryError)
    assert isinstance(good, list)
    assert 1 == len(timeline.entries())


async def test_a_failing_store_reaches_every_waiter(timeline: Timeline, note: Drafter) -> None:
    """When the disk or a lock fails the group, all who wait are told, nothing is recorded, and the writer goes on."""
    other = sqlite3.connect(timeline.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with Writer(timeline) as writer:
        failed = await asyncio.gather(*(writer.append(note(number)) for number in range(5)), return_exceptions=True)
        assert [TimelineError] * 5 == [type(error) for error in failed]
        other.execute("ROLLBACK")
        other.close()
        await asyncio.gather(*(writer.append(note(number)) for number in range(5)))
    assert 5 == len(timeline.entries())


async def test_a_cancelled_caller_does_not_stop_the_others(timeline: Timeline, note: Drafter) -> None:
    """A cancelled append may be recorded; the same append again is recorded once."""
    async with Writer(timeline) as writer:
        cancelled = asyncio.create_task(writer.append(note(0)))
        other = asyncio.create_task(writer.append(note(1)))
        await asyncio.sleep(0)
        cancelled.cancel()
        await other
        assert cancelled.cancelled()
        await writer.append(note(0))
    assert 2 == len(timeline.entries())


async def test_closing(timeline: Timeline, note: Drafter) -> None:
    """Closing waits for what was appended; afterwards nothing is accepted."""
    writer = Writer(timeline)
    pending = asyncio.create_task(writer.append(*(note(number) for number in range(200))))
    await asyncio.sleep(0)
    await writer.close()
    assert 200 == len(await pending)
    with pytest.raises(TimelineError, match="is closed"):
        await writer.append(note(1_000))
