"""Is a customer still waited for? Judged anew whenever something happens to it."""

import sqlite3

from firedoor.outbox.until import Case, held


def judge(database: sqlite3.Connection, recipient: int, now: float) -> None:
    """Keep whether `until` holds for a customer. Whoever is not waited for any more is not reminded."""
    until, exposure, cohort, *done = database.execute(
        """SELECT coalesce(json_extract(spec, '$.until'), ''), exposure, cohort, reached > 0, acknowledged > 0,
            remediated > 0 FROM recipient JOIN campaign ON campaign.number = recipient.campaign
            WHERE recipient.number = ?""",
        (recipient,),
    ).fetchone()
    reached, acknowledged, remediated = map(bool, done)
    case = Case(exposure, cohort, reached=reached, acknowledged=acknowledged, remediated=remediated)
    holding = held(until, case)
    query = "UPDATE recipient SET holding = ?1 WHERE number = ?2 AND holding != ?1"
    database.execute(query, (holding, recipient))
    if until and not holding:
        unsend(database, recipient, 1, "The customer need not be reminded any more.", now)


def unsend(database: sqlite3.Connection, recipient: int, reminder: int, why: str, now: float) -> None:
    """What still waits for a customer is not sent: its notice (0), or its reminders (1)."""
    database.execute(
        """UPDATE message SET state = 'unsent', changed = ?, reason = ? WHERE recipient = ? AND state = 'queued'
            AND min(reminder, 1) = ?""",
        (now, why, recipient, reminder),
    )
