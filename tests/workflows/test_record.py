"""No action without a record: what happens when the timeline, the worker or a step's own code fails."""

from collections.abc import Sequence

import pytest

from firedoor.errors import FiredoorError
from firedoor.incident import IncidentInput, IncidentState, StepState
from firedoor.plan import Loop, PlannedStep, Retry, Verdict
from firedoor.timeline.batch import Receipt
from firedoor.timeline.entry import Kind, Prepared, TimelineError
from tests.workflows import actions
from tests.workflows.conftest import STARTER, Site, off, plan_of, use

ONCE = Retry(attempts=1)


class Fault:
    """Makes the site's timeline refuse entries of one kind, as a full disk would."""

    def __init__(self, site: Site, patch: pytest.MonkeyPatch, kind: Kind, times: int) -> None:
        self.kind = kind
        self.times = times
        self._commit = site.timeline.commit
        patch.setattr(site.timeline, "commit", self.commit)

    def commit(self, prepared: Sequence[Prepared]) -> list[Receipt]:
        """Refuse a group with such an entry, as often as asked."""
        if self.times and any(item.draft.kind is self.kind for item in prepared):
            self.times -= 1
            raise TimelineError("The disk is full.", changed="Nothing was recorded.", next="Make room.")
        return self._commit(prepared)


