"""What a sender does with messages: it finds what is due, claims one, and writes down what became of it.

A claim is atomic with the flow of the campaign: once a stop has been stored, no claim succeeds any more.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from firedoor.campaign import LEFT, LOST, Flow, MessageState
from firedoor.outbox import halting, reading
from firedoor.outbox.judging import judge
from firedoor.outbox.reading import letters
from firedoor.outbox.ways import fall_back

__all__ = ["Due", "Outcome", "catch_up", "due", "fill", "flow", "letters", "next_due", "postpone", "sending", "settle"]

# What many lanes hand over is one statement, not one for each message: Python gives other threads their turn at every
# statement and every row, and a transaction that waits for its turn again holds up all lanes.
_FREE = """SELECT json_group_array(id) FROM message WHERE id IN (SELECT value FROM json_each(?1))
    AND state = 'queued' AND intent > 0 AND due <= ?2
    AND EXISTS (SELECT 1 FROM campaign WHERE number = message.campaign AND flow = 'running')"""
_CLAIM = """UPDATE message SET state = 'sending', attempts = attempts + 1, changed = ?2
    WHERE id IN (SELECT value FROM json_each(?1)) AND state = 'queued'"""
_BEGUN = """SELECT json_group_array(id) FROM message WHERE id IN (SELECT value FROM json_each(?1))
    AND state = 'sending'"""
_SENT = """UPDATE message SET state = 'sent', changed = ?2, provider_id = json_extract(one.value, '$[1]'), reason = '',
    due = 0 FROM json_each(?1) AS one WHERE message.id = json_extract(one.value, '$[0]') AND state = 'sending'"""
_ALL_REACHED = """UPDATE recipient SET written = 1, reached = iif(reached, reached, ?2)
    WHERE number IN (SELECT recipient FROM message WHERE id IN (SELECT value FROM json_each(?1)))"""
_JUDGED = """SELECT json_group_array(recipient) FROM message JOIN campaign ON campaign.number = message.campaign
    WHERE message.id IN (SELECT value FROM json_each(?1)) AND instr(spec, 'customer.reached')"""
_SETTLE = """UPDATE message SET state = ?, changed = ?, provider_id = ?, reason = ?, due = ?, attempts = attempts - ?
    WHERE id = ? AND state = 'sending' RETURNING recipient, campaign"""
#: What a provider has told meanwhile says more than its first answer, which still has the name.
_NAME = "UPDATE message SET provider_id = ? WHERE id = ? AND provider_id = ''"
#: Whether `until` asks for it too: only then has the customer to be judged again.
_REACHED = """UPDATE recipient SET written = 1, reached = iif(reached, reached, ?) WHERE number = ? RETURNING
    (SELECT instr(spec, 'customer.reached') FROM campaign WHERE number = recipient.campaign)"""


class Due(NamedTuple):
    """A message that waits to be sent: its number, its channel, where it goes."""

    id: int
    channel: str
    address: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message that was `sending`. `queued` again: it was not sent, and is due at `due`."""

    id: int
    state: MessageState
    provider_id: str = ""
    reason: str = ""
    due: float = 0
    untried: bool = False
    """It does not count as an attempt."""


def due(database: sqlite3.Connection, id: str, upto: int, now: float) -> list[Due]:
    """What may be sent now to the first `upto` customers, by position."""
    query = """SELECT id, channel, address FROM message INDEXED BY message_due WHERE campaign = ? AND state = 'queued'
        AND due <= ? AND position < ? ORDER BY position, id"""
    return [Due(*row) for row in database.execute(query, (reading.number(database, id), now, upto))]


def next_due(database: sqlite3.Connection, id: str, upto: int) -> float | None:
    """When the next message to one of the first `upto` customers is due; None where none waits."""
    query = "SELECT min(due) FROM message WHERE campaign = ? AND state = 'queued' AND position < ?"
    row = database.execute(query, (reading.number(database, id), upto)).fetchone()
    return None if row[0] is None else float(row[0])


def sending(database: sqlite3.Connection, id: str) -> list[int]:
    """The messages that a sender had begun."""
    query = "SELECT id FROM message WHERE campaign = ? AND state = 'sending' ORDER BY id"
    return [row[0] for row in database.execute(query, (reading.number(database, id),))]


