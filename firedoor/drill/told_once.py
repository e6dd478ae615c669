"""Was every customer told, once? The outbox's rows, held against what came: mails in the mailbox, messages in Slack."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from firedoor.campaign import LEFT, MessageState
from firedoor.drill.clientele import Client
from firedoor.drill.mailbox import Mailbox
from firedoor.drill.slack.local import LocalSlack
from firedoor.outbox.store import Outbox
from firedoor.recipient import CampaignRow, Message, Recipient
from firedoor.words import plural

PAGE: Final = 5_000
#: The part of a Message-ID that is the key of a row.
KEY: Final = re.compile(r"<([^@>]+)@")


@dataclass(frozen=True, slots=True)
class Sent:
    """All rows of all campaigns, and what came by key."""

    rows: tuple[Message, ...]
    campaigns: tuple[CampaignRow, ...]
    came: Counter[str]

    def of(self, *states: MessageState) -> list[Message]:
        """The rows in one of these states."""
        return [one for one in self.rows if one.state in states]

    def doubts(self) -> Iterator[str]:
        """What speaks against it, in sentences."""
        keys = Counter(one.key for one in self.rows)
        twice = [key for key, count in self.came.items() if count > 1]
        left = {one.key for one in self.of(*LEFT)}
        doubtful = {one.key for one in self.of(MessageState.IN_DOUBT)}
        complained = {one.key for one in self.of(MessageState.COMPLAINED)}
        if len(keys) != len(self.rows):
            yield f"{plural(len(self.rows) - len(keys), 'rows')} have the key of another."
        if twice:
            yield f"{plural(len(twice), 'messages')} came twice, {twice[0]} among them."
        if lost := left - self.came.keys():
            yield f"{plural(len(lost), 'messages')} called sent never came, {min(lost)} among them."
        if odd := self.came.keys() - left - doubtful - complained:
            yield f"{plural(len(odd), 'messages')} came and are not called sent, {min(odd)} among them."
        if waiting := self.of(MessageState.QUEUED, MessageState.SENDING):
            yield f"{plural(len(waiting), 'messages')} were not sent."

    def facts(self) -> Iterator[tuple[str, str]]:
        """What was counted."""
        channels = Counter(one.channel for one in self.rows if one.key in self.came)
        by = ", ".join(f"{count:,} by {channel}" for channel, count in sorted(channels.items()))
        yield "messages", f"{sum(self.came.values()):,} came, {len(self.came):,} different ones: {by}"
        yield "told twice", f"{sum(count > 1 for count in self.came.values()):,}"
        yield "in doubt", f"{len(self.of(MessageState.IN_DOUBT)):,}"
        bounced = self.of(MessageState.BOUNCED, MessageState.FAILED)
        yield "did not arrive", f"{len(bounced):,}, and the next contact or channel was tried"
        reminders = Counter(one.reminder for one in self.rows if one.reminder and one.key in self.came)
        said = ", ".join(f"{count:,} the {_ordinal(number)} time" for number, count in sorted(reminders.items()))
        yield "reminded", said or "nobody"


def sent(outbox: Outbox, mailbox: Mailbox, slack: LocalSlack | None, clients: Sequence[Client]) -> Sent:
    """Read both sides."""
    campaigns = tuple(outbox.campaigns())
    rows = tuple(row for campaign in campaigns for row in _rows(outbox, campaign.id))
    came = Counter(_key(mail.parts.get("Message-ID", "")) for mail in mailbox.mails())
    if slack is not None:
        with slack.workspace.lock:
            for client in clients:
                for message in slack.workspace.messages(client.channel) if client.channel else ():
                    payload = (message.metadata or {}).get("event_payload") or {}
                    came[str(payload.get("key", ""))] += 1
    return Sent(rows, campaigns, came)


def _rows(outbox: Outbox, campaign: str) -> Iterator[Message]:
    after = 0
    while page := outbox.messages(campaign, after=after, limit=PAGE):
        yield from page
        after = page[-1].id


def customers_of(outbox: Outbox, campaign: str) -> Iterator[Recipient]:
    """All customers of a campaign, as they stand."""
    after = -1
    while page := outbox.recipients(campaign, after=after, limit=PAGE):
        yield from page
        after = page[-1].position


def _key(message_id: str) -> str:
    found = KEY.match(message_id.strip())
    return found[1] if found else message_id


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
