"""Campaigns for the front doors: where they stand, and how they are steered: store, then timeline, then Temporal.

A stop takes effect when the store has it, for every sender looks there before each message. Telling the timeline and
waking the campaign's workflow come after; where one of them is away it is said, and made up for later by whoever comes.
"""

import asyncio
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from temporalio.service import RPCError, RPCStatusCode

from firedoor.campaign import Flow, MessageState, Standing
from firedoor.config import Settings
from firedoor.engine.connection import connect
from firedoor.errors import FiredoorError, UsageError
from firedoor.incident import Responder
from firedoor.names import named
from firedoor.outbox import by_hand, merged, reading
from firedoor.outbox.publishing import Publisher
from firedoor.outbox.store import Outbox
from firedoor.recipient import CampaignRow, Loss, Message, Recipient
from firedoor.timeline.disclosures import Disclosures
from firedoor.timeline.store import Timeline

#: The signal that makes a campaign's workflow look into the store.
WAKE = "look"
#: So many changes are told to the timeline in a second; nobody who has stopped a campaign waits for more.
FEW = 5_000
NONE = "No campaign has been prepared here."


@dataclass(frozen=True, slots=True)
class Steered:
    """What came of steering: where the campaign stands, and what could not be told to whom, as sentences."""

    standing: Standing
    behind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is shown of one campaign. `slowest` are some of those who are waited for, `tasks` need a person."""

    row: CampaignRow
    standing: Standing
    slowest: tuple[Recipient, ...] = ()
    tasks: tuple[Recipient, ...] = ()
    doubts: tuple[Message, ...] = ()
    losses: tuple[Loss, ...] = ()
    #: Why it is not known of credentials whether they are replaced, and of how many.
    unseen: tuple[tuple[str, int], ...] = ()

    def cut(self, most: int) -> "Picture":
        """The same with shorter lists."""
        lists = {name: getattr(self, name)[:most] for name in ("slowest", "tasks", "doubts", "losses", "unseen")}
        return replace(self, **lists)


@dataclass(frozen=True, slots=True)
class Told:
    """One customer of a campaign, and what became of its messages, the first of them first.

    `asked` is who was looked for: another name than the recipient's where it is told in that one's message. `others`
    are all of whom that is so.
    """

    asked: str
    recipient: Recipient
    messages: tuple[Message, ...]
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Campaigns:
    """The campaigns of one installation."""

    settings: Settings
    outbox: Outbox

    @classmethod
    @contextmanager
    def open(cls, settings: Settings) -> Generator["Campaigns"]:
        """Open the store, where the worker keeps it. Raises `UsageError` where there is none yet, `StoreError`."""
        if not settings.outbox_path.exists():
            raise UsageError(NONE, next="A runbook has them as steps: docs/how-to/campaigns.md.")
        with Outbox.open(settings.outbox_path) as outbox:
            yield cls(settings, outbox)

    def all(self) -> list[tuple[CampaignRow, Standing]]:
        """Every campaign, the newest first."""
        now = time.time()
        return [(row, self.outbox.standing(row.id, now)) for row in self.outbox.campaigns()]

    def find(self, text: str) -> str:
        """The id of the campaign that `text` names: its id, INCIDENT.STEP, or a part that only one begins or ends with.

        An incident stands for its campaign where it has one only. Raises `UsageError` with those that there are.
        """
        rows = self.outbox.campaigns()
        own = [row.id for row in rows if row.incident == text or row.incident.endswith(f"-{text}")]
        if len(own) == 1:
            return own[0]
        known: Mapping[str, str] = {row.id: "" for row in rows}
        hint = "firedoor campaign list shows them."
        return named(text, known, nowhere=f"There is no campaign {text!r}", otherwise=hint, noun="campaigns")

    def picture(self, campaign: str, most: int) -> Picture:
        """One campaign; at most so many of each list."""
        return Picture(
            row=self.outbox.campaign(campaign),
            standing=self.outbox.standing(campaign, time.time()),
            slowest=tuple(self.outbox.look(reading.slowest, campaign, most)),
            tasks=tuple(self.outbox.tasks(campaign)[:most]),
            doubts=tuple(self.outbox.messages(campaign, state=MessageState.IN_DOUBT, limit=most)),
            losses=tuple(self.outbox.look(reading.losses, campaign, most)) if most else (),
            unseen=tuple(self.outbox.look(reading.unseen, campaign, most)) if most else (),
        )

    def told(self, campaign: str, customer: str) -> Told:
        """One customer of a campaign. Raises `UsageError` with the nearest where it has none of that name."""
        shared = self.outbox.look(merged.merged, campaign)
        name = shared.get(customer, customer)
        try:
            recipient = self.outbox.recipient(campaign, name)
        except UsageError:
            near = by_hand.meant(customer, self.outbox.look(by_hand.names, campaign), {})
            what = f"The campaign {campaign} has no customer {customer!r}{near}."
            hint = f"firedoor customers show {customer} says whether there is one."
            raise UsageError(what, next=hint) from None
        others = tuple(other for other, first in shared.items() if first == name)
        return Told(customer, recipient, tuple(self.outbox.messages(campaign, customer=name)), others)

    async def steer(self, campaign: str, flow: Flow, by: Responder, reason: str) -> Steered:
        """Pause, resume or stop; then nothing begins that this does not allow, whoever else is away.

        Raises `UsageError` for a stop without a reason, `RefusedError` for what cannot follow on what it is, and
        `StoreError`; then nothing was changed.
        """
        if flow is Flow.STOPPED and not reason.strip():
            what = "A stop needs a reason: it is for good, and the timeline keeps why."
            raise UsageError(what, changed="Nothing was changed.", next="Say why it is stopped.")
        await asyncio.to_thread(self.outbox.steer, campaign, flow, by.principal, reason, time.time())
        return await self._steered(campaign)

    async def retry_failed(self, campaign: str, by: Responder, reason: str, *, doubtful: bool) -> tuple[int, Steered]:
        """Queue again what was lost; with `doubtful` what may have arrived. Returns how many. Raises as `steer`."""
        count = await asyncio.to_thread(
            self.outbox.retry_failed, campaign, by.principal, reason, time.time(), doubtful=doubtful
        )
        return count, await self._steered(campaign)

    async def reached(self, campaign: str, customers: Sequence[str], by: Responder, reason: str) -> tuple[int, Steered]:
        """Count customers as reached by hand: somebody has telephoned them, say. How many were not counted so before.

        Raises `UsageError` without a reason, and with the nearest name for a customer that the campaign does not have;
        `RefusedError` before it is approved, `StoreError`. Then nothing was changed.
        """
        if not reason.strip():
            what = "Who was reached, and how? The timeline keeps it as the proof."
            raise UsageError(what, changed="Nothing was changed.", next="Say it, as in: telephoned Ada, their CISO.")
        count = await asyncio.to_thread(
            self.outbox.reach, campaign, customers, by.principal, reason.strip(), time.time()
        )
        return count, await self._steered(campaign)

    async def spread(self, campaign: str) -> tuple[str, ...]:
        """Have timeline and workflow learn what the store has; sentences of what they will only learn later."""
        late = [await asyncio.to_thread(self._tell, campaign), await wake(self.settings, campaign)]
        return tuple(sentence for sentence in late if sentence)

    async def _steered(self, campaign: str) -> Steered:
        late = [await asyncio.to_thread(self._tell, campaign), await wake(self.settings, campaign)]
        # What a stop leaves unsent its sender marks; none may be there, now or ever.
        unsent = await asyncio.to_thread(self.outbox.unsend, campaign, time.time())
        if unsent > FEW:
            late.append(f"That {unsent:,} messages are unsent the worker or firedoor serve tells the timeline.")
        elif unsent:
            late[0] = await asyncio.to_thread(self._tell, campaign)
        standing = await asyncio.to_thread(self.outbox.standing, campaign, time.time())
        return Steered(standing, tuple(sentence for sentence in late if sentence))

    def _tell(self, campaign: str) -> str:
        """Tell the timeline; empty, or why it will only learn of it later."""
        try:
            with ExitStack() as stack:
                settings = self.settings
                timeline = Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log)
                stack.callback(timeline.close)
                disclosures = stack.enter_context(Disclosures.open(settings.disclosures_path))
                Publisher(self.outbox, timeline, disclosures).tell(campaign)
        except FiredoorError as error:
            return f"It is not in the timeline yet, and will be as soon as that can be written: {error.what}"
        return ""


async def wake(settings: Settings, campaign: str) -> str:
    """Have the campaign's workflow look into the store now; empty, or why it will only do so later."""
    try:
        client = await connect(settings)
        await client.get_workflow_handle(campaign).signal(WAKE)
    except FiredoorError as error:
        return f"Temporal does not answer, so the incident shows it later: {error.what}"
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return ""
        return f"Temporal does not answer, so the incident shows it later: {error.message}."
    return ""
