"""A campaign is kept, and approved."""

import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from firedoor.campaign import Flow, MessageState
from firedoor.canonical import canonical_bytes, sha256_hex
from firedoor.customers.model import Dependency
from firedoor.errors import RefusedError
from firedoor.outbox import reading, steering
from firedoor.outbox.until import Case, held
from firedoor.recipient import CampaignRow, Message, Recipient, Way

#: Hex digits of a message's key, and bytes of the nonce that no stranger can tell a key without.
KEY, NONCE = 32, 16

_ADD = """INSERT INTO message (campaign, bulletin, recipient, position, customer, contact, channel, address, version,
    reminder, state, content, key, changed) SELECT ?1, ?2, number, position, ?3, ?4, ?5, ?6, ?7, ?8, 'queued', ?9, ?10,
    ?11 FROM recipient WHERE campaign = ?1 AND customer = ?3"""
#: By what is counted: the customers and credentials of a campaign that was just prepared.
_COUNT = (
    "SELECT ?1, 'total', cohort, count(*) FROM recipient WHERE campaign = ?1 GROUP BY cohort",
    "SELECT ?1, 'holding', '', sum(holding) FROM recipient WHERE campaign = ?1 HAVING count(*) > 0",
    "SELECT ?1, 'task', '', count(*) FROM recipient WHERE campaign = ?1 AND task != ''",
    "SELECT ?1, 'nobody', '', count(*) FROM recipient WHERE campaign = ?1 AND ways = '[]'",
    "SELECT ?1, 'provider', provider, count(*) FROM credential WHERE campaign = ?1 GROUP BY provider",
)
#: That a person has to see to customers goes to the timeline.
TASKS = """INSERT INTO change (campaign, message, recipient, intent, state, at, provider_id, reason, by)
    SELECT campaign, 0, number, 0, 'task', ?, '', task, '' FROM recipient WHERE task != '' AND campaign = ?"""
#: Customers that are removed in one transaction.
PART = 1_000
_FORGET_PART = (
    "DELETE FROM merged WHERE recipient = ?",
    "DELETE FROM message WHERE recipient = ?",
    "DELETE FROM credential WHERE recipient = ?",
    "DELETE FROM recipient WHERE number = ?",
)
_FORGET = ("DELETE FROM counter WHERE campaign = ?", "DELETE FROM campaign WHERE number = ?")


def message_key(campaign: str, nonce: str, one: Message) -> str:
    """The stable name of a message, for ever: the same for the same row, whenever it is made.

    It leaves with the message, and what comes back is believed for it: without the campaign's nonce a customer who
    knows another one could tell the name of its message from that of its own.
    """
    parts = [campaign, nonce, one.customer, one.contact, one.channel, one.version, one.reminder]
    return sha256_hex(canonical_bytes(parts))[:KEY]


def forget(database: sqlite3.Connection, id: str) -> bool:
    """Remove a part of an unapproved preparation, which cannot be approved any more; False where nothing is left."""
    row = database.execute("SELECT number FROM campaign WHERE id = ? AND flow = 'prepared'", (id,)).fetchone()
    if row is None:
        return False
    database.execute("UPDATE campaign SET digest = '' WHERE number = ?", row)
    part = database.execute("SELECT number FROM recipient WHERE campaign = ? LIMIT ?", (row[0], PART)).fetchall()
    if not part:
        for statement in _FORGET:
            database.execute(statement, row)
        return False
    for statement in _FORGET_PART:
        database.executemany(statement, part)
    return True


def begin(database: sqlite3.Connection, row: CampaignRow) -> int:
    """Begin a campaign of which nothing is left (`forget`); its number, or 0 where the same was approved before.

    It cannot be approved before `finish`: until then it has no digest.
    """
    known = database.execute("SELECT digest, flow FROM campaign WHERE id = ?", (row.id,)).fetchone()
    if known and known[1] == Flow.PREPARED:
        raise RefusedError("This campaign is being prepared by somebody else.", changed="That one goes on.")
    if known:
        if row.digest == known[0]:
            return 0
        raise RefusedError(
            f"The campaign {row.id} was approved with another content or other recipients.",
            changed=f"It stays as it was approved, {known[1]}. Nothing else will be sent.",
            next="Skip this step: `firedoor campaign show` has the campaign. A correction, or more customers, is a step"
            " of its own, with the next version of the notice and `corrects`.",
        )
    return _add_campaign(database, row, _bulletin(database, row))


def add_recipients(database: sqlite3.Connection, number: int, until: str, part: Sequence[Recipient]) -> None:
    """Keep a part of the customers of a campaign that was begun."""
    _refuse_replaced(database, number)
    database.executemany(
        """INSERT INTO recipient (campaign, position, customer, name, cohort, exposure, language, zone, hours, ways,
            credentials, task, holding) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)""",
        [_recipient(number, until, one) for one in part],
    )
    database.execute(
        """INSERT INTO credential (recipient, place, campaign, provider) SELECT number, key, campaign,
            coalesce(json_extract(value, '$.provider'), '') FROM recipient, json_each(credentials)
            WHERE campaign = ? AND position BETWEEN ? AND ?""",
        (number, min(one.position for one in part), max(one.position for one in part)),
    )


def add_messages(database: sqlite3.Connection, number: int, part: Sequence[Message]) -> None:
    """Keep a part of the first messages of a campaign whose customers are there."""
    _refuse_replaced(database, number)
    add(database, number, part, 0)


