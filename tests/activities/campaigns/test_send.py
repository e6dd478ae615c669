"""Sending: each message once, whoever refuses, dies or stalls, and nothing without a record."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activities.campaigns import lanes
from activities.transports._transport import (
    BouncedError,
    BrokenError,
    DoubtError,
    LaterError,
    Letter,
    RejectedError,
    TransportError,
)
from firedoor.campaign import Flow, MessageState
from firedoor.errors import RefusedError
from firedoor.outbox import claims
from firedoor.outbox.database import StoreError
from firedoor.timeline.entry import TimelineError
from tests.campaigning import CAMPAIGN, PREPARED
from tests.sending import Desk, Post, desk, people


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Desk]:
    """The stores of a campaign."""
    with desk(tmp_path) as opened:
        yield opened


def states(store: Desk) -> dict[str, str]:
    """The state of each message, by customer, contact and channel."""
    every = store.outbox.messages(CAMPAIGN, limit=10_000)
    return {f"{one.customer} {one.contact} {one.channel}": one.state.value for one in every}


async def test_each_customer_gets_one_message(store: Desk) -> None:
    """All are sent, once; the standing counts them, and the timeline has every change of every message."""
    store.prepare(people(300))
    post = Post()
    standing = await store.send({"email": post})
    assert set(post.arrived.values()) == {1}
    assert len(post.arrived) == 300
    assert (standing.messages, standing.reached, standing.written, standing.wait) == ({"sent": 300}, 300, 300, 0)
    assert post.most <= post.lanes
    assert set(map(tuple, store.told().values())) == {("sending", "sent")}
    assert len(store.told()) == 300


async def test_the_intent_is_recorded_before_a_message_is_sent(store: Desk) -> None:
    """When a letter reaches the transport, the timeline has its row, its content and a digest of whom it is to."""
    store.prepare(people(20))
    missing: list[int] = []

    async def look(letter: Letter) -> None:
        rows = [item["row"] for entry in store.entries("notification.intent") for item in entry.body["messages"]]
        if letter.row not in rows:
            missing.append(letter.row)

    await store.send({"email": Post(before=look)})
    assert missing == []
    text = b"".join(entry.data for entry in store.entries())
    assert b"customer0.example" not in text
    [intent] = store.entries("notification.intent")
    disclosed = store.disclosures.value(intent.body["messages"][0]["_sd"][0])
    assert disclosed is not None
    assert disclosed.value["address"] == "security0@customer0.example"


async def test_only_the_first_customers_are_written_to(store: Desk) -> None:
    """A canary of 10 reaches the first 10; the next wave goes on with the others."""
    store.prepare(people(30))
    post = Post()
    first = await store.send({"email": post}, upto=10)
    assert first.messages == {"queued": 20, "sent": 10}
    assert {address for _, address in post.at} == {f"security{n}@customer{n}.example" for n in range(10)}
    assert (await store.send({"email": post})).messages == {"sent": 30}


async def test_a_batch_travels_together(store: Desk) -> None:
    """A transport that takes many letters at once gets many, each with its own answer."""
    store.prepare(people(40))
    post = Post(batch=10, lanes=2, answers=lambda letter: BouncedError("gone") if "0@" in letter.address else None)
    await store.send({"email": post})
    assert max(post.calls) == 10
    assert sum(state == "bounced" for state in states(store).values()) == 4


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (BouncedError("550 no such user"), "bounced"),
        (RejectedError("554 too large"), "failed"),
        (DoubtError("the answer was lost"), "in_doubt"),
        (LaterError("450 later", seconds=60), "queued"),
    ],
)
async def test_an_answer_makes_a_state(store: Desk, answer: TransportError, state: str) -> None:
    """What the server said is kept with the message, and is only a digest in the timeline."""
    store.prepare(people(1))
    standing = await store.send({"email": Post(answers=lambda _: answer)})
    [message] = store.outbox.messages(CAMPAIGN)
    assert (message.state.value, message.reason) == (state, answer.what)
    assert standing.wait == (60 if state == "queued" else 0)
    assert answer.what.encode() not in b"".join(entry.data for entry in store.entries())
    assert store.entries("notification.outcome")[-1].part("result")["status"] == {
        "in_doubt": "unknown",
        "queued": "ok",
    }.get(state, "failed")


async def test_a_bounce_goes_on_to_the_next_contact_then_channel_then_person(store: Desk) -> None:
    """Security bounces, the admin bounces, Slack is gone: a person has to see to it, and is told why."""
    store.prepare(people(1, "email", "slack", contacts=("security", "admin")), halt=100)
    gone = Post(answers=lambda letter: BouncedError(f"{letter.channel} is gone."))
    await store.send({"email": gone, "slack": gone})
    assert list(states(store).values()) == ["bounced"] * 4
    assert list(states(store)) == [
        "customer-0 security email",
        "customer-0 admin email",
        "customer-0 security slack",
        "customer-0 admin slack",
    ]
    [task] = store.outbox.tasks(CAMPAIGN)
    assert task.task == "slack is gone. No other way to this customer is left."


async def test_the_next_way_reaches_the_customer(store: Desk) -> None:
    """One bounce costs nothing but the bounce."""
    store.prepare(people(5, "email", "slack"))
    gone = Post(answers=lambda letter: BouncedError("gone") if "0@" in letter.address else None)
    standing = await store.send({"email": gone, "slack": Post()})
    assert (standing.reached, standing.tasks) == (5, 0)
    assert states(store)["customer-0 security slack"] == "sent"


async def test_too_many_losses_halt_it(store: Desk) -> None:
    """Everything bounces: after a few messages it halts, says why, and the rest stays where it is."""
    store.prepare(people(200))
    post = Post(answers=lambda _: BouncedError("blocked"), lanes=2)
    standing = await store.send({"email": post})
    assert standing.flow is Flow.HALTED
    assert standing.queued > 190
    assert "did not arrive: more than the 5 % that the runbook allows" in standing.reason
    [_, halted] = store.entries("decision")
    assert halted.body["decision"] == "halted"
    store.outbox.steer(CAMPAIGN, Flow.RUNNING, "user:ada", "the block is lifted", PREPARED + 200)
    assert (await store.send({"email": Post()})).queued == 0


async def test_a_broken_way_waits_and_recovers(store: Desk) -> None:
    """While nobody can log in, one lane asks; the messages keep their places and their attempts."""
    store.prepare(people(20))
    refused = iter([True] * 6 + [False] * 100)

    async def log_in(_: Letter) -> None:
        if next(refused):
            raise BrokenError("535 log-in refused", seconds=0.01)

    standing = await store.send({"email": Post(before=log_in)})
    assert (standing.messages, standing.flow, standing.reason) == ({"sent": 20}, Flow.RUNNING, "")
    assert {one.attempts for one in store.outbox.messages(CAMPAIGN)} == {1}


async def test_a_way_that_stays_broken_halts_it(store: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while, or at once where only a person can help, it halts with what the way says."""
    monkeypatch.setattr(lanes, "PATIENCE", 0.05)
    store.prepare(people(5))

    async def broken(_: Letter) -> None:
        raise BrokenError("no such host", seconds=0.02)

    standing = await store.send({"email": Post(before=broken)})
    assert (standing.flow, standing.queued) == (Flow.HALTED, 5)
    assert "no such host" in standing.reason


