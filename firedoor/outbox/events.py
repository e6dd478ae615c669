"""What is told of messages after they have left: by providers, and by their readers."""

import json
import sqlite3
from dataclasses import astuple

from firedoor.campaign import LOST, MessageState
from firedoor.errors import UsageError
from firedoor.outbox import halting, reading
from firedoor.outbox.feedback import Feedback, canonical
from firedoor.outbox.judging import judge, unsend
from firedoor.outbox.states import NEXT
from firedoor.outbox.ways import fall_back
from firedoor.recipient import Message

_ACKNOWLEDGED = """INSERT INTO change (campaign, message, recipient, intent, state, at, provider_id, reason, by)
    VALUES (?, 0, ?, 0, 'acknowledged', ?, '', '', ?)"""
#: The first time counts: contracts ask when a customer was reached, and reminders come later.
_REACHED = "UPDATE recipient SET written = 1, reached = iif(reached, reached, ?) WHERE number = ?"
_DONE = """UPDATE recipient SET acknowledged = ?1, reached = iif(reached, reached, ?1), written = 1, task = ''
    WHERE number = ?2"""
#: What has left us for a contact has been read. Of what may have left us that is only sure where nothing else has; what
#: came back was not it.
_READ = """UPDATE message SET state = 'acknowledged', changed = ?1 WHERE recipient = ?2 AND contact = ?3 AND
    (state IN ('sent', 'delivered', 'complained') OR state IN ('sending', 'in_doubt') AND NOT EXISTS
        (SELECT 1 FROM message AS other WHERE other.recipient = ?2 AND other.contact = ?3
            AND other.state IN ('sent', 'delivered', 'complained', 'acknowledged', 'remediated')))"""
#: What a provider can tell of a message; anything else only its sender knows.
TOLD = frozenset({MessageState.SENT, MessageState.DELIVERED, MessageState.BOUNCED, MessageState.COMPLAINED})


def event(database: sqlite3.Connection, told: Feedback, now: float) -> Message | None:
    """A provider or a mail server tells what became of a message."""
    if told.state not in {*TOLD, None}:
        raise UsageError(f"No provider can say that a message is {told.state}.", changed="Nothing was changed.")
    row = database.execute(
        """SELECT id, recipient, campaign FROM message WHERE (key = ?1 AND ?1 != '') OR (provider_id = ?2 AND ?2 != '')
            ORDER BY key = ?1 DESC LIMIT 1""",
        (told.key, told.provider_id),
    ).fetchone()
    before = reading.message(database, row[0]) if row else None
    if before is None or not _meant(before, told):
        return None
    if told.state is None or told.state not in NEXT[before.state]:
        return before
    database.execute(
        "UPDATE message SET state = ?, changed = ?, reason = ?, provider_id = CASE provider_id WHEN '' THEN ? ELSE"
        " provider_id END WHERE id = ?",
        (told.state.value, now, told.reason, told.provider_id, before.id),
    )
    database.execute(_REACHED, (0 if told.state in LOST else now, row[1]))
    if told.state in LOST:
        fall_back(database, before.id, now)
        halting.judge(database, row[2], now)
    judge(database, row[1], now)
    return reading.message(database, before.id)


def _meant(message: Message, told: Feedback) -> bool:
    return told.channel in {"", message.channel} and (not told.to or canonical(message.address) in told.to)


def acknowledge(database: sqlite3.Connection, id: str, customer: str, contact: str, now: float) -> bool:
    """A customer says that it has read its notice. What it would still get by another way is not sent."""
    recipient = reading.recipient(database, id, customer)
    number = reading.number(database, id)
    key = (number, customer)
    row = database.execute("SELECT number FROM recipient WHERE campaign = ? AND customer = ?", key).fetchone()
    database.execute(_READ, (now, row[0], contact))
    if recipient.acknowledged:
        return False
    database.execute(_DONE, (now, row[0]))
    database.execute(_ACKNOWLEDGED, (number, row[0], now, contact))
    if not reading.campaign(database, id).spec.every:
        unsend(database, row[0], 0, "The customer has acknowledged it by another way.", now)
    judge(database, row[0], now)
    return True


def unsubscribe(database: sqlite3.Connection, id: str, customer: str, contact: str, now: float) -> None:
    """A contact wants no more of an informational campaign: what waits for it is not sent, and it is not reminded."""
    number, recipient = reading.number(database, id), reading.recipient(database, id, customer)
    left = json.dumps([[*astuple(way)] for way in recipient.ways if way.contact != contact])
    key = (number, customer)
    database.execute("UPDATE recipient SET ways = ? WHERE campaign = ? AND customer = ?", (left, *key))
    database.execute(
        """UPDATE message SET state = 'unsent', changed = ?, reason = 'It was unsubscribed.' WHERE state = 'queued'
            AND campaign = ? AND contact = ? AND recipient =
            (SELECT number FROM recipient WHERE recipient.campaign = message.campaign AND customer = ?)""",
        (now, number, contact, customer),
    )


def replaced_all(database: sqlite3.Connection, recipient: int, now: float) -> bool:
    """All credentials of a customer are replaced: it is remediated, and so are its messages that have left us."""
    changed = database.execute(
        """UPDATE recipient SET remediated = ?1, task = '' WHERE number = ?2 AND remediated = 0
            AND EXISTS (SELECT 1 FROM credential WHERE recipient = ?2)
            AND NOT EXISTS (SELECT 1 FROM credential WHERE recipient = ?2 AND replaced = 0)""",
        (now, recipient),
    ).rowcount
    if not changed:
        return False
    database.execute(
        "UPDATE message SET state = 'remediated', changed = ? WHERE recipient = ?"
        " AND state IN ('sent', 'delivered', 'acknowledged')",
        (now, recipient),
    )
    judge(database, recipient, now)
    return True
