"""Storms of alerts through the real door.

10,000 deliveries about one leak; 100 leaks with 100 each; the same again while the server is killed (SIGKILL) twice and
the senders try again.

Each sender posts, and posts the same again until it is told 2xx, as monitoring systems do. A storm is over when every
delivery that was posted is settled; the incidents must then be exactly as many as leaks, with exact counts of alerts.
A run is the 100 leaks without a kill, in seconds until all 100 incidents run. Settling takes longer on purpose: an
incident is told of a storm in growing pauses (docs/reference/alerts-handling.md).
"""

import asyncio
import json
import os
import secrets
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks.installation import PATIENCE, ROOT, Installation, installed, until
from benchmarks.measured import Measured
from firedoor.local import free_port
from firedoor.supervisor import Program

DELIVERIES = 10_000
LEAKS = 100
SENDERS = 50
SERVER = "server"
SECRET = secrets.token_hex(16)
#: Seconds until a sender tries again.
AGAIN = 0.2
RUNBOOK = """
name: storm
identity: [key]
max_starts: 1000
inputs: {key: {type: string}}
triggers: [{alert: guardduty, when: alert.severity >= 7.0, inputs: {key: '${{ alert.access_key_id }}'}}]
steps: {hold: {wait: 1d}}
"""


@dataclass
class Storm:
    """One storm: what is posted, and what came of it. Times are seconds from its first delivery."""

    name: str
    leaks: int
    kills: int = 0
    deliveries: int = DELIVERIES
    accepted: float = 0.0
    running: float = 0.0
    settled: float = 0.0
    again: int = 0
    worst: float = 0.0
    begun: float = field(default_factory=time.perf_counter)

    def key(self, leak: int) -> str:
        """The access key of a leak."""
        return f"AKIA{self.name.upper()}{leak:04d}"

    def bodies(self) -> Iterator[bytes]:
        """The findings, those of different leaks mixed."""
        for number in range(self.deliveries):
            key = self.key(number % self.leaks)
            finding = {
                "id": f"{self.name}-{number}",
                "type": "UnauthorizedAccess:Storm/Tor",
                "title": f"{key} was used from Tor",
                "severity": 8.0,
                "resource": {"accessKeyDetails": {"accessKeyId": key, "userName": "ci"}},
            }
            yield json.dumps(finding).encode()

    def passed(self) -> float:
        """Seconds since it began."""
        return time.perf_counter() - self.begun


def alert_storm() -> Measured:
    """Seconds until 100 incidents run that 10,000 deliveries are about; and the other storms in the detail."""
    storms = (Storm("one", 1), Storm("many", LEAKS), Storm("killed", LEAKS, kills=2))
    asyncio.run(_measure(storms))
    return Measured([storms[1].running], {name: value for one in storms for name, value in _detail(one).items()})


def _detail(storm: Storm) -> dict[str, float]:
    found = {
        "accepted_per_s": storm.deliveries / storm.accepted,
        "incidents_run_after_s": storm.running,
        "settled_after_s": storm.settled,
        "slowest_answer_ms": storm.worst * 1000,
    }
    if storm.kills:
        found |= {"kills": storm.kills, "posted_again": storm.again}
    return {f"{storm.name}_{name}": value for name, value in found.items()}


async def _measure(storms: tuple[Storm, ...]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "storm.yaml").write_text(RUNBOOK)
        door = {"source": "guardduty", "secrets": ["env:FIREDOOR_SECRET_STORM"]}
        configuration = {"runbooks": [folder], **{f"alerts.{storm.name}": door for storm in storms}}
        async with asyncio.timeout(PATIENCE), installed(configuration) as site:
            port = free_port()
            await _serve(site, port)
            for storm in storms:
                await site.programs.watch(_rage(storm, site, f"http://127.0.0.1:{port}"))


async def _serve(site: Installation, port: int) -> None:
    """Start `firedoor serve`, which is started again whenever it is killed."""
    environment = {
        **site.settings.temporal_environment,
        "FIREDOOR_HOME": str(site.settings.home),
        "FIREDOOR_SECRET_STORM": SECRET,
        "PYTHONPATH": str(ROOT),
        "PATH": "/usr/bin:/bin",
    }
    command = (sys.executable, "-m", "firedoor", "serve", "--port", str(port))
    log = site.settings.home / "server.log"
    await site.programs.start(Program(SERVER, command, log, environment, restarts=10, patience=15))
    async with aiohttp.ClientSession() as session:
        await until(lambda: _answers(session, f"http://127.0.0.1:{port}/healthz"), 0.1)


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.ok
    except aiohttp.ClientError:
        return False


async def _rage(storm: Storm, site: Installation, address: str) -> None:
    storm.begun = time.perf_counter()
    bodies = storm.bodies()
    watching = asyncio.create_task(_watch(storm, site))
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        killing = asyncio.create_task(_kill(storm, site))
        await asyncio.gather(*(_send(storm, session, f"{address}/hooks/{storm.name}", bodies) for _ in range(SENDERS)))
        storm.accepted = storm.passed()
        await killing
    await watching
    for leak in range(storm.leaks):
        view = await site.engine.view(f"storm-{storm.key(leak)}")
        expected = storm.deliveries // storm.leaks
        if view.alerts != expected:
            raise RuntimeError(f"{view.id} has counted {view.alerts} of {expected} alerts")


async def _send(storm: Storm, session: aiohttp.ClientSession, url: str, bodies: Iterator[bytes]) -> None:
    """A sender: the next finding, again and again until it is taken."""
    for body in bodies:
        while True:
            begun = time.perf_counter()
            try:
                async with session.post(url, data=body, headers={"authorization": f"Bearer {SECRET}"}) as answer:
                    if answer.ok:
                        storm.worst = max(storm.worst, time.perf_counter() - begun)
                        break
            except (aiohttp.ClientError, TimeoutError):
                pass
            storm.again += 1
            await asyncio.sleep(AGAIN)


async def _kill(storm: Storm, site: Installation) -> None:
    """Kill the server in the middle, and again when it has come back."""
    for number in range(storm.kills):
        share = storm.deliveries * (number + 1) // (storm.kills + 1)
        while sum(_counts(storm, site).values()) < share or site.programs.pid(SERVER) is None:
            await asyncio.sleep(0.05)
        os.kill(site.pid(SERVER), signal.SIGKILL)


async def _watch(storm: Storm, site: Installation) -> None:
    """Wait until the incidents run, and every delivery is settled. Raises `RuntimeError` for what is not exact."""
    while (counts := _counts(storm, site)) != {"started": storm.leaks, "joined": storm.deliveries - storm.leaks}:
        if counts.get("started", 0) == storm.leaks and not storm.running:
            storm.running = storm.passed()
        if counts.keys() - {"received", "started", "joined"} or counts.get("started", 0) > storm.leaks:
            raise RuntimeError(f"the storm {storm.name} ended as {counts}")
        await asyncio.sleep(0.1)
    storm.settled = storm.passed()
    storm.running = storm.running or storm.settled


def _counts(storm: Storm, site: Installation) -> dict[str, int]:
    """The storm's deliveries by their states."""
    database = sqlite3.connect(site.settings.deliveries_path)
    try:
        query = "SELECT state, count(*) FROM delivery WHERE door = ? GROUP BY state"
        return dict(database.execute(query, (storm.name,)))
    finally:
        database.close()
