"""Campaigns: how fast messages leave, what `kill -9` costs, and how soon a stop works.

The product's own parts send: outbox, timeline, disclosures, the notice that ships, SMTP. Sender and mail server are
processes of their own. Temporal is not among them: one activity sends a whole wave, so it costs a campaign seconds.
"""

import json
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.campaign_sender import CAMPAIGN, CONNECTIONS, recipient, settings
from benchmarks.measured import Measured
from firedoor.campaign import Flow
from firedoor.outbox.store import Outbox

CUSTOMERS, WAVES = 100_000, 10
#: Messages that each of the plain loops sends after each wave. One of them is slow.
PLAIN = {"bytes": 2_500, "messages": 750}
#: Under limits: messages a second over all, and to one domain, which a third of the customers have.
LIMITED, RATE, DOMAIN_RATE = 3_000, 200.0, 50.0
#: `kill -9`: customers of one campaign, and how often its sender is killed.
KILLED, KILLS = 10_000, 10
#: Customers of a campaign that is stopped.
STOPPED, RUNS = 20_000, 5
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Stage:
    """A folder with a campaign, and a mail server."""

    home: Path
    port: int

    def sent(self, upto: int, *rates: float) -> dict[str, float]:
        """Let a sender send as far as a customer; what it measured."""
        found = json.loads(self._run("campaign_sender", self.home, "send", upto, self.port, *(rates or (0, 0))))
        return {name: found[name] for name in ("seconds", "processor", "peak_mib")}

    def plain(self, first: int, how: str) -> tuple[float, float]:
        """Messages a second of a plain loop, and the milliseconds of a processor that it takes for one."""
        count = PLAIN[how]
        seconds, used = map(float, self._run("plain_mail", self.port, first, count, self.home, how).split())
        return count / seconds, used / count * 1000

    def prepare(self, count: int) -> None:
        """A campaign for so many customers, approved."""
        self._run("campaign_sender", self.home, "prepare", count, self.port)

    def sender(self, upto: int) -> subprocess.Popen[bytes]:
        """A sender that goes on beside."""
        command = [sys.executable, "-m", "benchmarks.campaign_sender", str(self.home), "send", str(upto)]
        return subprocess.Popen([*command, str(self.port), "0", "0"], cwd=ROOT, stdout=subprocess.DEVNULL)

    def accepted(self) -> tuple[int, int, float]:
        """How many messages the server has accepted, how many different ones, and when the last one."""
        with socket.create_connection(("127.0.0.1", self.port)) as line, line.makefile("rwb", buffering=0) as file:
            file.readline()
            file.write(b"XCOUNT\r\n")
            _, total, different, last = file.readline().split()
        return int(total), int(different), float(last)

    def _run(self, module: str, *arguments: object) -> str:
        command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


