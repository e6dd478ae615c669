"""Durable entries a second: the timeline against plain SQLite inserts.

Both sides do what a worker does: coroutines each hand over one entry, wait until it is durable, and take the next; a
hundred of them for a slice of targets (`measure`), or one, for steps that follow each other (`measure_single`). Both
commit in groups of whatever waits, with the same durability (WAL, synchronous=FULL).

The plain side writes each body as JSON into one table with one column. The timeline adds what makes it evidence: an
index by name and by incident, order, hashes, proofs, guards and a signature on every transaction.

`measure_bare` is the same against inserts of finished bytes in transactions of a hundred, with no coroutines at all:
the most that SQLite gives on this disk.
"""

import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.store import Timeline
from firedoor.timeline.writer import Writer

RUNS = 5
LANES = 100
ENTRIES = 20_000
SINGLE_ENTRIES = 1_000

Append = Callable[[int], Awaitable[Any]]


@dataclass(frozen=True)
class Load:
    """How many entries, by how many coroutines at once."""

    entries: int = ENTRIES
    lanes: int = LANES


#: A side of the comparison: seconds for a load, in a folder of its own.
Side = Callable[[Path, Load], float]


def measure(runs: int = RUNS) -> list[float]:
    """Ratios of entries a second, timeline over plain, a hundred at once; at least five runs, each side in turn."""
    return _ratios(_plain, Load(), runs)


def measure_single(runs: int = RUNS) -> list[float]:
    """The same, one at a time: each entry has a transaction of its own."""
    return _ratios(_plain, Load(SINGLE_ENTRIES, 1), runs)


def measure_bare(runs: int = RUNS) -> list[float]:
    """The same as `measure`, against bare inserts of finished bytes."""
    return _ratios(_bare, Load(), runs)


def _ratios(plain: Side, load: Load, runs: int) -> list[float]:
    _in_new_folder(_timeline, Load(100, 10))  # imports and caches
    ratios: list[float] = []
    for _ in range(max(runs, RUNS)):
        seconds = _in_new_folder(plain, load)
        ratios.append(seconds / _in_new_folder(_timeline, load))
    return ratios


def body(number: int) -> dict[str, Any]:
    """The outcome of one action on one target, about 700 bytes as JSON."""
    return {
        "actor": {"kind": "workflow", "id": "aws-access-key-leaked-AKIAIOSFODNN7EXAMPLE"},
        "cause": {
            "runbook": "aws-access-key-leaked",
            "plan": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
            "step": "rotate",
            "wf": "aws-access-key-leaked-AKIAIOSFODNN7EXAMPLE",
            "run": "0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
            "act": "12",
            "attempt": 1,
            "round": 1,
        },
        "action": {
            "name": "credential.rotate",
            "target": f"openai/project-{number}",
            "params": {"credential": f"cred-{number}"},
            "mode": "run",
        },
        "result": {"status": "ok", "verdict": "contained", "summary": f"The key of project {number} was replaced."},
        "evidence": [{"source": "openai:GET /v1/models", "says": "401 invalid_api_key", "request_id": f"req_{number}"}],
    }


def _in_new_folder(side: Side, load: Load) -> float:
    # Beside the code, not in the system's temporary folder, which may be memory.
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        return side(Path(folder), load)


async def _lanes(append: Append, load: Load) -> float:
    """Seconds until all entries are durable, appended by lanes that each wait for their own."""
    numbers = iter(range(load.entries))

    async def lane() -> None:
        for number in numbers:
            await append(number)

    start = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(load.lanes)))
    return time.perf_counter() - start


def _timeline(folder: Path, load: Load) -> float:
    scope = "aws-access-key-leaked-AKIAIOSFODNN7EXAMPLE/0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b/rotate/1/0"

    async def run(timeline: Timeline) -> float:
        async with Writer(timeline) as writer:

            async def append(number: int) -> None:
                idem = f"{scope}/{number:06d}/outcome"
                await writer.append(Draft(Kind.ACTION_OUTCOME, "inc-2026-0042", idem, body(number), scope))

            return await _lanes(append, load)

    with Timeline.open(folder / "timeline.sqlite", folder / "timeline.key", "benchmark.example/timeline") as timeline:
        seconds = asyncio.run(run(timeline))
        assert len(timeline.entries("inc-2026-0042")) == load.entries
    return seconds


@contextmanager
def _table(folder: Path, load: Load) -> Generator[sqlite3.Connection]:
    database = sqlite3.connect(folder / "plain.sqlite", isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE entry (idx INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT")
        yield database
        assert database.execute("SELECT count(*) FROM entry").fetchone() == (load.entries,)
    finally:
        database.close()


def _insert(database: sqlite3.Connection, rows: list[tuple[bytes]]) -> None:
    database.execute("BEGIN IMMEDIATE")
    database.executemany("INSERT INTO entry (body) VALUES (?)", rows)
    database.execute("COMMIT")


def _plain(folder: Path, load: Load) -> float:
    async def run(database: sqlite3.Connection) -> float:
        loop = asyncio.get_running_loop()
        waiting: list[tuple[bytes, asyncio.Future[None]]] = []

        async def commit_groups() -> None:
            with ThreadPoolExecutor(1) as thread:
                done = 0
                while done < load.entries:
                    await asyncio.sleep(0)
                    group = waiting.copy()
                    waiting.clear()
                    await loop.run_in_executor(thread, _insert, database, [(data,) for data, _ in group])
                    for _, durable in group:
                        durable.set_result(None)
                    done += len(group)

        async def append(number: int) -> None:
            durable: asyncio.Future[None] = loop.create_future()
            waiting.append((json.dumps(body(number)).encode(), durable))
            await durable

        seconds, _ = await asyncio.gather(_lanes(append, load), commit_groups())
        return seconds

    with _table(folder, load) as database:
        return asyncio.run(run(database))


def _bare(folder: Path, load: Load) -> float:
    rows = [(json.dumps(body(number)).encode(),) for number in range(load.entries)]
    with _table(folder, load) as database:
        start = time.perf_counter()
        for first in range(0, load.entries, load.lanes):
            _insert(database, rows[first : first + load.lanes])
        return time.perf_counter() - start


if __name__ == "__main__":
    for run in (measure, measure_single, measure_bare):
        found = run()
        print(f"{run.__name__}: {statistics.median(found):.2f}  ({' '.join(f'{ratio:.2f}' for ratio in found)})")
