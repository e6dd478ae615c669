"""What is written into the store of deliveries, and read from it: functions on its database.

`Deliveries.change` runs one of them as a transaction, `Deliveries.look` one that only reads.
"""

import json
import secrets
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from firedoor.alerts import Alert
from firedoor.deliveries.delivery import HANDLED, Added, Batch, Delivery, Hit, Matched, NewDelivery, State, rfc3339

#: `max_starts` counts over this time.
HOUR = timedelta(hours=1)

_LIST = """SELECT id, door, source, key, received_at, state, title, incidents, reason, against, attempts, seen,
    handled_at FROM delivery"""
_WHOLE = _LIST.replace("handled_at", "handled_at, headers, body")
_NEWEST = "WHERE state IN (SELECT value FROM json_each(?)) ORDER BY id DESC LIMIT ?"
_HITS = """SELECT hit.delivery, number, runbook, incident, inputs, alert, received_at, batch, hit.state, hit.reason
    FROM hit JOIN delivery ON delivery.id = hit.delivery"""
_INSERT = """INSERT INTO delivery (id, door, source, key, received_at, headers, body) VALUES (?,?,?,?,?,?,?)
    ON CONFLICT (door, key) DO UPDATE SET seen = seen + 1 RETURNING id"""
#: A delivery is where its hits are; what a person has to look at comes first.
_SETTLE = """
    UPDATE delivery SET
        state = CASE WHEN failed != '' THEN 'dead' ELSE
            (SELECT CASE
                WHEN max(state = 'dead') THEN 'dead' WHEN max(state = 'held') THEN 'held'
                WHEN max(state = 'started') THEN 'started' WHEN max(state = 'joined') THEN 'joined'
                WHEN max(state = 'known') THEN 'known' ELSE 'ignored' END
            FROM hit WHERE hit.delivery = delivery.id) END,
        incidents = (SELECT coalesce(group_concat(DISTINCT incident), '') FROM hit
            WHERE hit.delivery = delivery.id AND state IN ('started', 'joined', 'known')),
        reason = (SELECT coalesce(group_concat(said, char(10)), '') FROM
            (SELECT delivery.failed AS said WHERE delivery.failed != ''
            UNION SELECT hit.reason FROM hit WHERE hit.delivery = delivery.id AND hit.reason != '')),
        handled_at = ?
    WHERE state = 'received' AND matched = 1
        AND NOT EXISTS (SELECT 1 FROM hit WHERE hit.delivery = delivery.id AND hit.state = 'received')
        AND id IN (SELECT value FROM json_each(?))
"""
_PART = """SELECT delivery, number, runbook FROM hit WHERE batch = ? AND batch != '' AND +state = 'received'
    ORDER BY delivery LIMIT ?"""
#: Hits that are settled in one transaction, so that the door need not wait long for its own.
PART = 1_000


def add(database: sqlite3.Connection, news: Iterable[tuple[str, str, NewDelivery]]) -> list[Added]:
    """Store deliveries, each with its id and the time; one that is there already is only counted."""
    added: list[Added] = []
    for name, now, new in news:
        row = (name, new.door, new.source, new.key, now, json.dumps(dict(new.headers)), new.body)
        stored = database.execute(_INSERT, row).fetchone()[0]
        added.append(Added(stored, stored != name))
    return added


def listed(database: sqlite3.Connection, states: Collection[State] = (), limit: int = 50) -> list[Delivery]:
    """Deliveries without their bodies, the newest first; of all states where none is given."""
    wanted = json.dumps([state.value for state in states or State])
    return [_delivery(row) for row in database.execute(f"{_LIST} {_NEWEST}", (wanted, limit))]


def whole(database: sqlite3.Connection, name: str) -> Delivery | None:
    """A delivery with headers and body."""
    row = database.execute(_WHOLE + " WHERE id = ?", (name,)).fetchone()
    return _delivery(row) if row else None


def named(database: sqlite3.Connection, text: str) -> list[str]:
    """The ids that begin or end with a text."""
    query = "SELECT id FROM delivery WHERE substr(id, 1, ?1) = ?2 OR substr(id, -?1) = ?2 ORDER BY id DESC LIMIT 10"
    return [row[0] for row in database.execute(query, (len(text), text))]