@contextmanager
def stage() -> Generator[Stage]:
    """A folder on the disk of the code, for the system's temporary one may be memory; and a mail server."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        home = Path(folder)
        command = [sys.executable, "-m", "benchmarks.smtp_sink", str(home / "port")]
        with subprocess.Popen(command, cwd=ROOT) as server:
            try:
                while not (home / "port").exists():
                    time.sleep(0.02)
                yield Stage(home, int((home / "port").read_text()))
            finally:
                server.kill()


def campaign_100000() -> Measured:
    """Messages a second over those of the plain loop: 100,000 customers in waves, the loop after each of them.

    The loop sends finished bytes. Against one that writes an `EmailMessage` for each customer, as most would, ours has
    less to do, and a sender that wastes half of its time would still look well; that ratio is in the detail. So is what
    a message takes of a processor, which says the same on a machine that has other things to do.
    """
    part = CUSTOMERS // WAVES
    own: list[tuple[float, float]] = []
    plain: dict[str, list[tuple[float, float]]] = {how: [] for how in PLAIN}
    peaks: list[float] = []
    with stage() as here:
        start = time.perf_counter()
        here.prepare(CUSTOMERS)
        prepared = time.perf_counter() - start
        for wave in range(WAVES):
            found = here.sent((wave + 1) * part)
            own.append((part / found["seconds"], found["processor"] / part * 1000))
            peaks.append(found["peak_mib"])
            for how in PLAIN:
                plain[how].append(here.plain(wave * part, how))
        standing = _standing_seconds(here.home)
        assert _count(here.home, "sent") == CUSTOMERS
    ratios = {how: [ours[0] / loop[0] for ours, loop in zip(own, plain[how], strict=True)] for how in PLAIN}
    used, least = (statistics.median(one for _, one in each) for each in (own, plain["bytes"]))
    detail = {
        "messages_per_s": statistics.median(rate for rate, _ in own),
        "ratio_to_email_messages": statistics.median(ratios["messages"]),
        "processor_ms": used,
        "processor_ms_of_the_loop": least,
        "peak_mib": max(peaks),
        "prepare_s": prepared,
        "standing_ms": standing * 1000,
    }
    return Measured(ratios["bytes"], detail)


def campaign_limits() -> Measured:
    """Seconds under limits over the least that the limits allow."""
    large = sum(recipient(number).ways[0].address.endswith("@big.example") for number in range(LIMITED))
    bound = max(LIMITED / RATE, large / DOMAIN_RATE)
    ratios: list[float] = []
    for _ in range(RUNS):
        with stage() as here:
            here.prepare(LIMITED)
            ratios.append(here.sent(LIMITED, RATE, DOMAIN_RATE)["seconds"] / bound)
    return Measured(ratios, {"bound_s": bound})


def campaign_resume() -> Measured:
    """Messages in doubt after a `kill -9` of the sender, for each connection; none may be lost, or accepted twice."""
    doubts: list[int] = []
    with stage() as here:
        here.prepare(KILLED)
        for kill in range(KILLS):
            before = here.accepted()[0]
            with here.sender(KILLED) as sender:
                while sender.poll() is None and here.accepted()[0] < before + 200:
                    time.sleep(0.01)
                time.sleep(kill / 40)
                sender.kill()
            here.sent(0)
            doubts.append(_count(here.home, "in_doubt") - sum(doubts))
            if kill == KILLS - 1:
                here.sent(KILLED)
        total, different, _ = here.accepted()
        sent, doubt = _count(here.home, "sent"), _count(here.home, "in_doubt")
    assert sent + doubt == KILLED
    lost = max(0, sent - different)
    return Measured(
        [count / CONNECTIONS for count in doubts],
        {"sent_twice": total - different, "lost": lost, "kills": KILLS, "in_doubt": doubt, "messages": KILLED},
    )


def campaign_stop() -> list[float]:
    """Seconds from a stop by another process to the last message that leaves."""
    waits: list[float] = []
    for _ in range(RUNS):
        with stage() as here:
            here.prepare(STOPPED)
            with here.sender(STOPPED) as sender, Outbox.open(settings(here.home).outbox_path) as outbox:
                while here.accepted()[0] < STOPPED // 20:
                    time.sleep(0.01)
                stop = time.monotonic()
                outbox.steer(CAMPAIGN, Flow.STOPPED, "user:ada", "the wrong list", time.time())
                sender.wait()
            total, _, last = here.accepted()
            assert total < STOPPED
            waits.append(max(0.0, last - stop))
    return waits


def _count(home: Path, state: str) -> int:
    database = sqlite3.connect(settings(home).outbox_path)
    try:
        return int(database.execute("SELECT count(*) FROM message WHERE state = ?", (state,)).fetchone()[0])
    finally:
        database.close()


def _standing_seconds(home: Path) -> float:
    with Outbox.open(settings(home).outbox_path) as outbox:
        start = time.perf_counter()
        outbox.standing(CAMPAIGN, time.time())
        return time.perf_counter() - start


if __name__ == "__main__":
    for figure in (campaign_stop, campaign_resume, campaign_limits, campaign_100000):
        print(figure.__name__, figure(), flush=True)
