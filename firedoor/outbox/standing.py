"""Where a campaign stands: read from the counts that the database keeps."""

import sqlite3
from collections import defaultdict

from firedoor.campaign import Flow, Goal, MessageState, Standing, Tally
from firedoor.outbox import reading
from firedoor.outbox.states import OVER


def counts(database: sqlite3.Connection, number: int) -> dict[str, int]:
    """How many messages of a campaign are in each state."""
    query = "SELECT name, count FROM counter WHERE campaign = ? AND what = 'state' AND count != 0"
    return dict(database.execute(query, (number,)))


def standing(database: sqlite3.Connection, id: str, now: float) -> Standing:
    """The standing of a campaign. Some thousand counters at most are read, however many customers it has."""
    number = reading.number(database, id)
    kept: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for what, name, count in database.execute("SELECT what, name, count FROM counter WHERE campaign = ?", (number,)):
        kept[what][name] = count
    query = "SELECT flow, flow_by, flow_reason, waits, json_extract(spec, '$.until') FROM campaign WHERE number = ?"
    flow, by, reason, waits, until = database.execute(query, (number,)).fetchone()
    messages = {state: count for state, count in kept["state"].items() if count}
    said = f"{reason} ({by})" if reason and by else reason
    return Standing(
        campaign=id,
        flow=Flow(flow),
        reason=waits if flow == Flow.RUNNING else said,
        customers=sum(kept["total"].values()),
        written=kept["written"].get("", 0),
        reached=sum(kept["reached"].values()),
        by_hand=kept["by_hand"].get("", 0),
        acknowledged=sum(kept["acknowledged"].values()),
        remediated=sum(kept["remediated"].values()),
        holding=kept["holding"].get("", 0),
        nobody=kept["nobody"].get("", 0),
        tasks=kept["task"].get("", 0),
        messages=messages,
        cohorts=_tallies(kept, "total", ""),
        providers=_tallies(kept, "provider", "provider."),
        queued=messages.get(MessageState.QUEUED, 0),
        wait=0 if flow in OVER else _wait(database, number, now),
        goal=Goal.of(until or ""),
    )


def _tallies(kept: defaultdict[str, dict[str, int]], total: str, before: str) -> dict[str, Tally]:
    return {
        name: Tally(
            total=count,
            reached=kept[f"{before}reached"].get(name, 0),
            acknowledged=kept[f"{before}acknowledged"].get(name, 0),
            remediated=kept[f"{before}remediated"].get(name, 0),
        )
        for name, count in sorted(kept[total].items())
    }


def _wait(database: sqlite3.Connection, number: int, now: float) -> float:
    """Seconds until the next message may be sent; 0 where there is none."""
    query = "SELECT min(due) FROM message WHERE campaign = ? AND state = 'queued'"
    due = database.execute(query, (number,)).fetchone()[0]
    return max(0.0, due - now) if due else 0.0
