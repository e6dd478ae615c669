"""A campaign as a step: shown, approved, sent in waves, steered, followed, escalated; against doubles of its activities."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from temporalio.worker import Replayer

from firedoor.campaign import CampaignInput, Flow
from firedoor.engine.campaigns import wake as tell_workflow
from firedoor.incident import IncidentState, Mode, StepState
from firedoor.plan import Campaign, Loop, PlannedStep
from tests.workflows import actions
from tests.workflows.conftest import Site, off, plan_of, site_at, use
from tests.workflows.mailroom import Mailroom
from workflows import WORKFLOWS
from workflows.campaign import CampaignWorkflow, waves


@pytest.fixture
def room() -> Mailroom:
    """The mail room of a test."""
    return Mailroom()


@pytest.fixture
async def site(
    temporal_address: str, tmp_path: Path, room: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Site]:
    """An installation whose campaigns go through the mail room."""
    monkeypatch.setattr(actions, "WORLD", actions.World())
    async with site_at(temporal_address, tmp_path / "home", campaigns=room.activities()) as site:
        yield site


def notify(approval: str = "", **fields: Any) -> PlannedStep:
    """The step `notify`: quick by default."""
    quick: dict[str, Any] = {"notice": "keys-exposed", "to": ["acme"], "settle": 1, "recheck": 1}
    spec = Campaign.model_validate(quick | fields)
    return PlannedStep(id="notify", kind="campaign", title="Tell them", approval=approval, campaign=spec)


async def test_it_is_shown_approved_and_sent_once(site: Site, room: Mailroom) -> None:
    """People see how many, by which way, and one message; each customer gets one; the counts are the result."""
    room.warnings = ("2 of these 3 were told this.",)
    incident = await site.start(plan_of(notify("security")))
    shown = await site.reaches(incident, "notify", StepState.WAITING_APPROVAL)
    assert shown.previews[0].change == "tell 3 customers: keys-exposed; by email 3"
    letter = shown.previews[0].after["letter to 3 customers (confirmed, en)"]
    assert letter == "Your keys\n\nrotate your keys"
    assert shown.previews[0].after["to know"] == "2 of these 3 were told this."
    assert shown.blast == {"customers": 3, "messages": 3}
    await site.approve(incident, "notify")
    view = await site.engine.result(incident)
    assert room.letters == [("acme", 0), ("globex", 0), ("initech", 0)]
    assert view.steps[0].result["reached"] == 3
    assert view.steps[0].result["campaign"] == f"{incident}.notify"
    assert "open by user:ada" in room.asked
    assert room.flow is Flow.ENDED


async def test_waves_begin_with_the_canary(site: Site, room: Mailroom) -> None:
    """The canary, one percent, ten, all: each wave ends before the next begins."""
    room.customers = [f"c{number}" for number in range(300)]
    incident = await site.start(plan_of(notify(canary=2)))
    await site.engine.result(incident)
    assert [one for one in room.asked if one.startswith("send")] == ["send 2", "send 3", "send 30", "send 300"]
    assert [customer for customer, _ in room.letters] == room.customers


@pytest.mark.parametrize(
    ("customers", "canary", "sizes"),
    [(5, 10, (5,)), (10, 10, (10,)), (11, 10, (10, 11)), (5000, 10, (10, 50, 500, 5000)), (1, 0, (1,)), (7, 1, (1, 7))],
)
def test_a_wave_is_never_larger_than_what_there_is(customers: int, canary: int, sizes: tuple[int, ...]) -> None:
    """Small campaigns have fewer waves, and all of them end with everybody."""
    assert waves(customers, canary) == sizes


async def test_what_was_put_off_is_sent_later(site: Site, room: Mailroom) -> None:
    """A server that says later: the wave is asked again then, and not before it is through."""
    room.put_off = [0.2, 0.2]
    view = await site.engine.result(await site.start(plan_of(notify())))
    assert [one for one in room.asked if one.startswith("send")] == ["send 3"] * 3
    assert view.steps[0].result["reached"] == 3


class TestApproval:
    """People approve what is sent to whom."""

    async def test_what_has_changed_since_is_asked_again(self, site: Site, room: Mailroom) -> None:
        """Between the approval and the first message it is prepared once more: another text is another question."""
        incident = await site.start(plan_of(notify("security")))
        first = await site.reaches(incident, "notify", StepState.WAITING_APPROVAL)
        room.text = "rotate your keys, and your passwords"
        await site.approve(incident, "notify")
        view = await site.shows(incident, lambda view: (asked := view.steps[0].request) and asked != first.request)
        assert room.letters == []
        asked = view.steps[0].request
        assert asked is not None
        assert "no longer what was approved" in asked.changed
        await site.approve(incident, "notify")
        await site.engine.result(incident)
        assert len(room.letters) == 3
        assert "approval.void" in site.kinds(incident)

    async def test_a_denied_campaign_sends_nothing(self, site: Site, room: Mailroom) -> None:
        """Nobody is written to, and the incident waits for a person."""
        incident = await site.start(plan_of(notify("security")))
        await site.reaches(incident, "notify", StepState.WAITING_APPROVAL)
        await site.decide(incident, "deny", "notify", reason="not before legal has read it")
        await site.reaches(incident, "notify", StepState.NEEDS_ATTENTION)
        await site.decide(incident, "skip", "notify", reason="told by phone")
        await site.engine.result(incident)
        assert room.letters == []
        assert room.asked[-1] == "steer stopped by system:firedoor", "what was prepared waits for nobody any more"

    async def test_what_cannot_be_sent_is_said_whole(self, site: Site, room: Mailroom) -> None:
        """Every problem at once; once they are gone a retry goes on."""
        room.problems = ("acme has an address that is none.", "The notice has no German text.")
        incident = await site.start(plan_of(notify("security")))
        step = await site.reaches(incident, "notify", StepState.NEEDS_ATTENTION)
        assert step.failure is not None
        assert step.failure.what.splitlines() == list(room.problems)
        room.problems = ()
        await site.decide(incident, "retry", "notify")
        await site.approve(incident, "notify")
        await site.engine.result(incident)
        assert len(room.letters) == 3

    async def test_a_plan_shows_it_and_keeps_nothing(self, site: Site, room: Mailroom) -> None:
        """Plan mode renders all of it and stores and sends nothing."""
        view = await site.run(plan_of(notify("security")), mode=Mode.PLAN)
        assert room.asked == ["preview"]
        assert view.steps[0].previews[0].blast == {"customers": 3, "messages": 3}
        assert room.flow is Flow.PREPARED


class TestSteering:
    """The store says whether it sends; the incident says it too."""

    async def test_a_halted_campaign_asks_for_a_person_and_goes_on_by_a_retry(self, site: Site, room: Mailroom) -> None:
        """Too much came back: the step needs attention, and a retry resumes where it was."""
        room.before = lambda left: room.set(Flow.HALTED, "12 % came back. Look why.") if left == 1 else None
        incident = await site.start(plan_of(notify()))
        step = await site.reaches(incident, "notify", StepState.NEEDS_ATTENTION)
        assert step.failure is not None
        assert step.failure.what == "The campaign has halted by itself: 12 % came back. Look why."
        assert "came back" not in step.failure.next, "what to do first the reason says"
        assert "step.needs_attention" in site.kinds(incident)
        room.before = lambda _: None
        await site.decide(incident, "retry", "notify", reason="the mail server is back")
        view = await site.engine.result(incident)
        assert room.letters == [("acme", 0), ("globex", 0), ("initech", 0)]
        assert view.steps[0].failure is None

    async def test_a_skip_stops_it_and_nothing_builds_on_it(self, site: Site, room: Mailroom) -> None:
        """The store is told first; what reads the campaign's counts does not run."""
        room.before = lambda left: room.set(Flow.PAUSED, "looks odd") if left == 1 else None
        after = PlannedStep(
            id="after",
            kind="wait",
            wait=1,
            needs=("notify",),
            mentions=("notify",),
            condition="steps.notify.reached > 0",
        )
        incident = await site.start(plan_of(notify(), after))
        await site.reaches(incident, "notify", StepState.PAUSED)
        await site.decide(incident, "skip", "notify", reason="a false alarm")
        view = await site.engine.result(incident)
        assert [step.state for step in view.steps] == [StepState.SKIPPED, StepState.SKIPPED]
        assert room.flow is Flow.STOPPED
        assert room.letters == [("acme", 0)]

    async def test_a_stop_from_outside_ends_the_step(self, site: Site, room: Mailroom) -> None:
        """`firedoor campaign stop` writes into the store and wakes the campaign; the step says by whom and how far."""
        room.before = lambda left: room.set(Flow.STOPPED, "wrong list (user:ada)") if left == 2 else None
        view = await site.engine.result(await site.start(plan_of(notify())))
        assert view.steps[0].state is StepState.SKIPPED
        assert "wrong list (user:ada)" in view.steps[0].summary
        assert "2 of 3 customers had been written to" in view.steps[0].summary

    async def test_an_abort_stops_the_store_first(self, site: Site, room: Mailroom) -> None:
        """An aborted incident sends nothing any more, and its campaign has ended with it."""
        incident = await site.start(plan_of(notify(until="customer.remediated", recheck=3600)))
        await site.shows(incident, lambda view: "0 of 3" in view.steps[0].summary and len(room.letters) == 3)
        await site.decide(incident, "abort", reason="a false alarm")
        view = await site.engine.result(incident)
        assert view.state is IncidentState.ABORTED
        assert room.flow is Flow.STOPPED
        assert room.asked[-2:] == ["steer stopped by user:ada", "close"]

    async def test_a_paused_incident_pauses_its_campaign(self, site: Site, room: Mailroom) -> None:
        """And resumes it; what a person has paused by itself stays paused."""
        incident = await site.start(plan_of(notify(until="customer.remediated", recheck=3600)))
        await site.shows(incident, lambda view: "0 of 3" in view.steps[0].summary and len(room.letters) == 3)
        await site.decide(incident, "pause", reason="a moment")
        await site.reaches(incident, "notify", StepState.PAUSED)
        assert "steer paused by user:ada" in room.asked
        await site.decide(incident, "resume")
        await site.reaches(incident, "notify", StepState.RUNNING)
        assert "steer running by user:ada" in room.asked
        room.rotated = set(room.customers)
        await wake(site, f"{incident}.notify")
        assert (await site.engine.result(incident)).state is IncidentState.COMPLETED

    async def test_what_no_retry_cures_halts_it(self, site: Site, room: Mailroom) -> None:
        """A send that is refused does not fail the campaign: it stands until a person has looked."""
        room.failures = {"send": ["the notice is gone"]}
        incident = await site.start(plan_of(notify()))
        step = await site.reaches(incident, "notify", StepState.NEEDS_ATTENTION)
        assert step.failure is not None
        assert "the notice is gone" in step.failure.what
        await site.decide(incident, "retry", "notify")
        await site.engine.result(incident)
        assert len(room.letters) == 3


