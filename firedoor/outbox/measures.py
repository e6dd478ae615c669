"""What was found of the exposed credentials of customers."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence

from firedoor.campaign import Found
from firedoor.outbox import reading
from firedoor.outbox.events import replaced_all
from firedoor.recipient import Measure

_WHOSE = "SELECT number FROM recipient WHERE campaign = ? AND customer = ?"
#: What was found replaced stays so: nobody can take back a key that is dead.
_KEEP = """UPDATE credential SET found = ?, replaced = ?, says = ?, at = ?, told = ?, looked = ? WHERE recipient = ?
    AND place = ? AND replaced = 0"""


def measures(database: sqlite3.Connection, id: str, customers: Sequence[str]) -> dict[str, tuple[Measure, ...]]:
    """What was found of the credentials of customers."""
    found: defaultdict[str, list[Measure]] = defaultdict(list)
    query = """SELECT customer, place, found, says, at, told, looked FROM recipient
        JOIN credential ON credential.recipient = recipient.number
        WHERE recipient.campaign = ? AND customer IN (SELECT value FROM json_each(?)) ORDER BY customer, place"""
    values = (reading.number(database, id), json.dumps(list(customers)))
    for customer, place, state, *rest in database.execute(query, values):
        found[customer].append(Measure(place, Found(state), *rest))
    return {customer: tuple(found[customer]) for customer in customers}


def measured(database: sqlite3.Connection, id: str, found: Mapping[str, Sequence[Measure]], now: float) -> int:
    """Keep what was found; how many customers have become remediated by it."""
    number = reading.number(database, id)
    count = 0
    for customer, each in found.items():
        row = database.execute(_WHOSE, (number, customer)).fetchone()
        if row is None:
            continue
        database.executemany(
            _KEEP,
            (
                (one.found.value, one.replaced, one.says, one.at, one.told, one.looked, row[0], one.credential)
                for one in each
            ),
        )
        count += replaced_all(database, row[0], now)
    return count
