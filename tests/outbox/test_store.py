"""The outbox: prepared and approved, told of by providers and readers, steered by people, counted all the while."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from firedoor.campaign import Flow, Found, MessageState, Tally
from firedoor.errors import RefusedError, UsageError
from firedoor.outbox import claims, merged, record
from firedoor.outbox.claims import Outcome
from firedoor.outbox.database import StoreError
from firedoor.outbox.feedback import Feedback, canonical
from firedoor.outbox.store import Outbox
from firedoor.recipient import Measure, Message, Recipient
from firedoor.timeline.render import unresolved
from tests.campaigning import ANTHROPIC, CAMPAIGN, DIGEST, OPENAI, PREPARED
from tests.sending import Desk, people

NOW = PREPARED + 100


def carry(store: Desk, *answers: MessageState) -> list[Message]:
    """Send what is queued; what becomes of each, in order (the last for all that follow)."""
    ids = [one.id for one in store.outbox.look(claims.due, CAMPAIGN, 10**9, NOW)]
    store.publisher.intend(CAMPAIGN, ids)
    [claimed] = store.outbox.change(claims.settle, [], [ids], NOW)
    said = [answers[min(number, len(answers) - 1)] for number in range(len(claimed))]
    outcomes = [Outcome(id, state, f"id-{id}") for id, state in zip(claimed, said, strict=True)]
    store.outbox.change(claims.settle, outcomes, [], NOW)
    return [store.outbox.message(id) for id in claimed]


# --- preparing --------------------------------------------------------------------------------------------------------


def test_what_is_prepared_is_read_as_it_was(store: Desk) -> None:
    """Campaign, customers and messages come back with all that they had."""
    crowd = [replace(one, credentials=(OPENAI, ANTHROPIC)) for one in people(3, "slack", "email")]
    row = store.prepare(crowd, approved=False)
    found = store.outbox.campaign(CAMPAIGN)
    assert (found.spec.until, found.digest, found.flow, found.customers) == (row.spec.until, DIGEST, Flow.PREPARED, 3)
    assert store.outbox.recipients(CAMPAIGN) == crowd
    assert store.outbox.recipient(CAMPAIGN, "customer-1") == crowd[1]
    assert [one.customer for one in store.outbox.recipients(CAMPAIGN, after=0, limit=1)] == ["customer-1"]
    [first, *_] = store.outbox.messages(CAMPAIGN)
    assert (first.customer, first.channel, first.contact, first.state) == ("customer-0", "slack", "security", "queued")
    assert [one.id for one in store.outbox.campaigns()] == [CAMPAIGN]


def test_preparing_again_replaces_what_nobody_approved(store: Desk) -> None:
    """The customers, messages and counts of the first are gone."""
    store.prepare(people(5), approved=False)
    store.prepare(people(2), approved=False)
    standing = store.outbox.standing(CAMPAIGN, NOW)
    assert (standing.customers, standing.messages, standing.holding) == (2, {"queued": 2}, 2)


def test_a_file_of_an_older_firedoor_is_read(store: Desk) -> None:
    """What it lacks is made, and nobody of it was told in another's message."""
    store.prepare(people(1))
    store.outbox.change(lambda database: database.execute("DROP TABLE merged"))
    store.outbox.close()
    with Outbox.open(store.outbox.path) as outbox:
        assert outbox.look(merged.merged, CAMPAIGN) == {}
        assert outbox.campaign(CAMPAIGN).customers == 1


def test_what_was_approved_is_not_replaced(store: Desk) -> None:
    """Preparing the same again is harmless, anything else is refused."""
    store.prepare(people(2))
    store.prepare(people(2), approved=False)
    assert store.outbox.campaign(CAMPAIGN).flow is Flow.RUNNING
    other = replace(store.row, digest="f" * 64)
    with pytest.raises(RefusedError, match="another content"):
        store.outbox.prepare(other, [], [])


def test_only_what_was_approved_runs(store: Desk) -> None:
    """Another digest is refused, one that is not finished is none, and a second approval changes nothing."""
    store.prepare(people(1), approved=False)
    with pytest.raises(RefusedError, match="is not what was approved"):
        store.outbox.approve(CAMPAIGN, "f" * 64, "user:ada", NOW)
    first = store.outbox.approve(CAMPAIGN, DIGEST, "user:ada", NOW)
    assert store.outbox.approve(CAMPAIGN, DIGEST, "user:bob", NOW + 1) == first
    store.outbox.steer(CAMPAIGN, Flow.PAUSED, "user:bob", "wait", NOW)
    assert store.outbox.approve(CAMPAIGN, DIGEST, "user:ada", NOW).flow is Flow.PAUSED


