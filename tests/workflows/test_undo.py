"""Undo: in reverse order, read back, approved like the change itself; temporary changes that end by themselves."""

import asyncio

import pytest

from firedoor.errors import UsageError
from firedoor.incident import IncidentState, IncidentView, Mode, StepState
from firedoor.plan import PlannedStep, Policy, Verdict
from tests.workflows import actions
from tests.workflows.conftest import ADA, STARTER, Site, each, off, plan_of, use


def without_policy(*steps: PlannedStep) -> dict[str, object]:
    """A plan in which nobody has to approve an undo."""
    plan = plan_of(*steps)
    return {"plan": plan.model_copy(update={"policies": {}})}


async def ended(site: Site, incident: str) -> IncidentView:
    """The end of an incident that another one starts, which may be a moment away."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await site.engine.result(incident)
            except UsageError:
                await asyncio.sleep(0.05)


async def test_everything_in_reverse_order(site: Site) -> None:
    """What was changed last is restored first; each step is read back and has a verdict of its own."""
    plan = plan_of(off("first"), off("second", ("first",))).model_copy(update={"policies": {}})
    incident = await site.start(plan)
    await site.engine.result(incident)
    started = await site.engine.undo(incident, starter=ADA)
    assert started.incident == f"{incident}.undo"
    view = await site.engine.result(started.incident)
    assert view.verdict is Verdict.RESTORED
    assert view.sentence == "Restored: the provider's own answers confirm second and first."
    assert view.undoes == incident
    assert actions.WORLD.effects == ["first", "second", "+second", "+first"]
    assert site.entries(started.incident)[0].body["undoes"] == incident


async def test_one_step_only(site: Site) -> None:
    """The others stay as they are."""
    plan = plan_of(off("first"), off("second")).model_copy(update={"policies": {}})
    incident = await site.start(plan)
    await site.engine.result(incident)
    started = await site.engine.undo(incident, ["second"], starter=ADA)
    await site.engine.result(started.incident)
    assert actions.WORLD.on == {"first": False, "second": True}


async def test_a_plan_of_it_shows_and_changes_nothing(site: Site) -> None:
    """What would be restored, with the state before."""
    plan = plan_of(off("first"))
    incident = await site.start(plan)
    await site.engine.result(incident)
    planned = await site.engine.undo(incident, starter=ADA, mode=Mode.PLAN)
    view = await site.engine.result(planned.incident)
    assert [preview.change for preview in view.steps[1].previews] == ["first: False → True"]
    assert view.verdict is None or view.verdict is Verdict.UNKNOWN
    assert view.steps[1].verdict is None
    assert actions.WORLD.on == {"first": False}


async def test_it_takes_the_same_approval(site: Site) -> None:
    """A step without a policy of its own is undone under the runbook's first one; whoever starts it does not approve."""
    incident = await site.start(plan_of(off("first"), off("gate", ("first",), approval="security")))
    await site.approve(incident, "gate")
    await site.engine.result(incident)
    undo = (await site.engine.undo(incident, starter=STARTER)).incident
    step = await site.reaches(undo, "gate", StepState.WAITING_APPROVAL)
    assert step.request is not None
    await site.refused(undo, "approve", "gate", "user:eve started", who=STARTER, digest=step.request.digest)
    await site.approve(undo, "gate")
    await site.approve(undo, "first")
    assert (await site.engine.result(undo)).verdict is Verdict.RESTORED


async def test_every_target_of_a_loop(site: Site) -> None:
    """Those that were changed, and no others."""
    actions.WORLD.on["s1"] = False
    plan = plan_of(each("rotate")).model_copy(update={"policies": {}})
    incident = await site.start(plan, {"names": ["s0", "s1", "s2"]})
    await site.engine.result(incident)
    undo = (await site.engine.undo(incident, starter=ADA)).incident
    view = await site.engine.result(undo)
    assert view.steps[1].summary == "2 of 2 targets done"
    assert actions.WORLD.on == {"s0": True, "s1": False, "s2": True}


async def test_a_world_that_changed_since_is_not_forced(site: Site) -> None:
    """It says so and waits for a person; what is left out is not restored."""
    plan = plan_of(off("first"), off("second", ("first",))).model_copy(update={"policies": {}})
    incident = await site.start(plan)
    await site.engine.result(incident)
    actions.WORLD.gone.add("second")
    undo = (await site.engine.undo(incident, starter=ADA)).incident
    step = await site.reaches(undo, "second", StepState.NEEDS_ATTENTION)
    assert step.failure is not None
    assert "second was taken away since: it cannot be switched on." in step.failure.what
    await site.decide(undo, "skip", "second", reason="it is gone")
    view = await site.engine.result(undo)
    assert view.verdict is Verdict.NOT_RESTORED
    assert view.sentence.startswith("NOT restored: second was changed by somebody else since")
    assert actions.WORLD.on["first"] is True