def settle(
    database: sqlite3.Connection, outcomes: Iterable[Outcome], claims: Iterable[Sequence[int]], now: float
) -> list[list[int]]:
    """Write down outcomes, then claim. Of each group of claims returns those that are the caller's to send now.

    Where too much was lost the campaign halts before the claims, which then fail.
    """
    sent, other = list[Outcome](), list[Outcome]()
    for one in outcomes:
        (sent if one == Outcome(one.id, MessageState.SENT, one.provider_id) else other).append(one)
    lost = {_settle(database, outcome, now) for outcome in [*other, *_settle_sent(database, sent, now)]}
    for campaign in lost - {0}:
        halting.judge(database, campaign, now)
    return _claim(database, list(claims), now)


def _claim(database: sqlite3.Connection, groups: Sequence[Sequence[int]], now: float) -> list[list[int]]:
    wanted = [one for group in groups for one in group]
    free = set(_ids(database, _FREE, wanted, now)) if wanted else set[int]()
    if free:
        database.execute(_CLAIM, (json.dumps(list(free)), now))
    claimed: list[list[int]] = []
    for group in groups:
        claimed.append([one for one in dict.fromkeys(group) if one in free])
        # Whoever asks for the same message after that does not get it.
        free.difference_update(group)
    return claimed


def _settle_sent(database: sqlite3.Connection, outcomes: Sequence[Outcome], now: float) -> list[Outcome]:
    """Write down what has plainly been sent; returns those that were overtaken by an event and are none of these."""
    if not outcomes:
        return []
    begun = set(_ids(database, _BEGUN, [one.id for one in outcomes]))
    database.execute(_SENT, (json.dumps([(one.id, one.provider_id) for one in outcomes if one.id in begun]), now))
    database.execute(_ALL_REACHED, (json.dumps(list(begun)), now))
    for recipient in _ids(database, _JUDGED, list(begun)):
        judge(database, recipient, now)
    return [one for one in outcomes if one.id not in begun]


def _ids(database: sqlite3.Connection, query: str, of: Sequence[int], *values: float) -> list[int]:
    found: list[int] = json.loads(database.execute(query, (json.dumps(of), *values)).fetchone()[0])
    return found


def _settle(database: sqlite3.Connection, outcome: Outcome, now: float) -> int:
    """Write down an outcome; the number of the campaign that has lost a message by it, else 0."""
    values = (outcome.state.value, now, outcome.provider_id, outcome.reason, outcome.due, outcome.untried, outcome.id)
    row = database.execute(_SETTLE, values).fetchone()
    if row is None:
        if outcome.provider_id:
            database.execute(_NAME, (outcome.provider_id, outcome.id))
        return 0
    if outcome.state is MessageState.QUEUED:
        return 0
    reached = now if outcome.state in LEFT else 0
    if database.execute(_REACHED, (reached, row[0])).fetchone()[0]:
        judge(database, row[0], now)
    if outcome.state not in LOST:
        return 0
    fall_back(database, outcome.id, now)
    return int(row[1])


def postpone(database: sqlite3.Connection, ids: Iterable[int], due: float, now: float) -> None:
    """Put off messages that nobody has begun."""
    query = "UPDATE message SET due = ?, changed = ? WHERE id = ? AND state = 'queued'"
    database.executemany(query, ((due, now, one) for one in ids))


def fill(database: sqlite3.Connection, contents: Iterable[tuple[int, str]]) -> None:
    """Store the digests of what messages say that were queued without: other contacts of a customer, reminders."""
    query = "UPDATE message SET content = ? WHERE id = ? AND content = ''"
    database.executemany(query, ((content, one) for one, content in contents))


def catch_up(database: sqlite3.Connection, id: str, now: float) -> None:
    """Do not wait for a time that was set by a clock which has been set back since: it may be days away."""
    query = """UPDATE message SET due = ?2, changed = ?2 WHERE campaign = ?1 AND state = 'queued' AND due > ?2
        AND changed > ?2"""
    database.execute(query, (reading.number(database, id), now))


def flow(database: sqlite3.Connection, id: str) -> Flow:
    """May a campaign send? Asked several times a second."""
    return Flow(database.execute("SELECT flow FROM campaign WHERE id = ?", (id,)).fetchone()[0])
