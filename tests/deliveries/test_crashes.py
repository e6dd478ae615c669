"""kill -9 of the dispatcher: no alert is lost, and none counts twice."""

import asyncio
import os
import random
import secrets
import sys
from pathlib import Path

import pytest

from firedoor.deliveries import State
from firedoor.drill.toml import toml
from tests.deliveries.conftest import Desk, finding, posted
from tests.deliveries.dispatching import PLACES

ROOT = Path(__file__).resolve().parents[2]
KILLED = -9


async def dispatcher(desk: Desk, *arguments: str) -> asyncio.subprocess.Process:
    """A dispatcher as a process of its own, on the store and the task queue of the desk."""
    settings = desk.settings
    configuration = {"task_queue": settings.task_queue, "runbooks": [str(desk.runbooks)]}
    (settings.home / "firedoor.toml").write_text(toml(configuration))
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(settings.home),
        "FIREDOOR_HOME": str(settings.home),
        **settings.temporal_environment,
    }
    command = (sys.executable, "-m", "tests.deliveries.dispatching", *arguments)
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=variables)


@pytest.mark.parametrize("place", PLACES)
async def test_killed_at_each_point_of_a_report(desk: Desk, place: str) -> None:
    """Ten deliveries of three leaks; the process dies twice at that point, and the next one goes on."""
    keys = [f"AKIA{secrets.token_hex(4).upper()}" for _ in range(3)]
    for key in keys[:2]:
        await desk.add(*(posted(f"{key}/{number}", finding(key)) for number in range(10)))
        process = await dispatcher(desk, place, "1")
        assert await asyncio.wait_for(process.wait(), 30) == KILLED
    await desk.add(*(posted(f"{keys[2]}/{number}", finding(keys[2])) for number in range(10)))
    async with desk.dispatching():
        found = await desk.settled()
    assert [one.state for one in found].count(State.STARTED) == 3
    assert [await desk.alerts(f"leak-{key}") for key in keys] == [10, 10, 10]


async def test_a_storm_while_dispatchers_die(desk: Desk) -> None:
    """Two processes, one of them killed again and again while thirty deliveries of each of ten leaks arrive."""
    keys = [f"AKIA{secrets.token_hex(4).upper()}" for _ in range(10)]
    processes = [await dispatcher(desk), await dispatcher(desk)]
    chance = random.Random(5)
    for part in range(3):
        await desk.add(*(posted(f"{key}/{part}/{number}", finding(key)) for key in keys for number in range(10)))
        await asyncio.sleep(chance.uniform(0.5, 1.0))
        processes[0].kill()
        await processes[0].wait()
        processes = [processes[1], await dispatcher(desk)]
    found = await desk.settled()
    for process in processes:
        process.kill()
        await process.wait()
    assert len(found) == 300
    assert {one.state for one in found} == {State.STARTED, State.JOINED}
    assert [one.state for one in found].count(State.STARTED) == 10
    assert [await desk.alerts(f"leak-{key}") for key in keys] == [30] * 10
