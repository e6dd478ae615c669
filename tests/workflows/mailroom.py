"""Doubles of a campaign's activities, under their names: a store in memory, and customers who do as a test says."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from firedoor.campaign import (
    CampaignInput,
    Flow,
    Preparation,
    PrepareCall,
    Remaining,
    Sample,
    Standing,
    Steer,
    Work,
)
from firedoor.canonical import digest_of

#: Seconds until a test gives up.
PATIENCE = 30
OVER = frozenset({Flow.STOPPED, Flow.ENDED})


@dataclass
class Mailroom:
    """Who was written to, and when. `letters` has one for each message, in order: (customer, reminder)."""

    customers: list[str] = field(default_factory=lambda: ["acme", "globex", "initech"])
    #: What is written; changing it makes it another campaign than the one that was approved.
    text: str = "rotate your keys"
    flow: Flow = Flow.PREPARED
    digest: str = ""
    campaign: str = ""
    reason: str = ""
    letters: list[tuple[str, int]] = field(default_factory=list)
    #: Who has replaced its keys.
    rotated: set[str] = field(default_factory=set)
    #: What was asked, in order: `send 2`, `remind 1`, `steer paused`.
    asked: list[str] = field(default_factory=list)
    #: How many messages had left when it was measured.
    measured: list[int] = field(default_factory=list)
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    #: Of what is left, what could not be looked at.
    unseen: dict[str, int] = field(default_factory=dict[str, int])
    #: Called before each message with how many have left: a test steers here, or lets something bounce.
    before: Callable[[int], None] = lambda _: None
    #: Reasons of failures to come, by activity.
    failures: dict[str, list[str]] = field(default_factory=dict)
    queued: list[tuple[str, int]] = field(default_factory=list)
    #: Seconds for which the next sends put off what is left.
    put_off: list[float] = field(default_factory=list)

    def set(self, flow: Flow, reason: str = "") -> None:
        """What the command line writes into the store."""
        self.flow, self.reason = flow, reason

    def standing(self, wait: float = 0) -> Standing:
        """As the store counts."""
        told = {name for name, _ in self.letters}
        return Standing(
            campaign=self.campaign,
            flow=self.flow,
            reason=self.reason,
            customers=len(self.customers),
            written=len(told),
            reached=len(told),
            remediated=len(self.rotated),
            holding=len(set(self.customers) - self.rotated),
            queued=len(self.queued),
            wait=wait,
        )

    async def sent(self, count: int) -> None:
        """Wait until so many messages have left. Raises `TimeoutError`."""
        async with asyncio.timeout(PATIENCE):
            while len(self.letters) < count:
                await asyncio.sleep(0.02)

    def activities(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        names = ("prepare", "open", "send", "measure", "remind", "look", "close", "steer", "remaining")
        return [getattr(self, f"_{name}") for name in names]

    def _fail(self, name: str) -> None:
        if due := self.failures.get(name):
            raise ApplicationError(due.pop(0), type="refused", non_retryable=True)

    @activity.defn(name="campaign.prepare")
    async def _prepare(self, call: PrepareCall) -> Preparation:
        self.asked.append("prepare" if call.store else "preview")
        self._fail("prepare")
        digest = digest_of([self.text, self.customers, call.values])
        self.campaign = call.campaign
        if call.store:
            self.digest, self.queued = digest, [(name, 0) for name in self.customers]
        count = len(self.customers)
        letter = Sample(to=f"{count} customers (confirmed, en)", subject="Your keys", text=self.text)
        return Preparation(
            digest=digest,
            customers=count,
            channels={"email": count},
            samples=(letter,),
            problems=self.problems,
            warnings=self.warnings,
        )

    @activity.defn(name="campaign.open")
    async def _open(self, start: CampaignInput) -> Standing:
        self._fail("open")
        assert start.digest == self.digest
        self.asked.append(f"open by {', '.join(start.approved)}")
        self.flow = Flow.RUNNING
        return self.standing()

    @activity.defn(name="campaign.send")
    async def _send(self, work: Work) -> Standing:
        self.asked.append(f"send {work.upto}")
        self._fail("send")
        places = {name: place for place, name in enumerate(self.customers)}
        if self.put_off:
            return self.standing(self.put_off.pop(0))
        for letter in [one for one in self.queued if places[one[0]] < work.upto]:
            self.before(len(self.letters))
            if self.flow is not Flow.RUNNING:
                break
            self.queued.remove(letter)
            self.letters.append(letter)
        return self.standing()

    @activity.defn(name="campaign.measure")
    async def _measure(self, work: Work) -> Standing:
        self.measured.append(len(self.letters))
        self._fail("measure")
        return self.standing()

    @activity.defn(name="campaign.remind")
    async def _remind(self, work: Work) -> Standing:
        self.asked.append(f"remind {work.number}")
        self.queued += [(name, work.number) for name in self.customers if name not in self.rotated]
        return self.standing()

    @activity.defn(name="campaign.look")
    async def _look(self, work: Work) -> Standing:
        return self.standing()

    @activity.defn(name="campaign.close")
    async def _close(self, work: Work) -> Standing:
        self.asked.append("close")
        if self.flow not in OVER:
            self.flow = Flow.ENDED
        return self.standing().model_copy(update={"unseen": self.unseen})

    @activity.defn(name="campaign.steer")
    async def _steer(self, steer: Steer) -> Standing:
        self.asked.append(f"steer {steer.flow.value} by {steer.by}")
        if self.flow in OVER:
            raise ApplicationError("it is over", type="refused", non_retryable=True)
        self.set(steer.flow, steer.reason)
        return self.standing()

    @activity.defn(name="campaign.remaining")
    async def _remaining(self, work: Work) -> list[Remaining]:
        left = [name for name in self.customers if name not in self.rotated]
        return [Remaining(customer=name, provider="openai", name=name, since="2026-11-29T10:00:00Z") for name in left]


#: That of the scene which is recorded.
ROOM = Mailroom()
