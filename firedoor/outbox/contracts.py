"""Which customers of a campaign have hours in their contracts, and how many were reached within them."""

import sqlite3
from datetime import UTC, datetime

from firedoor.campaign import Flow
from firedoor.clock import ContractGroup

HOUR = 3600
_GROUPS = """SELECT hours, count(*), sum(reached > 0), sum(reached > ? + hours * ?), max(reached)
    FROM recipient JOIN campaign ON campaign.number = recipient.campaign
    WHERE campaign.id = ? AND flow != ? AND hours > 0 GROUP BY hours ORDER BY hours"""


def begun(database: sqlite3.Connection, id: str) -> bool:
    """Is the campaign approved, so that its customers stay who they are?"""
    row = database.execute("SELECT flow FROM campaign WHERE id = ?", (id,)).fetchone()
    return row is not None and row[0] != Flow.PREPARED


def groups(database: sqlite3.Connection, id: str, start: float) -> tuple[ContractGroup, ...]:
    """The customers by their hours, which began at `start` (seconds since the epoch); fewest hours first."""
    rows = database.execute(_GROUPS, (start, HOUR, id, Flow.PREPARED))
    return tuple(
        ContractGroup(hours=hours, customers=count, reached=reached, late=late, last=_rfc3339(last) if reached else "")
        for hours, count, reached, late, last in rows
    )


def _rfc3339(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
