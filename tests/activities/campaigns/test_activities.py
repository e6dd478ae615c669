"""The activities of campaigns over real stores: what they open, what they answer, and which failures are final."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities._clients import Clients
from activities.campaigns.activities import CampaignActivities, Stores, failed
from activities.campaigns.letters import ChangedError
from firedoor.campaign import CampaignInput, Flow, Found, Preparation, PrepareCall, Remaining, Standing, Steer, Work
from firedoor.config import Settings
from firedoor.errors import FiredoorError, RefusedError, StepError, UsageError
from firedoor.recipient import Measure
from firedoor.timeline.entry import TimelineError
from tests.campaigning import CAMPAIGN, DIGEST, PREPARED
from tests.sending import INCIDENT, Desk, desk, people

WORK = Work(campaign=CAMPAIGN, incident=INCIDENT, step="notify", digest=DIGEST)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Desk]:
    """The stores of a campaign that waits for its approval: three customers."""
    with desk(tmp_path) as opened:
        opened.prepare(people(3), approved=False)
        yield opened


@pytest.fixture
def ours(store: Desk, tmp_path: Path) -> CampaignActivities:
    """What a worker registers."""
    settings = Settings(home=tmp_path, log="test.example/timeline")
    return CampaignActivities(settings, Clients(settings), Stores(settings, store.timeline))


def start(store: Desk, digest: str = DIGEST) -> CampaignInput:
    """What was approved."""
    spec = store.row.spec
    return CampaignInput(
        campaign=CAMPAIGN,
        incident=INCIDENT,
        step="notify",
        spec=spec,
        digest=digest,
        customers=3,
        approved=("user:lea",),
    )


async def test_what_was_approved_is_opened_and_nothing_else(store: Desk, ours: CampaignActivities) -> None:
    """Another digest is refused for good; the right one runs, and the timeline says by whom."""
    with pytest.raises(ApplicationError) as refused:
        await ActivityEnvironment().run(ours.open, start(store, "e" * 64))
    assert refused.value.non_retryable
    assert store.row.flow is Flow.PREPARED
    standing: Standing = await ActivityEnvironment().run(ours.open, start(store))
    assert (standing.flow, store.row.flow_by) == (Flow.RUNNING, "user:lea")
    assert [entry.body["say"] for entry in store.entries("decision")] == ["The campaign sends: approved."]


async def test_a_stop_is_in_the_store_and_in_the_timeline(store: Desk, ours: CampaignActivities) -> None:
    """What has not left is marked when it is closed, and a stopped campaign does not become an ended one."""
    await ActivityEnvironment().run(ours.open, start(store))
    stop = Steer(campaign=CAMPAIGN, flow=Flow.STOPPED, by="user:ada", reason="wrong list")
    standing: Standing = await ActivityEnvironment().run(ours.steer, stop)
    assert standing.flow is Flow.STOPPED
    closed: Standing = await ActivityEnvironment().run(ours.close, WORK)
    assert (closed.flow, closed.messages) == (Flow.STOPPED, {"unsent": 3})
    assert any("wrong list" in entry.body["say"] for entry in store.entries("decision"))


@pytest.mark.parametrize(
    ("flow", "says"), [(Flow.STOPPED, "was stopped for good"), (Flow.ENDED, "has ended")], ids=["stopped", "ended"]
)
async def test_an_incident_that_is_opened_again_sends_nothing_twice(
    store: Desk, ours: CampaignActivities, flow: Flow, says: str
) -> None:
    """Its campaign has the name of the first time: people are told that it is over and what to do, before they approve."""
    await ActivityEnvironment().run(ours.open, start(store))
    store.outbox.steer(CAMPAIGN, flow, "user:ada", "enough", PREPARED + 200)
    spec = store.row.spec
    call = PrepareCall(campaign=CAMPAIGN, incident=INCIDENT, step="notify", spec=spec, to=["customer-0"], values={})
    preparation: Preparation = await ActivityEnvironment().run(ours.prepare, call)
    [problem] = [one for one in preparation.problems if CAMPAIGN in one]
    assert problem.startswith(f"The campaign {CAMPAIGN} {says}: nothing is sent under that name any more")
    assert "Skip this step; or tell customers in a step of its own, with the next version of the notice" in problem
    assert (store.row.flow, len(store.outbox.messages(CAMPAIGN))) == (flow, 3)


async def test_what_is_left_are_the_keys_that_nobody_replaced(store: Desk, ours: CampaignActivities) -> None:
    """Of those who are waited for, with whose they are and since when a change would have counted."""
    await ActivityEnvironment().run(ours.open, start(store))
    done = Measure(0, Found.CHANGED, "changed", PREPARED + 200, PREPARED + 200, PREPARED + 200)
    store.outbox.measured(CAMPAIGN, {"customer-1": [done]}, PREPARED + 200)
    left: list[Remaining] = await ActivityEnvironment().run(ours.remaining, WORK)
    assert [one.customer for one in left] == ["customer-0", "customer-2"]
    assert {one.where for one in left} == {"braintrust:ai_secret/ACME"}
    assert all(one.since.endswith("Z") for one in left)


async def test_what_nobody_could_look_at_is_told_when_it_is_over(store: Desk, ours: CampaignActivities) -> None:
    """Of those who are waited for, by why; what was seen and what is replaced does not count."""
    await ActivityEnvironment().run(ours.open, start(store))
    at = PREPARED + 200
    found = {
        "customer-0": [Measure(0, Found.UNKNOWN, "Braintrust could not be asked: 401", 0.0, 0.0, at)],
        "customer-1": [Measure(0, Found.SAME, "as it was", at, at, at)],
    }
    store.outbox.measured(CAMPAIGN, found, at)
    closed: Standing = await ActivityEnvironment().run(ours.close, WORK)
    assert closed.unseen == {"": 1, "Braintrust could not be asked: 401": 1}
    assert "nobody has looked (1); Braintrust could not be asked: 401 (1)." in closed.blind()


async def test_what_nobody_approved_is_forgotten(store: Desk, ours: CampaignActivities) -> None:
    """Its step was skipped: it does not wait for an approval for ever. What runs is stopped, and stays."""
    stop = Steer(campaign=CAMPAIGN, flow=Flow.STOPPED, by="system:firedoor", reason="it was never approved")
    told: Standing = await ActivityEnvironment().run(ours.steer, stop)
    assert (told.flow, store.outbox.campaigns()) == (Flow.STOPPED, [])
    store.prepare(people(3))
    await ActivityEnvironment().run(ours.steer, stop)
    assert store.row.flow is Flow.STOPPED


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (RefusedError("not what was approved"), True),
        (UsageError("no such campaign"), True),
        (ChangedError("it would say something else"), True),
        (StepError("permission_missing", "no"), True),
        (StepError("unreachable", "later"), False),
        (TimelineError("the disk is full"), False),
    ],
)
def test_what_a_person_has_to_see_to_is_not_tried_again(error: FiredoorError, *, final: bool) -> None:
    """And the sentences for that person travel with it."""
    failure = failed(error)
    assert failure.non_retryable is final
    assert failure.details[0].what == error.what
