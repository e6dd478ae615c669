"""Writing together: what many lanes hand over is one transaction, and nobody is waited for who cannot come."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from activities.campaigns import commits
from activities.campaigns.commits import Commits
from firedoor.outbox import claims
from tests.campaigning import CAMPAIGN
from tests.sending import Desk, desk, people

LANES, MESSAGES = 6, 20


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Desk]:
    """The stores of a campaign, with messages that may be sent."""
    with desk(tmp_path) as opened:
        opened.prepare(people(MESSAGES))
        opened.publisher.intend(CAMPAIGN, waiting(opened))
        yield opened


def waiting(store: Desk) -> list[int]:
    """The messages that are due."""
    return [one.id for one in store.outbox.look(claims.due, CAMPAIGN, MESSAGES, store.clock())]


async def claimed(store: Desk, coming: Sequence[int], lanes: int = LANES) -> tuple[list[list[int]], int]:
    """What those of the lanes get that come after so many turns of the loop, and how many transactions that takes."""
    statements: list[str] = []
    store.outbox._database.set_trace_callback(statements.append)
    group = Commits(store.outbox, store.clock, lanes=lanes)

    async def lane(id: int, turns: int) -> list[int]:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await group.settle([], [id])

    ids = waiting(store)
    async with asyncio.timeout(60):
        found = await asyncio.gather(*(lane(id, turns) for id, turns in zip(ids, coming, strict=False)))
        await group.close()
    store.outbox._database.set_trace_callback(None)
    return found, statements.count("COMMIT")


@pytest.mark.parametrize("late", [0, 1, 5])
async def test_all_lanes_are_one_transaction(store: Desk, monkeypatch: pytest.MonkeyPatch, late: int) -> None:
    """The last one may come some turns after the others; when it is there, nothing more is waited for."""
    monkeypatch.setattr(commits, "GATHER", 3600)
    ids = waiting(store)
    assert await claimed(store, [0] * (LANES - 1) + [late]) == ([[id] for id in ids[:LANES]], 1)


async def test_enough_lanes_wait_for_no_more(store: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred some are always on the way to a far server."""
    monkeypatch.setattr(commits, "GATHER", 3600)
    ids = waiting(store)
    enough = commits.ENOUGH
    assert await claimed(store, [0] * enough, lanes=100) == ([[id] for id in ids[:enough]], 1)


async def test_a_lane_that_does_not_come_holds_up_nobody(store: Desk) -> None:
    """It may be waiting for a slow server: the others are written without it."""
    ids = waiting(store)
    found, _ = await claimed(store, [0, 0])
    assert found == [ids[:1], ids[1:2]]
