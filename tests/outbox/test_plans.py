"""How SQLite goes about what a sender asks for: by an index, never through all messages of all campaigns."""

import pytest

from firedoor.campaign import MessageState
from firedoor.outbox import claims
from firedoor.outbox.claims import Outcome
from tests.campaigning import CAMPAIGN, PREPARED
from tests.sending import Desk, people

TABLES = ("message", "recipient", "credential", "change", "intent")


@pytest.mark.parametrize("state", [MessageState.SENT, MessageState.QUEUED, MessageState.BOUNCED])
def test_no_message_costs_more_because_there_are_others(store: Desk, state: MessageState) -> None:
    """From intent to outcome and back to the timeline: none of the statements reads a whole table."""
    store.prepare(people(3, contacts=("security", "admin")))
    database = store.outbox._database
    asked: set[str] = set()
    database.set_trace_callback(asked.add)
    ids = [one.id for one in store.outbox.look(claims.due, CAMPAIGN, 10, PREPARED)]
    store.outbox.look(claims.letters, ids)
    store.publisher.intend(CAMPAIGN, ids)
    store.outbox.change(claims.settle, [], [ids], PREPARED)
    store.outbox.change(
        claims.settle, [Outcome(one, state, "id" if state == "sent" else "") for one in ids], [], PREPARED
    )
    store.publisher.tell(CAMPAIGN)
    database.set_trace_callback(None)
    statements = [one for one in asked if one.startswith(("SELECT", "UPDATE", "DELETE", "INSERT"))]
    steps = {one: [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {one}")] for one in statements}
    assert any("FROM message WHERE intent" in one for one in statements)
    scans = {f"SCAN {table}" for table in TABLES}
    assert {one: steps[one] for one in steps if scans & set(steps[one])} == {}
