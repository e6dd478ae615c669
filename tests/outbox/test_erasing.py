"""A customer is erased from the outbox: what was counted stays, and nothing finds it or is sent to it any more."""

import asyncio

import pytest

from activities.transports._transport import Letter
from firedoor.campaign import Flow, MessageState
from firedoor.errors import RefusedError, UsageError
from firedoor.outbox import claims, erasing, merged
from firedoor.outbox.claims import Outcome
from firedoor.outbox.database import StoreError
from firedoor.outbox.feedback import Feedback
from firedoor.outbox.forgetting import Forgotten, forget
from firedoor.timeline.disclosures import Hold
from firedoor.timeline.erasure import erase_subject
from tests.campaigning import CAMPAIGN, PREPARED
from tests.sending import Desk, Post, people

NOW = PREPARED + 100
WHY = "GDPR Art. 17"


def erase(store: Desk, customer: str = "customer-1") -> Forgotten:
    """Erase a customer as a person does."""
    return forget(store.publisher, customer, reason=WHY, by="user:ada")


async def test_nothing_is_left_of_it(store: Desk) -> None:
    """Not in a row, not in the file; counts and states are those of before, and the others keep what they have."""
    store.prepare(people(3))
    await store.send({"email": Post()})
    before = store.outbox.standing(CAMPAIGN, NOW)
    address = store.outbox.messages(CAMPAIGN, customer="customer-1")[0].address
    assert erase(store) == Forgotten((CAMPAIGN,), 1, scoured=True)
    after = store.outbox.standing(CAMPAIGN, NOW)
    assert after == before.model_copy(update={"holding": before.holding - 1})
    with pytest.raises(UsageError, match="is no customer"):
        store.outbox.recipient(CAMPAIGN, "customer-1")
    told = store.outbox.recipients(CAMPAIGN)
    assert [one.name for one in told] == [told[0].name, "(erased)", told[2].name]
    assert (told[1].ways, told[1].credentials) == ((), ())
    file = b"".join(path.read_bytes() for path in store.outbox.path.parent.glob(f"{store.outbox.path.name}*"))
    assert address.encode() not in file
    assert store.outbox.messages(CAMPAIGN, customer="customer-2")[0].address.encode() in file
    assert erase(store) == Forgotten((), 0, scoured=True)


async def test_what_waits_for_it_is_not_sent(store: Desk) -> None:
    """Neither its notice, nor a reminder, nor what a person has tried again; everybody else gets theirs."""
    store.prepare(people(3, contacts=("security", "admin")))
    store.publisher.intend(CAMPAIGN, [one.id for one in store.outbox.messages(CAMPAIGN)])
    erase(store)
    post = Post()
    await store.send({"email": post})
    assert len(post.arrived) == 2
    states = {one.customer: one.state.value for one in store.outbox.messages(CAMPAIGN)}
    assert sorted(states.values()) == ["sent", "sent", "unsent"]
    assert store.outbox.remind(CAMPAIGN, 1, NOW) == 2
    assert store.outbox.retry_failed(CAMPAIGN, "user:ada", "again", NOW, doubtful=True) == 0
    assert store.outbox.campaign(CAMPAIGN).flow is Flow.RUNNING


async def test_while_it_is_sent_the_rest_goes_on(store: Desk) -> None:
    """A sender that has the letter ready already does not send it, and halts for nothing."""
    store.prepare(people(40))

    async def meanwhile(letter: Letter) -> None:
        if letter.customer == "customer-0":
            assert (await asyncio.to_thread(erase, store, "customer-30")).messages == 1

    post = Post(before=meanwhile, lanes=1)
    standing = await store.send({"email": post})
    assert len(post.arrived) == 39
    assert (standing.flow, standing.messages) == (Flow.RUNNING, {"sent": 39, "unsent": 1})
    assert store.entries("conflict") == []
    erase_subject(store.disclosures, store.timeline, "customer-30", reason=WHY, by="user:ada")
    assert store.disclosures.of("customer-30") == []


