"""When a campaign halts by itself: too many of its messages did not arrive.

One bounce in a canary of ten is ten percent, and says nothing: some addresses are always stale. So a campaign halts
once it is *surely* worse than its limit: at least three messages were lost, and the share is over the limit with a
confidence of 99.5 % (the lower bound of Wilson's interval; Wilson, JASA 22, 1927). For a limit of 5 % that is 3 of the
first 10, 4 of 20, 7 of 50, 11 of 100, 68 of 1,000.
"""

import math
import sqlite3

from firedoor.campaign import Flow
from firedoor.outbox import reading, steering
from firedoor.outbox.standing import counts

#: Fewer losses never halt a campaign.
LEAST = 3
#: The quantile of the normal distribution for 99.5 %.
SURE = 2.576
SENDER = "system:outbox"


def too_many(tried: int, lost: int, percent: float) -> bool:
    """Is the share of lost messages surely over `percent`?"""
    if lost < LEAST:
        return False
    share, square = lost / tried, SURE * SURE / tried
    margin = SURE * math.sqrt(share * (1 - share) / tried + square / (4 * tried))
    return (share + square / 2 - margin) / (1 + square) > percent / 100


def judge(database: sqlite3.Connection, number: int, now: float) -> None:
    """Halt a running campaign that has lost too many. What it had lost before a person let it go on does not count."""
    id, flow, percent, tried_before, lost_before = database.execute(
        "SELECT id, flow, json_extract(spec, '$.halt'), tried, lost FROM campaign WHERE number = ?", (number,)
    ).fetchone()
    if flow != Flow.RUNNING:
        return
    tried, lost = steering.tried_and_lost(counts(database, number))
    tried, lost = tried - tried_before, lost - lost_before
    if too_many(tried, lost, percent):
        why = f"{lost} of {tried} messages did not arrive: more than the {percent} % that the runbook allows."
        why += " Look what came back: firedoor campaign show."
        steering.steer(database, id, Flow.HALTED, SENDER, why, now=now)


def halt(database: sqlite3.Connection, id: str, why: str, now: float) -> None:
    """Halt a running campaign for a reason that its sender has met."""
    if reading.campaign(database, id).flow is Flow.RUNNING:
        steering.steer(database, id, Flow.HALTED, SENDER, why, now=now)