class TestFollowing:
    """Until each has done it, or it is somebody else's turn."""

    async def test_reminders_go_to_those_who_have_not_done_it(self, site: Site, room: Mailroom) -> None:
        """One after the other, then it ends when the last has rotated."""
        room.rotated = {"globex"}
        incident = await site.start(plan_of(notify(until="customer.remediated", remind=(1, 2))))
        await room.sent(7)
        room.rotated = set(room.customers)
        view = await site.engine.result(incident)
        assert [one for one in room.letters if one[1]] == [("acme", 1), ("initech", 1), ("acme", 2), ("initech", 2)]
        assert view.steps[0].summary.startswith("3 of 3 customers have rotated (100 %)")

    async def test_credentials_are_looked_at_beside_the_canary(self, site: Site, room: Mailroom) -> None:
        """Before all are told, so that what is gone later is known to have been there; a failure holds up nobody."""
        room.customers = [f"c{number}" for number in range(5)]
        room.rotated = set(room.customers)
        room.failures = {"measure": ["the provider is down"]}
        step = notify(until="customer.remediated", canary=1)
        view = await site.engine.result(await site.start(plan_of(step)))
        assert room.measured[0] <= 1
        assert room.measured[1:] == [5]
        assert view.steps[0].result["reached"] == 5
        assert not [one for one in room.asked if one.startswith("steer")]

    async def test_what_is_left_is_escalated_after_its_own_approval(self, site: Site, room: Mailroom) -> None:
        """The escalation is a step: it acts on each credential that is left, and only when people have agreed."""
        room.rotated = {"globex"}
        room.unseen = {"Braintrust could not be asked: 401": 1}
        escalation = use(
            "notify_escalation",
            "test.switch_off",
            ("notify",),
            mentions=("notify",),
            arguments={"name": "${{ credential.name }}"},
            loop=Loop(items="steps.notify.remaining", name="credential"),
            approval="security",
        )
        step = notify(until="customer.remediated", escalates=1, collect=True)
        incident = await site.start(plan_of(step, escalation))
        shown = await site.reaches(incident, "notify_escalation", StepState.WAITING_APPROVAL)
        assert shown.request is not None
        assert shown.request.caution.endswith("Why: Braintrust could not be asked: 401 (1).")
        await site.approve(incident, "notify_escalation")
        view = await site.engine.result(incident)
        assert sorted(actions.WORLD.effects) == ["acme", "initech"]
        assert "remaining" not in view.steps[0].result
        assert "1 credential could not be looked at" in view.steps[0].summary

    async def test_a_replaced_worker_goes_on_where_it_was(self, site: Site, room: Mailroom) -> None:
        """Nobody is written to twice, and the reminder comes all the same."""
        incident = await site.start(plan_of(notify(until="customer.remediated", remind=(3,))))
        await room.sent(3)
        await site.replace_worker()
        await room.sent(6)
        room.rotated = set(room.customers)
        await site.engine.result(incident)
        assert [number for _, number in room.letters] == [0, 0, 0, 1, 1, 1]


