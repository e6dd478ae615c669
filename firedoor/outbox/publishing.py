"""The outbox tells the timeline: what is going to be sent before it is, and every change after it.

Sender, server and command line may all do it, at once or one after the other's death: what is recorded twice is one
entry. Recipients, and what providers say of them, are salted digests there; the values can be erased.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from firedoor.campaign import LOST, Flow, MessageState
from firedoor.outbox import progress, record
from firedoor.outbox.progress import shared
from firedoor.outbox.record import Change, Head, Row
from firedoor.outbox.store import Outbox
from firedoor.timeline.disclosures import Disclosures, Value
from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.store import Timeline

#: Messages of one intent. With the longest names an entry of them stays under its 65,535 bytes.
MOST = 250
#: Bytes of the items of one entry of outcomes at most, by a count that is never too small.
BYTES = 50_000
SENDER = {"kind": "system", "id": "outbox"}

_DECIDED = {
    Flow.RUNNING.value: "The campaign sends",
    Flow.PAUSED.value: "The campaign was paused",
    Flow.HALTED.value: "The campaign halted by itself",
    Flow.STOPPED.value: "The campaign was stopped for good",
    Flow.ENDED.value: "The campaign has ended",
    "retried": "Messages are tried again",
}


@dataclass(frozen=True, slots=True)
class Publisher:
    """Carries what is in the outbox to the timeline. Safe to be used by several threads and processes."""

    outbox: Outbox
    timeline: Timeline
    disclosures: Disclosures

    def intend(self, campaign: str, ids: Sequence[int]) -> None:
        """Record that these messages are going to be sent; when it returns they may be.

        Raises `TimelineError`, `DisclosureError`, `StoreError`: then none of those whose intent is missing may be sent.
        """
        head = self.outbox.look(record.head, campaign)
        for left in self.outbox.look(record.open_intents, head.number):
            self._record_intent(head, left)
        for start in range(0, len(ids), MOST):
            intent = self.outbox.change(record.intend, head.number, ids[start : start + MOST])
            if intent:
                self._record_intent(head, intent)

    def tell(self, campaign: str) -> int:
        """Record every change that is not in the timeline yet, in order. Returns how many entries that were.

        Raises `TimelineError`, `DisclosureError`, `StoreError`; what is missing is recorded by whoever comes next.
        """
        head = self.outbox.look(record.head, campaign)
        count = 0
        while part := self.outbox.change(record.take, head.number):
            drafts = list(self._drafts(head, part))
            self.timeline.append(drafts)
            self.outbox.change(record.told, head.number, part[-1].number)
            count += len(drafts)
        return count

    def _record_intent(self, head: Head, intent: int) -> None:
        rows = self.outbox.look(record.intended, intent)
        idem = f"outbox/{head.nonce}/{head.id}/intent/{intent}"
        values = [Value(row.customer, "recipient", _recipient(row)) for row in rows]
        digests = self.disclosures.seal_all(values, name=idem)
        items = [_intended(row, digest) for row, digest in zip(rows, digests, strict=True)]
        body = {
            "actor": SENDER,
            **shared(head, "campaign.send"),
            "notice_sha256": head.notice_sha256,
            "messages": items,
            "say": f"{_messages(len(items))} may be sent from now on.",
        }
        [receipt] = self.timeline.append([Draft(Kind.NOTIFICATION_INTENT, head.incident, idem, body)])
        self.outbox.change(record.recorded, intent, receipt.id)

    def _drafts(self, head: Head, part: Sequence[Change]) -> Iterator[Draft]:
        """The entries of a part: a decision is one; what happened to messages between two, one for each intent.

        What happened to customers comes after that, together.
        """
        for decision, run in groupby(part, lambda change: not (change.message or change.recipient)):
            changes = list(run)
            if decision:
                yield from (_decided(head, change) for change in changes)
            else:
                yield from self._outcomes(head, [change for change in changes if change.message])
                own = [change for change in changes if change.recipient]
                yield from progress.drafts(head, own, self.disclosures)

    def _outcomes(self, head: Head, run: Iterable[Change]) -> Iterator[Draft]:
        of_intents: dict[int, dict[int, list[Change]]] = {}
        for change in run:
            of_intents.setdefault(change.intent, {}).setdefault(change.message, []).append(change)
        for messages in of_intents.values():
            for own in _sized(messages.values()):
                yield self._outcome(head, own)

    def _outcome(self, head: Head, own: Sequence[Sequence[Change]]) -> Draft:
        idem = f"outbox/{head.nonce}/{head.id}/change/{own[0][0].number}"
        last = [changes[-1] for changes in own if changes[-1].reason or changes[-1].provider_id]
        values = [Value(change.customer, "outcome", _said(change)) for change in last]
        digests = self.disclosures.seal_all(values, name=idem) if values else []
        said = {change.message: digest for change, digest in zip(last, digests, strict=True)}
        items = [_item(changes, said.get(changes[0].message, "")) for changes in own]
        counts = Counter(changes[-1].state for changes in own)
        body = {
            "actor": SENDER,
            **shared(head, "campaign.send"),
            "result": {"status": _status(counts), "counts": dict(counts)},
            "messages": items,
            "say": f"{', '.join(f'{count} {_word(state)}' for state, count in sorted(counts.items()))}.",
        }
        return Draft(Kind.NOTIFICATION_OUTCOME, head.incident, idem, body, ref=own[0][0].entry)


def _recipient(row: Row) -> dict[str, str]:
    """Who it is to. The key of the message is made of that: whoever guesses the one has the other."""
    return {"customer": row.customer, "contact": row.contact, "address": row.address, "key": row.key}


def _intended(row: Row, digest: str) -> dict[str, Any]:
    return {"row": row.id, "channel": row.channel, "content": row.content, "_sd": [digest]}


def _said(change: Change) -> dict[str, str]:
    """What a provider has said, and its name for the message: Slack's begins with the channel of the customer."""
    every = {"provider_id": change.provider_id, "reason": change.reason}
    return {name: value for name, value in every.items() if value}