def finish(database: sqlite3.Connection, number: int, digest: str) -> CampaignRow:
    """Everything is there: count it, and let it be approved."""
    _refuse_replaced(database, number)
    for query in _COUNT:
        database.execute(f"INSERT INTO counter {query}", (number,))
    query = """UPDATE campaign SET digest = ?2, customers = (SELECT count(*) FROM recipient WHERE campaign = ?1)
        WHERE number = ?1 RETURNING id"""
    return reading.campaign(database, database.execute(query, (number, digest)).fetchone()[0])


def add(database: sqlite3.Connection, number: int, messages: Iterable[Message], now: float) -> None:
    """Queue messages. Raises `RefusedError` where this incident writes to one of these contacts already."""
    query = "SELECT id, nonce, bulletin FROM campaign WHERE number = ?"
    id, nonce, bulletin = database.execute(query, (number,)).fetchone()
    last: list[Message] = []

    def rows() -> Iterator[tuple[object, ...]]:
        for one in messages:
            last[:] = [one]
            key = message_key(id, nonce, one)
            own = (one.customer, one.contact, one.channel, one.address, one.version, one.reminder, one.content)
            yield (number, bulletin, *own, key, now)

    try:
        database.executemany(_ADD, rows())
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
            raise
        raise _twice(database, bulletin, last[0]) from error


def approve(database: sqlite3.Connection, id: str, digest: str, by: str, now: float) -> CampaignRow:
    """Let a campaign run, if it is still what was approved."""
    row = reading.campaign(database, id)
    if row.digest != digest or not digest:
        raise RefusedError(
            f"The campaign {id} is not what was approved: its content or its recipients were prepared again since.",
            changed="Nothing was sent.",
            next="Have it approved again.",
        )
    if row.flow is not Flow.PREPARED:
        return row
    database.execute("UPDATE campaign SET began = ? WHERE id = ?", (now, id))
    running = steering.steer(database, id, Flow.RUNNING, by, "approved", now=now)
    database.execute(TASKS, (now, reading.number(database, id)))
    return running


def _refuse_replaced(database: sqlite3.Connection, number: int) -> None:
    if database.execute("SELECT 1 FROM campaign WHERE number = ?", (number,)).fetchone() is None:
        raise RefusedError("This campaign is being prepared again by somebody else.", changed="That one goes on.")


def _bulletin(database: sqlite3.Connection, row: CampaignRow) -> int:
    key = (row.incident, row.spec.notice, row.spec.version)
    database.execute("INSERT OR IGNORE INTO bulletin (incident, notice, version) VALUES (?,?,?)", key)
    query = "SELECT number FROM bulletin WHERE incident = ? AND notice = ? AND version = ?"
    return int(database.execute(query, key).fetchone()[0])


def _add_campaign(database: sqlite3.Connection, row: CampaignRow, bulletin: int) -> int:
    values = (
        row.id,
        row.incident,
        row.step,
        row.spec.model_dump_json(),
        json.dumps(row.values),
        row.notice_sha256,
        "",
        Flow.PREPARED.value,
        row.drill,
        row.flow_by,
        row.flow_reason,
        0.0,
        0,
        row.corrects,
        json.dumps(row.extra),
        bulletin,
        secrets.token_hex(NONCE),
    )
    added = database.execute(
        """INSERT INTO campaign (id, incident, step, spec, vals, notice_sha256, digest, flow, drill, flow_by,
            flow_reason, began, customers, corrects, extra, bulletin, nonce) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
            RETURNING number""",
        values,
    )
    return int(added.fetchone()[0])


def _recipient(number: int, until: str, one: Recipient) -> tuple[object, ...]:
    task = one.task or ("" if one.ways else "There is no contact of this customer.")
    ways = json.dumps([[way.contact, way.name, way.channel, way.address] for way in one.ways])
    credentials = json.dumps([_credential(each) for each in one.credentials])
    own = (one.position, one.customer, one.name, one.cohort, one.exposure, one.language, one.zone, one.hours)
    return (number, *own, ways, credentials, task, held(until, Case.of(one)))


def _credential(one: Dependency) -> dict[str, str]:
    """A credential as it is stored: without what is empty. `model_dump` would take a second for 100,000."""
    return {name: value for name, value in one.__dict__.items() if value}


def _twice(database: sqlite3.Connection, bulletin: int, message: Message) -> RefusedError:
    query = """SELECT campaign.id FROM message JOIN campaign ON campaign.number = message.campaign
        WHERE message.bulletin = ? AND customer = ? AND contact = ? AND channel = ? AND reminder = ?"""
    key = (bulletin, message.customer, message.contact, message.channel, message.reminder)
    row = database.execute(query, key).fetchone()
    by = f"The campaign {row[0]}" if row else "This campaign"
    return RefusedError(
        f"{by} already writes to {message.customer} ({message.contact}) by {message.channel} with this notice: "
        "nobody gets the same twice.",
        changed="Nothing was prepared.",
        next="Take this customer out of one of the two, or send it a correction: the next version of the notice.",
    )


def draft(customer: str, way: Way, version: int, reminder: int = 0, content: str = "") -> Message:
    """A message that is not stored yet, for `prepare` and `add`."""
    return Message(
        id=0,
        campaign="",
        customer=customer,
        contact=way.contact,
        channel=way.channel,
        address=way.address,
        version=version,
        reminder=reminder,
        state=MessageState.QUEUED,
        content=content,
        key="",
    )
