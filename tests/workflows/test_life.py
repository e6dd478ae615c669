"""The life of a step: what runs, what waits, what is recorded, what a verdict needs."""

import asyncio

import pytest

from firedoor.errors import UnreachableError
from firedoor.incident import IncidentState, Mode, StepState
from firedoor.phrases import said
from firedoor.plan import Ask, Field, PlannedStep, Until, Verdict
from tests.workflows import actions
from tests.workflows.conftest import ADA, BOB, PATIENCE, Site, off, plan_of, use


async def test_containment_is_proved_and_recorded(site: Site) -> None:
    """A change is recorded before and after, and the incident says what was proved."""
    view = await site.run(plan_of(off("gate")))

    assert view.state is IncidentState.COMPLETED
    assert view.verdict is Verdict.CONTAINED
    assert view.sentence == "Contained: the provider's own answers confirm gate."
    assert site.kinds(view.id) == ["incident.opened", "action.intent", "action.outcome", "incident.closed"]
    opened, intent, outcome, closed = site.entries(view.id)
    assert intent.body["preview"]["before"] == {"on": True}
    assert outcome.ref == intent.id
    assert outcome.body["result"]["verdict"] == "contained"
    assert opened.body["plan"] == view.plan
    assert closed.body["steps"] == {"gate": "done"}


async def test_steps_run_side_by_side_unless_they_depend(site: Site) -> None:
    """A step starts when what it needs is done; its arguments read the results of others."""
    plan = plan_of(
        use("look", "test.read_switch", arguments={"name": "a"}),
        use(
            "again",
            "test.read_switch",
            ("look",),
            mentions=("look",),
            arguments={"name": "${{ steps.look.name + '-twin' }}"},
            condition="steps.look.on",
        ),
        off("other"),
    )
    view = await site.run(plan)

    assert actions.WORLD.reads == ["a", "a-twin"]
    assert {step.id: step.state for step in view.steps} == dict.fromkeys(("look", "again", "other"), StepState.DONE)


async def test_a_condition_that_fails_skips_what_reads_the_result(site: Site) -> None:
    """`if` false skips the step and those that read its result; those that only come after it run."""
    plan = plan_of(
        use("look", "test.read_switch", arguments={"name": "a"}, condition="inputs.wanted"),
        use("reader", "test.read_switch", ("look",), mentions=("look",), arguments={"name": "${{ steps.look.name }}"}),
        off("after", ("look",)),
    )
    view = await site.run(plan, {"wanted": False})
    look, reader, after = view.steps

    assert (look.state, look.summary) == (StepState.SKIPPED, "its condition does not hold: inputs.wanted")
    assert reader.state is StepState.SKIPPED
    assert "look was skipped" in reader.summary
    assert after.state is StepState.DONE


async def test_a_failure_waits_for_a_person_while_others_go_on(site: Site) -> None:
    """A failing branch stops and asks; a person retries, and the incident ends contained."""
    actions.WORLD.failures["before gate"] = ["permission_missing"]
    incident = await site.start(plan_of(off("gate"), off("other")))
    step = await site.reaches(incident, "gate", StepState.NEEDS_ATTENTION)

    assert step.failure is not None
    assert step.failure.what == "the provider said permission_missing about before gate"
    await site.reaches(incident, "other", StepState.DONE)
    assert (await site.view(incident)).state is IncidentState.NEEDS_ATTENTION
    assert await site.decide(incident, "retry", "gate") == "gate runs again."
    view = await site.engine.result(incident)
    assert view.verdict is Verdict.CONTAINED
    assert "step.needs_attention" in site.kinds(incident)
    assert "decision" in site.kinds(incident)