def _item(changes: Sequence[Change], said: str) -> dict[str, Any]:
    """What happened to one message, each with its time in milliseconds since the epoch."""
    item: dict[str, Any] = {
        "row": changes[0].message,
        "went": [[change.state, round(change.at * 1000)] for change in changes],
    }
    if said:
        item["_sd"] = [said]
    return item


def _sized(messages: Iterable[Sequence[Change]]) -> Iterator[Sequence[Sequence[Change]]]:
    """Messages in parts that fit into an entry."""
    own: list[Sequence[Change]] = []
    size = 0
    for changes in messages:
        more = 120 + 40 * len(changes)
        if own and size + more > BYTES:
            yield own
            own, size = [], 0
        own.append(changes)
        size += more
    if own:
        yield own


def _decided(head: Head, change: Change) -> Draft:
    person = change.by.startswith("user:")
    body = {
        "actor": {"kind": "human" if person else "system", "id": change.by or "outbox"},
        **shared(head, "campaign.send"),
        "decision": change.state,
        "reason": change.reason,
        "at": round(change.at * 1000),
        "say": f"{_DECIDED.get(change.state, change.state)}: {change.reason or 'no reason was given'}.",
    }
    idem = f"outbox/{head.nonce}/{head.id}/decision/{change.number}"
    return Draft(Kind.DECISION, head.incident, idem, body)


def _status(counts: Counter[str]) -> str:
    """What is not known makes the entry one that a person has to look at; so does nothing but losses."""
    if counts[MessageState.IN_DOUBT]:
        return "unknown"
    return "failed" if all(state in LOST for state in counts) else "ok"


def _word(state: str) -> str:
    return state.replace("_", " ")


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"
