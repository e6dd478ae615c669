"""Whatever happens in whatever order: no message leaves twice, every customer is written to, and the counts are right."""

import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from firedoor.campaign import Flow, Found, MessageState
from firedoor.errors import RefusedError
from firedoor.outbox import claims
from firedoor.outbox.claims import Outcome
from firedoor.outbox.feedback import Feedback
from firedoor.outbox.states import OVER
from firedoor.recipient import Measure
from tests.campaigning import CAMPAIGN, PREPARED
from tests.sending import desk, people

CUSTOMERS = 3
ENDS = [MessageState.SENT, MessageState.BOUNCED, MessageState.FAILED, MessageState.IN_DOUBT, MessageState.QUEUED]
TOLD = [MessageState.DELIVERED, MessageState.BOUNCED, MessageState.COMPLAINED]
customers = st.integers(0, CUSTOMERS - 1).map("customer-{}".format)


class OutboxMachine(RuleBasedStateMachine):
    """A campaign of three customers, with two contacts by mail each."""

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        folder = Path(self._open.enter_context(tempfile.TemporaryDirectory()))
        self.store = self._open.enter_context(desk(folder))
        self.store.prepare(people(CUSTOMERS, contacts=("security", "admin")), halt=100)
        self.now = PREPARED + 100
        self.left = Counter[int]()
        self.allowed = Counter[int]()

    def teardown(self) -> None:
        """Tell the timeline the rest: it has every change, once, and in order."""
        self.store.publisher.tell(CAMPAIGN)
        assert self.store.entries("conflict") == []
        for message in self.store.outbox.messages(CAMPAIGN):
            told = self.store.told().get(message.id, ["queued"])
            assert told[-1] == message.state.value
        self._open.close()

    @property
    def flow(self) -> Flow:
        """What the campaign does now."""
        return self.store.outbox.campaign(CAMPAIGN).flow

    @rule(ends=st.lists(st.sampled_from(ENDS), min_size=1, max_size=6))
    def send(self, ends: list[MessageState]) -> None:
        """A sender takes what is due; each ends in one way or another."""
        self.now += 1
        ids = [one.id for one in self.store.outbox.look(claims.due, CAMPAIGN, 10**9, self.now)]
        self.store.publisher.intend(CAMPAIGN, ids)
        [claimed] = self.store.outbox.change(claims.settle, [], [ids], self.now)
        assert not claimed or self.flow is Flow.RUNNING
        for number, id in enumerate(claimed):
            end = ends[number % len(ends)]
            # What is queued again was surely not sent.
            self.left[id] += end is not MessageState.QUEUED
            self.store.outbox.change(claims.settle, [Outcome(id, end, f"id-{id}", "why")], [], self.now)

    @rule(index=st.integers(0, 10), state=st.sampled_from(TOLD))
    def hear(self, index: int, state: MessageState) -> None:
        """A provider tells something, sensible or not."""
        every = self.store.outbox.messages(CAMPAIGN)
        self.store.outbox.event(Feedback(key=every[index % len(every)].key, state=state, reason="said"), self.now)

    @rule(customer=customers, contact=st.sampled_from(["security", "admin"]))
    def acknowledge(self, customer: str, contact: str) -> None:
        """A reader presses the button."""
        self.store.outbox.acknowledge(CAMPAIGN, customer, contact, self.now)

    @rule(customer=customers)
    def telephone(self, customer: str) -> None:
        """A person tells it another way."""
        self.store.outbox.reach(CAMPAIGN, [customer], "user:ada", "telephoned", self.now)

    @rule(customer=customers, found=st.sampled_from(Found))
    def measure(self, customer: str, found: Found) -> None:
        """Its key is looked at."""
        self.store.outbox.measured(CAMPAIGN, {customer: [Measure(0, found)]}, self.now)

    @rule(flow=st.sampled_from([Flow.RUNNING, Flow.PAUSED, Flow.HALTED, Flow.STOPPED]))
    def steer(self, flow: Flow) -> None:
        """A person steers; what cannot follow is refused."""
        before = self.flow
        try:
            self.store.outbox.steer(CAMPAIGN, flow, "user:ada", "because", self.now)
        except RefusedError:
            assert self.flow is before
        self.store.outbox.unsend(CAMPAIGN, self.now)

    @precondition(lambda self: self.flow not in OVER)
    @rule(number=st.integers(1, 2))
    def remind(self, number: int) -> None:
        """Whoever is waited for is reminded."""
        self.store.outbox.remind(CAMPAIGN, number, self.now, lambda _, __: "digest")

    @precondition(lambda self: self.flow not in OVER)
    @rule(doubtful=st.booleans())
    def retry(self, doubtful: bool) -> None:
        """A person has what was lost tried again."""
        before = {one.id for one in self.store.outbox.messages(CAMPAIGN, state=MessageState.QUEUED)}
        self.store.outbox.retry_failed(CAMPAIGN, "user:ada", "because", self.now, doubtful=doubtful)
        after = {one.id for one in self.store.outbox.messages(CAMPAIGN, state=MessageState.QUEUED)}
        self.allowed.update(after - before)

    @rule()
    def tell(self) -> None:
        """Somebody carries the changes to the timeline."""
        self.store.publisher.tell(CAMPAIGN)

    @invariant()
    def nothing_leaves_twice(self) -> None:
        """A message leaves once, and once more for each time that a person said so."""
        assert all(count <= 1 + self.allowed[id] for id, count in self.left.items())

    @invariant()
    def nobody_is_forgotten(self) -> None:
        """While it is not over, each customer has a message that may reach it, has been reached, or is a task."""
        if self.flow in OVER:
            return
        gone = {MessageState.BOUNCED, MessageState.FAILED, MessageState.UNSENT}
        for one in self.store.outbox.recipients(CAMPAIGN):
            own = self.store.outbox.messages(CAMPAIGN, customer=one.customer)
            open_ = any(message.state not in gone for message in own)
            assert open_ or one.task or one.acknowledged or one.remediated or one.by_hand

    @invariant()
    def counts_are_right(self) -> None:
        """What is kept is what would be counted."""
        standing = self.store.outbox.standing(CAMPAIGN, self.now)
        every = self.store.outbox.messages(CAMPAIGN)
        crowd = self.store.outbox.recipients(CAMPAIGN)
        assert standing.messages == dict(Counter(one.state.value for one in every))
        assert standing.reached == sum(bool(one.reached) for one in crowd)
        assert standing.by_hand == sum(bool(one.by_hand) for one in crowd)
        assert all(one.reached for one in crowd if one.by_hand or one.acknowledged)
        assert standing.acknowledged == sum(bool(one.acknowledged) for one in crowd)
        assert standing.remediated == sum(bool(one.remediated) for one in crowd)
        assert standing.tasks == sum(bool(one.task) for one in crowd)
        assert standing.holding == len(self.store.outbox.recipients(CAMPAIGN, holding=True))
        assert standing.holding == sum(not one.remediated for one in crowd)


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)