async def test_a_channel_that_is_not_set_up_halts_it(store: Desk) -> None:
    """Nothing is sent by other ways in its place without anybody knowing."""
    store.prepare(people(2, "slack"))
    standing = await store.send({"email": Post()})
    assert standing.flow is Flow.HALTED
    assert "slack is not set up here" in standing.reason


async def test_what_would_say_something_else_is_not_sent(store: Desk) -> None:
    """The notice was edited after it was approved: it halts before the first message."""
    store.prepare(people(5))
    store.composer.says = "Send us your password"
    post = Post()
    standing = await store.send({"email": post})
    assert (standing.flow, post.arrived) == (Flow.HALTED, {})
    assert "would not say what was approved" in standing.reason


async def test_another_digest_is_refused(store: Desk) -> None:
    """Work for a campaign that was approved otherwise is refused."""
    store.prepare(people(1))
    with store.outbox._lock:
        store.outbox._database.execute("UPDATE campaign SET digest = 'other'")
    with pytest.raises(RefusedError, match="is not what was approved"):
        await store.send({"email": Post()})


async def test_a_stop_works_within_a_second(store: Desk) -> None:
    """Paced messages wait, one server stalls: after a stop nothing begins, and what was on the wire is told apart."""
    store.prepare(people(100))
    begun: list[float] = []
    released = asyncio.Event()

    async def slow(letter: Letter) -> None:
        begun.append(time.monotonic())
        if len(begun) == 3:
            await released.wait()

    post = Post(before=slow, limits=lambda _: (("mail", 20.0),))
    sending = asyncio.create_task(store.send({"email": post}))
    while len(begun) < 6:
        await asyncio.sleep(0.01)
    stopped = time.monotonic()
    await asyncio.to_thread(store.outbox.steer, CAMPAIGN, Flow.STOPPED, "user:ada", "wrong list", PREPARED + 130)
    done = time.monotonic()
    await asyncio.sleep(0.5)
    assert done - stopped < 0.5
    assert max(begun) <= done
    released.set()
    standing = await sending
    assert set(standing.messages) == {"sent", "unsent"}
    assert standing.messages["unsent"] == 100 - len(begun)
    assert set(post.arrived.values()) == {1}
    assert {"unsent"} <= {states[-1] for states in store.told().values()}


