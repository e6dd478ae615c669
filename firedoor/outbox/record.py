"""What of the outbox the timeline does not have yet, a part at a time.

Each part is fixed in the file before it is recorded, so that whoever does it again after a crash records the same.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from firedoor.outbox import reading

#: Changes of one part.
PART = 400

_CHANGES = """SELECT change.number, message, change.intent, coalesce(intent.entry, ''), change.state, change.at,
    change.provider_id, change.reason, by, coalesce(message.customer, recipient.customer, ''), change.recipient,
    coalesce(credential.provider, ''), coalesce(found, ''), coalesce(credential.at, 0),
    CASE WHEN credential.recipient IS NULL THEN '' ELSE
        coalesce(json_extract(credentials, '$[' || credential.place || ']'), '') END
    FROM change LEFT JOIN intent ON intent.number = change.intent LEFT JOIN message ON message.id = change.message
    LEFT JOIN recipient ON recipient.number = change.recipient LEFT JOIN credential ON change.state = 'replaced'
        AND credential.recipient = change.recipient AND credential.place = change.place
    WHERE change.campaign = ? AND change.number <= ? ORDER BY change.number"""


class Head(NamedTuple):
    """What all entries of a campaign say."""

    number: int
    id: str
    incident: str
    step: str
    notice_sha256: str
    nonce: str
    drill: bool


class Row(NamedTuple):
    """A message of an intent."""

    id: int
    customer: str
    contact: str
    channel: str
    address: str
    content: str
    key: str


class Change(NamedTuple):
    """A message became `state`; with `message` 0 a customer did (`progress`); without `recipient`, too, the campaign.

    `by` is who has decided or done that, or the contact that acknowledged. What was found of a credential is `found`,
    and it is so `since` then, as far as that is told.
    """

    number: int
    message: int
    intent: int
    entry: str
    state: str
    at: float
    provider_id: str
    reason: str
    by: str
    customer: str
    recipient: int = 0
    provider: str = ""
    found: str = ""
    since: float = 0
    credential: str = ""


def head(database: sqlite3.Connection, id: str) -> Head:
    """What all entries of a campaign say."""
    query = "SELECT number, id, incident, step, notice_sha256, nonce, drill FROM campaign WHERE number = ?"
    return Head(*database.execute(query, (reading.number(database, id),)).fetchone())


# --- intents ----------------------------------------------------------------------------------------------------------


def open_intents(database: sqlite3.Connection, number: int) -> list[int]:
    """The intents that were begun, and that the timeline may not have."""
    query = "SELECT number FROM intent WHERE campaign = ? AND entry = '' ORDER BY number"
    return [row[0] for row in database.execute(query, (number,))]


def intend(database: sqlite3.Connection, number: int, ids: Iterable[int]) -> int:
    """Begin an intent over messages that wait and have none; its number, or 0 where there is no such message."""
    query = "INSERT INTO intent (campaign) VALUES (?) RETURNING number"
    intent: int = database.execute(query, (number,)).fetchone()[0]
    count = database.execute(
        """UPDATE message SET intent = ? WHERE id IN (SELECT value FROM json_each(?)) AND intent = 0
            AND state = 'queued'""",
        (intent, json.dumps(list(ids))),
    ).rowcount
    if count <= 0:
        database.execute("DELETE FROM intent WHERE number = ?", (intent,))
        return 0
    return intent


def intended(database: sqlite3.Connection, intent: int) -> list[Row]:
    """The messages of an intent."""
    # The second condition is that of the index: without it all messages are read.
    query = """SELECT id, customer, contact, channel, address, content, key FROM message WHERE intent = ?
        AND intent > 0 ORDER BY id"""
    return [Row(*row) for row in database.execute(query, (intent,))]


def recorded(database: sqlite3.Connection, intent: int, entry: str) -> None:
    """The timeline has an intent: from now on its messages may be sent."""
    database.execute("UPDATE intent SET entry = ? WHERE number = ?", (entry, intent))


# --- changes ----------------------------------------------------------------------------------------------------------


def take(database: sqlite3.Connection, number: int) -> Sequence[Change]:
    """The next part of the changes that the timeline does not have; the one that was begun and not finished first."""
    last = _begun(database, number) or _begin(database, number)
    return [Change(*row) for row in database.execute(_CHANGES, (number, last))]


def told(database: sqlite3.Connection, number: int, last: int) -> None:
    """The timeline has these changes."""
    database.execute("DELETE FROM change WHERE campaign = ? AND number <= ?", (number, last))


def untold(database: sqlite3.Connection, id: str) -> bool:
    """Is there something of a campaign that the timeline does not have?"""
    query = "SELECT EXISTS (SELECT 1 FROM change WHERE campaign = ?)"
    return bool(database.execute(query, (reading.number(database, id),)).fetchone()[0])


def behind(database: sqlite3.Connection, since: float, now: float) -> list[str]:
    """The campaigns of which the timeline lacks something that happened at `since` or earlier.

    What is later than `now` was written by a clock that has been set back since, and counts too.
    """
    query = """SELECT id FROM campaign WHERE EXISTS (SELECT 1 FROM change WHERE change.campaign = campaign.number
        AND (at <= ? OR at > ?))"""
    return [row[0] for row in database.execute(query, (since, now))]


def _begun(database: sqlite3.Connection, number: int) -> int:
    query = """SELECT telling FROM campaign WHERE number = ?1 AND EXISTS
        (SELECT 1 FROM change WHERE change.campaign = ?1 AND change.number <= telling)"""
    row = database.execute(query, (number,)).fetchone()
    return int(row[0]) if row else 0


def _begin(database: sqlite3.Connection, number: int) -> int:
    query = "SELECT max(number) FROM (SELECT number FROM change WHERE campaign = ? ORDER BY number LIMIT ?)"
    last = database.execute(query, (number, PART)).fetchone()[0] or 0
    if last:
        database.execute("UPDATE campaign SET telling = ? WHERE number = ?", (last, number))
    return int(last)