async def test_it_replays(site: Site, room: Mailroom, tmp_path: Path) -> None:
    """What the incident and its campaign decided, they decide again from their histories."""
    room.before = lambda left: room.set(Flow.HALTED, "too much came back") if left == 1 else None
    incident = await site.start(plan_of(notify("security", until="customer.remediated", canary=1, remind=(1,))))
    await site.approve(incident, "notify")
    await site.reaches(incident, "notify", StepState.NEEDS_ATTENTION)
    room.before = lambda _: None
    await site.decide(incident, "retry", "notify")
    await room.sent(6)
    room.rotated = set(room.customers)
    await site.engine.result(incident)
    replayer = Replayer(workflows=WORKFLOWS, data_converter=site.client.data_converter)
    for name in (incident, f"{incident}.notify"):
        await replayer.replay_workflow(await site.client.get_workflow_handle(name).fetch_history())


async def test_a_bounce_that_comes_back_wakes_it(site: Site, room: Mailroom) -> None:
    """Told from outside that the store has news, it writes to the next contact at once, not at its next look."""
    incident = await site.start(plan_of(notify(until="customer.remediated", recheck=3600)))
    await site.shows(incident, lambda view: "0 of 3" in view.steps[0].summary and len(room.letters) == 3)
    room.queued.append(("acme", 0))
    assert await tell_workflow(site.settings, f"{incident}.notify") == ""
    await room.sent(4)
    await site.decide(incident, "abort", reason="enough")
    await site.engine.result(incident)


