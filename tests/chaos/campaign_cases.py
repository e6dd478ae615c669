"""What goes wrong with campaigns, and when."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firedoor.errors import FiredoorError
from tests.chaos.campaigns import Mailing, Told, mailing
from tests.chaos.faults import Deed, Fault
from tests.chaos.posts import PATIENCE, Opening, Webhooks, amazon, letters, webhooks
from tests.chaos.sender import HOUR

DAY = 86_400.0
#: Seconds longer than anybody waits for a store.
BUSY = 13.0
Act = Callable[[Mailing], Awaitable[None]]
#: What tells messages from what else is asked of SES.
MESSAGES = {"content-type": "json"}
#: What the network does to a message. A call that is reset or stalls does not arrive, and we cannot know that.
NETWORK: dict[str, dict[str, Any]] = {
    "connections reset": {"reset": True},
    "stalls": {"timeout_ms": 1_000 * (PATIENCE + 5)},
    "503": {"error": {"code": "ServiceUnavailable", "status": 503}},
    "429": {"error": {"code": "TooManyRequestsException", "status": 429}},
}
#: What it does to the body of an answer: of a webhook nobody reads that.
BODIES: dict[str, dict[str, Any]] = {
    "answers lost": {"response": {"abort_bytes": 0}},
    "answers cut short": {"response": {"truncate_frac": 0.5}},
    "answers garbled": {"response": {"corrupt_bytes": 64}},
}


@dataclass(frozen=True, slots=True)
class Case:
    """One of them. `act` approves, and does what has to go wrong besides the `fault` of the worker."""

    name: str
    act: Act
    fault: Fault | None = None
    opening: Opening = letters


async def approve(site: Mailing) -> None:
    """Nothing but the fault."""
    await site.approve()


def killed(*names: str, at: tuple[int, ...] = (9,)) -> Act:
    """Kill these when so many mails are there."""

    async def act(site: Mailing) -> None:
        for number in at:
            site.kill_at(number, *names)
        await site.approve()
        await site.mails(at[-1])

    return act


def killed_once_approved(*names: str) -> Act:
    """Kill these between the approval and the first message."""

    async def act(site: Mailing) -> None:
        await site.approve()
        site.kill(*names)

    return act


def no_mail(hours: float, *, asked: bool = False) -> Act:
    """The mail server is away in the middle of it."""

    async def act(site: Mailing) -> None:
        await site.approve()
        await site.mails(7)
        with site.mail.down():
            site.told.cuts += 1
            await asyncio.sleep(hours * HOUR)
        if asked:
            await site.retry()

    return act


async def no_slack(site: Mailing) -> None:
    """Slack is away for an hour from the beginning; whoever is told by mail is told."""
    with site.slack.down():
        site.told.cuts += 1
        await site.approve()
        await asyncio.sleep(HOUR)


async def slack_without_answers(site: Mailing) -> None:
    """Slack takes messages and does not say so, while the worker dies: it is asked before anything is sent again."""
    site.slack.faults.lose_reply("chat.postMessage", times=3)
    await killed("worker", at=(9, 14))(site)


def no_store(name: str) -> Act:
    """Somebody holds a store."""

    async def act(site: Mailing) -> None:
        await site.approve()
        await site.mails(7)
        with site.locked(site.home / f"{name}.sqlite"):
            before = len(site.mail.mailbox)
            await asyncio.sleep(BUSY)
            if name == "outbox":  # What was announced before may be sent without the other two.
                site.stood(before)

    return act


async def no_room(site: Mailing) -> None:
    """The disk is full: nothing can be written down, so nothing is sent."""
    await site.approve()
    await site.mails(7)
    with site.full():
        before = len(site.mail.mailbox)
        await asyncio.sleep(HOUR)
        site.stood(before)


def moved(*seconds: float) -> Act:
    """The clock jumps while it is sent, and again while it is followed."""

    async def act(site: Mailing) -> None:
        await site.approve()
        await site.mails(7)
        site.mail.faults.deferred = 3
        for one in seconds:
            site.move(one)
            await asyncio.sleep(2)

    return act


def spoiled(rule: Mapping[str, Any], times: int = 2) -> Act:
    """The network spoils some messages, from the second wave on."""

    async def act(site: Mailing) -> None:
        await site.approve()
        await site.mails(7)
        site.told.spoiled += times
        await asyncio.to_thread(site.network.spoil, [{**rule, "times": times}], MESSAGES)

    return act


async def bad_gateway(site: Mailing) -> None:
    """What stands before the customers' server loses some of its answers, and says 502."""
    assert isinstance(site.post, Webhooks)
    await site.approve()
    await site.mails(7)
    site.told.spoiled += 2
    site.post.lose(2)