def test_a_preparation_that_died_cannot_be_approved(store: Desk) -> None:
    """Half of the customers are no campaign; the next preparation replaces it."""

    def dying() -> Iterator[Recipient]:
        yield from people(3)
        raise KeyboardInterrupt

    row = store.prepare(people(1), approved=False)
    with pytest.raises(KeyboardInterrupt):
        store.outbox.prepare(row, dying(), [])
    with pytest.raises(RefusedError):
        store.outbox.approve(CAMPAIGN, "", "user:ada", NOW)
    store.prepare(people(2))
    assert store.outbox.standing(CAMPAIGN, NOW).customers == 2


def test_nobody_gets_the_same_notice_of_an_incident_twice(store: Desk) -> None:
    """Another step of the same incident with a customer of the first is refused, and says who."""
    store.prepare(people(2))
    other = replace(store.row, id="gateway-breached-1a2b.again")
    message = replace(store.outbox.messages(CAMPAIGN)[1], content="x")
    with pytest.raises(RefusedError, match=r"notify already writes to customer-1 \(security\) by email"):
        store.outbox.prepare(other, people(2), [message])


def test_a_customer_without_a_contact_is_a_task(store: Desk) -> None:
    """It is counted, and listed for a person."""
    lonely = replace(people(1)[0], ways=())
    store.outbox.prepare(store.prepare([], approved=False), [lonely], [])
    standing = store.outbox.standing(CAMPAIGN, NOW)
    assert (standing.customers, standing.nobody, standing.tasks) == (1, 1, 1)
    assert store.outbox.tasks(CAMPAIGN)[0].task == "There is no contact of this customer."


def test_what_is_not_there_is_said(store: Desk) -> None:
    """A campaign, a customer or a message that is unknown is a sentence."""
    with pytest.raises(UsageError, match="no campaign 'nowhere'"):
        store.outbox.campaign("nowhere")
    store.prepare(people(1))
    with pytest.raises(UsageError, match="'nobody' is no customer"):
        store.outbox.recipient(CAMPAIGN, "nobody")
    with pytest.raises(UsageError, match="no message 99"):
        store.outbox.message(99)


# --- what happens to messages -----------------------------------------------------------------------------------------


def test_a_provider_tells_what_became_of_it(store: Desk) -> None:
    """By our key or by its own name; what does not follow changes nothing, and what is unknown is nobody's."""
    store.prepare(people(2))
    first, second = carry(store, MessageState.SENT)
    event = store.outbox.event
    event(Feedback(provider_id=first.provider_id, state=MessageState.DELIVERED), NOW)
    event(Feedback(key=second.key, state=MessageState.COMPLAINED, reason="spam"), NOW)
    again = event(Feedback(key=second.key, state=MessageState.DELIVERED), NOW)
    assert again == store.outbox.message(second.id)
    assert [one.state.value for one in store.outbox.messages(CAMPAIGN)] == ["delivered", "complained"]
    assert event(Feedback(key="stranger", state=MessageState.BOUNCED), NOW) is None
    assert event(Feedback(state=MessageState.BOUNCED), NOW) is None
    with pytest.raises(UsageError, match="No provider can say"):
        event(Feedback(key=second.key, state=MessageState.QUEUED), NOW)


def test_a_late_bounce_takes_the_next_way(store: Desk) -> None:
    """The customer counted as reached, does not any more, and its next contact is written to."""
    store.prepare(people(1, contacts=("security", "admin")))
    [message] = carry(store, MessageState.SENT)
    assert store.outbox.standing(CAMPAIGN, NOW).reached == 1
    store.outbox.event(Feedback(key=message.key, state=MessageState.BOUNCED, reason="550"), NOW)
    standing = store.outbox.standing(CAMPAIGN, NOW)
    assert (standing.reached, standing.messages) == (0, {"bounced": 1, "queued": 1})
    assert carry(store, MessageState.SENT)[0].contact == "admin"