def hits(database: sqlite3.Connection, name: str) -> list[Hit]:
    """The hits of a delivery."""
    return [_hit(row) for row in database.execute(_HITS + " WHERE hit.delivery = ? ORDER BY number, runbook", (name,))]


def counts(database: sqlite3.Connection) -> dict[State, int]:
    """How many deliveries there are in each state."""
    found = dict(database.execute("SELECT state, count(*) FROM delivery GROUP BY state"))
    return {state: found.get(state.value, 0) for state in State}


def backlog(database: sqlite3.Connection) -> tuple[int, str]:
    """How many deliveries wait to be dealt with, and since when the oldest of them (empty without any)."""
    query = "SELECT count(*), coalesce(min(received_at), '') FROM delivery WHERE state = 'received'"
    count, oldest = database.execute(query).fetchone()
    return count, oldest


def received(database: sqlite3.Connection, names: Sequence[str]) -> int:
    """How many of these deliveries still wait."""
    query = "SELECT count(*) FROM delivery WHERE state = 'received' AND id IN (SELECT value FROM json_each(?))"
    return int(database.execute(query, (json.dumps(list(names)),)).fetchone()[0])


# --- matching ---------------------------------------------------------------------------------------------------------


def unmatched(database: sqlite3.Connection, limit: int) -> list[Delivery]:
    """The oldest deliveries that nobody has parsed and matched yet."""
    rows = database.execute(_WHOLE + " WHERE state = 'received' AND matched = 0 ORDER BY id LIMIT ?", (limit,))
    return [_delivery(row) for row in rows]


def record(database: sqlite3.Connection, found: Sequence[Matched], now: datetime) -> None:
    """Keep what deliveries were found to say. A hit that is there from an earlier attempt stays as it is."""
    for one in found:
        database.executemany(
            "INSERT OR IGNORE INTO hit (delivery, number, runbook, incident, inputs, alert, alert_id)"
            " VALUES (?,?,?,?,?,?,?)",
            [_row(hit) for hit in one.hits],
        )
        hits = database.execute("SELECT EXISTS (SELECT 1 FROM hit WHERE delivery = ?)", (one.delivery,)).fetchone()[0]
        state = State.RECEIVED if hits else State.DEAD if one.failed else State.IGNORED
        database.execute(
            "UPDATE delivery SET matched = 1, attempts = attempts + 1, title = ?, state = ?, reason = ?, against = ?,"
            " failed = ?, handled_at = ? WHERE id = ? AND state = 'received' AND matched = 0",
            (
                one.title,
                state.value,
                "" if hits else one.failed or one.reason,
                one.against,
                one.failed,
                "" if hits else rfc3339(now),
                one.delivery,
            ),
        )
        if hits:
            # All of them may be there from an earlier attempt, and dealt with.
            database.execute(_SETTLE, (rfc3339(now), json.dumps([one.delivery])))


def reopen(database: sqlite3.Connection, names: Collection[str]) -> int:
    """Have deliveries parsed and matched again; what of them is in an incident stays there. Returns how many."""
    wanted = json.dumps(list(names))
    database.execute(
        "DELETE FROM hit WHERE state IN ('dead', 'held', 'ignored', 'known') AND delivery IN"
        " (SELECT id FROM delivery WHERE state != 'received' AND id IN (SELECT value FROM json_each(?)))",
        (wanted,),
    )
    return database.execute(
        "UPDATE delivery SET state = 'received', matched = 0, reason = '', failed = '', handled_at = ''"
        " WHERE state != 'received' AND id IN (SELECT value FROM json_each(?))",
        (wanted,),
    ).rowcount


def dismiss(database: sqlite3.Connection, names: Collection[str], by: str, now: datetime) -> int:
    """Let nobody wait any more for what is dead or held; what of it is in an incident stays there. Returns how many."""
    wanted = json.dumps(list(names))
    dismissed = database.execute(
        "UPDATE delivery SET state = 'received', failed = '', against = ? || reason || char(10) || against"
        " WHERE state IN ('dead', 'held') AND id IN (SELECT value FROM json_each(?)) RETURNING id",
        (f"dismissed by {by}: ", wanted),
    ).fetchall()
    own = json.dumps([row[0] for row in dismissed])
    query = """UPDATE hit SET state = 'ignored', reason = '' WHERE state IN ('dead', 'held')
        AND delivery IN (SELECT value FROM json_each(?))"""
    database.execute(query, (own,))
    database.execute(_SETTLE, (rfc3339(now), own))
    return len(dismissed)