def test_what_is_on_the_wire_is_in_doubt(store: Desk) -> None:
    """Its sender's answer, or its provider's, comes too late: neither puts anything back."""
    store.prepare(people(2))
    ids = [one.id for one in store.outbox.messages(CAMPAIGN)]
    key = store.outbox.message(ids[1]).key
    store.publisher.intend(CAMPAIGN, ids)
    store.outbox.change(claims.settle, [], [ids], NOW)
    erase(store)
    bounced = Outcome(ids[1], MessageState.BOUNCED, "theirs", "550 nobody@canary.example")
    store.outbox.change(claims.settle, [bounced], [], NOW)
    assert store.outbox.event(Feedback(key=key, provider_id="theirs", state=MessageState.BOUNCED), NOW) is None
    message = store.outbox.message(ids[1])
    assert (message.state, message.address, message.reason) == (MessageState.IN_DOUBT, "", "The customer was erased.")
    assert message.provider_id == "erased"
    assert store.outbox.retry_failed(CAMPAIGN, "user:ada", "again", NOW, doubtful=True) == 0


async def test_it_is_recorded_before_it_is_done(store: Desk) -> None:
    """In its incident, by whom and why, without saying who it was; and the values of its entries go with the rest."""
    store.prepare(people(2))
    [message] = store.outbox.messages(CAMPAIGN, customer="customer-1")
    await store.send({"email": Post()})
    erase(store)
    done = erase_subject(store.disclosures, store.timeline, "customer-1", reason=WHY, by="user:ada")
    assert done.values == 2, "whom it was sent to, and what its provider calls it"
    first, _ = store.entries("redaction")
    assert first.body["say"] == f"A customer and 1 message to it erased from {CAMPAIGN}: {WHY}"
    assert first.part("actor")["id"] == "user:ada"
    text = b"".join(entry.data for entry in store.entries())
    assert b"customer-1" not in text
    assert message.key.encode() not in text, "who guesses the customer knows its key"
    assert store.entries("conflict") == []


def test_killed_in_the_middle_the_same_call_ends_it(store: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was recorded and not done: the second call does it, and records it no second time."""

    def dying(*_: object) -> bool:
        raise KeyboardInterrupt

    store.prepare(people(2))
    with monkeypatch.context() as patch:
        patch.setattr(erasing, "erase", dying)
        with pytest.raises(KeyboardInterrupt):
            erase(store)
    assert store.outbox.recipient(CAMPAIGN, "customer-1").name
    assert erase(store).campaigns == (CAMPAIGN,)
    assert len(store.entries("redaction")) == 1


def test_while_the_timeline_is_told_of_it_nothing_changes(store: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the same part would be told twice, in two ways."""
    store.prepare(people(2))
    [place] = store.outbox.look(erasing.places, "customer-1")
    ids = [one.id for one in store.outbox.messages(CAMPAIGN, customer="customer-1")]
    store.outbox._database.execute("INSERT INTO intent (campaign) VALUES (1)")
    store.outbox._database.execute("UPDATE message SET intent = 1 WHERE id = ?", ids)
    assert not store.outbox.change(erasing.erase, place, NOW)
    monkeypatch.setattr("firedoor.outbox.forgetting.TRIES", 1)
    monkeypatch.setattr("firedoor.outbox.forgetting.PAUSE", 0)
    monkeypatch.setattr(erasing, "erase", lambda *_: False)
    with pytest.raises(StoreError, match="sends to this customer at this moment"):
        erase(store)
    monkeypatch.undo()
    assert erase(store).messages == 1


def test_a_hold_forbids_it(store: Desk) -> None:
    """Nothing is recorded, and nothing erased."""
    store.prepare(people(2))
    store.disclosures.hold(Hold("customer-1", "litigation 4711", "user:bob", "2026-11-29T00:00:00Z"))
    with pytest.raises(RefusedError, match="litigation 4711"):
        erase(store)
    assert store.outbox.recipient(CAMPAIGN, "customer-1").ways
    assert store.entries("redaction") == []


def test_with_whom_somebody_was_told_is_forgotten_with_either(store: Desk) -> None:
    """With the one whose message it was, and with the one that was told in it."""
    store.prepare(people(2), shared={"other-0": "customer-0", "other-1": "customer-1"})
    forget(store.publisher, "other-0", reason="GDPR Art. 17", by="user:ada")
    assert store.outbox.look(merged.merged, CAMPAIGN) == {"other-1": "customer-1"}
    forget(store.publisher, "customer-1", reason="GDPR Art. 17", by="user:ada")
    assert store.outbox.look(merged.merged, CAMPAIGN) == {}
