"""What is told of messages after they have left: by providers, and by their readers."""

import sqlite3

from firedoor.campaign import LOST, MessageState
from firedoor.errors import UsageError
from firedoor.outbox import reading
from firedoor.outbox.states import NEXT
from firedoor.outbox.until import Case, held
from firedoor.outbox.ways import fall_back
from firedoor.plan import Campaign
from firedoor.recipient import Message

_REACHED = "UPDATE recipient SET written = 1, reached = max(reached, ?) WHERE number = (SELECT recipient FROM message WHERE id = ?)"
#: What a reader can have before it: all that may have arrived.
_READ = "'sending', 'sent', 'delivered', 'bounced', 'complained', 'in_doubt'"
#: What a provider can tell of a message; anything else only its sender knows.
TOLD = frozenset({MessageState.SENT, MessageState.DELIVERED, MessageState.BOUNCED, MessageState.COMPLAINED})


def event(
    database: sqlite3.Connection, *, key: str, provider_id: str, state: MessageState, reason: str, now: float
) -> Message | None:
    """A provider tells what became of a message."""
    if state not in TOLD:
        raise UsageError(f"No provider can say that a message is {state.value}.", changed="Nothing was changed.")
    row = database.execute(
        """SELECT id FROM message WHERE (key = ?1 AND ?1 != '') OR (provider_id = ?2 AND ?2 != '')
            ORDER BY key = ?1 DESC LIMIT 1""",
        (key, provider_id),
    ).fetchone()
    if row is None:
        return None
    before = reading.message(database, row[0])
    if state not in NEXT[before.state]:
        return before
    database.execute(
        "UPDATE message SET state = ?, changed = ?, reason = ?, provider_id = CASE provider_id WHEN '' THEN ? ELSE"
        " provider_id END WHERE id = ?",
        (state.value, now, reason, provider_id, before.id),
    )
    database.execute(_REACHED, (0 if state in LOST else now, before.id))
    if state in LOST:
        fall_back(database, before.id, now)
    judge(database, before.id, now)
    return reading.message(database, before.id)


def acknowledge(database: sqlite3.Connection, id: str, customer: str, contact: str, now: float) -> bool:
    """A customer says that it has read its notice. What it would still get by another way is not sent."""
    recipient = reading.recipient(database, id, customer)
    number = reading.number(database, id)
    key = (number, customer)
    row = database.execute("SELECT number FROM recipient WHERE campaign = ? AND customer = ?", key).fetchone()
    database.execute(
        f"UPDATE message SET state = 'acknowledged', changed = ? WHERE recipient = ? AND contact = ? AND state IN ({_READ})",
        (now, row[0], contact),
    )
    if recipient.acknowledged:
        return False
    database.execute(
        "UPDATE recipient SET acknowledged = ?1, reached = max(reached, ?1), written = 1, task = '' WHERE number = ?2",
        (now, row[0]),
    )
    every = Campaign.model_validate_json(
        database.execute("SELECT spec FROM campaign WHERE number = ?", (number,)).fetchone()[0]
    ).every
    if not every:
        _unsend(database, row[0], "reminder = 0", "The customer has acknowledged it by another way.", now)
    _judge(database, row[0], now)
    return True


def judge(database: sqlite3.Connection, message: int, now: float) -> None:
    """Is the customer of a message still waited for?"""
    row = database.execute("SELECT recipient FROM message WHERE id = ?", (message,)).fetchone()
    _judge(database, row[0], now)


def _judge(database: sqlite3.Connection, recipient: int, now: float) -> None:
    until, exposure, cohort, *done = database.execute(
        """SELECT coalesce(json_extract(spec, '$.until'), ''), exposure, cohort, reached > 0, acknowledged > 0,
            remediated > 0 FROM recipient JOIN campaign ON campaign.number = recipient.campaign
            WHERE recipient.number = ?""",
        (recipient,),
    ).fetchone()
    reached, acknowledged, remediated = map(bool, done)
    case = Case(exposure, cohort, reached=reached, acknowledged=acknowledged, remediated=remediated)
    holding = held(until, case)
    query = "UPDATE recipient SET holding = ? WHERE number = ? AND holding != ?"
    database.execute(query, (holding, recipient, holding))
    if until and not holding:
        _unsend(database, recipient, "reminder > 0", "The customer need not be reminded any more.", now)


def _unsend(database: sqlite3.Connection, recipient: int, which: str, why: str, now: float) -> None:
    database.execute(
        f"UPDATE message SET state = 'unsent', changed = ?, reason = ? WHERE recipient = ? AND state = 'queued' AND {which}",
        (now, why, recipient),
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
    _judge(database, recipient, now)
    return True

