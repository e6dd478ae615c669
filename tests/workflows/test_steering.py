"""Steering a running incident: pause, resume, retry, skip, abort, extend, people, files; two at once."""

import asyncio
import base64

import pytest

from firedoor.errors import RefusedError
from firedoor.incident import Attachment, IncidentState, StepState
from firedoor.plan import OnError, PlannedStep, Verdict
from tests.workflows import actions
from tests.workflows.conftest import ADA, BOB, Site, each, off, plan_of, use

MANY = {"names": [f"s{number}" for number in range(400)]}
FEW = {"names": ["s0", "s1", "s2"]}


class TestPause:
    """No new action starts; what runs finishes."""

    @pytest.mark.parametrize("throttled", [False, True])
    async def test_a_slice_stops_in_the_middle_and_goes_on(self, site: Site, *, throttled: bool) -> None:
        """Targets that were begun finish; after the pause each of the others is done once, throttled or not."""
        actions.WORLD.takes = 0.02
        if throttled:
            actions.WORLD.failures |= {f"before s{number}": ["throttled"] for number in range(0, 400, 10)}
        incident = await site.start(plan_of(each("rotate", concurrency=2)), MANY)
        await site.reaches(incident, "rotate", StepState.RUNNING)
        done = await site.decide(incident, "pause", reason="the database is on fire")
        assert "no new action starts, what is running finishes" in done
        step = await site.reaches(incident, "rotate", StepState.PAUSED)
        view = await site.view(incident)
        assert view.state is IncidentState.PAUSED
        assert view.paused == "user:ada: the database is on fire"
        assert step.progress is not None
        held = step.progress.done
        assert held < len(MANY["names"])
        done_by_now = len(actions.WORLD.effects)
        # A slice with failures that a retry may cure is asked again as it is: its report comes later.
        assert held == (0 if throttled else done_by_now)
        assert 0 < done_by_now < len(MANY["names"])
        actions.WORLD.takes = 0

        await site.decide(incident, "resume")
        view = await site.engine.result(incident)
        assert view.verdict is Verdict.CONTAINED
        assert sorted(actions.WORLD.effects) == sorted(MANY["names"])
        assert {"pause", "resume"} <= {entry.body.get("verb") for entry in site.entries(incident)}

    async def test_a_pause_survives_a_new_worker(self, site: Site) -> None:
        """Nothing starts while it is paused, whoever serves it."""
        plan = plan_of(PlannedStep(id="hold", kind="wait", wait=1), off("after", ("hold",)))
        incident = await site.start(plan)
        await site.decide(incident, "pause")
        await site.replace_worker()
        await site.reaches(incident, "after", StepState.PAUSED)
        assert actions.WORLD.effects == []
        await site.decide(incident, "resume")
        assert (await site.engine.result(incident)).verdict is Verdict.CONTAINED

    async def test_a_child_pauses_with_its_parent(self, site: Site) -> None:
        """The runbook that runs as a step starts nothing either."""
        child = plan_of(PlannedStep(id="hold", kind="wait", wait=1), off("inner", ("hold",)))
        step = PlannedStep(id="sub", kind="run", child=child.model_copy(update={"name": "child-plan"}))
        incident = await site.start(plan_of(step))
        await site.reaches(incident, "sub", StepState.RUNNING)
        await site.reaches(f"{incident}.sub", "hold", StepState.SLEEPING)
        await site.decide(incident, "pause")
        await site.reaches(f"{incident}.sub", "inner", StepState.PAUSED)
        assert actions.WORLD.effects == []
        await site.decide(incident, "resume")
        assert (await site.engine.result(incident)).verdict is Verdict.CONTAINED

    async def test_what_makes_no_sense_is_refused(self, site: Site) -> None:
        """Twice, or when it is not paused."""
        incident = await site.start(plan_of(off("gate", approval="security")))
        await site.refused(incident, "resume", "", "The incident is not paused.")
        await site.decide(incident, "pause")
        await site.refused(incident, "pause", "", "The incident is paused already, by user:ada.", who=BOB)
        await site.decide(incident, "abort", reason="enough")
        assert (await site.engine.result(incident)).state is IncidentState.ABORTED


