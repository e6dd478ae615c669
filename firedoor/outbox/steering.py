"""What people, and the campaign itself, decide about it: run, pause, halt, stop, end, try again."""

import json
import sqlite3

from firedoor.campaign import LOST, Flow, MessageState
from firedoor.errors import RefusedError
from firedoor.outbox import reading
from firedoor.outbox.standing import counts
from firedoor.outbox.states import FLOWS, OVER
from firedoor.recipient import CampaignRow

#: Messages that are marked in one transaction, so that nobody waits long for the file.
PART = 5_000

_DECIDED = """INSERT INTO change (campaign, message, intent, state, at, provider_id, reason, by)
    VALUES (?, 0, 0, ?, ?, '', ?, ?)"""
#: What is tried again: lost, and the customer has nothing else, there or on its way. Of several ways the first; where
#: one is in doubt, and that is asked for, that one: the others are known to be lost. Who was erased has no address.
_RETRIED = """SELECT coalesce(min(CASE state WHEN 'in_doubt' THEN id END), min(id))
    FROM message WHERE campaign = ? AND state IN (SELECT value FROM json_each(?))
    AND address != ''
    AND NOT EXISTS (SELECT 1 FROM message AS other WHERE other.recipient = message.recipient
        AND other.state IN ('queued', 'sending'))
    AND EXISTS (SELECT 1 FROM recipient WHERE number = message.recipient
        AND reached = 0 AND acknowledged = 0 AND remediated = 0)
    GROUP BY recipient, reminder, CASE WHEN ? THEN channel END"""


def steer(database: sqlite3.Connection, id: str, flow: Flow, by: str, reason: str, *, now: float) -> CampaignRow:
    """Change the flow. From the end of this transaction on nobody begins a message that the flow does not allow."""
    row = reading.campaign(database, id)
    if row.flow is flow:
        return row
    if flow not in FLOWS[row.flow]:
        raise RefusedError(
            f"The campaign {id} is {row.flow.value} and cannot become {flow.value}.",
            changed="Nothing was changed.",
            next="What was stopped stays stopped: prepare a new step for those who were not reached."
            if row.flow in OVER
            else "",
        )
    if row.flow is Flow.PREPARED and flow is Flow.RUNNING and not row.began:
        raise RefusedError(
            f"The campaign {id} has not been approved: nobody can resume what nobody has agreed to.",
            changed="Nothing was changed.",
            next="Its step in the incident asks for the approval: firedoor show, then firedoor approve.",
        )
    number = reading.number(database, id)
    database.execute(
        "UPDATE campaign SET flow = ?, flow_by = ?, flow_reason = ?, waits = '' WHERE number = ?",
        (flow.value, by, reason, number),
    )
    if row.flow is Flow.HALTED and flow is Flow.RUNNING:
        tried, lost = tried_and_lost(counts(database, number))
        database.execute("UPDATE campaign SET tried = ?, lost = ? WHERE number = ?", (tried, lost, number))
    database.execute(_DECIDED, (number, flow.value, now, reason, by))
    return reading.campaign(database, id)


def tried_and_lost(by_state: dict[str, int]) -> tuple[int, int]:
    """Of how many messages it is known what became of them, and how many of these were lost."""
    waiting = (MessageState.QUEUED, MessageState.SENDING, MessageState.UNSENT, MessageState.IN_DOUBT)
    tried = sum(count for state, count in by_state.items() if state not in waiting)
    return tried, sum(by_state.get(state, 0) for state in LOST)


def unsend(database: sqlite3.Connection, id: str, now: float) -> int:
    """Mark a part of what a campaign that is over has not sent."""
    row = reading.campaign(database, id)
    if row.flow not in OVER:
        return 0
    return database.execute(
        """UPDATE message SET state = 'unsent', changed = ?, reason = ? WHERE id IN
            (SELECT id FROM message WHERE campaign = ? AND state = 'queued' LIMIT ?)""",
        (now, f"The campaign was {row.flow.value} before its turn.", reading.number(database, id), PART),
    ).rowcount


def retry_failed(database: sqlite3.Connection, id: str, by: str, reason: str, now: float, *, doubtful: bool) -> int:
    """Queue again what was lost; with `doubtful` what is in doubt, too. It gets a new intent."""
    row = reading.campaign(database, id)
    if row.flow in OVER or row.flow is Flow.PREPARED:
        raise RefusedError(f"The campaign {id} is {row.flow.value}: it sends nothing.", changed="Nothing was queued.")
    number = reading.number(database, id)
    states = json.dumps([*LOST, *((MessageState.IN_DOUBT,) if doubtful else ())])
    again = [one[0] for one in database.execute(_RETRIED, (number, states, row.spec.every))]
    database.executemany(
        "UPDATE message SET state = 'queued', due = 0, attempts = 0, intent = 0, changed = ?, reason = ? WHERE id = ?",
        ((now, f"{by} has it tried again.", one) for one in again),
    )
    database.executemany(
        "UPDATE recipient SET task = '' WHERE number = (SELECT recipient FROM message WHERE id = ?)",
        ((one,) for one in again),
    )
    # What is tried again may be lost again, and then counts.
    tried, lost = tried_and_lost(counts(database, number))
    query = "UPDATE campaign SET tried = min(tried, ?), lost = min(lost, ?) WHERE number = ?"
    database.execute(query, (tried, lost, number))
    database.execute(
        _DECIDED,
        (
            number,
            "retried",
            now,
            f"{len(again)} {'message is' if len(again) == 1 else 'messages are'} tried again: {reason}",
            by,
        ),
    )
    return len(again)


def waits(database: sqlite3.Connection, id: str, why: str) -> None:
    """Say why the messages of a running campaign wait; empty: they do not any more."""
    database.execute("UPDATE campaign SET waits = ? WHERE id = ? AND waits != ?", (why, id, why))
