"""Reminders: one more message to each customer for whom `until` does not hold yet."""

import json
import sqlite3
from collections.abc import Callable

from firedoor.campaign import LEFT, MessageState
from firedoor.errors import RefusedError
from firedoor.outbox import reading
from firedoor.outbox.preparing import add, draft
from firedoor.outbox.states import OVER
from firedoor.recipient import Message, Recipient, Way

#: Customers of one transaction, so that nobody waits long for the file.
PART = 500

#: The last message to a customer that has arrived, or may have.
_ARRIVED = """SELECT contact, channel FROM message WHERE recipient = (SELECT number FROM recipient WHERE campaign = ?
    AND customer = ?) AND state IN (SELECT value FROM json_each(?)) ORDER BY changed DESC, id DESC LIMIT 1"""
_MAY_HAVE = json.dumps([*LEFT, MessageState.IN_DOUBT])
_REMINDED = """SELECT 1 FROM message WHERE reminder = ? AND recipient = (SELECT number FROM recipient WHERE campaign = ?
    AND customer = ?)"""


def remind(
    database: sqlite3.Connection,
    id: str,
    number: int,
    now: float,
    *,
    content: Callable[[Recipient, Way], str] | None,
    after: int,
) -> tuple[int, int]:
    """Queue reminders for a part of the customers; how many, and after which position the next part begins (-1: none).

    A customer whom nothing has reached is not reminded: it is still being written to, or a person sees to it.
    """
    row = reading.campaign(database, id)
    if row.flow in OVER:
        raise RefusedError(f"The campaign {id} is {row.flow.value}: nobody is reminded.", changed="Nothing was queued.")
    campaign = reading.number(database, id)
    part = reading.recipients(database, id, after=after, limit=PART, holding=True)
    drafts: list[Message] = []
    for one in part:
        way = _way(database, campaign, one)
        if way and not database.execute(_REMINDED, (number, campaign, one.customer)).fetchone():
            said = content(one, way) if content else ""
            drafts.append(draft(one.customer, way, row.spec.version, number, said))
    add(database, campaign, drafts, now)
    return len(drafts), part[-1].position if len(part) == PART else -1


def _way(database: sqlite3.Connection, campaign: int, one: Recipient) -> Way | None:
    """The way by which a customer was reached last; it may have been."""
    row = database.execute(_ARRIVED, (campaign, one.customer, _MAY_HAVE)).fetchone()
    return next((way for way in one.ways if row and (way.contact, way.channel) == row), None)
