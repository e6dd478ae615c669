"""The SQLite file of the outbox: its tables, and the triggers that keep its promises whoever writes.

- A message becomes only what `states` allows, and `sending` only once its intent is durable in the timeline.
- Every change of a message's state is written to `change` in the same transaction, until the timeline has it; so is
  every credential that was found replaced.
- Counts are kept, never counted: `counter` is right at the end of every transaction.
"""

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path

from firedoor import sqlite
from firedoor.errors import FiredoorError
from firedoor.outbox.states import FLOWS, NEXT
from firedoor.sqlite import Kind

#: A transaction that prepares 100,000 customers takes a few seconds.
BUSY_SECONDS = 15.0
#: Pages (4 KiB) of the log at which they are carried into the file.
LOG_PAGES = 8_000


def _pairs(kind: str, follows: dict[str, list[str]]) -> str:
    rows = ",".join(f"('{kind}','{before}','{after}')" for before, every in follows.items() for after in sorted(every))
    return "INSERT INTO follows VALUES ROWS".replace("ROWS", rows)


_ADDED = "ON CONFLICT DO UPDATE SET count = count + excluded.count;"


def _counts(what: str, name: str, by: str, when: str = "1") -> str:
    """A statement of a trigger that adds `by` to a counter."""
    return " ".join(("INSERT INTO counter SELECT", f"NEW.campaign, '{what}', {name}, {by} WHERE {when}", _ADDED))


def _reaches(what: str) -> str:
    """Count a customer that was reached (acknowledged …), or is no longer: by its cohort, and its credentials."""
    by = f"(NEW.{what} > 0) - (OLD.{what} > 0)"
    changed = f"(NEW.{what} > 0) != (OLD.{what} > 0)"
    every = " ".join(
        (
            "INSERT INTO counter SELECT",
            f"NEW.campaign, 'provider.{what}', provider, count(*) * ({by}) FROM credential",
            f"WHERE recipient = NEW.number AND {changed} GROUP BY provider",
            _ADDED,
        )
    )
    # Whose credentials are replaced is counted one by one.
    return _counts(what, "NEW.cohort", by, changed) + ("" if what == "remediated" else every)