async def test_what_a_retry_can_cure_is_retried_by_temporal(site: Site) -> None:
    """A throttled call is tried again; each attempt is in the timeline."""
    actions.WORLD.failures["a"] = ["throttled"]
    view = await site.run(plan_of(use("look", "test.read_switch", arguments={"name": "a"})))

    assert view.steps[0].state is StepState.DONE
    statuses = [entry.body["result"]["status"] for entry in site.entries(view.id) if entry.kind == "action.outcome"]
    assert statuses == ["failed", "ok"]


async def test_what_is_being_retried_is_shown_while_it_is(site: Site) -> None:
    """A provider that is away: the running step says so, and that nobody has to do anything yet."""
    actions.WORLD.failures["a"] = ["unreachable"] * 2
    incident = await site.start(plan_of(use("look", "test.read_switch", arguments={"name": "a"})))
    view = await site.shows(incident, lambda view: view.steps[0].failure is not None)

    step = view.steps[0]
    assert (step.state, step.failure and step.failure.reason) == (StepState.RUNNING, "unreachable")
    assert "It is tried again by itself: attempt 2 of 5." in said(step)
    assert (await site.engine.result(incident)).steps[0].failure is None


async def test_a_change_in_doubt_keeps_the_true_state_before(site: Site) -> None:
    """The effect happened and the reply was lost: the retry does not act twice, and reports the first pre-image."""
    actions.WORLD.failures["gate"] = ["unreachable"]
    view = await site.run(plan_of(off("gate")))

    assert actions.WORLD.effects == ["gate"]
    assert view.verdict is Verdict.CONTAINED
    outcomes = [entry for entry in site.entries(view.id) if entry.kind == "action.outcome"]
    assert [entry.body["result"]["status"] for entry in outcomes] == ["unknown", "ok"]
    assert outcomes[-1].body["result"]["before"] == {"on": True}


async def test_unknown_never_passes_for_success(site: Site) -> None:
    """A containment without proof needs a person, who may retry."""
    actions.WORLD.verdicts["gate"] = [Verdict.UNKNOWN, Verdict.NOT_CONTAINED]
    incident = await site.start(plan_of(off("gate")))
    step = await site.reaches(incident, "gate", StepState.NEEDS_ATTENTION)
    assert step.failure is not None
    assert step.failure.reason == "unknown"

    await site.decide(incident, "skip", "gate", reason="done by hand")
    view = await site.engine.result(incident)
    assert view.verdict is Verdict.UNKNOWN
    assert view.sentence == "Containment is NOT proved: gate has no answer that proves it."


async def test_until_reads_again_until_it_holds(site: Site) -> None:
    """`until` repeats a read; when time is up a person is asked."""
    until = Until(expression="!steps.look.on", every=1, within=1)
    incident = await site.start(plan_of(use("look", "test.read_switch", arguments={"name": "a"}, until=until)))
    step = await site.reaches(incident, "look", StepState.NEEDS_ATTENTION)
    assert step.failure is not None
    assert "did not reach `!steps.look.on` within 1 s" in step.failure.what
    assert "a is on" in step.failure.what

    actions.WORLD.on["a"] = False
    await site.decide(incident, "retry", "look")
    assert (await site.engine.result(incident)).steps[0].summary == "a is off"


async def test_a_timer_can_be_skipped(site: Site) -> None:
    """A `wait` sleeps durably; a person may end it with a reason."""
    incident = await site.start(plan_of(PlannedStep(id="hold", kind="wait", wait=3600), off("gate", ("hold",))))
    await site.reaches(incident, "hold", StepState.SLEEPING)
    await site.decide(incident, "skip", "hold", reason="no need")

    view = await site.engine.result(incident)
    assert [step.state for step in view.steps] == [StepState.SKIPPED, StepState.DONE]
    assert view.steps[0].summary == "skipped by user:ada: no need"