def test_what_anybody_may_say_is_believed_of_one_address_only(store: Desk) -> None:
    """A mail that came back names whom it went to: of another one's, or of what has not left, it can move nothing."""
    store.prepare(people(2, contacts=("security", "admin")))
    waiting = store.outbox.messages(CAMPAIGN)[0]
    told = Feedback(waiting.key, "", MessageState.BOUNCED, "failed", "email", frozenset({canonical(waiting.address)}))
    assert store.outbox.event(told, NOW) == waiting
    [message, other] = carry(store, MessageState.SENT)
    assert store.outbox.event(replace(told, to=frozenset({canonical(other.address)})), NOW) is None
    assert store.outbox.event(replace(told, channel="slack"), NOW) is None
    assert store.outbox.event(replace(told, state=None), NOW) == message
    assert store.outbox.message(message.id).state is MessageState.SENT
    found = store.outbox.event(replace(told, to=frozenset({"list@customer0.example", canonical(message.address)})), NOW)
    assert found is not None
    assert found.state is MessageState.BOUNCED
    assert [one.contact for one in store.outbox.messages(CAMPAIGN, state=MessageState.QUEUED)] == ["admin"]


def test_nobody_can_tell_the_key_of_a_message_from_another(store: Desk) -> None:
    """What is known of a campaign and of a customer does not make it: one that is prepared anew has others."""
    store.prepare(people(1), approved=False)
    before = store.outbox.messages(CAMPAIGN)[0].key
    store.prepare(people(1), approved=False)
    assert store.outbox.messages(CAMPAIGN)[0].key != before


def test_an_event_resolves_doubt(store: Desk) -> None:
    """What may have been sent was: the provider says so."""
    store.prepare(people(1))
    [message] = carry(store, MessageState.IN_DOUBT)
    store.outbox.event(Feedback(key=message.key, state=MessageState.DELIVERED), NOW)
    standing = store.outbox.standing(CAMPAIGN, NOW)
    assert (standing.messages, standing.reached) == ({"delivered": 1}, 1)


def test_late_bounces_halt_it(store: Desk) -> None:
    """Bounces that come by events count as those of the sender do."""
    store.prepare(people(30))
    for message in carry(store, MessageState.SENT)[:6]:
        store.outbox.event(Feedback(key=message.key, state=MessageState.BOUNCED, reason="550"), NOW)
    assert store.outbox.campaign(CAMPAIGN).flow is Flow.HALTED


def test_what_is_tried_again_and_lost_again_halts_it_again(store: Desk) -> None:
    """A person who lets it go on after a halt is not asked about the old losses, but about the new ones."""
    store.prepare(people(20))
    carry(store, MessageState.FAILED)
    assert store.outbox.campaign(CAMPAIGN).flow is Flow.HALTED
    store.outbox.steer(CAMPAIGN, Flow.RUNNING, "user:ada", "it is mended", NOW)
    assert store.outbox.retry_failed(CAMPAIGN, "user:ada", "it is mended", NOW) == 20
    assert store.outbox.campaign(CAMPAIGN).flow is Flow.RUNNING
    carry(store, MessageState.FAILED)
    assert store.outbox.campaign(CAMPAIGN).flow is Flow.HALTED


def test_an_event_that_overtakes_the_answer_stands(store: Desk) -> None:
    """The provider says delivered before the sender has written down that it was sent: only the name is added."""
    store.prepare(people(1))
    [due] = store.outbox.look(claims.due, CAMPAIGN, 1, NOW)
    store.publisher.intend(CAMPAIGN, [due.id])
    store.outbox.change(claims.settle, [], [[due.id]], NOW)
    store.outbox.event(Feedback(key=store.outbox.message(due.id).key, state=MessageState.DELIVERED), NOW)
    store.outbox.change(claims.settle, [Outcome(due.id, MessageState.SENT, "theirs")], [], NOW)
    found = store.outbox.message(due.id)
    assert (found.state, found.provider_id) == (MessageState.DELIVERED, "theirs")


def test_a_reader_acknowledges(store: Desk) -> None:
    """Once; the next way that was queued for the customer is not taken any more."""
    store.prepare(people(1, contacts=("security", "admin")))
    [message] = carry(store, MessageState.BOUNCED)
    assert store.outbox.acknowledge(CAMPAIGN, message.customer, "security", NOW)
    assert not store.outbox.acknowledge(CAMPAIGN, message.customer, "security", NOW)
    standing = store.outbox.standing(CAMPAIGN, NOW)
    assert (standing.acknowledged, standing.reached, standing.tasks) == (1, 1, 0)
    # What came back was not what it has read.
    assert standing.messages == {"bounced": 1, "unsent": 1}


