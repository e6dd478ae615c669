"""The next way to a customer, where one was lost: the next contact, then the next channel, then a person of ours."""

import sqlite3
from collections.abc import Iterable

from firedoor.campaign import LOST, Flow, MessageState
from firedoor.outbox import reading
from firedoor.outbox.preparing import TASKS, add, draft
from firedoor.outbox.states import OVER
from firedoor.plan import Campaign
from firedoor.recipient import Way
from firedoor.words import full_stop

#: In these a message cannot reach anybody any more.
_GONE = frozenset({*LOST, MessageState.UNSENT})


def fall_back(database: sqlite3.Connection, message: int, now: float) -> None:
    """A message was lost: queue the next way to its customer; where there is none, a person has to see to it.

    Nothing follows where the customer has acknowledged or done what it was told; and no task where a person has seen to
    it already.
    """
    row = database.execute(
        """SELECT campaign.number, spec, flow, recipient.number, recipient.customer, ways, acknowledged OR remediated,
            contact, channel, version, reminder, reason FROM message
            JOIN campaign ON campaign.number = message.campaign
            JOIN recipient ON recipient.number = message.recipient WHERE message.id = ?""",
        (message,),
    ).fetchone()
    number, spec, flow, recipient, customer, ways, done, *lost, version, reminder, reason = row
    _recount(database, recipient)
    if done:
        return
    tried = _tried(database, recipient, reminder)
    every = Campaign.model_validate_json(spec).every
    way = following(reading.ways(ways), tried, lost[1] if every else "")
    if way and Flow(flow) not in OVER:
        add(database, number, [draft(customer, way, version, reminder)], now)
    elif all(state in _GONE for state in tried.values()):
        says = f"{full_stop(reason or 'It could not be reached')} No other way to this customer is left."
        query = "UPDATE recipient SET task = ? WHERE number = ? AND task = '' AND by_hand = 0"
        if database.execute(query, (says, recipient)).rowcount:
            database.execute(f"{TASKS} AND number = ?", (now, number, recipient))


def following(ways: Iterable[Way], tried: Iterable[tuple[str, str]], channel: str) -> Way | None:
    """The first way that was not tried; with `channel` only of this one, for the others were written to at once."""
    known = set(tried)
    open_ = (way for way in ways if (way.contact, way.channel) not in known)
    return next((way for way in open_ if channel in ("", way.channel)), None)


def _tried(database: sqlite3.Connection, recipient: int, reminder: int) -> dict[tuple[str, str], MessageState]:
    query = "SELECT contact, channel, state FROM message WHERE recipient = ? AND reminder = ?"
    rows = database.execute(query, (recipient, reminder))
    return {(contact, channel): MessageState(state) for contact, channel, state in rows}


def _recount(database: sqlite3.Connection, recipient: int) -> None:
    """A customer counts as reached as long as one of its messages has left us and was not lost, or for what it said."""
    database.execute(
        """UPDATE recipient SET reached = 0 WHERE number = ?1 AND reached > 0 AND acknowledged = 0 AND by_hand = 0
            AND NOT EXISTS (SELECT 1 FROM message WHERE recipient = ?1
                AND state IN ('sent', 'delivered', 'complained', 'acknowledged', 'remediated'))""",
        (recipient,),
    )