async def test_a_pause_keeps_the_rest_for_later(store: Desk) -> None:
    """A paused campaign sends nothing, and what it has goes on when it is resumed."""
    store.prepare(people(10))
    store.outbox.steer(CAMPAIGN, Flow.PAUSED, "user:ada", "let me look", PREPARED)
    post = Post()
    assert (await store.send({"email": post})).messages == {"queued": 10}
    assert not post.arrived
    store.outbox.steer(CAMPAIGN, Flow.RUNNING, "user:ada", "fine", PREPARED)
    assert (await store.send({"email": post})).messages == {"sent": 10}
    assert [entry.body["decision"] for entry in store.entries("decision")] == ["running", "paused", "running"]


async def test_a_large_domain_does_not_hold_up_the_others(store: Desk) -> None:
    """Half of the customers have their mail at one domain that is slow: the others do not wait for it."""
    crowd = people(60)
    ways = [one.ways[0] for one in crowd]
    big = {way.address for way in ways[::2]}
    store.prepare(crowd)
    post = Post(limits=lambda address: (("big", 20.0),) if address in big else ())
    await store.send({"email": post})
    small = [at for at, address in post.at if address not in big]
    large = [at for at, address in post.at if address in big]
    assert max(small) < large[-3]
    # 30 messages at 20 a second, of which the first half second's may go at once.
    assert 0.9 < max(large) - min(large) < 2.5


@pytest.mark.parametrize(("quiet", "sent"), [((), 2), (("22:00", "07:00"), 1)])
async def test_quiet_hours_are_the_readers_own(store: Desk, quiet: tuple[str, ...], sent: int) -> None:
    """Only with quiet hours in the runbook, and only where it is night: Tokyo sleeps at 15:00 UTC."""
    awake, asleep = people(2)
    store.prepare([awake, replace(asleep, zone="Asia/Tokyo")], quiet=quiet)
    store.clock = lambda: datetime(2026, 11, 30, 15, tzinfo=UTC).timestamp()
    standing = await store.send({"email": Post()})
    assert standing.messages.get("sent") == sent
    assert standing.wait == (7 * 3600 if sent == 1 else 0)


async def test_a_clock_that_is_set_back_holds_nothing_up(store: Desk) -> None:
    """What was put off by a clock that was wrong is not waited for by one that is right."""
    store.prepare(people(1))
    store.clock = lambda: PREPARED + 10 * 86_400
    await store.send({"email": Post(answers=lambda _: LaterError("450", seconds=600))})
    store.clock = lambda: PREPARED + 200
    assert (await store.send({"email": Post()})).messages == {"sent": 1}


async def test_a_server_that_says_later_for_ever_is_given_up(store: Desk) -> None:
    """Twelve attempts with growing pauses, then the next way."""
    store.prepare(people(1, contacts=("security", "admin")))
    now = PREPARED + 100
    store.clock = lambda: now
    waits: list[float] = []
    post = Post(answers=lambda letter: LaterError("450", seconds=1) if "security" in letter.address else None)
    for _ in range(12):
        waits.append((await store.send({"email": post})).wait)
        now += waits[-1]
    assert waits == [15, 30, 60, 120, 240, 480, 900, 900, 900, 900, 900, 0]
    assert list(states(store).values()) == ["failed", "sent"]


async def test_what_a_dead_sender_had_begun_is_looked_for(store: Desk) -> None:
    """A way that can tell is asked; where none can, it is in doubt, and is never sent again."""
    store.prepare(people(3, "slack"))
    ids = [one.id for one in store.outbox.look(claims.due, CAMPAIGN, 10, PREPARED + 120)]
    store.publisher.intend(CAMPAIGN, ids)
    store.outbox.change(claims.settle, [], [ids[:2]], PREPARED + 120)
    post = Post(can_look=True)
    post.arrived[store.outbox.message(ids[0]).key] = 1
    assert (await store.send({"slack": post})).messages == {"sent": 3}
    assert set(post.arrived.values()) == {1}


