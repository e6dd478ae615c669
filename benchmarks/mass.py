"""Mass work in processes of their own: 100,000 targets, a worker killed in the middle, an incident that overtakes."""

import asyncio
import os
import signal
import statistics
import time
from collections import Counter
from functools import partial

from benchmarks.installation import Installation, measured, until, until_still
from benchmarks.measured import Measured
from benchmarks.plans import ONLY, STARTER, fan_out, plan_of, step, targets
from benchmarks.serve import BULK, URGENT
from firedoor.incident import Decision, IncidentState, Verb
from firedoor.timeline.entry import Kind

MANY = 100_000
FEWER = 10_000
#: Calls at once: what `fanout_10000_overhead` has.
LANES = 400
FAN_OUTS = 3
KILLS = 5
#: Rounds of idle and loaded turns, and the incidents that are started in each turn.
ROUNDS = 5
INCIDENTS = 9
MIB = 1024 * 1024


def fanout_100000() -> Measured:
    """Targets a second, and what 100,000 of them cost; after 10,000, so that it shows what does not grow."""
    return measured(_fan_out)


async def _fan_out(site: Installation) -> Measured:
    plan, detail = fan_out(10, LANES), dict[str, float]()
    rates = list[float]()
    for count in (FEWER, *[MANY] * FAN_OUTS):
        names = targets(count)
        start = time.perf_counter()
        incident = await site.run(plan, {"targets": names})
        rates.append(count / (time.perf_counter() - start))
        for worker in (URGENT, BULK):
            detail[f"{count}_{worker}_worker_peak_MiB"] = site.memory(worker, "VmHWM")
        detail |= {f"{count}_{name}": value for name, value in (await _history(site, incident)).items()}
    detail[f"{FEWER}_targets_per_s"] = rates[0]
    detail["payload_files_MiB"] = sum(path.stat().st_size for path in site.settings.blobs_path.rglob("*/*")) / MIB
    detail["timeline_MiB"] = site.settings.timeline_path.stat().st_size / MIB
    return Measured(rates[1:], detail)


async def _history(site: Installation, incident: str) -> dict[str, float]:
    description = await site.client.get_workflow_handle(incident).describe()
    info = description.raw_description.workflow_execution_info
    return {"history_events": info.history_length, "history_bytes": info.history_size_bytes}


def fanout_resume() -> Measured:
    """Seconds that `kill -9` of the bulk worker at half of 10,000 targets of 100 ms costs; `firedoor up` restarts it.

    A target begun twice was in doubt: its intent was recorded, and no outcome. Its outcome was not, so that a step
    reads the provider first. An outcome that is recorded must not be repeated.
    """
    return measured(_resume)


async def _resume(site: Installation) -> Measured:
    plan, names = fan_out(100, LANES), targets(FEWER)
    extra, calm, twice, repeated = [], list[float](), list[int](), list[int]()
    for number in range(KILLS + 1):
        start = time.perf_counter()
        await site.run(plan, {"targets": names})
        undisturbed = time.perf_counter() - start
        if not number:
            continue  # to warm up
        calm.append(undisturbed)
        start = time.perf_counter()
        begun = site.marked(BULK)
        incident = await site.start(plan, {"targets": names})
        line = len(f"{names[0]} {time.monotonic_ns()}\n")
        await until(partial(_half, site, begun + line * FEWER // 2))
        killed, recorded = await _kill(site)
        await site.engine.result(incident)
        extra.append(time.perf_counter() - start - undisturbed)
        done = _outcomes(site, incident, recorded)
        twice.append(sum(count > 1 for count in Counter(mark.target for mark in site.marks(BULK, begun)).values()))
        repeated.append(sum(mark.target in done for mark in site.marks(BULK, killed)))
    detail = {
        "undisturbed_s": statistics.median(calm),
        "targets_begun_twice": statistics.median(twice),
        "recorded_outcomes_repeated": sum(repeated),
    }
    return Measured(extra, detail)


def _half(site: Installation, size: int) -> bool:
    return site.marked(BULK) >= size


async def _kill(site: Installation) -> tuple[int, int]:
    """Kill the bulk worker; returns the size of its marks and of the timeline when it was gone."""
    old = site.pid(BULK)
    os.kill(old, signal.SIGKILL)
    await until(lambda: site.programs.pid(BULK) != old, 0.001)
    return site.marked(BULK), site.recorded()


def _outcomes(site: Installation, incident: str, size: int) -> set[str]:
    """The targets with a good outcome among the first entries of the timeline."""
    with site.timeline() as timeline:
        entries = [stored.entry for stored in timeline.entries(incident=incident) if stored.idx < size]
    outcomes = [entry for entry in entries if entry.kind == Kind.ACTION_OUTCOME]
    return {entry.part("action")["target"] for entry in outcomes if entry.part("result")["status"] == "ok"}


def overtake() -> Measured:
    """From the start of an incident to its first action, while 100,000 targets are worked on, over the same at rest.

    The mass work is paused for the turns at rest, and goes on for the loaded ones.
    """
    return measured(_overtake)


async def _overtake(site: Installation) -> Measured:
    await _latencies(site)
    start = time.perf_counter()
    mass = await site.start(fan_out(20, LANES), {"targets": targets(MANY)})
    await until(partial(_half, site, site.marked(BULK) + MIB // 64))
    detail = {"seconds_until_mass_work_runs": time.perf_counter() - start}
    rest, loaded, rates = list[float](), list[float](), list[float]()
    ratios = list[float]()
    for _ in range(ROUNDS):
        await _say(site, mass, "pause")
        await until_still(partial(site.marked, BULK))
        calm = await _latencies(site)
        await _say(site, mass, "resume")
        before = len(site.marks(BULK))
        await until(partial(_half, site, site.marked(BULK) + MIB // 64))
        start, before = time.perf_counter(), len(site.marks(BULK))
        busy = await _latencies(site)
        rates.append((len(site.marks(BULK)) - before) / (time.perf_counter() - start))
        ratios.append(statistics.median(busy) / statistics.median(calm))
        rest += calm
        loaded += busy
    view = await site.engine.view(mass)
    assert view.state is IncidentState.RUNNING, "the mass work ended before the last turn"
    assert view.steps[0].progress
    await _say(site, mass, "abort")
    await site.engine.result(mass)
    detail |= {
        "at_rest_ms": statistics.median(rest) * 1000,
        "loaded_ms": statistics.median(loaded) * 1000,
        "loaded_worst_ms": max(loaded) * 1000,
        "at_rest_worst_ms": max(rest) * 1000,
        "mass_targets_per_s_meanwhile": statistics.median(rates),
    }
    return Measured(ratios, detail)


async def _latencies(site: Installation) -> list[float]:
    """Seconds from the request to start to the first line of the first action after its intent, a few times."""
    found = list[float]()
    for _ in range(INCIDENTS):
        marks = site.marked(URGENT) if found else 0
        start = time.monotonic_ns()
        await site.run(plan_of(step(ONLY)), {})
        found.append((site.marks(URGENT, marks)[-1].at - start) / 1e9)
        await asyncio.sleep(0.05)  # The last one's closing entry is not this one's load.
    return found


async def _say(site: Installation, incident: str, verb: Verb) -> None:
    decision = Decision(responder=STARTER, reason="the benchmark's next turn")
    await site.engine.decide(incident, verb, decision)