async def test_a_new_run_goes_on_with_the_course(site: Site, room: Mailroom) -> None:
    """Continued as new it knows which waves and reminders are behind it, and begins with a look."""
    room.flow, room.digest, room.rotated = Flow.RUNNING, "d", {"acme"}
    room.letters = [(name, number) for number in (0, 1) for name in room.customers]
    spec = Campaign(notice="keys-exposed", canary=1, until="customer.remediated", recheck=1, remind=(1, 2))
    start = CampaignInput(
        campaign="c", incident="i", step="notify", spec=spec, digest="d", customers=3, began=1, waves=2, reminders=1
    )
    handle = await site.client.start_workflow(
        CampaignWorkflow.run, start, id=f"{site.settings.task_queue}.notify", task_queue=site.settings.task_queue
    )
    standing = await handle.result()
    assert standing.flow is Flow.ENDED
    assert "send 1" not in room.asked
    # Its time is over: nobody is reminded any more.
    assert len(room.letters) == 6


async def test_other_branches_go_on(site: Site, room: Mailroom) -> None:
    """A campaign that waits for customers keeps no containment waiting."""
    incident = await site.start(plan_of(notify(until="customer.remediated", recheck=3600), off("key")))
    await site.reaches(incident, "key", StepState.DONE)
    await site.decide(incident, "abort", reason="enough")
    await site.engine.result(incident)


async def wake(site: Site, campaign: str) -> None:
    """What the command line does after it has written into the store."""
    await site.client.get_workflow_handle(campaign).signal("look")
