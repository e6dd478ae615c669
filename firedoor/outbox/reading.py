"""What is read from the outbox: campaigns, customers, messages as the rest of firedoor sees them."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import TypeAdapter

from firedoor.campaign import Flow, MessageState
from firedoor.customers.model import Dependency
from firedoor.errors import UsageError
from firedoor.plan import Campaign
from firedoor.recipient import CampaignRow, Loss, Message, Recipient, Way

_CAMPAIGN = """SELECT id, incident, step, spec, vals, notice_sha256, digest, flow, drill, flow_by, flow_reason, began,
    customers, corrects, extra FROM campaign"""
_RECIPIENT = """SELECT customer, position, name, cohort, exposure, language, zone, hours, ways, credentials,
    acknowledged, reached, remediated, by_hand, task FROM recipient"""
MESSAGE = """SELECT message.id, campaign.id, customer, contact, channel, address, version, reminder, state, content,
    key, provider_id, attempts, due, changed, reason FROM message JOIN campaign ON campaign.number = message.campaign"""

_CREDENTIALS = TypeAdapter(tuple[Dependency, ...])
_OF_IDS = "WHERE message.id IN (SELECT value FROM json_each(?))"
_WHOSE = """SELECT message.id, recipient.customer, recipient.position, name, cohort, exposure, language, zone, hours,
    ways, credentials, acknowledged, reached, remediated, by_hand, task
    FROM message JOIN recipient ON recipient.number = message.recipient"""


def number(database: sqlite3.Connection, id: str) -> int:
    """The number of a campaign in this file. Raises `UsageError`."""
    row = database.execute("SELECT number FROM campaign WHERE id = ?", (id,)).fetchone()
    if row is None:
        raise UsageError(f"There is no campaign {id!r}.", next="firedoor campaign list shows them.")
    return int(row[0])


def campaign(database: sqlite3.Connection, id: str) -> CampaignRow:
    """A campaign by its id."""
    row = database.execute(f"{_CAMPAIGN} WHERE id = ?", (id,)).fetchone()
    if row is None:
        raise UsageError(f"There is no campaign {id!r}.", next="firedoor campaign list shows them.")
    return _campaign(row)


def campaigns(database: sqlite3.Connection) -> list[CampaignRow]:
    """All campaigns, the newest first."""
    return [_campaign(row) for row in database.execute(f"{_CAMPAIGN} ORDER BY number DESC")]


def recipient(database: sqlite3.Connection, id: str, customer: str) -> Recipient:
    """A customer of a campaign."""
    values = (number(database, id), customer)
    row = database.execute(f"{_RECIPIENT} WHERE campaign = ? AND customer = ?", values).fetchone()
    if row is None:
        raise UsageError(f"{customer!r} is no customer of the campaign {id}.")
    return to_recipient(row)


def recipients(
    database: sqlite3.Connection, id: str, *, after: int, limit: int, holding: bool | None
) -> list[Recipient]:
    """Customers of a campaign by position."""
    # Written out, so that SQLite takes the index of those that are waited for.
    which = {None: "", True: " AND holding = 1", False: " AND holding = 0"}[holding]
    query = f"{_RECIPIENT} WHERE campaign = ? AND position > ?{which} ORDER BY position LIMIT ?"
    return [to_recipient(row) for row in database.execute(query, (number(database, id), after, limit))]


def slowest(database: sqlite3.Connection, id: str, limit: int) -> list[Recipient]:
    """The customers that are waited for, those first who have had their notice for the longest time.

    Whom nothing has reached stands before them all.
    """
    query = f"{_RECIPIENT} WHERE campaign = ? AND holding = 1 ORDER BY reached, position LIMIT ?"
    return [to_recipient(row) for row in database.execute(query, (number(database, id), limit))]


def tasks(database: sqlite3.Connection, id: str) -> list[Recipient]:
    """The customers whom a person has to see to."""
    query = f"{_RECIPIENT} WHERE campaign = ? AND task != '' ORDER BY position"
    return [to_recipient(row) for row in database.execute(query, (number(database, id),))]


def messages(
    database: sqlite3.Connection, id: str, *, customer: str, state: MessageState | None, after: int, limit: int
) -> list[Message]:
    """Messages of a campaign by id."""
    where, values = "message.campaign = ? AND message.id > ?", [number(database, id), after]
    if customer:
        found = database.execute(
            "SELECT number FROM recipient WHERE campaign = ? AND customer = ?", (values[0], customer)
        ).fetchone()
        where, values = f"{where} AND recipient = ?", [*values, found[0] if found else 0]
    wanted = (state.value,) if state else ()
    where = f"{where} AND state = ?" if state else where
    query = f"{MESSAGE} WHERE {where} ORDER BY message.id LIMIT ?"
    return [to_message(row) for row in database.execute(query, (*values, *wanted, limit))]


def losses(database: sqlite3.Connection, id: str, limit: int) -> list[Loss]:
    """Why messages did not arrive, the most frequent reason first."""
    query = """SELECT channel, state, reason, count(*) FROM message WHERE campaign = ?
        AND state IN ('bounced', 'failed', 'complained') GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 3 LIMIT ?"""
    rows = database.execute(query, (number(database, id), limit))
    return [Loss(channel, MessageState(state), reason, count) for channel, state, reason, count in rows]


def unseen(database: sqlite3.Connection, id: str, limit: int) -> list[tuple[str, int]]:
    """Why the last look could not tell of credentials whether they are replaced, and of how many."""
    query = """SELECT says, count(*) FROM credential WHERE campaign = ? AND replaced = 0 AND looked > told
        GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?"""
    return [(says, count) for says, count in database.execute(query, (number(database, id), limit))]


def left_unseen(database: sqlite3.Connection, id: str, limit: int) -> dict[str, int]:
    """Of those who are waited for: why it is not known of credentials whether they are replaced, and of how many.

    The most frequent reason first; the empty one counts those that nobody has looked at.
    """
    query = """SELECT CASE looked WHEN 0 THEN '' ELSE says END, count(*) FROM recipient
        JOIN credential ON credential.recipient = recipient.number
        WHERE recipient.campaign = ? AND holding = 1 AND replaced = 0 AND (looked > told OR looked = 0)
        GROUP BY 1 ORDER BY 2 DESC, 1"""
    found: dict[str, int] = dict(database.execute(query, (number(database, id),)))
    first = dict(list(found.items())[:limit])
    rest = sum(found.values()) - sum(first.values())
    return first | ({"for other reasons": rest} if rest else {})


def message(database: sqlite3.Connection, id: int) -> Message:
    """A message by its number."""
    row = database.execute(f"{MESSAGE} WHERE message.id = ?", (id,)).fetchone()
    if row is None:
        raise UsageError(f"There is no message {id}.")
    return to_message(row)


def letters(database: sqlite3.Connection, ids: Iterable[int]) -> list[tuple[Message, Recipient]]:
    """Messages with their customers, in the order of `ids`; those that are not there any more are left out."""
    wanted = json.dumps(list(ids))
    found = {row[0]: to_message(row) for row in database.execute(f"{MESSAGE} {_OF_IDS}", (wanted,))}
    whose = {row[0]: to_recipient(row[1:]) for row in database.execute(f"{_WHOSE} {_OF_IDS}", (wanted,))}
    return [(found[one], whose[one]) for one in json.loads(wanted) if one in found]


def ways(text: str) -> tuple[Way, ...]:
    """The ways of a customer, as they are stored."""
    return tuple(Way(*one) for one in json.loads(text))


def to_recipient(row: Sequence[Any]) -> Recipient:
    """A customer from its columns."""
    customer, position, name, cohort, exposure, language, zone, hours, by, keys, *rest = row
    acknowledged, reached, done, by_hand, task = rest
    return Recipient(
        customer=customer,
        position=position,
        name=name,
        cohort=cohort,
        exposure=exposure,
        language=language,
        zone=zone,
        hours=hours,
        ways=ways(by),
        credentials=_CREDENTIALS.validate_json(keys),
        acknowledged=acknowledged,
        reached=reached,
        remediated=done,
        by_hand=by_hand,
        task=task,
    )


def to_message(row: Sequence[Any]) -> Message:
    """A message from its columns."""
    id, campaign, customer, contact, channel, address, version, reminder, state, content, key, *rest = row
    provider_id, attempts, due, changed, reason = rest
    return Message(
        id=id,
        campaign=campaign,
        customer=customer,
        contact=contact,
        channel=channel,
        address=address,
        version=version,
        reminder=reminder,
        state=MessageState(state),
        content=content,
        key=key,
        provider_id=provider_id,
        attempts=attempts,
        due=due,
        changed=changed,
        reason=reason,
    )


def _campaign(row: Sequence[Any]) -> CampaignRow:
    id, incident, step, spec, values, notice, digest, flow, drill, by, reason, began, customers, corrects, extra = row
    return CampaignRow(
        id=id,
        incident=incident,
        step=step,
        spec=Campaign.model_validate_json(spec),
        values=json.loads(values),
        notice_sha256=notice,
        digest=digest,
        flow=Flow(flow),
        drill=bool(drill),
        flow_by=by,
        flow_reason=reason,
        began=began,
        customers=customers,
        corrects=corrects,
        extra=json.loads(extra),
    )