async def test_a_question_gates_what_follows(site: Site) -> None:
    """An answer of the right people, of the right type, becomes the step's result."""
    ask = Ask(prompt="Is ${{ inputs.what }} healthy?", of="security", fields={"healthy": Field(type="boolean")})
    plan = plan_of(
        PlannedStep(id="confirm", kind="ask", ask=ask),
        off("gate", ("confirm",), mentions=("confirm",), condition="steps.confirm.healthy"),
    )
    incident = await site.start(plan, {"what": "production"})
    step = await site.reaches(incident, "confirm", StepState.WAITING_ANSWER)
    assert step.summary == "Is production healthy?"
    assert step.waits_for == "1 of security (role:security)"

    for who, answers, sentence in (
        (BOB, {"healthy": True}, "user:bob is not in security: it takes one of role:security."),
        (ADA, {"healthy": "yes"}, "healthy must be boolean, not 'yes'"),
        (ADA, {}, "healthy (boolean) is missing"),
        (ADA, {"healthy": True, "x": 1}, "x is not a field"),
    ):
        await site.refused(incident, "answer", "confirm", sentence, who=who, answers=answers)
    await site.decide(incident, "answer", "confirm", answers={"healthy": True})
    view = await site.engine.result(incident)
    assert view.steps[0].result == {"healthy": True, "by": "user:ada"}
    assert view.verdict is Verdict.CONTAINED


async def test_an_expression_that_fails_asks_a_person(site: Site) -> None:
    """A field that is absent at run time stops the step with the expression, and changes nothing."""
    incident = await site.start(plan_of(off("gate", condition="inputs.absent.field")))
    step = await site.reaches(incident, "gate", StepState.NEEDS_ATTENTION)
    assert step.failure is not None
    assert step.failure.reason == "expression"
    assert "inputs.absent.field" in step.failure.what
    await site.decide(incident, "abort", reason="test over")
    view = await site.engine.result(incident)
    assert view.state is IncidentState.ABORTED
    assert view.sentence.startswith("Aborted by user:ada (test over). Not done: gate.")
    assert actions.WORLD.effects == []


async def test_plan_mode_reads_and_previews_but_never_writes(site: Site) -> None:
    """In plan mode a change stops at its preview, and nobody is waited for."""
    plan = plan_of(
        use("look", "test.read_switch", arguments={"name": "a"}),
        off("gate", ("look",), mentions=("look",), approval="security", condition="steps.look.on"),
        use("reader", "test.read_switch", ("gate",), mentions=("gate",), arguments={"name": "${{ steps.gate.name }}"}),
    )
    view = await site.run(plan, mode=Mode.PLAN)
    look, gate, reader = view.steps

    assert look.summary == "a is on"
    assert gate.previews[0].change == "gate: True → False"
    assert gate.blast == {"switches": 1}
    assert reader.summary == "what it would do depends on what gate returns"
    assert actions.WORLD.effects == []
    assert actions.WORLD.on == {}


async def test_a_child_runbook_is_an_incident_of_its_own(site: Site) -> None:
    """`run` starts another runbook and takes its verdict."""
    child = plan_of(off("inner")).model_copy(update={"name": "child-plan"})
    view = await site.run(plan_of(PlannedStep(id="sub", kind="run", child=child)))

    assert view.steps[0].verdict is Verdict.CONTAINED
    assert view.verdict is Verdict.CONTAINED
    assert site.kinds(f"{view.id}.sub") == ["incident.opened", "action.intent", "action.outcome", "incident.closed"]


async def test_a_worker_that_is_only_starting_is_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whoever has the patience, a drill for example; to others the silence is said at once."""
    monkeypatch.setattr("firedoor.engine.incidents.QUERY_SECONDS", 0.3)
    await site.worker.aclose()
    incident = await site.start(plan_of(off("gate", approval="security")))

    async def seen(patience: float) -> str:
        return (await anext(aiter(site.engine.watch(incident, patience)))).id

    with pytest.raises(UnreachableError, match="no worker answers"):
        await seen(0)
    watching = asyncio.create_task(seen(PATIENCE))
    await site.worker.enter_async_context(site.serving())
    assert await watching == incident
    await site.decide(incident, "abort", reason="enough")