def stuck(database: sqlite3.Connection, reason: str) -> None:
    """Say on the deliveries that cannot be matched now why that is."""
    database.execute("UPDATE delivery SET reason = ? WHERE state = 'received' AND matched = 0", (reason,))


# --- reporting to incidents -------------------------------------------------------------------------------------------


def waiting(database: sqlite3.Connection) -> set[str]:
    """The incidents that hits wait for."""
    return {row[0] for row in database.execute("SELECT DISTINCT incident FROM hit WHERE state = 'received'")}


def take(
    database: sqlite3.Connection,
    found: Sequence[Matched],
    incidents: Iterable[str],
    limits: Mapping[str, int],
    now: datetime,
) -> list[Batch]:
    """`record` what was found, and `claim` at once what of it is for these incidents."""
    record(database, found, now)
    claimed = (claim(database, incident, limits, now) for incident in incidents)
    return [batch for batch in claimed if batch is not None]


def claim(database: sqlite3.Connection, incident: str, limits: Mapping[str, int], now: datetime) -> Batch | None:
    """Put all that waits for an incident into one batch; one that was claimed before and not settled comes first.

    `limits` are the `max_starts` of the runbooks that alerts may start: within them the batch is admitted.
    """
    name = _claimed(database, incident)
    if not name:
        name = secrets.token_hex(8)
        query = "UPDATE hit SET batch = ? WHERE incident = ? AND state = 'received' AND batch = ''"
        if not database.execute(query, (name, incident)).rowcount:
            return None
        query = "INSERT INTO incident VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET batches = batches + 1"
        database.execute(query, (incident,))
    found = batch(database, name)
    if found is None or (runbook := found.first.runbook) not in limits:
        return found
    return replace(found, admitted=admit(database, name, runbook, limits[runbook], now))


def batch(database: sqlite3.Connection, name: str) -> Batch | None:
    """What of a batch is not settled; not admitted yet."""
    # `+`: by the index of batches, which is the narrower one.
    query = "SELECT count(*) FROM hit WHERE batch = ? AND batch != '' AND +state = 'received'"
    count = database.execute(query, (name,)).fetchone()[0]
    first = next(_members(database, name, 1), None)
    if first is None:
        return None
    number = database.execute("SELECT batches FROM incident WHERE id = ?", (first.incident,)).fetchone()
    return Batch(name, first, count, number[0] if number else 1)


def members(database: sqlite3.Connection, name: str) -> list[Hit]:
    """All hits of a batch that are not settled."""
    return list(_members(database, name, -1))


def settle(
    database: sqlite3.Connection, batch: str, state: State, now: datetime, *, reason: str = "", only: Sequence[Hit] = ()
) -> bool:
    """The hits of a batch (`only` these of them, if given) have come to an end: the first 1,000; True if more are left.

    Of those that started an incident the first counts as the one that did, the others as joined. A batch that started
    none does not count as a start any more.
    """
    keys = [(hit.delivery, hit.number, hit.runbook) for hit in only] or list(database.execute(_PART, (batch, PART)))
    states = [state.value] * len(keys)
    if state is State.STARTED:
        query = "SELECT EXISTS (SELECT 1 FROM hit WHERE batch = ? AND state = 'started')"
        begun = database.execute(query, (batch,)).fetchone()[0]
        states = [State.JOINED.value if begun or number else state.value for number in range(len(keys))]
        # The pace of reports begins anew with the run.
        query = "UPDATE incident SET batches = 1 WHERE id IN (SELECT incident FROM hit WHERE batch = ?)"
        database.execute(query, (batch,))
    elif not only:
        retract(database, batch)
    at = rfc3339(now)
    database.executemany(
        "UPDATE hit SET state = ?, reason = ?, at = ? WHERE delivery = ? AND number = ? AND runbook = ?",
        [(one, reason, at, *key) for one, key in zip(states, keys, strict=True)],
    )
    database.execute(_SETTLE, (at, json.dumps(sorted({key[0] for key in keys}))))
    return not only and len(keys) == PART


