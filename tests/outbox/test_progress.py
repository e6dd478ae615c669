"""What customers have done is in the timeline: what was seen of their credentials, who acknowledged, who needs a person."""

from dataclasses import replace

from firedoor.campaign import Found, MessageState
from firedoor.outbox import claims
from firedoor.outbox.claims import Outcome
from firedoor.recipient import Measure
from firedoor.timeline.entry import Entry
from tests.campaigning import ANTHROPIC, CAMPAIGN, OPENAI, PREPARED
from tests.sending import Desk, people

NOW = PREPARED + 100.0


def opened(store: Desk, item: dict[str, list[str]]) -> object:
    """What is behind the digest of an item."""
    [digest] = item["_sd"]
    found = store.disclosures.value(digest)
    assert found
    return found.value


def only(store: Desk, kind: str, state: str) -> Entry:
    """The one entry of a kind that tells of something."""
    [entry] = [one for one in store.entries(kind) if state in one.fields]
    return entry


def test_what_was_seen_of_a_credential_is_evidence(store: Desk) -> None:
    """What, where, when; one entry for all customers of a round, and only of what is replaced."""
    store.prepare([replace(one, credentials=(OPENAI, ANTHROPIC)) for one in people(3)])
    changed = Measure(0, Found.CHANGED, "Braintrust: it was changed.", NOW - 50, NOW, NOW)
    same = Measure(1, Found.SAME, "as it was", 0, NOW, NOW)
    found = {f"customer-{number}": [changed, same] for number in range(3)}
    store.outbox.measured(CAMPAIGN, found, NOW)
    store.publisher.tell(CAMPAIGN)
    entry = only(store, "evidence", "replaced")
    assert entry.body["say"] == "3 exposed credentials found replaced."
    items = entry.body["replaced"]
    assert [(one["provider"], one["found"], one["seen"], one["since"]) for one in items] == [
        ("openai", "changed", NOW * 1000, (NOW - 50) * 1000)
    ] * 3
    assert opened(store, items[1]) == {
        "customer": "customer-1",
        "credential": {name: value for name, value in OPENAI.model_dump().items() if value},
        "says": "Braintrust: it was changed.",
    }
    assert b"customer-1" not in entry.data
    store.outbox.measured(CAMPAIGN, found, NOW + 1)
    assert store.publisher.tell(CAMPAIGN) == 0


def test_who_acknowledged_is_evidence(store: Desk) -> None:
    """By which contact, once."""
    store.prepare(people(2))
    store.outbox.acknowledge(CAMPAIGN, "customer-0", "security", NOW)
    store.outbox.acknowledge(CAMPAIGN, "customer-0", "security", NOW + 1)
    store.publisher.tell(CAMPAIGN)
    [item] = only(store, "evidence", "acknowledged").body["acknowledged"]
    assert (item["contact"], item["at"]) == ("security", NOW * 1000)
    assert opened(store, item) == {"customer": "customer-0"}


def test_who_needs_a_person_is_noted(store: Desk) -> None:
    """Whom nobody can write to when it begins, and whom nothing has reached later."""
    crowd = people(2)
    store.prepare([crowd[0], replace(crowd[1], ways=())])
    store.publisher.tell(CAMPAIGN)
    [lonely] = only(store, "note", "task").body["task"]
    assert opened(store, lonely) == {"customer": "customer-1", "says": "There is no contact of this customer."}
    [message] = store.outbox.messages(CAMPAIGN)
    store.publisher.intend(CAMPAIGN, [message.id])
    store.outbox.change(claims.settle, [], [[message.id]], NOW)
    store.outbox.change(claims.settle, [Outcome(message.id, MessageState.BOUNCED, reason="550")], [], NOW)
    store.publisher.tell(CAMPAIGN)
    last = [one for one in store.entries("note") if "task" in one.fields][-1]
    assert last.body["say"] == "A person has to see to 1 customer."
    assert opened(store, last.body["task"][0]) == {
        "customer": "customer-0",
        "says": "550. No other way to this customer is left.",
    }