async def test_without_a_recorded_intent_nothing_is_done(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The intent cannot be stored: the action does not run, and a person is told so."""
    fault = Fault(site, monkeypatch, Kind.ACTION_INTENT, 1)
    incident = await site.start(plan_of(off("gate", retry=ONCE)))
    step = await site.reaches(incident, "gate", StepState.NEEDS_ATTENTION)

    assert step.failure is not None
    assert step.failure.what == "The intent could not be recorded, so the action did not run. The disk is full."
    assert step.failure.changed == "Nothing was changed."
    assert actions.WORLD.effects == []
    assert fault.times == 0
    await site.decide(incident, "retry", "gate")
    assert (await site.engine.result(incident)).verdict is Verdict.CONTAINED


async def test_an_unrecorded_outcome_is_read_back_and_reconciled(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The effect is there and its outcome is not: the next attempt repeats nothing and closes the open intent."""
    Fault(site, monkeypatch, Kind.ACTION_OUTCOME, 1)
    view = await site.run(plan_of(off("gate")))

    assert actions.WORLD.effects == ["gate"]
    assert view.verdict is Verdict.CONTAINED
    entries = site.entries(view.id)
    intents = {entry.id for entry in entries if entry.kind == Kind.ACTION_INTENT}
    answered = {entry.ref for entry in entries if entry.kind in (Kind.ACTION_OUTCOME, Kind.ACTION_RECONCILED)}
    assert len(intents) == 2
    assert answered == intents
    outcome = next(entry for entry in entries if entry.kind == Kind.ACTION_OUTCOME)
    assert outcome.body["result"]["before"] == {"on": True}


async def test_a_person_who_retries_a_lost_attempt_closes_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt of an earlier round left an intent open; the round that succeeds answers it."""
    Fault(site, monkeypatch, Kind.ACTION_OUTCOME, 1)
    incident = await site.start(plan_of(off("gate", retry=ONCE)))
    step = await site.reaches(incident, "gate", StepState.NEEDS_ATTENTION)
    assert step.failure is not None
    assert step.failure.changed == "The change may have been made."
    await site.decide(incident, "retry", "gate")
    await site.engine.result(incident)
    assert site.kinds(incident).count(Kind.ACTION_RECONCILED) == 1
    assert actions.WORLD.effects == ["gate"]


async def test_a_slice_without_an_answer_repeats_nothing_when_retried(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole slice loses its outcomes: it counts as failed, and the retry reads each target before it acts."""
    fault = Fault(site, monkeypatch, Kind.ACTION_OUTCOME, 10)
    loop = Loop(items="inputs.names", name="one", concurrency=2)
    plan = plan_of(use("each", "test.switch_off", arguments={"name": "${{ one }}"}, loop=loop, retry=ONCE))
    incident = await site.start(plan, {"names": ["a", "b", "c"]})
    step = await site.reaches(incident, "each", StepState.NEEDS_ATTENTION)
    assert step.failure is not None
    assert step.failure.what.startswith("3 of 3 targets failed")
    fault.times = 0
    await site.decide(incident, "retry", "each")
    assert (await site.engine.result(incident)).verdict is Verdict.CONTAINED
    assert sorted(actions.WORLD.effects) == ["a", "b", "c"]


async def test_a_large_result_lies_beside_the_log_and_is_adopted(site: Site) -> None:
    """What does not fit an entry is evidence by its digest; a retried slice takes it from there."""
    actions.WORLD.on = {f"switch-{number:04}": True for number in range(1000)}
    actions.WORLD.failures["list second"] = ["throttled"]
    loop = Loop(items="inputs.rooms", name="room", concurrency=1, collect=True)
    plan = plan_of(use("all", "test.list_switches", arguments={"room": "${{ room }}"}, loop=loop))
    view = await site.run(plan, {"rooms": ["first", "second"]})

    assert actions.WORLD.reads == ["first", "second"]
    assert [len(result["switches"]) for result in view.steps[0].result["results"]] == [1000, 1000]
    outcome = next(entry for entry in site.entries(view.id) if entry.kind == Kind.ACTION_OUTCOME)
    digest = outcome.body["result"]["data_sha256"]
    assert digest in [item.get("sha256") for item in outcome.body["evidence"]]
    assert site.timeline.evidence(digest)


async def test_large_inputs_lie_beside_the_opening(site: Site) -> None:
    """An incident with a list of many inputs opens all the same."""
    names = [f"switch-{number:05}" for number in range(5000)]
    view = await site.run(plan_of(off("gate")), {"names": names})
    opened = site.entries(view.id)[0]
    assert opened.body["inputs"]["size"] > 8192
    assert site.timeline.evidence(opened.body["inputs"]["sha256"])


async def test_a_fault_in_a_step_is_contained_and_named_by_type_only(site: Site) -> None:
    """A bug in a step's code stops the step, says whether something may have changed, and shows no values."""
    actions.WORLD.failures = {"gate": ["no such reason, sk-canary-0001"], "a": ["nor this one"]}
    plan = plan_of(off("gate"), use("look", "test.read_switch", arguments={"name": "a"}))
    incident = await site.start(plan)
    gate = await site.reaches(incident, "gate", StepState.NEEDS_ATTENTION)
    look = await site.reaches(incident, "look", StepState.NEEDS_ATTENTION)
    assert gate.failure is not None
    assert look.failure is not None
    assert gate.failure.what == "test.switch_off has a fault of its own (KeyError); the worker's log has the trace."
    assert gate.failure.changed == "The change may have been made."
    assert look.failure.changed == "Nothing was changed."
    assert "sk-canary" not in repr([entry.body for entry in site.entries(incident)])
    await site.decide(incident, "abort", reason="test over")
    await site.engine.result(incident)


async def test_arguments_that_do_not_fit_change_nothing(site: Site) -> None:
    """Arguments are checked again where they are used."""
    incident = await site.start(plan_of(use("gate", "test.switch_off", arguments={"nome": "gate"})))
    step = await site.reaches(incident, "gate", StepState.NEEDS_ATTENTION)
    assert step.failure is not None
    assert step.failure.reason == "invalid_arguments"
    assert "name: Field required" in step.failure.what
    await site.decide(incident, "abort", reason="test over")
    await site.engine.result(incident)


async def test_an_altered_plan_is_refused(site: Site) -> None:
    """A plan that does not have the digest it came with does nothing."""
    plan = plan_of(off("gate"))
    start = IncidentInput(incident="altered", plan=plan, digest="0" * 64, starter=STARTER)
    handle = await site.client.start_workflow(
        plan.name, start, id=f"altered-{site.settings.task_queue}", task_queue=site.settings.task_queue
    )
    with pytest.raises(FiredoorError) as caught:
        await site.engine.result(handle.id)
    assert "The plan does not have the digest it was approved with. Nothing was done." in caught.value.what
    assert actions.WORLD.effects == []


async def test_a_cancellation_in_temporal_is_an_abort_with_an_end(site: Site) -> None:
    """Cancelling in Temporal's own tools ends the incident in order, and the timeline says so."""
    incident = await site.start(plan_of(off("gate", approval="security")))
    await site.reaches(incident, "gate", StepState.WAITING_APPROVAL)
    await site.client.get_workflow_handle(incident).cancel()
    view = await site.engine.result(incident)
    assert view.state is IncidentState.ABORTED
    assert view.sentence.startswith("Aborted by system:firedoor (cancelled in Temporal). Not done: gate.")
    assert site.kinds(incident)[-1] == "incident.closed"


async def test_a_child_that_is_not_contained_asks_in_the_parent(site: Site) -> None:
    """What a child could not prove is not proved in the parent."""
    actions.WORLD.verdicts["inner"] = [Verdict.UNKNOWN]
    child = plan_of(off("inner")).model_copy(update={"name": "child-plan"})
    incident = await site.start(plan_of(PlannedStep(id="sub", kind="run", child=child)))
    inner = f"{incident}.sub"
    await site.reaches(incident, "sub", StepState.RUNNING)
    await site.reaches(inner, "inner", StepState.NEEDS_ATTENTION)
    await site.decide(inner, "skip", "inner", reason="done by hand")
    step = await site.reaches(incident, "sub", StepState.NEEDS_ATTENTION)
    assert step.failure is not None
    assert step.failure.reason == "child_not_contained"
    await site.decide(incident, "skip", "sub", reason="seen")
    assert (await site.engine.result(incident)).verdict is Verdict.UNKNOWN


async def test_aborting_the_parent_ends_the_child(site: Site) -> None:
    """A child does not outlive an aborted parent."""
    child = plan_of(off("inner", approval="security")).model_copy(update={"name": "child-plan"})
    incident = await site.start(plan_of(PlannedStep(id="sub", kind="run", child=child)))
    await site.reaches(incident, "sub", StepState.RUNNING)
    await site.reaches(f"{incident}.sub", "inner", StepState.WAITING_APPROVAL)
    await site.decide(incident, "abort", reason="false alarm")
    await site.engine.result(incident)
    view = await site.engine.result(f"{incident}.sub")
    assert view.state is IncidentState.ABORTED


async def test_a_child_with_wrong_inputs_does_not_start(site: Site) -> None:
    """Inputs that come from expressions are checked before the child starts."""
    child = plan_of(off("inner")).model_copy(update={"name": "child-plan"})
    step = PlannedStep(id="sub", kind="run", child=child, arguments={"unknown": "x"})
    incident = await site.start(plan_of(step))
    found = await site.reaches(incident, "sub", StepState.NEEDS_ATTENTION)
    assert found.failure is not None
    assert "One input is wrong for child-plan" in found.failure.what
    await site.decide(incident, "abort", reason="test over")
    await site.engine.result(incident)
