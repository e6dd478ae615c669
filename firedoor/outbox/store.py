"""The store of campaigns: one SQLite file (WAL, synchronous=FULL, mode 0600) that several processes may use.

What is in it, and what may change into what, stands in `database` and `states`; the statements in the modules beside.
All methods are quick, safe to call from several threads, and durable when they return.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from firedoor.campaign import Flow, MessageState, Standing
from firedoor.outbox import by_hand, events, measures, merged, preparing, reading, reminders, standing, steering
from firedoor.outbox.database import StoreError, connect, explained
from firedoor.outbox.feedback import Feedback
from firedoor.recipient import CampaignRow, Measure, Message, Recipient, Way
from firedoor.sqlite import transaction

__all__ = ["Outbox", "StoreError"]

P = ParamSpec("P")
T = TypeVar("T")
#: Rows of one transaction, so that a stop never waits long for the file.
PART = 1_000

Operation = Callable[Concatenate[sqlite3.Connection, P], T]


def parts(rows: Iterable[T]) -> Iterator[list[T]]:
    """Rows, some at a time."""
    every = iter(rows)
    while part := list(islice(every, PART)):
        yield part


class Outbox:
    """An open outbox."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self.path = path
        self._database = database
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file; create it where there is none. Raises `StoreError`, or `UsageError` for another file."""
        return cls(path, connect(path))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def change(self, operation: Operation[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Run a function of this package as one durable transaction. Raises `StoreError`; then nothing was changed."""
        with self._lock, explained(self.path), transaction(self._database):
            return operation(self._database, *args, **named)

    def look(self, operation: Operation[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Run a function of this package that only reads. Raises `StoreError`."""
        with self._lock, explained(self.path):
            return operation(self._database, *args, **named)

    # --- preparing ----------------------------------------------------------------------------------------------------

    def prepare(
        self,
        campaign: CampaignRow,
        recipients: Iterable[Recipient],
        first_messages: Iterable[Message],
        shared: Mapping[str, str] | None = None,
    ) -> CampaignRow:
        """Keep a campaign that is ready to be approved, in place of an unapproved one of that id.

        Messages are made by `preparing.draft`; they get their id, key and state here. Both are read once, in their
        order, a part at a time: nobody else waits for the file meanwhile. `shared` are customers who are told in the
        message of another, with that one. Raises `RefusedError` where the campaign was
        approved before with another digest, or where the incident writes to one of these contacts of the same notice
        already.
        """
        self.forget(campaign.id)
        number = self.change(preparing.begin, campaign)
        if not number:
            return self.campaign(campaign.id)
        for people in parts(recipients):
            self.change(preparing.add_recipients, number, campaign.spec.until, people)
        for messages in parts(first_messages):
            self.change(preparing.add_messages, number, messages)
        self.change(merged.keep, number, shared or {})
        return self.change(preparing.finish, number, campaign.digest)

    def forget(self, campaign: str) -> None:
        """Remove a preparation that nobody has approved; what was approved stays."""
        while self.change(preparing.forget, campaign):
            pass

    def approve(self, campaign: str, digest: str, by: str, now: float) -> CampaignRow:
        """Let it run. Asked again it changes nothing. Raises `RefusedError` where it is not what was approved."""
        return self.change(preparing.approve, campaign, digest, by, now)

    # --- looking ------------------------------------------------------------------------------------------------------

    def campaign(self, campaign: str) -> CampaignRow:
        """A campaign. Raises `UsageError` where there is none of that id."""
        return self.look(reading.campaign, campaign)

    def campaigns(self) -> list[CampaignRow]:
        """All of them, the newest first."""
        return self.look(reading.campaigns)

    def recipient(self, campaign: str, customer: str) -> Recipient:
        """A customer of a campaign. Raises `UsageError` where it is none."""
        return self.look(reading.recipient, campaign, customer)

    def recipients(
        self, campaign: str, *, after: int = -1, limit: int = 500, holding: bool | None = None
    ) -> list[Recipient]:
        """Customers of a campaign by their position, those after `after`.

        `holding`: only those for whom `until` does not hold yet (True), or does (False).
        """
        return self.look(reading.recipients, campaign, after=after, limit=limit, holding=holding)

    def messages(
        self,
        campaign: str,
        *,
        customer: str = "",
        state: MessageState | None = None,
        after: int = 0,
        limit: int = 500,
    ) -> list[Message]:
        """Messages of a campaign by their id, those after `after`."""
        return self.look(reading.messages, campaign, customer=customer, state=state, after=after, limit=limit)

    def message(self, id: int) -> Message:
        """A message by its number. Raises `UsageError` where there is none."""
        return self.look(reading.message, id)

    def standing(self, campaign: str, now: float) -> Standing:
        """Where a campaign stands, from counts that are kept: as quick for 100,000 customers as for ten."""
        return self.look(standing.standing, campaign, now)

    def tasks(self, campaign: str) -> list[Recipient]:
        """The customers whom a person has to see to."""
        return self.look(reading.tasks, campaign)

    # --- steering -----------------------------------------------------------------------------------------------------

    def steer(self, campaign: str, flow: Flow, by: str, reason: str, now: float) -> CampaignRow:
        """Pause, resume, stop, halt or end it. When it returns no message begins any more, by any sender.

        Asked again it changes nothing. Raises `RefusedError` for what cannot follow on what it is.
        """
        return self.change(steering.steer, campaign, flow, by, reason, now=now)

    def unsend(self, campaign: str, now: float) -> int:
        """Mark what a stopped or ended campaign has not sent as `unsent`, a part at a time. Returns how many."""
        count = 0
        while part := self.change(steering.unsend, campaign, now):
            count += part
        return count

    def retry_failed(self, campaign: str, by: str, reason: str, now: float, *, doubtful: bool = False) -> int:
        """Queue again what was lost for customers that nothing has reached; with `doubtful` what is in doubt, too.

        What is in doubt may have arrived: only a person may say that it is sent again. Returns how many.
        """
        return self.change(steering.retry_failed, campaign, by, reason, now, doubtful=doubtful)

    # --- what happens to messages -------------------------------------------------------------------------------------

    def acknowledge(self, campaign: str, customer: str, contact: str, now: float) -> bool:
        """The customer has read its notice and says so. False where it had said so before."""
        return self.change(events.acknowledge, campaign, customer, contact, now)

    def reach(self, campaign: str, customers: Sequence[str], by: str, reason: str, now: float) -> int:
        """A person has reached customers another way: they count as reached, and nobody has to see to them any more.

        All or none; how many were not counted so before. Raises `UsageError` with the nearest for whom the campaign
        does not have, `RefusedError` before it is approved.
        """
        if strangers := self.look(by_hand.strangers, campaign, customers):
            names, shared = self.look(by_hand.names, campaign), self.look(merged.merged, campaign)
            raise by_hand.unknown(campaign, strangers, names, shared)
        return self.change(by_hand.reach, campaign, customers, by, reason, now=now)

    def event(self, told: Feedback, now: float) -> Message | None:
        """A provider or a mail server tells what became of a message: delivered, bounced, complained of.

        It resolves doubt. A bounce queues the next way to the customer. None where no message is known that it can be
        about; the message as it is where nothing becomes of it, or what cannot follow on it (a second bounce, say).
        """
        return self.change(events.event, told, now)

    def measures(self, campaign: str, customers: Sequence[str]) -> dict[str, tuple[Measure, ...]]:
        """What was found of the credentials of these customers, each in the order of `Recipient.credentials`."""
        return self.look(measures.measures, campaign, customers)

    def measured(self, campaign: str, found: Mapping[str, Sequence[Measure]], now: float) -> int:
        """Keep what was found, by customer. A customer is remediated when all of its credentials are replaced.

        One that was found replaced before stays so. Returns how many customers have become remediated.
        """
        return self.change(measures.measured, campaign, found, now)

    def remind(
        self, campaign: str, number: int, now: float, content: Callable[[Recipient, Way], str] | None = None
    ) -> int:
        """Queue reminder `number` for those for whom `until` does not hold yet, by the way that reached them.

        `content` gives the digest of what they get; without it the sender fills it in. Asked again it queues nobody
        twice. Returns how many were queued.
        """
        count, after = 0, -1
        while True:
            part, after = self.change(reminders.remind, campaign, number, now, content=content, after=after)
            count += part
            if after < 0:
                return count
