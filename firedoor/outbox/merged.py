"""Customers that are told in the message of another: they have the same contact, and the settings want one message.

The message counts as the first customer's (`[customers] same_address = "merge"`), and so does what becomes of it. Whose
it is as well is kept beside: no count, no digest and nothing that is sent depends on it.
"""

import json
import sqlite3
from collections.abc import Mapping

from firedoor.outbox import reading


def keep(database: sqlite3.Connection, number: int, merged: Mapping[str, str]) -> None:
    """Keep which customers are told in whose message, of those whom the campaign writes to."""
    database.execute(
        """INSERT INTO merged (campaign, customer, recipient) SELECT ?1, key, recipient.number FROM json_each(?2)
            JOIN recipient ON recipient.campaign = ?1 AND recipient.customer = value""",
        (number, json.dumps(merged)),
    )


def merged(database: sqlite3.Connection, id: str) -> dict[str, str]:
    """The customers of a campaign that are told in the message of another: in whose."""
    query = """SELECT merged.customer, recipient.customer FROM merged JOIN recipient ON recipient.number = recipient
        WHERE merged.campaign = ? ORDER BY 1"""
    return dict(database.execute(query, (reading.number(database, id),)).fetchall())


def forget(database: sqlite3.Connection, customer: str) -> None:
    """A customer is erased: nowhere is it said with whom it was told."""
    database.execute("DELETE FROM merged WHERE customer = ?", (customer,))
