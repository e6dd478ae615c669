"""The life of a message: only what the table allows, whoever writes."""

import sqlite3
from itertools import product

import pytest

from firedoor.campaign import Flow, MessageState
from firedoor.outbox.states import FLOWS, NEXT, OVER
from tests.campaigning import CAMPAIGN, PREPARED
from tests.sending import Desk, people


def test_every_state_has_its_place() -> None:
    """No state is missing, none follows on itself, and what is over stays so."""
    assert set(NEXT) == set(MessageState)
    assert set(FLOWS) == set(Flow)
    assert not any(state in after for state, after in NEXT.items())
    assert all(not FLOWS[flow] for flow in OVER)
    assert not NEXT[MessageState.UNSENT]


def test_what_may_have_been_sent_is_queued_again_only_from_known_states() -> None:
    """A message that has left us, or that its reader has seen, never waits again."""
    again = {state for state, after in NEXT.items() if MessageState.QUEUED in after}
    assert again == {MessageState.SENDING, MessageState.BOUNCED, MessageState.FAILED, MessageState.IN_DOUBT}


def test_the_database_refuses_every_other_change(store: Desk) -> None:
    """Plain SQL cannot make of a message what the table does not allow; the row stays as it is."""
    store.prepare(people(1))
    database = store.outbox._database
    database.execute("INSERT INTO intent (number, campaign, entry) VALUES (9, 1, 'id')")
    database.execute("DROP TRIGGER message_changed")
    for before, after in product(MessageState, MessageState):
        database.execute("PRAGMA ignore_check_constraints = ON")
        _force(database, before)
        if before is after or after in NEXT[before]:
            database.execute("UPDATE message SET state = ?", (after.value,))
        else:
            with pytest.raises(sqlite3.IntegrityError, match="cannot become"):
                database.execute("UPDATE message SET state = ?", (after.value,))
            assert database.execute("SELECT state FROM message").fetchone() == (before.value,)


def _force(database: sqlite3.Connection, state: MessageState) -> None:
    """Put the message into a state past the guard."""
    guard = database.execute("SELECT sql FROM sqlite_schema WHERE name = 'message_follows'").fetchone()[0]
    database.execute("DROP TRIGGER message_follows")
    database.execute("UPDATE message SET state = ?, intent = 9", (state.value,))
    database.execute(guard)


def test_nothing_is_sent_without_an_intent_in_the_timeline(store: Desk) -> None:
    """Not even by a statement that says so."""
    store.prepare(people(1))
    with pytest.raises(sqlite3.IntegrityError, match="does not have the intent"):
        store.outbox._database.execute("UPDATE message SET state = 'sending'")


def test_a_message_begins_as_queued(store: Desk) -> None:
    """There is no other beginning."""
    store.prepare(people(1))
    copy = "INSERT INTO message SELECT 99, campaign, bulletin, recipient, position, customer, 'other', channel, address, version, reminder, 'sent', content, 'k', provider_id, attempts, due, changed, reason, 0 FROM message"
    with pytest.raises(sqlite3.IntegrityError, match="begins as queued"):
        store.outbox._database.execute(copy)


@pytest.mark.parametrize("flow", [Flow.RUNNING, Flow.PAUSED, Flow.ENDED])
def test_a_stop_is_for_good(store: Desk, flow: Flow) -> None:
    """The database refuses it, too."""
    store.prepare(people(1))
    store.outbox.steer(CAMPAIGN, Flow.STOPPED, "user:ada", "wrong list", PREPARED)
    with pytest.raises(sqlite3.IntegrityError, match="cannot become"):
        store.outbox._database.execute("UPDATE campaign SET flow = ?", (flow.value,))