@pytest.mark.parametrize(
    ("slack", "email", "after"),
    [
        (MessageState.BOUNCED, MessageState.SENT, {"bounced": 1, "acknowledged": 1}),
        (MessageState.IN_DOUBT, MessageState.SENT, {"in_doubt": 1, "acknowledged": 1}),
        (MessageState.FAILED, MessageState.IN_DOUBT, {"failed": 1, "acknowledged": 1}),
        (MessageState.SENT, MessageState.SENT, {"acknowledged": 2}),
    ],
)
def test_a_reader_acknowledges_what_has_left_us(
    store: Desk, slack: MessageState, email: MessageState, after: dict[str, int]
) -> None:
    """Of one contact by two channels: not what came back; what is in doubt only where nothing else can have been read."""
    store.prepare(people(1, "slack", "email"), every=True)
    carry(store, slack, email)
    store.outbox.acknowledge(CAMPAIGN, "customer-0", "security", NOW)
    assert store.outbox.standing(CAMPAIGN, NOW).messages == after


def test_the_first_time_counts(store: Desk) -> None:
    """Whoever was reached, and then reminded, was reached the first time: contracts ask for that."""
    store.prepare(people(1))
    [message] = carry(store, MessageState.SENT)
    store.outbox.event(Feedback(key=message.key, state=MessageState.DELIVERED), NOW + 10)
    store.outbox.acknowledge(CAMPAIGN, "customer-0", "security", NOW + 20)
    assert store.outbox.recipient(CAMPAIGN, "customer-0").reached == NOW


def test_a_customer_is_remediated_when_all_is_replaced(store: Desk) -> None:
    """One of two is half; with both the customer, its messages and the counts of the providers say so."""
    store.prepare([replace(people(1)[0], credentials=(OPENAI, ANTHROPIC))])
    carry(store, MessageState.SENT)
    changed, same = Measure(0, Found.CHANGED, "new", NOW, NOW, NOW), Measure(1, Found.SAME, "old", 0, NOW, NOW)
    assert store.outbox.measured(CAMPAIGN, {"customer-0": [changed, same]}, NOW) == 0
    assert store.outbox.standing(CAMPAIGN, NOW).providers["openai"] == Tally(total=1, reached=1, remediated=1)
    assert store.outbox.measures(CAMPAIGN, ["customer-0"]) == {"customer-0": (changed, same)}
    back = Measure(0, Found.SAME, "?", 0, NOW, NOW)
    assert store.outbox.measured(CAMPAIGN, {"customer-0": [back, Measure(1, Found.REFUSED)], "stranger": []}, NOW) == 1
    standing = store.outbox.standing(CAMPAIGN, NOW)
    assert (standing.remediated, standing.holding, standing.messages) == (1, 0, {"remediated": 1})
    assert standing.cohorts == {"confirmed": Tally(total=1, reached=1, remediated=1)}


# --- reminders --------------------------------------------------------------------------------------------------------


def test_only_those_that_are_waited_for_are_reminded(store: Desk) -> None:
    """By the way that reached them, once for each number, and not once they have rotated."""
    store.prepare(people(3))
    messages = carry(store, MessageState.SENT, MessageState.SENT, MessageState.IN_DOUBT)
    store.outbox.measured(CAMPAIGN, {messages[0].customer: [Measure(0, Found.GONE)]}, NOW)
    assert store.outbox.remind(CAMPAIGN, 1, NOW, lambda one, way: f"{one.customer} {way.contact}") == 2
    assert store.outbox.remind(CAMPAIGN, 1, NOW) == 0
    queued = store.outbox.messages(CAMPAIGN, state=MessageState.QUEUED)
    assert [(one.customer, one.reminder, one.content) for one in queued] == [
        ("customer-1", 1, "customer-1 security"),
        ("customer-2", 1, "customer-2 security"),
    ]
    store.outbox.measured(CAMPAIGN, {"customer-1": [Measure(0, Found.GONE)]}, NOW)
    assert [one.customer for one in store.outbox.messages(CAMPAIGN, state=MessageState.UNSENT)] == ["customer-1"]


def test_whom_nothing_has_reached_is_not_reminded(store: Desk) -> None:
    """It still waits for its notice; and a campaign that is over reminds nobody."""
    store.prepare(people(2))
    assert store.outbox.remind(CAMPAIGN, 1, NOW) == 0
    store.outbox.steer(CAMPAIGN, Flow.STOPPED, "user:ada", "", NOW)
    with pytest.raises(RefusedError, match="nobody is reminded"):
        store.outbox.remind(CAMPAIGN, 1, NOW)