def and_killed(act: Act) -> Act:
    """The worker dies besides."""

    async def both(site: Mailing) -> None:
        site.kill_at(14, "worker")
        await act(site)
        await site.mails(14)

    return both


async def no_network(site: Mailing) -> None:
    """Whoever takes messages is away for an hour in the middle of it: cut off, and then nobody is there."""
    await site.approve()
    await site.mails(7)
    ends, last = asyncio.get_running_loop().time() + HOUR, 0
    while asyncio.get_running_loop().time() < ends:
        # As often as it is started again.
        pid = site.supervisor.pid("microburst")
        if pid and pid != last:
            os.kill(pid, signal.SIGKILL)
            site.told.cuts, last = site.told.cuts + 1, pid
        await asyncio.sleep(0.02)


def _by(name: str, opening: Opening, network: Mapping[str, Mapping[str, Any]]) -> list[Case]:
    """What goes wrong between us and somebody whom we cannot ask what became of a message."""
    return [
        Case(f"{name}: kill worker in a wave, twice", killed("worker", at=(9, 17)), opening=opening),
        Case(f"{name}: kill all in a wave", killed("worker", "server", "temporal"), opening=opening),
        Case(f"{name}: killed in a wave, twice", killed("microburst", at=(9, 17)), opening=opening),
        Case(f"{name}: away for an hour", no_network, opening=opening),
        *(Case(f"{name}: {what}", spoiled(rule), opening=opening) for what, rule in network.items()),
    ]


def _points() -> list[Case]:
    found = []
    places: tuple[tuple[str, int], ...] = (
        ("announced.before", 2),
        ("announced.commit", 2),
        ("announced.after", 2),
        ("told.before", 2),
        ("told.commit", 2),
        ("told.after", 3),
        ("reminded.after", 1),
    )
    deeds: tuple[tuple[str, Deed], ...] = (("worker", "kill worker"), ("both", "kill both"))
    for point, at in places:
        for who, does in deeds:
            if who == "worker" or point in ("announced.after", "told.commit", "reminded.after"):
                fault = Fault(point=point, does=does, at=at)
                found.append(Case(f"kill {who}: {point}", approve, fault))
    return found


#: That of the short form.
SHORT = Case("kill worker: in a wave", killed("worker", at=(5,)))
CASES = (
    Case("kill worker: in a wave, twice", killed("worker", at=(9, 17))),
    Case("kill server: in a wave", killed("server")),
    Case("kill temporal: in a wave", killed("temporal")),
    Case("kill all: in a wave", killed("worker", "server", "temporal")),
    Case("kill worker: approved, not open", killed_once_approved("worker")),
    Case("kill temporal: approved, not open", killed_once_approved("temporal")),
    Case("kill all: approved, not open", killed_once_approved("worker", "server", "temporal")),
    *_points(),
    Case("mail: away for an hour", no_mail(1)),
    Case("mail: away for three hours", no_mail(3, asked=True)),
    Case("slack: away for an hour", no_slack),
    Case("slack: answers lost, worker killed", slack_without_answers),
    *(Case(f"store: {name} held", no_store(name)) for name in ("outbox", "timeline", "disclosures")),
    Case("disk: full", no_room),
    Case("clock: a day back", moved(-DAY)),
    Case("clock: three days ahead", moved(3 * DAY)),
    Case("clock: ahead, then back", moved(3 * DAY, -DAY)),
    *_by("ses", amazon, NETWORK | BODIES),
    Case("ses: answers lost, worker killed", and_killed(spoiled(BODIES["answers lost"])), opening=amazon),
    *_by("webhook", webhooks, NETWORK),
    Case("webhook: bad gateway", bad_gateway, opening=webhooks),
    Case("webhook: bad gateway, worker killed", and_killed(bad_gateway), opening=webhooks),
)


async def run(case: Case, home: Path, microburst: Path, *, count: int = 30, remind: int = 25) -> Told:
    """Run one; whatever goes wrong is a finding."""
    told = Told(case.name)
    opening, fault = case.opening, case.fault
    try:
        async with mailing(home, case.name, count=count, opening=opening, microburst=microburst, fault=fault) as site:
            told = site.told
            await site.start(remind=remind)
            await case.act(site)
            await site.quiet()
            if case.fault:
                told.kills += 1
                told.findings += [] if (home / "fired.json").exists() else ["its point was not reached"]
            site.judge()
            await site.shown()
            await site.acknowledge()
            site.record()
    except (AssertionError, FiredoorError, LookupError, OSError, TimeoutError) as error:
        told.findings.append(f"{type(error).__name__}: {error}")
    return told
