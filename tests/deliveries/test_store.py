"""The store of deliveries: what has been added is there, once, whoever adds it and whatever the disk does."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from firedoor.deliveries import Deliveries, NewDelivery, State, StoreError, ledger
from firedoor.deliveries.delivery import new_id
from firedoor.errors import UsageError
from tests.deliveries.conftest import posted


async def test_what_is_added_is_durable(deliveries: Deliveries) -> None:
    """Another connection sees it as soon as `add` has answered."""
    new = NewDelivery("aws", "guardduty", "k", {"X-GitHub-Event": "ping"}, b"{}")
    added = await deliveries.add(new)
    with sqlite3.connect(deliveries.path) as other:
        rows = other.execute("SELECT id, state, headers, body FROM delivery").fetchall()
    other.close()
    assert rows == [(added.id, "received", '{"x-github-event": "ping"}', b"{}")]
    assert deliveries.path.stat().st_mode & 0o777 == 0o600
    assert {path.stat().st_mode & 0o777 for path in deliveries.path.parent.glob("deliveries.sqlite-*")} == {0o600}


async def test_the_same_key_is_the_same_delivery(deliveries: Deliveries) -> None:
    """It is only counted; the same key at another door is another delivery."""
    [first, *others] = await asyncio.gather(*(deliveries.add(posted("one")) for _ in range(5)))
    assert not first.duplicate
    assert {(one.id, one.duplicate) for one in others} == {(first.id, True)}
    elsewhere = await deliveries.add(NewDelivery("door", "guardduty", "one", {}, b"{}"))
    assert not elsewhere.duplicate
    found = await deliveries.find(first.id)
    assert (found.seen, found.body) == (5, posted("one").body)


async def test_what_proves_or_lets_in_is_not_kept(deliveries: Deliveries) -> None:
    """No header with a signature, a token or a cookie reaches the disk."""
    secret = {
        "Authorization": "Bearer canary",
        "Cookie": "canary",
        "X-Hub-Signature-256": "canary",
        "X-Gitlab-Token": "canary",
        "X-Api-Key": "canary",
        "webhook-signature": "canary",
    }
    added = await deliveries.add(NewDelivery("d", "s", "k", secret | {"webhook-id": "w1"}, b"{}"))
    assert dict((await deliveries.find(added.id)).headers) == {"webhook-id": "w1"}
    assert b"canary" not in b"".join(path.read_bytes() for path in deliveries.path.parent.iterdir())


async def test_two_processes_add(deliveries: Deliveries) -> None:
    """Each counts what the other has stored."""
    async with Deliveries.open(deliveries.path) as other:
        stores = (deliveries, other)
        added = await asyncio.gather(*(stores[number % 2].add(posted(str(number // 2))) for number in range(200)))
    assert sum(one.duplicate for one in added) == 100
    assert (await deliveries.counts_by_state())[State.RECEIVED] == 100
    count, oldest = await deliveries.backlog()
    assert (count, oldest[:2]) == (100, "20")


async def test_a_full_disk(deliveries: Deliveries) -> None:
    """Nothing is stored, everybody who waits is told, and it goes on when there is room."""
    await deliveries.change(lambda database: database.execute("PRAGMA max_page_count=1"))
    large = [NewDelivery("aws", "guardduty", str(number), {}, b"x" * 100_000) for number in range(3)]
    answers = await asyncio.gather(*(deliveries.add(new) for new in large), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreError] * 3
    assert "the disk is full" in str(answers[0])
    assert "Nothing was stored." in str(answers[0])
    await deliveries.look(lambda database: database.execute("PRAGMA max_page_count=1000000").fetchone())
    assert not (await deliveries.add(large[0])).duplicate
    assert await deliveries.backlog() != (0, "")


async def test_a_store_that_somebody_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while the sender hears that it was not stored."""
    monkeypatch.setattr("firedoor.deliveries.database.BUSY_SECONDS", 0.1)
    async with Deliveries.open(tmp_path / "d.sqlite") as store:
        holder = sqlite3.connect(tmp_path / "d.sqlite", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process holds it"):
            await store.add(posted("1"))
        holder.execute("ROLLBACK")
        holder.close()
        await store.add(posted("1"))


async def test_a_caller_that_goes_away(deliveries: Deliveries) -> None:
    """What it has handed over is stored all the same, and the others are answered."""
    going = asyncio.create_task(deliveries.add(posted("gone")))
    staying = asyncio.create_task(deliveries.add(posted("stays")))
    await asyncio.sleep(0)
    going.cancel()
    assert not (await staying).duplicate
    assert (await deliveries.add(posted("gone"))).duplicate


async def test_callers_that_go_away_from_a_full_disk(deliveries: Deliveries) -> None:
    """Nobody is left to be told."""
    await deliveries.change(lambda database: database.execute("PRAGMA max_page_count=1"))
    going = asyncio.create_task(deliveries.add(NewDelivery("aws", "guardduty", "k", {}, b"x" * 100_000)))
    await asyncio.sleep(0)
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)
    assert await deliveries.backlog() == (0, "")