class TestRetry:
    """Again, with other arguments, or only some targets."""

    async def test_arguments_may_change_where_the_contract_allows(self, site: Site) -> None:
        """How it is reached may change; what is acted on may not."""
        actions.WORLD.failures["before gate"] = ["not_found"]
        incident = await site.start(plan_of(off("gate")))
        await site.reaches(incident, "gate", StepState.NEEDS_ATTENTION)
        sentence = "name of gate cannot be changed. What can be: room."
        await site.refused(incident, "retry", "gate", sentence, arguments={"name": "other"})
        await site.decide(incident, "retry", "gate", arguments={"room": "kitchen"})
        step = (await site.engine.result(incident)).steps[0]
        assert step.arguments == {"name": "gate", "room": "kitchen"}
        [entry] = [entry for entry in site.entries(incident) if entry.body.get("verb") == "retry"]
        assert entry.body["arguments"] == {"room": "kitchen"}

    async def test_changed_arguments_need_another_approval(self, site: Site) -> None:
        """What was approved is not what would be done now."""
        actions.WORLD.failures["gate"] = ["not_found"]
        incident = await site.start(plan_of(off("gate", approval="security")))
        await site.approve(incident, "gate")
        await site.reaches(incident, "gate", StepState.NEEDS_ATTENTION)
        await site.decide(incident, "retry", "gate", arguments={"room": "kitchen"})
        await site.approve(incident, "gate")
        assert (await site.engine.result(incident)).verdict is Verdict.CONTAINED

    async def test_what_succeeded_is_not_retried(self, site: Site) -> None:
        """The sentence says that there is nothing to do again."""
        incident = await site.start(plan_of(off("gate"), off("hold", approval="security")))
        await site.reaches(incident, "gate", StepState.DONE)
        await site.refused(incident, "retry", "gate", "It succeeded: there is nothing to do again.")
        await site.decide(incident, "abort", reason="enough")

    async def test_failed_targets_of_a_finished_step(self, site: Site) -> None:
        """With `on_error: continue` the step has ended; its failures can be tried again by name or all."""
        actions.WORLD.failures |= {"undo s0": ["not_found"], "undo s2": ["not_found"]}
        rotate = each("rotate", action="test.switch_on", on_error=OnError.CONTINUE)
        plan = plan_of(rotate, off("hold", approval="security"))
        incident = await site.start(plan, FEW)
        step = await site.reaches(incident, "rotate", StepState.DONE)
        assert [target.name for target in step.failed] == ["s0", "s2"]
        assert [target.name for target in await site.engine.failures(incident, "rotate")] == ["s0", "s2"]
        sentence = "s1 is not among the targets of rotate that are still to be done."
        await site.refused(incident, "retry", "rotate", sentence, targets=("s1",))
        assert await site.decide(incident, "retry", "rotate", targets=("s2",)) == "rotate runs again for 1 targets."
        view = await site.shows(
            incident, lambda view: (view.steps[0].state, view.steps[0].attempts) == (StepState.DONE, 2)
        )
        assert view.steps[0].summary == "2 of 3 targets done, 1 failed"
        await site.decide(incident, "retry", "rotate")
        view = await site.shows(
            incident, lambda view: (view.steps[0].state, view.steps[0].attempts) == (StepState.DONE, 3)
        )
        assert view.steps[0].summary == "3 of 3 targets done"
        assert sorted(actions.WORLD.effects) == ["+s0", "+s1", "+s2"]
        await site.decide(incident, "abort", reason="enough")

    async def test_only_the_failed_ones(self, site: Site) -> None:
        """`failed` leaves alone what was not started."""
        actions.WORLD.failures["before s0"] = ["not_found"]
        incident = await site.start(plan_of(each("rotate", on_error=OnError.STOP, concurrency=1)), FEW)
        await site.reaches(incident, "rotate", StepState.NEEDS_ATTENTION)
        await site.decide(incident, "retry", "rotate", failed=True)
        await site.shows(
            incident, lambda view: (view.steps[0].state, view.steps[0].attempts) == (StepState.NEEDS_ATTENTION, 2)
        )
        assert actions.WORLD.effects == ["s0"]
        await site.decide(incident, "retry", "rotate")
        assert (await site.engine.result(incident)).verdict is Verdict.CONTAINED

    async def test_one_target_has_no_names(self, site: Site) -> None:
        """A step on one target is retried as a whole."""
        actions.WORLD.failures["before gate"] = ["not_found"]
        incident = await site.start(plan_of(off("gate")))
        await site.reaches(incident, "gate", StepState.NEEDS_ATTENTION)
        await site.refused(incident, "retry", "gate", "gate acts on one target", failed=True)
        await site.decide(incident, "retry", "gate")
        await site.engine.result(incident)