def test_until_may_ask_for_less(store: Desk) -> None:
    """`customer.reached` holds as soon as a message has left us."""
    store.prepare(people(2), until="customer.reached")
    assert store.outbox.standing(CAMPAIGN, NOW).holding == 2
    carry(store, MessageState.SENT)
    assert store.outbox.standing(CAMPAIGN, NOW).holding == 0
    assert store.outbox.recipients(CAMPAIGN, holding=True) == []
    assert len(store.outbox.recipients(CAMPAIGN, holding=False)) == 2


# --- steering ---------------------------------------------------------------------------------------------------------


def test_lanes_that_claim_together_get_a_message_once(store: Desk) -> None:
    """What two of them ask for in one transaction is the first one's."""
    store.prepare(people(3))
    first, second, third = (one.id for one in store.outbox.look(claims.due, CAMPAIGN, 3, NOW))
    store.publisher.intend(CAMPAIGN, [first, second])
    asked = [[first], [first, second], [third]]
    assert store.outbox.change(claims.settle, [], asked, NOW) == [[first], [second], []]


def test_after_a_stop_nothing_is_claimed(store: Desk) -> None:
    """The claim and the stop are one order: what comes after the stop fails."""
    store.prepare(people(2))
    ids = [one.id for one in store.outbox.look(claims.due, CAMPAIGN, 2, NOW)]
    store.publisher.intend(CAMPAIGN, ids)
    assert store.outbox.change(claims.settle, [], [ids[:1]], NOW) == [ids[:1]]
    with Outbox.open(store.outbox.path) as elsewhere:
        elsewhere.steer(CAMPAIGN, Flow.STOPPED, "user:ada", "wrong list", NOW)
    assert store.outbox.change(claims.settle, [], [ids], NOW) == [[]]
    assert store.outbox.unsend(CAMPAIGN, NOW) == 1
    with pytest.raises(RefusedError, match="is stopped and cannot become running"):
        store.outbox.steer(CAMPAIGN, Flow.RUNNING, "user:ada", "", NOW)


def test_what_failed_is_tried_again_when_a_person_says_so(store: Desk) -> None:
    """Only for customers that nothing has reached, by their first way; what is in doubt only when that is asked for."""
    store.prepare(people(4, contacts=("security", "admin")))
    carry(store, MessageState.SENT, MessageState.FAILED, MessageState.IN_DOUBT)
    carry(store, MessageState.FAILED)
    assert store.outbox.standing(CAMPAIGN, NOW).tasks == 1
    assert store.outbox.retry_failed(CAMPAIGN, "user:ada", "the server is mended", NOW) == 1
    assert store.outbox.standing(CAMPAIGN, NOW).tasks == 0
    assert [one.contact for one in store.outbox.messages(CAMPAIGN, state=MessageState.QUEUED)] == ["security"]
    assert store.outbox.retry_failed(CAMPAIGN, "user:ada", "and those", NOW, doubtful=True) == 2
    store.publisher.tell(CAMPAIGN)
    said = [entry.body["reason"] for entry in store.entries("decision")]
    assert said[-2:] == ["1 message is tried again: the server is mended", "2 messages are tried again: and those"]


def test_what_is_in_doubt_is_tried_before_what_is_lost(store: Desk) -> None:
    """The first contact's address is dead, the second's message may have arrived: that is the one that was asked for."""
    store.prepare(people(1, contacts=("security", "admin")))
    carry(store, MessageState.BOUNCED)
    carry(store, MessageState.IN_DOUBT)
    assert store.outbox.retry_failed(CAMPAIGN, "user:ada", "again", NOW, doubtful=True) == 1
    assert [one.contact for one in store.outbox.messages(CAMPAIGN, state=MessageState.QUEUED)] == ["admin"]


def test_every_channel_has_its_own_contacts(store: Desk) -> None:
    """With `every` both channels are written to at once, and a bounce goes on in its own."""
    store.prepare(people(1, "slack", "email", contacts=("security", "admin")), every=True)
    assert {one.channel for one in carry(store, MessageState.BOUNCED, MessageState.SENT)} == {"slack", "email"}
    [queued] = store.outbox.messages(CAMPAIGN, state=MessageState.QUEUED)
    assert (queued.contact, queued.channel) == ("admin", "slack")