_TABLES = (
    """CREATE TABLE campaign (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        incident TEXT NOT NULL,
        step TEXT NOT NULL,
        spec TEXT NOT NULL,
        vals TEXT NOT NULL,
        notice_sha256 TEXT NOT NULL,
        digest TEXT NOT NULL,
        flow TEXT NOT NULL,
        drill INTEGER NOT NULL,
        flow_by TEXT NOT NULL,
        flow_reason TEXT NOT NULL,
        began REAL NOT NULL,
        customers INTEGER NOT NULL,
        corrects TEXT NOT NULL,
        extra TEXT NOT NULL,
        bulletin INTEGER NOT NULL,
        nonce TEXT NOT NULL,
        -- What had been tried and lost when a person let it go on after a halt: it does not halt for that again.
        tried INTEGER NOT NULL DEFAULT 0,
        lost INTEGER NOT NULL DEFAULT 0,
        -- The last change of the part that is on its way to the timeline.
        telling INTEGER NOT NULL DEFAULT 0,
        -- Why its messages wait, where they do.
        waits TEXT NOT NULL DEFAULT ''
    ) STRICT""",
    # A notice in one version, in one incident: nobody gets it twice the same way, whatever campaigns there are.
    """CREATE TABLE bulletin (
        number INTEGER PRIMARY KEY,
        incident TEXT NOT NULL,
        notice TEXT NOT NULL,
        version INTEGER NOT NULL,
        UNIQUE (incident, notice, version)
    ) STRICT""",
    """CREATE TABLE recipient (
        number INTEGER PRIMARY KEY,
        campaign INTEGER NOT NULL,
        position INTEGER NOT NULL,
        customer TEXT NOT NULL,
        name TEXT NOT NULL,
        cohort TEXT NOT NULL,
        exposure TEXT NOT NULL,
        language TEXT NOT NULL,
        zone TEXT NOT NULL,
        hours INTEGER NOT NULL,
        ways TEXT NOT NULL,
        credentials TEXT NOT NULL,
        written INTEGER NOT NULL DEFAULT 0,
        reached REAL NOT NULL DEFAULT 0,
        acknowledged REAL NOT NULL DEFAULT 0,
        remediated REAL NOT NULL DEFAULT 0,
        -- When a person said that it was reached another way.
        by_hand REAL NOT NULL DEFAULT 0,
        holding INTEGER NOT NULL DEFAULT 0,
        task TEXT NOT NULL DEFAULT '',
        UNIQUE (campaign, customer)
    ) STRICT""",
    "CREATE UNIQUE INDEX recipient_position ON recipient (campaign, position)",
    "CREATE INDEX recipient_holding ON recipient (campaign, position) WHERE holding = 1",
    "CREATE INDEX recipient_task ON recipient (campaign, position) WHERE task != ''",
    """CREATE TABLE credential (
        recipient INTEGER NOT NULL,
        place INTEGER NOT NULL,
        campaign INTEGER NOT NULL,
        provider TEXT NOT NULL,
        found TEXT NOT NULL DEFAULT 'unknown',
        replaced INTEGER NOT NULL DEFAULT 0,
        says TEXT NOT NULL DEFAULT '',
        at REAL NOT NULL DEFAULT 0,
        told REAL NOT NULL DEFAULT 0,
        looked REAL NOT NULL DEFAULT 0,
        PRIMARY KEY (recipient, place)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE message (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        campaign INTEGER NOT NULL,
        bulletin INTEGER NOT NULL,
        recipient INTEGER NOT NULL,
        position INTEGER NOT NULL,
        customer TEXT NOT NULL,
        contact TEXT NOT NULL,
        channel TEXT NOT NULL,
        address TEXT NOT NULL,
        version INTEGER NOT NULL,
        reminder INTEGER NOT NULL,
        state TEXT NOT NULL,
        content TEXT NOT NULL,
        key TEXT NOT NULL UNIQUE,
        provider_id TEXT NOT NULL DEFAULT '',
        attempts INTEGER NOT NULL DEFAULT 0,
        due REAL NOT NULL DEFAULT 0,
        changed REAL NOT NULL,
        reason TEXT NOT NULL DEFAULT '',
        intent INTEGER NOT NULL DEFAULT 0,
        UNIQUE (bulletin, customer, contact, channel, reminder)
    ) STRICT""",
    "CREATE INDEX message_campaign ON message (campaign, id)",
    "CREATE INDEX message_recipient ON message (recipient)",
    "CREATE INDEX message_due ON message (campaign, due, position) WHERE state = 'queued'",
    "CREATE INDEX message_sending ON message (campaign) WHERE state = 'sending'",
    "CREATE INDEX message_provider ON message (provider_id) WHERE provider_id != ''",
    "CREATE INDEX message_intent ON message (intent) WHERE intent > 0",
    # A part of a campaign that may be sent, once the timeline has said so: `entry` is the id of that entry.
    """CREATE TABLE intent (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        campaign INTEGER NOT NULL,
        entry TEXT NOT NULL DEFAULT ''
    ) STRICT""",
    "CREATE INDEX intent_open ON intent (campaign) WHERE entry = ''",
    # What the timeline does not have yet: changes of messages; with message 0, changes of a customer (acknowledged,
    # reached, task; place: replaced, a credential of it); with recipient 0, too, what was decided of the campaign.
    """CREATE TABLE change (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        campaign INTEGER NOT NULL,
        message INTEGER NOT NULL,
        recipient INTEGER NOT NULL DEFAULT 0,
        place INTEGER NOT NULL DEFAULT 0,
        intent INTEGER NOT NULL,
        state TEXT NOT NULL,
        at REAL NOT NULL,
        provider_id TEXT NOT NULL,
        reason TEXT NOT NULL,
        by TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX change_campaign ON change (campaign, number)",
    """CREATE TABLE counter (
        campaign INTEGER NOT NULL,
        what TEXT NOT NULL,
        name TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (campaign, what, name)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE follows (
        kind TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, PRIMARY KEY (kind, before, after)
    ) STRICT, WITHOUT ROWID""",
    _pairs("message", {before.value: [after.value for after in every] for before, every in NEXT.items()}),
    _pairs("campaign", {before.value: [after.value for after in every] for before, every in FLOWS.items()}),
    """CREATE TRIGGER message_begins BEFORE INSERT ON message WHEN NEW.state != 'queued'
        BEGIN SELECT RAISE(ABORT, 'a message begins as queued'); END""",
    f"""CREATE TRIGGER message_added AFTER INSERT ON message
        BEGIN {_counts("state", "NEW.state", "1")} END""",
    """CREATE TRIGGER message_follows BEFORE UPDATE OF state ON message WHEN NEW.state != OLD.state
        BEGIN
            SELECT RAISE(ABORT, 'a message cannot become that') WHERE NOT EXISTS
                (SELECT 1 FROM follows WHERE kind = 'message' AND before = OLD.state AND after = NEW.state);
            SELECT RAISE(ABORT, 'the timeline does not have the intent of this message') WHERE NEW.state = 'sending'
                AND NOT EXISTS (SELECT 1 FROM intent WHERE number = NEW.intent AND entry != '');
        END""",
    """CREATE TRIGGER message_changed AFTER UPDATE OF state ON message WHEN NEW.state != OLD.state
        BEGIN
            INSERT INTO change (campaign, message, intent, state, at, provider_id, reason, by)
                VALUES (NEW.campaign, NEW.id, OLD.intent, NEW.state, NEW.changed, NEW.provider_id, NEW.reason, '');
        END""",
    f"""CREATE TRIGGER message_counted AFTER UPDATE OF state ON message WHEN NEW.state != OLD.state
        BEGIN {_counts("state", "OLD.state", "-1")} {_counts("state", "NEW.state", "1")} END""",
    """CREATE TRIGGER campaign_follows BEFORE UPDATE OF flow ON campaign WHEN NEW.flow != OLD.flow
        BEGIN
            SELECT RAISE(ABORT, 'a campaign cannot become that') WHERE NOT EXISTS
                (SELECT 1 FROM follows WHERE kind = 'campaign' AND before = OLD.flow AND after = NEW.flow);
        END""",
    f"""CREATE TRIGGER recipient_written AFTER UPDATE OF written ON recipient WHEN NEW.written != OLD.written
        BEGIN {_counts("written", "''", "NEW.written - OLD.written")} END""",
    f"""CREATE TRIGGER recipient_reached AFTER UPDATE OF reached ON recipient WHEN NEW.reached != OLD.reached
        BEGIN {_reaches("reached")} END""",
    f"""CREATE TRIGGER recipient_by_hand AFTER UPDATE OF by_hand ON recipient WHEN NEW.by_hand != OLD.by_hand
        BEGIN {_counts("by_hand", "''", "(NEW.by_hand > 0) - (OLD.by_hand > 0)")} END""",
    f"""CREATE TRIGGER recipient_acknowledged AFTER UPDATE OF acknowledged ON recipient
        WHEN NEW.acknowledged != OLD.acknowledged BEGIN {_reaches("acknowledged")} END""",
    f"""CREATE TRIGGER recipient_remediated AFTER UPDATE OF remediated ON recipient
        WHEN NEW.remediated != OLD.remediated BEGIN {_reaches("remediated")} END""",
    f"""CREATE TRIGGER recipient_held AFTER UPDATE OF holding ON recipient WHEN NEW.holding != OLD.holding
        BEGIN {_counts("holding", "''", "NEW.holding - OLD.holding")} END""",
    f"""CREATE TRIGGER recipient_task AFTER UPDATE OF task ON recipient WHEN (NEW.task != '') != (OLD.task != '')
        BEGIN {_counts("task", "''", "(NEW.task != '') - (OLD.task != '')")} END""",
    f"""CREATE TRIGGER credential_replaced AFTER UPDATE OF replaced ON credential WHEN NEW.replaced != OLD.replaced
        BEGIN {_counts("provider.remediated", "NEW.provider", "NEW.replaced - OLD.replaced")} END""",
    """CREATE TRIGGER credential_seen AFTER UPDATE OF replaced ON credential WHEN NEW.replaced > OLD.replaced
        BEGIN
            INSERT INTO change (campaign, message, recipient, place, intent, state, at, provider_id, reason, by)
                VALUES (NEW.campaign, 0, NEW.recipient, NEW.place, 0, 'replaced', NEW.looked, '', NEW.says, '');
        END""",
)

#: Made where they are not there: files of firedoor 0.5.0 are without them, which never looks at them.
_LATER = (
    # Customers that are told in the message of another, `recipient`.
    """CREATE TABLE IF NOT EXISTS merged (
        campaign INTEGER NOT NULL, customer TEXT NOT NULL, recipient INTEGER NOT NULL, PRIMARY KEY (campaign, customer)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS merged_recipient ON merged (recipient)",
)

#: "FDob".
KIND = Kind("the outbox of campaigns", application_id=0x46446F62, format=1, tables=_TABLES)


class StoreError(FiredoorError):
    """The outbox cannot be read or written. Nothing is sent while that is so."""

    reason = "outbox_store"


def connect(path: Path) -> sqlite3.Connection:
    """Open the file; create it where there is none. Raises `StoreError`, `UsageError` for another file."""
    with explained(path):
        database = KIND.open(path, BUSY_SECONDS)
        for statement in _LATER:
            database.execute(statement)
        # Each message changes the pages of its neighbours: the later they are carried into the file, the fewer are.
        database.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
        return database


def explained(path: Path) -> AbstractContextManager[None]:
    """Turn the errors of SQLite and of the file into `StoreError` with a sentence that says what to do."""
    return sqlite.explained(StoreError, f"The outbox {path} cannot be stored or read", "Nothing was stored.")
