"""A thousand incidents that wait for approval at once: how fast they start, what they cost, how fast one goes on."""

import asyncio
import statistics
import time

from benchmarks.installation import Installation, measured, until, until_still
from benchmarks.measured import Measured
from benchmarks.plans import APPROVER, ONLY, approved
from benchmarks.serve import URGENT
from firedoor.incident import Decision, Verb

INCIDENTS = 1_000
#: As many front doors start incidents at once.
DOORS = 32
#: Seconds over which the worker's idleness is measured.
REST = 10
DECISIONS = 15
#: Kibibytes in a mebibyte.
KIB = 1024


def incidents_concurrent() -> Measured:
    """Incidents a second, from the first start until all of them wait for a person; then their cost."""
    return measured(_waiting)


async def _waiting(site: Installation) -> Measured:
    await _decide(site, await site.start(approved(), {}), "approve")
    before = site.memory(URGENT, "VmRSS")
    start = time.perf_counter()
    incidents = await _start_all(site)
    accepted = time.perf_counter() - start
    await until(lambda: _all_wait(site), 0.1)
    waiting = time.perf_counter() - start
    await until_still(site.recorded, 2)
    memory, processor = site.memory(URGENT, "VmRSS"), site.processor_seconds(URGENT)
    await asyncio.sleep(REST)
    detail = {
        "accepted_per_s": INCIDENTS / accepted,
        "worker_RSS_MiB": memory,
        "worker_RSS_per_incident_KiB": (memory - before) * KIB / INCIDENTS,
        "worker_CPU_while_waiting_percent": (site.processor_seconds(URGENT) - processor) / REST * 100,
    }
    chosen = incidents[:: INCIDENTS // (2 * DECISIONS)]
    for verb in ("approve", "abort"):
        seconds = [await _decide(site, chosen.pop(), verb) for _ in range(DECISIONS)]
        detail[f"{verb}_one_ms"] = statistics.median(seconds) * 1000
        detail[f"{verb}_one_worst_ms"] = max(seconds) * 1000
    return Measured([INCIDENTS / waiting], detail)


async def _start_all(site: Installation) -> list[str]:
    plan, incidents = approved(), list[str]()

    async def door(count: int) -> None:
        for _ in range(count):
            incidents.append(await site.start(plan, {}))

    counts = [INCIDENTS // DOORS + (number < INCIDENTS % DOORS) for number in range(DOORS)]
    await asyncio.gather(*(door(count) for count in counts))
    return incidents


async def _all_wait(site: Installation) -> bool:
    found = await site.client.count_workflows("FiredoorState = 'waiting'")
    return found.count == INCIDENTS


async def _decide(site: Installation, incident: str, verb: Verb) -> float:
    """Seconds until the decision has taken effect, and the incident has ended by it."""
    request = None
    while request is None:
        request = (await site.engine.view(incident)).steps[0].request
    decision = Decision(responder=APPROVER, step=ONLY, digest=request.digest)
    if verb == "abort":
        decision = Decision(responder=APPROVER, reason="the benchmark is over")
    start = time.perf_counter()
    await site.engine.decide(incident, verb, decision)
    await site.engine.result(incident)
    return time.perf_counter() - start
