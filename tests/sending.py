"""A campaign that can be sent: real stores, a notice of one line, and a transport that behaves as it is told.

The transport is in this process and follows the contract of `activities.transports`: it keeps what has arrived, as a
server does, and can lose the answer, refuse, stall, or be broken.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from activities.campaigns.letters import Letters
from activities.campaigns.send import Bench, send
from activities.transports._transport import DoubtError, Letter, Receipt, Transport, TransportError
from firedoor.campaign import Flow, Standing, Work
from firedoor.notices.rendered import Rendered
from firedoor.outbox.preparing import draft
from firedoor.outbox.publishing import Publisher
from firedoor.outbox.store import Outbox
from firedoor.plan import Campaign
from firedoor.recipient import CampaignRow, Message, Recipient, Way
from firedoor.timeline.disclosures import Disclosures
from firedoor.timeline.entry import Entry
from firedoor.timeline.store import Timeline
from tests.campaigning import CAMPAIGN, DIGEST, PREPARED, recipient

INCIDENT = CAMPAIGN.rpartition(".")[0]
Answer = Receipt | TransportError


@dataclass
class OneLine:
    """A notice of one line. `says` can be changed, as somebody may who edits a notice after it was approved."""

    says: str = "Your keys are exposed"

    def compose(self, recipient: Recipient, way: Way, reminder: int = 0) -> Rendered:
        """What a reader gets."""
        return Rendered(f"{self.says}, {recipient.name}", f"{way.contact} {reminder}", "", "")


@dataclass
class Post:
    """A transport in this process. `answers` decides by the letter; without an answer it arrives."""

    answers: Callable[[Letter], Answer | None] = lambda _: None
    before: Callable[[Letter], Any] | None = None
    lanes: int = 4
    batch: int = 1
    limits: Callable[[str], Sequence[tuple[str, float]]] = lambda _: ()
    can_look: bool = False
    arrived: Counter[str] = field(default_factory=Counter[str])
    at: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    calls: list[int] = field(default_factory=list[int])
    on_the_way: int = 0
    most: int = 0

    def pace(self, address: str) -> Sequence[tuple[str, float]]:
        """The limits of an address."""
        return self.limits(address)

    async def send(self, letters: Sequence[Letter]) -> Sequence[Answer]:
        """Take letters."""
        self.calls.append(len(letters))
        self.on_the_way += 1
        self.most = max(self.most, self.on_the_way)
        try:
            return [await self._take(letter) for letter in letters]
        finally:
            self.on_the_way -= 1

    async def _take(self, letter: Letter) -> Answer:
        if self.before is not None:
            await self.before(letter)
        else:
            await asyncio.sleep(0)
        answer = self.answers(letter) or Receipt(f"id-{letter.key}")
        if isinstance(answer, Receipt | DoubtError):
            self.arrived[letter.key] += 1
            self.at.append((asyncio.get_running_loop().time(), letter.address))
        return answer

    async def find(self, letter: Letter) -> Receipt | None:
        """Look for a letter, where it can."""
        if not self.can_look:
            raise DoubtError("No server tells.")
        return Receipt(f"id-{letter.key}") if self.arrived[letter.key] else None

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Desk:
    """The stores of one campaign, and its sender."""

    outbox: Outbox
    timeline: Timeline
    disclosures: Disclosures
    composer: OneLine = field(default_factory=OneLine)
    clock: Callable[[], float] = lambda: PREPARED + 120

    @property
    def publisher(self) -> Publisher:
        """What tells the timeline."""
        return Publisher(self.outbox, self.timeline, self.disclosures)

    @property
    def row(self) -> CampaignRow:
        """The campaign."""
        return self.outbox.campaign(CAMPAIGN)

    def prepare(
        self,
        people: Sequence[Recipient],
        *,
        approved: bool = True,
        shared: Mapping[str, str] | None = None,
        **spec: Any,
    ) -> CampaignRow:
        """Keep a campaign for these customers; `shared` are told in the messages of others."""
        values = {"notice": "provider-keys-exposed", "until": "customer.remediated", "canary": 0, **spec}
        row = CampaignRow(
            id=CAMPAIGN,
            incident=INCIDENT,
            step="notify",
            spec=Campaign.model_validate(values),
            values={},
            notice_sha256="e" * 64,
            digest=DIGEST,
            flow=Flow.PREPARED,
        )
        self.outbox.prepare(row, people, self._first(row, people), shared)
        return self.outbox.approve(CAMPAIGN, DIGEST, "user:ada", PREPARED + 60) if approved else row

    def _first(self, row: CampaignRow, people: Sequence[Recipient]) -> Iterator[Message]:
        for one in people:
            known = set[str]()
            for way in one.ways if row.spec.every else one.ways[:1]:
                if way.channel not in known:
                    known.add(way.channel)
                    content = self.composer.compose(one, way).digest()
                    yield draft(one.customer, way, row.spec.version, content=content)

    async def send(self, transports: Mapping[str, Transport], upto: int = 10**9) -> Standing:
        """Send what is due."""
        work = Work(campaign=CAMPAIGN, incident=INCIDENT, step="notify", digest=DIGEST, upto=upto)
        bench = Bench(self.outbox, self.publisher, transports, clock=self.clock)
        return await send(work, Letters(self.row, self.composer), bench)

    def entries(self, kind: str = "") -> list[Entry]:
        """What the timeline says of the incident."""
        every = [stored.entry for stored in self.timeline.entries(incident=INCIDENT)]
        return [entry for entry in every if kind in ("", entry.kind)]

    def told(self) -> dict[int, list[str]]:
        """By message, the states that the timeline has of it, in order."""
        found: dict[int, list[str]] = {}
        for entry in self.entries("notification.outcome"):
            for item in entry.body["messages"]:
                found.setdefault(item["row"], []).extend(state for state, _ in item["went"])
        return found


@contextmanager
def desk(home: Path) -> Generator[Desk]:
    """Open the stores in a folder."""
    with (
        Outbox.open(home / "outbox.sqlite") as outbox,
        Timeline.open(home / "timeline.sqlite", home / "timeline.key", "test.example/timeline") as timeline,
        Disclosures.open(home / "disclosures.sqlite") as disclosures,
    ):
        yield Desk(outbox, timeline, disclosures)


def people(count: int, *channels: str, contacts: Sequence[str] = ("security",)) -> list[Recipient]:
    """Customers, each with these contacts by each of the channels (email where none is given)."""
    found: list[Recipient] = []
    for number in range(count):
        ways = tuple(
            Way(
                contact, "Ada", channel, f"{contact}{number}@customer{number}.example" if channel == "email" else "C0AB"
            )
            for channel in channels or ("email",)
            for contact in contacts
        )
        found.append(recipient(f"customer-{number}", number, ways=ways))
    return found