async def test_what_cannot_be_undone_is_said(site: Site) -> None:
    """Reads, steps that do not exist, an undo of an undo: nothing is started."""
    plan = plan_of(use("look", "test.read_switch", arguments={"name": "a"}), off("first"))
    incident = await site.start(plan.model_copy(update={"policies": {}}))
    await site.engine.result(incident)
    with pytest.raises(UsageError, match="look cannot be taken back: it changes nothing"):
        await site.engine.undo(incident, ["look"], starter=ADA)
    with pytest.raises(UsageError, match="has no step 'frist'") as unknown:
        await site.engine.undo(incident, ["frist"], starter=ADA)
    assert "Did you mean first?" in (unknown.value.next or "")
    undo = (await site.engine.undo(incident, starter=ADA)).incident
    await site.engine.result(undo)
    with pytest.raises(UsageError, match="is itself an undo"):
        await site.engine.undo(undo, starter=ADA)


async def test_no_door_opens_because_nobody_answers(site: Site) -> None:
    """A policy that lets a containment proceed without an answer denies its undo."""
    alone = Policy(sources=("role:security",), expires=1, proceed="Minutes count more than a second pair of eyes.")
    incident = await site.start(plan_of(off("gate", approval="alone"), policies={"alone": alone}))
    await site.engine.result(incident)
    undo = (await site.engine.undo(incident, starter=ADA)).incident
    step = await site.reaches(undo, "gate", StepState.NEEDS_ATTENTION)
    assert step.failure is not None
    assert step.failure.reason == "approval_expired"
    assert actions.WORLD.on == {"gate": False}
    await site.decide(undo, "abort", reason="enough")


async def test_nothing_to_undo(site: Site) -> None:
    """Where the world was as wanted already, nothing was changed and nothing is taken back."""
    actions.WORLD.on["first"] = False
    incident = await site.start(plan_of(off("first")))
    await site.engine.result(incident)
    undo = (await site.engine.undo(incident, starter=ADA)).incident
    view = await site.engine.result(undo)
    assert view.sentence == "There was nothing to undo."
    assert actions.WORLD.effects == []


async def test_an_abort_may_take_everything_back(site: Site) -> None:
    """Durably: the undo is an incident of its own that goes on when the aborted one has ended."""
    plan = plan_of(off("first"), off("gate", approval="security"))
    incident = await site.start(plan)
    await site.reaches(incident, "first", StepState.DONE)
    done = await site.decide(incident, "abort", reason="false alarm", undo=True)
    assert "Then what was changed is taken back" in done
    view = await site.engine.result(incident)
    assert view.undo == f"{incident}.undo"
    assert f"What was changed is taken back as {incident}.undo." in view.sentence
    step = await site.reaches(view.undo, "first", StepState.WAITING_APPROVAL)
    assert step.request is not None
    await site.refused(view.undo, "approve", "first", "user:ada started", digest=step.request.digest)
    other = ADA.model_copy(update={"principal": "user:grace"})
    await site.approve(view.undo, "first", other)
    assert (await site.engine.result(view.undo)).verdict is Verdict.RESTORED
    assert actions.WORLD.on == {"first": True}


async def test_a_child_runbook_is_undone_with_its_parent(site: Site) -> None:
    """Its changes stand in a chain of their own, and are read from there."""
    child = plan_of(off("inner")).model_copy(update={"name": "child-plan", "policies": {}})
    step = PlannedStep(id="sub", kind="run", child=child)
    incident = await site.start(plan_of(step).model_copy(update={"policies": {}}))
    await site.engine.result(incident)
    undo = (await site.engine.undo(incident, starter=ADA)).incident
    assert (await site.engine.result(undo)).verdict is Verdict.RESTORED
    assert actions.WORLD.on == {"inner": True}


class TestTemporary:
    """A change that ends by itself."""

    async def test_it_undoes_itself(self, site: Site) -> None:
        """By a durable timer, without another approval, also when the incident has ended long before."""
        incident = await site.start(plan_of(off("gate", temporary=1)))
        view = await site.engine.result(incident)
        assert view.verdict is Verdict.CONTAINED
        assert view.steps[0].undoes_itself == f"{incident}.undo.gate"
        undone = await ended(site, f"{incident}.undo.gate")
        assert undone.verdict is Verdict.RESTORED
        assert actions.WORLD.on == {"gate": True}
        assert "step.undo_scheduled" in site.kinds(incident)

    async def test_it_is_extended_or_ended_early(self, site: Site) -> None:
        """The wait of its undo is a wait like any other."""
        incident = await site.start(plan_of(off("gate", temporary=2)))
        undo = (await site.engine.result(incident)).steps[0].undoes_itself
        await site.reaches(undo, "until_then", StepState.SLEEPING)
        await site.decide(undo, "extend", "until_then", seconds=3600)
        assert (await site.view(undo)).state is IncidentState.RUNNING
        assert actions.WORLD.on == {"gate": False}
        await site.decide(undo, "skip", "until_then", reason="it is over")
        assert (await site.engine.result(undo)).verdict is Verdict.RESTORED

    async def test_what_changed_nothing_schedules_nothing(self, site: Site) -> None:
        """A deny that was there before is not ours to lift."""
        actions.WORLD.on["gate"] = False
        incident = await site.start(plan_of(off("gate", temporary=1)))
        assert (await site.engine.result(incident)).steps[0].undoes_itself == ""