async def test_a_skip_says_what_will_not_run(site: Site) -> None:
    """Also what needs the result of what needs it."""
    actions.WORLD.failures["a"] = ["not_found"]
    plan = plan_of(
        use("look", "test.read_switch", arguments={"name": "a"}),
        off("second", ("look",), mentions=("look",)),
        off("third", ("second",), mentions=("second",)),
        off("other"),
    )
    incident = await site.start(plan)
    await site.reaches(incident, "look", StepState.NEEDS_ATTENTION)
    done = await site.decide(incident, "skip", "look", reason="we know it")
    assert done == "look is skipped. These need its result and will not run: second, third."
    view = await site.engine.result(incident)
    assert [step.state.value for step in view.steps] == ["skipped", "skipped", "skipped", "done"]


async def test_two_people_steering_at_once(site: Site) -> None:
    """One of them is first; the other reads who that was, and nothing happens twice."""
    actions.WORLD.failures["gate"] = ["not_found", "not_found"]
    incident = await site.start(plan_of(off("gate"), off("other", approval="security")))
    await site.reaches(incident, "gate", StepState.NEEDS_ATTENTION)
    both = await asyncio.gather(
        site.decide(incident, "retry", "gate"),
        site.decide(incident, "skip", "gate", BOB, reason="not ours"),
        return_exceptions=True,
    )
    refused = [one for one in both if isinstance(one, RefusedError)]
    assert len(refused) == 1
    assert any(word in refused[0].what for word in ("is deciding about gate", "cannot be", "has ended"))
    await site.decide(incident, "abort", reason="enough")


class TestWait:
    """A wait can be made longer, or skipped."""

    async def test_it_is_extended(self, site: Site) -> None:
        """It ends later than it would have, and what comes after waits with it."""
        plan = plan_of(PlannedStep(id="hold", kind="wait", wait=1), off("after", ("hold",)))
        incident = await site.start(plan)
        before = await site.reaches(incident, "hold", StepState.SLEEPING)
        done = await site.decide(incident, "extend", "hold", seconds=3600)
        step = (await site.view(incident)).steps[0]
        assert step.until in done
        assert step.until > before.until
        await site.replace_worker()
        assert (await site.view(incident)).steps[0].state is StepState.SLEEPING
        await site.decide(incident, "skip", "hold", reason="long enough")
        await site.engine.result(incident)

    async def test_only_a_wait_can_be(self, site: Site) -> None:
        """And only by a sensible time."""
        incident = await site.start(
            plan_of(off("gate", approval="security"), PlannedStep(id="w", kind="wait", wait=60))
        )
        await site.reaches(incident, "gate", StepState.WAITING_APPROVAL)
        await site.refused(incident, "extend", "gate", "gate does not wait for a time", seconds=60)
        await site.reaches(incident, "w", StepState.SLEEPING)
        await site.refused(incident, "extend", "w", "by 1 second to 365 days", seconds=-5)
        await site.decide(incident, "abort", reason="enough")