async def test_too_large(deliveries: Deliveries) -> None:
    """More than 2 MB is refused, and nothing is stored."""
    with pytest.raises(UsageError, match="more than 2,000,000"):
        await deliveries.add(posted("1", b"x" * 2_000_001))
    assert await deliveries.backlog() == (0, "")


async def test_a_closed_store(tmp_path: Path) -> None:
    """What was added before is durable; then it says so."""
    store = Deliveries.open(tmp_path / "d.sqlite")
    adding = asyncio.create_task(store.add(posted("1")))
    await asyncio.sleep(0)
    await store.close()
    assert not (await adding).duplicate
    with pytest.raises(StoreError, match="are closed"):
        await store.add(posted("2"))


@pytest.mark.parametrize("begin", [b"", b"not a database, but long enough to be looked at" * 50])
def test_a_file_of_something_else(tmp_path: Path, begin: bytes) -> None:
    """It is not touched."""
    path = tmp_path / "d.sqlite"
    if begin:
        path.write_bytes(begin)
    else:
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE x (y)")
        other.commit()
        other.close()
    before = path.read_bytes()
    with pytest.raises((UsageError, StoreError)):
        Deliveries.open(path)
    assert path.read_bytes() == before


def test_a_newer_format(tmp_path: Path) -> None:
    """Which version wrote it is said."""
    Deliveries.open(tmp_path / "d.sqlite")._database.close()
    other = sqlite3.connect(tmp_path / "d.sqlite")
    other.execute("PRAGMA user_version=99")
    other.close()
    with pytest.raises(UsageError, match="format 99"):
        Deliveries.open(tmp_path / "d.sqlite")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A sentence, no traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="File exists"):
        Deliveries.open(tmp_path / "file" / "d.sqlite")


async def test_ids(deliveries: Deliveries) -> None:
    """They sort by time, also within a microsecond, and one is found by its beginning or end."""
    ids = [(await deliveries.add(posted(str(number)))).id for number in range(20)]
    assert ids == sorted(ids)
    assert new_id("7000000000000-0000", "ffff") == "7000000000001-ffff"
    assert (await deliveries.find(ids[3])).id == ids[3]
    assert (await deliveries.find(ids[3][-12:])).id == ids[3]
    with pytest.raises(UsageError, match="fits 10 deliveries"):
        await deliveries.find(ids[0][:3])
    for nonsense in ("", "zz"):
        with pytest.raises(UsageError, match="There is no delivery"):
            await deliveries.find(nonsense)
    newest = await deliveries.look(ledger.listed, [State.RECEIVED], 2)
    assert [one.id for one in newest] == [ids[19], ids[18]]
    assert await deliveries.look(ledger.listed, [State.DEAD]) == []