async def test_what_cannot_be_looked_for_is_in_doubt(store: Desk) -> None:
    """Its row says why, and nobody sends it again."""
    store.prepare(people(3))
    ids = [one.id for one in store.outbox.look(claims.due, CAMPAIGN, 10, PREPARED + 120)]
    store.publisher.intend(CAMPAIGN, ids)
    store.outbox.change(claims.settle, [], [ids[:1]], PREPARED + 120)
    post = Post()
    for _ in range(2):
        assert (await store.send({"email": post})).messages == {"in_doubt": 1, "sent": 2}
    assert len(post.arrived) == 2
    assert store.outbox.message(ids[0]).reason == "Its sender died while it was being sent. No server tells."


async def test_two_senders_take_turns(store: Desk) -> None:
    """The same work, begun twice, sends everything once."""
    store.prepare(people(60))
    post = Post()
    await asyncio.gather(*(store.send({"email": post}) for _ in range(3)))
    assert len(post.arrived) == 60
    assert set(post.arrived.values()) == {1}


async def test_cancelled_work_lets_what_is_on_the_wire_end(store: Desk) -> None:
    """The worker is shut down: what was begun is written down, the rest waits for the next sender."""
    store.prepare(people(50))
    post = Post(before=lambda _: asyncio.sleep(0.05))
    sending = asyncio.create_task(store.send({"email": post}))
    while not post.arrived:
        await asyncio.sleep(0.01)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    counts = store.outbox.standing(CAMPAIGN, 0).messages
    assert counts["sent"] == len(post.arrived)
    assert "sending" not in counts
    assert (await store.send({"email": Post()})).messages == {"sent": 50}


async def test_without_a_timeline_nothing_is_sent(store: Desk) -> None:
    """It cannot be written: no message leaves, and the work fails so that it is tried again."""
    store.prepare(people(5))
    with sqlite3.connect(store.timeline.path, isolation_level=None) as other:
        other.execute("PRAGMA max_page_count = 1")
        store.timeline._database.execute("PRAGMA max_page_count = 1")
        store.timeline._database.execute("PRAGMA query_only = ON")
        post = Post()
        with pytest.raises(TimelineError):
            await store.send({"email": post})
        assert not post.arrived
        store.timeline._database.execute("PRAGMA query_only = OFF")
    other.close()
    store.timeline._database.execute("PRAGMA max_page_count = 1000000")
    assert (await store.send({"email": post})).messages == {"sent": 5}
    assert len({entry.body["messages"][0]["row"] for entry in store.entries("notification.intent")}) == 1


async def test_a_full_disk_stops_it_and_costs_no_message(store: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outbox cannot be written in the middle: it stops; with room again it goes on, and all are sent once."""
    monkeypatch.setattr(lanes, "PERSIST", 1)
    store.prepare(people(400))
    post = Post()

    async def fill(_: Letter) -> None:
        if len(post.arrived) == 100:
            pages = store.outbox._database.execute("PRAGMA page_count").fetchone()[0]
            store.outbox._database.execute(f"PRAGMA max_page_count = {pages}")

    post.before = fill
    with pytest.raises((StoreError, TimelineError)):
        await store.send({"email": post})
    store.outbox._database.execute("PRAGMA max_page_count = 1000000")
    post.before = None
    standing = await store.send({"email": post})
    assert set(post.arrived.values()) == {1}
    assert len(post.arrived) == 400
    assert standing.messages.get("in_doubt", 0) <= post.lanes


async def test_a_transport_that_breaks_down_costs_only_its_own_message(store: Desk) -> None:
    """A fault of ours in one lane: the others end what they have begun, and only that one message is in doubt."""
    store.prepare(people(100))
    faults = iter([False] * 20 + [True])

    async def faulty(_: Letter) -> None:
        await asyncio.sleep(0.01)
        if next(faults, False):
            raise ZeroDivisionError

    post = Post(before=faulty)
    with pytest.raises(ZeroDivisionError):
        await store.send({"email": post})
    assert store.outbox.standing(CAMPAIGN, 0).messages["sending"] == 1
    assert (await store.send({"email": post})).messages == {"sent": 99, "in_doubt": 1}
    assert set(post.arrived.values()) == {1}


async def test_a_flaw_in_the_notice_or_a_way_that_is_gone_leaves_doubt(store: Desk) -> None:
    """What cannot be asked about any more is in doubt: its notice was changed, or its channel is not set up."""
    store.prepare(people(2, "slack"))
    ids = [one.id for one in store.outbox.look(claims.due, CAMPAIGN, 10, PREPARED + 120)]
    store.publisher.intend(CAMPAIGN, ids)
    store.outbox.change(claims.settle, [], [ids[:1]], PREPARED + 120)
    await store.send({"email": Post()})
    store.outbox.change(claims.settle, [], [ids[1:]], PREPARED + 120)
    assert store.outbox.message(ids[0]).state is MessageState.IN_DOUBT
    assert "slack is not set up here" in store.outbox.message(ids[0]).reason
