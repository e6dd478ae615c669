"""How long a sender waits: 200 signed deliveries a second, over HTTP, to `firedoor serve` with its store on disk.

Each is another delivery, is durable before it is answered, and is parsed, matched and settled behind the answer. The
load does not wait for the server: a delivery's time counts from the moment that it was due, so that a server which
stands still for a second is late for all 200.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.doorway import Line, leak, request, serve
from benchmarks.measured import Measured
from firedoor.local import dev_server, temporal_binary
from firedoor.supervisor import Supervisor

RATE = 200
SECONDS = 10
RUNS = 5
#: Connections. With fewer answers than are due, the rest waits for one: that counts.
LINES = 64
WARM_UP = 400


def webhook_ack() -> Measured:
    """The time within which 99 of 100 deliveries are answered, in milliseconds; in the detail that of 50."""
    return asyncio.run(_measure())


async def _measure() -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with dev_server(temporal_binary(), database=home / "temporal.db") as address, Supervisor() as programs:
            port = await serve(programs, home, address)
            lines = [await Line.to(port) for _ in range(LINES)]
            number = 0
            await _load(lines, number, WARM_UP)
            number += WARM_UP
            waits: list[list[float]] = []
            for _ in range(RUNS):
                waits.append(await programs.watch(_load(lines, number, RATE * SECONDS)))
                number += RATE * SECONDS
            for line in lines:
                line.close()
    everything = sorted(one for run in waits for one in run)
    detail = {
        "p50_ms": statistics.median(everything),
        "p99_ms": _quantile(everything, 0.99),
        "slowest_ms": everything[-1],
        "deliveries": len(everything),
    }
    return Measured([_quantile(sorted(run), 0.99) for run in waits], detail)


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def _load(lines: list[Line], first: int, count: int) -> list[float]:
    """Send deliveries at the rate; each one's time from when it was due, in milliseconds."""
    requests = [request(leak(number)) for number in range(first, first + count)]
    due: asyncio.Queue[tuple[bytes, float] | None] = asyncio.Queue()
    waits: list[float] = []

    async def sender(line: Line) -> None:
        while (one := await due.get()) is not None:
            await line.post(one[0])
            waits.append((time.perf_counter() - one[1]) * 1000)

    senders = [asyncio.create_task(sender(line)) for line in lines]
    start = time.perf_counter()
    for number, one in enumerate(requests):
        moment = start + number / RATE
        if (early := moment - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        due.put_nowait((one, moment))
    for _ in lines:
        due.put_nowait(None)
    await asyncio.gather(*senders)
    return waits