def postpone(database: sqlite3.Connection, batch: str, reason: str) -> None:
    """Say on the deliveries of a batch why they still wait."""
    query = """UPDATE delivery SET reason = ?, attempts = attempts + 1
        WHERE state = 'received' AND id IN (SELECT delivery FROM hit WHERE batch = ?)"""
    database.execute(query, (reason, batch))


def admit(database: sqlite3.Connection, batch: str, runbook: str, limit: int, now: datetime) -> bool:
    """May a batch start an incident? Counts it as a start, unless `limit` others of the runbook began in an hour."""
    if database.execute("SELECT 1 FROM start WHERE batch = ?", (batch,)).fetchone():
        return True
    query = "SELECT count(*) FROM start WHERE runbook = ? AND at > ?"
    if database.execute(query, (runbook, rfc3339(now - HOUR))).fetchone()[0] >= limit:
        return False
    database.execute("INSERT INTO start VALUES (?,?,?)", (batch, runbook, rfc3339(now)))
    return True


def retract(database: sqlite3.Connection, batch: str) -> None:
    """The batch has started nothing after all."""
    database.execute("DELETE FROM start WHERE batch = ?", (batch,))


def reported(database: sqlite3.Connection, incident: str, since: datetime) -> set[str]:
    """The alerts (source and id) that have started or joined an incident since then."""
    query = """SELECT DISTINCT alert_id FROM hit WHERE incident = ? AND state IN ('started', 'joined') AND at >= ?"""
    return {row[0] for row in database.execute(query, (incident, rfc3339(since)))}


def forget(database: sqlite3.Connection, before: datetime) -> int:
    """Remove what was handled and came before a time. Returns how many."""
    handled = json.dumps([state.value for state in HANDLED])
    query = "DELETE FROM delivery WHERE received_at < ? AND state IN (SELECT value FROM json_each(?))"
    removed = database.execute(query, (rfc3339(before), handled)).rowcount
    database.execute("DELETE FROM incident WHERE NOT EXISTS (SELECT 1 FROM hit WHERE hit.incident = incident.id)")
    database.execute("DELETE FROM start WHERE at < ?", (rfc3339(before),))
    return removed


def _claimed(database: sqlite3.Connection, incident: str) -> str:
    query = "SELECT batch FROM hit WHERE incident = ? AND state = 'received' AND batch != '' LIMIT 1"
    row = database.execute(query, (incident,)).fetchone()
    return row[0] if row else ""


def _members(database: sqlite3.Connection, batch: str, limit: int) -> Iterator[Hit]:
    query = _HITS + " WHERE hit.batch = ? AND hit.batch != '' AND +hit.state = 'received' ORDER BY hit.delivery LIMIT ?"
    return map(_hit, database.execute(query, (batch, limit)))


def _row(hit: Hit) -> tuple[str, int, str, str, str, str, str]:
    alert = hit.alert.model_dump_json(exclude={"raw"}, exclude_defaults=True)
    inputs = json.dumps(hit.inputs)
    return hit.delivery, hit.number, hit.runbook, hit.incident, inputs, alert, alert_id(hit.alert)


def alert_id(alert: Alert) -> str:
    """What an alert is told apart by."""
    return f"{alert.source}/{alert.id}"


def _hit(row: Sequence[Any]) -> Hit:
    delivery, number, runbook, incident, inputs, alert, received_at, batch, state, reason = row
    return Hit(
        delivery=delivery,
        number=number,
        runbook=runbook,
        incident=incident,
        inputs=json.loads(inputs),
        alert=Alert.model_validate_json(alert),
        received_at=received_at,
        batch=batch,
        state=State(state),
        reason=reason,
    )


def _delivery(row: Sequence[Any]) -> Delivery:
    name, door, source, key, received_at, state, title, incidents, reason, against, attempts, seen, handled_at = row[
        :13
    ]
    headers, body = row[13:] or ("{}", b"")
    return Delivery(
        id=name,
        door=door,
        source=source,
        key=key,
        received_at=received_at,
        state=State(state),
        title=title,
        incidents=tuple(filter(None, incidents.split(","))),
        reason=reason,
        against=against,
        attempts=attempts,
        seen=seen,
        handled_at=handled_at,
        headers=json.loads(headers),
        body=body,
    )
