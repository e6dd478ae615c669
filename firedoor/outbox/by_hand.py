"""Customers whom a person has reached another way: by telephone, in person, through whoever looks after them."""

import difflib
import json
import sqlite3
from collections.abc import Mapping, Sequence

from firedoor.errors import RefusedError, UsageError
from firedoor.outbox import reading
from firedoor.outbox.judging import judge
from firedoor.words import plural

#: Names that are shown where several are not known.
MOST = 3

_STRANGERS = """SELECT value FROM json_each(?) WHERE NOT EXISTS
    (SELECT 1 FROM recipient WHERE campaign = ? AND customer = value) ORDER BY key"""
#: The first time counts, for contracts too.
_REACH = """UPDATE recipient SET by_hand = ?1, reached = iif(reached, reached, ?1), written = 1, task = ''
    WHERE campaign = ?2 AND customer IN (SELECT value FROM json_each(?3)) AND by_hand = 0 RETURNING number"""
_REACHED = """INSERT INTO change (campaign, message, recipient, intent, state, at, provider_id, reason, by)
    VALUES (?, 0, ?, 0, 'reached', ?, '', ?, ?)"""


def reach(database: sqlite3.Connection, id: str, customers: Sequence[str], by: str, reason: str, *, now: float) -> int:
    """Count customers as reached by hand and close their tasks; how many were not counted so before."""
    if not reading.campaign(database, id).began:
        raise RefusedError(
            f"The campaign {id} has not been approved: who its customers are may still change.",
            changed="Nothing was changed.",
            next="Its step in the incident asks for the approval: firedoor show, then firedoor approve.",
        )
    number = reading.number(database, id)
    found = database.execute(_REACH, (now, number, json.dumps(list(customers)))).fetchall()
    for (recipient,) in found:
        database.execute(_REACHED, (number, recipient, now, reason, by))
        judge(database, recipient, now)
    return len(found)


def strangers(database: sqlite3.Connection, id: str, customers: Sequence[str]) -> list[str]:
    """Those of these that are no customers of a campaign."""
    rows = database.execute(_STRANGERS, (json.dumps(list(customers)), reading.number(database, id)))
    return [row[0] for row in rows]


def names(database: sqlite3.Connection, id: str) -> dict[str, str]:
    """The customers of a campaign: how we call them, what they are called."""
    query = "SELECT customer, name FROM recipient WHERE campaign = ? ORDER BY position"
    return dict(database.execute(query, (reading.number(database, id),)).fetchall())


def unknown(id: str, strangers: Sequence[str], names: Mapping[str, str], shared: Mapping[str, str]) -> UsageError:
    """Who is not known, and who may have been meant; of those who are told in the message of another, who that is."""
    shown = "; ".join(f"{one!r}{meant(one, names, shared)}" for one in strangers[:MOST])
    more = f"; and {plural(len(strangers) - MOST, 'others')}" if len(strangers) > MOST else ""
    return UsageError(
        f"The campaign {id} has no customer {shown}{more}.",
        changed="Nothing was changed, for the others neither.",
        next=f"firedoor campaign show {id} names those who need a person.",
    )


def meant(stranger: str, names: Mapping[str, str], shared: Mapping[str, str]) -> str:
    """Who may have been meant by a name that no customer of a campaign has, in brackets."""
    if stranger in shared:
        return f" (it is told with {shared[stranger]}, in one message: say that name)"
    called = [id for id, name in names.items() if name.casefold() == stranger.casefold()]
    near = called or difflib.get_close_matches(stranger, names, n=2)
    return f" (did you mean {' or '.join(near[:2])}?)" if near else ""