async def test_people_join_and_take_over(site: Site) -> None:
    """Both are told, both are in the timeline, and every view shows them."""
    incident = await site.start(plan_of(off("gate", approval="security")))
    await site.refused(incident, "invite", "", "bob is not a person: write user:NAME.", person="bob")
    assert "is a responder of this incident now" in await site.decide(incident, "invite", person="user:bob")
    assert "is in command now; before it was user:eve" in await site.decide(incident, "handover", person="user:bob")
    view = await site.view(incident)
    assert (view.commander, view.responders) == ("user:bob", ("user:bob",))
    await site.decide(incident, "abort", reason="enough")
    await site.engine.result(incident)
    told = [entry.body["notice"]["to"] for entry in site.entries(incident) if entry.kind == "notification.intent"]
    assert ["user:bob"] in [list(to) for to in told]


async def test_a_note_carries_files(site: Site) -> None:
    """The file is in the timeline's evidence, under its digest."""
    incident = await site.start(plan_of(off("gate", approval="security")))
    file = Attachment(name="paste.txt", type="text/plain", data=base64.b64encode(b"AKIAEXAMPLE was here").decode())
    done = await site.decide(incident, "note", reason="found the paste", attachments=(file,))
    assert done == "The note is in the timeline with 1 files."
    [entry] = [entry for entry in site.entries(incident) if entry.kind == "note"]
    [evidence] = entry.body["evidence"]
    assert (evidence["name"], evidence["size"]) == ("paste.txt", 20)
    assert site.timeline.evidence(evidence["sha256"]) == b"AKIAEXAMPLE was here"
    await site.decide(incident, "abort", reason="enough")


class TestAlways:
    """Steps that run at the end, however it ends."""

    PLAN = plan_of(off("first"), off("gate", approval="security"), off("closing", always=True))

    async def test_after_an_abort(self, site: Site) -> None:
        """The abort says that they will run; the verdict of the rest stays what it was."""
        incident = await site.start(self.PLAN)
        await site.reaches(incident, "gate", StepState.WAITING_APPROVAL)
        assert actions.WORLD.effects == ["first"]
        done = await site.decide(incident, "abort", reason="false alarm")
        assert "These steps run at the end all the same: closing." in done
        view = await site.engine.result(incident)
        assert [step.state.value for step in view.steps] == ["done", "aborted", "done"]
        assert actions.WORLD.effects == ["first", "closing"]

    async def test_after_the_others_have_ended(self, site: Site) -> None:
        """Not before, although nothing depends on anything."""
        incident = await site.start(self.PLAN)
        await site.approve(incident, "gate")
        await site.engine.result(incident)
        assert actions.WORLD.effects[-1] == "closing"

    async def test_a_second_abort_ends_them_too(self, site: Site) -> None:
        """A closing step that cannot get on does not hold the incident for ever."""
        actions.WORLD.failures["before closing"] = ["not_found"]
        incident = await site.start(self.PLAN)
        await site.decide(incident, "abort", reason="false alarm")
        await site.reaches(incident, "closing", StepState.NEEDS_ATTENTION)
        assert await site.decide(incident, "abort", reason="leave it") == "The closing steps are aborted as well."
        view = await site.engine.result(incident)
        assert view.steps[2].state is StepState.ABORTED

    async def test_after_a_cancellation_in_temporal(self, site: Site) -> None:
        """Whoever ends it by Temporal's own means aborts it: the closing steps run all the same."""
        incident = await site.start(self.PLAN)
        await site.reaches(incident, "gate", StepState.WAITING_APPROVAL)
        await site.client.get_workflow_handle(incident).cancel()
        view = await site.engine.result(incident)
        assert view.state is IncidentState.ABORTED
        assert actions.WORLD.effects == ["first", "closing"]


async def test_nobody_steers_without_a_name(site: Site) -> None:
    """Every verb refuses a decision that no front door has vouched for."""
    nobody = ADA.model_copy(update={"auth": ""})
    incident = await site.start(plan_of(off("gate", approval="security")))
    await site.reaches(incident, "gate", StepState.WAITING_APPROVAL)
    for verb in ("approve", "deny", "answer", "retry", "skip", "abort", "pause", "resume", "extend", "invite", "note"):
        await site.refused(incident, verb, "gate", "Who is this?", who=nobody, reason="because")
    await site.decide(incident, "abort", reason="enough")
