"""What the outbox knows of one customer, deleted: names, addresses, keys, credentials. What is counted stays as it was.

Its rows stay under a name that says nothing, with the states that they had; nothing is sent to it any more, and
whatever comes for it by an address, a link or a provider's name finds nobody.
"""

import secrets
import sqlite3
from typing import NamedTuple

ERASED = "The customer was erased."
NAME = "(erased)"
#: Stands for the name that a provider had given to a message, so that none is added later.
NO_NAME = "erased"

#: What of it the timeline does not have yet; what somebody is just writing there, from what is read here.
_UNTOLD = """SELECT number, number <= (SELECT telling FROM campaign WHERE number = ?1) FROM change WHERE campaign = ?1
    AND (recipient = ?2 OR message IN (SELECT id FROM message WHERE recipient = ?2))"""
_INTENDED = """SELECT EXISTS (SELECT 1 FROM message JOIN intent ON intent.number = message.intent
    WHERE message.recipient = ? AND intent.entry = '')"""
#: What is on the wire may arrive; what waits does not leave.
_END = """UPDATE message SET state = CASE state WHEN 'queued' THEN 'unsent' ELSE 'in_doubt' END, changed = ?1,
    reason = ?2 WHERE recipient = ?3 AND state IN ('queued', 'sending')"""
_MESSAGES = """UPDATE message SET customer = ?1, address = '', content = '', key = lower(hex(randomblob(16))),
    provider_id = ?2, reason = ?3 WHERE recipient = ?4"""
#: What it is owed by contract ends, where it was not given yet.
_RECIPIENT = """UPDATE recipient SET customer = ?1, name = ?2, ways = '[]', credentials = '[]', task = '', holding = 0,
    hours = CASE WHEN reached > 0 THEN hours ELSE 0 END WHERE number = ?3"""


class Place(NamedTuple):
    """Where a customer stands: the number of a campaign, its id, the customer's number, how many messages it has."""

    campaign: int
    id: str
    recipient: int
    messages: int


def places(database: sqlite3.Connection, customer: str) -> list[Place]:
    """The campaigns that know a customer, the oldest first."""
    query = """SELECT campaign.number, campaign.id, recipient.number,
        (SELECT count(*) FROM message WHERE message.recipient = recipient.number)
        FROM recipient JOIN campaign ON campaign.number = recipient.campaign WHERE customer = ?
        ORDER BY campaign.number"""
    return [Place(*row) for row in database.execute(query, (customer,))]


def erase(database: sqlite3.Connection, place: Place, now: float) -> bool:
    """Erase a customer from a campaign. False, and nothing is changed, while the timeline is being told of it."""
    untold = database.execute(_UNTOLD, (place.campaign, place.recipient)).fetchall()
    intended = database.execute(_INTENDED, (place.recipient,)).fetchone()[0]
    if intended or any(begun for _, begun in untold):
        return False
    nobody = f"erased-{secrets.token_hex(8)}"
    words = "UPDATE change SET reason = '', provider_id = '' WHERE number = ?"
    database.executemany(words, ((number,) for number, _ in untold))
    database.execute(_END, (now, ERASED, place.recipient))
    database.execute(_MESSAGES, (nobody, NO_NAME, ERASED, place.recipient))
    database.execute(_RECIPIENT, (nobody, NAME, place.recipient))
    database.execute("UPDATE credential SET says = '' WHERE recipient = ?", (place.recipient,))
    database.execute("DELETE FROM merged WHERE recipient = ?", (place.recipient,))
    return True