# --- the record -------------------------------------------------------------------------------------------------------


def test_a_crash_while_telling_repeats_nothing(store: Desk) -> None:
    """The timeline has it and the outbox does not know: telling it again, with more, adds only what is new."""
    store.prepare(people(2))
    carry(store, MessageState.SENT)
    head = store.outbox.look(record.head, CAMPAIGN)
    part = store.outbox.change(record.take, head.number)
    store.timeline.append(list(store.publisher._drafts(head, part)))
    count = len(store.entries())
    store.outbox.event(Feedback(key=store.outbox.message(1).key, state=MessageState.DELIVERED), NOW)
    assert store.publisher.tell(CAMPAIGN) > 0
    assert len(store.entries()) == count + 1
    assert store.told() == {1: ["sending", "sent", "delivered"], 2: ["sending", "sent"]}
    assert store.entries("conflict") == []
    assert not store.outbox.look(record.untold, CAMPAIGN)


def test_a_crash_while_intending_repeats_nothing(store: Desk) -> None:
    """The timeline has the intent and the outbox does not know: it is the same entry, and the messages may be sent."""
    store.prepare(people(2))
    head = store.outbox.look(record.head, CAMPAIGN)
    intent = store.outbox.change(record.intend, head.number, [1, 2])
    store.publisher._record_intent(head, intent)
    store.outbox._database.execute("UPDATE intent SET entry = ''")
    store.publisher.intend(CAMPAIGN, [])
    assert len(store.entries("notification.intent")) == 1
    assert len(carry(store, MessageState.SENT)) == 2


def test_outcomes_answer_their_intents(store: Desk) -> None:
    """An entry of outcomes refers to the intent of its messages, so that an open intent can be seen."""
    store.prepare(people(2))
    carry(store, MessageState.SENT)
    store.publisher.tell(CAMPAIGN)
    [intent], [outcome] = store.entries("notification.intent"), store.entries("notification.outcome")
    assert outcome.ref == intent.id
    assert outcome.part("result") == {"status": "ok", "counts": {"sent": 2}}


def test_an_intent_is_open_while_one_of_its_messages_is(store: Desk) -> None:
    """Whoever reads the record sees what was announced and not sent, until it is, or will not be."""
    store.prepare(people(3))
    ids = [one.id for one in store.outbox.look(claims.due, CAMPAIGN, 3, NOW)]
    store.publisher.intend(CAMPAIGN, ids)
    store.outbox.change(claims.settle, [], [ids[:2]], NOW)
    outcomes = [Outcome(ids[0], MessageState.SENT), Outcome(ids[1], MessageState.QUEUED, due=NOW)]
    store.outbox.change(claims.settle, outcomes, [], NOW)
    store.publisher.tell(CAMPAIGN)
    assert [one.kind for one in unresolved(store.entries())] == ["notification.intent"]
    store.outbox.steer(CAMPAIGN, Flow.STOPPED, "user:ada", "enough", NOW)
    store.outbox.unsend(CAMPAIGN, NOW)
    store.publisher.tell(CAMPAIGN)
    assert unresolved(store.entries()) == []


def test_entries_fit(store: Desk) -> None:
    """The longest names that anybody can have do not make an entry too long."""
    crowd = [replace(one, customer=f"{one.customer}-{'x' * 80}") for one in people(600)]
    store.prepare(crowd)
    store.outbox._database.execute("UPDATE message SET content = ?", ("f" * 64,))
    messages = carry(store, MessageState.SENT)
    store.outbox.change(claims.settle, [], [], NOW)
    for one in messages:
        store.outbox.event(Feedback(key=one.key, state=MessageState.BOUNCED, reason="x" * 5_000), NOW)
    store.publisher.tell(CAMPAIGN)
    assert max(len(entry.data) for entry in store.entries()) < 65_000


def test_a_full_disk_changes_nothing(store: Desk) -> None:
    """The campaign is as it was, and the sentence says what to do."""
    store.prepare(people(3))
    database = store.outbox._database
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="the disk is full"):
        store.outbox.steer(CAMPAIGN, Flow.PAUSED, "user:ada", "x" * 99_000, NOW)
    assert store.outbox.campaign(CAMPAIGN).flow is Flow.RUNNING
    assert store.outbox.standing(CAMPAIGN, NOW).messages == {"queued": 3}
