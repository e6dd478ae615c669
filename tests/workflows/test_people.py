"""What people may do to a running incident, what they may not, and the sentence that they read."""

import asyncio

from firedoor.alerts import Alert
from firedoor.automation import GATE
from firedoor.incident import IncidentState, Mode, Responder, StepState
from firedoor.plan import Ask, Auto, Field, PlannedStep, Policy, Verdict
from tests.workflows import actions
from tests.workflows.conftest import ADA, BOB, STARTER, Site, off, plan_of, use


async def test_an_approval_of_the_right_person_lets_the_step_act(site: Site) -> None:
    """Nothing is done before; the approval is in the timeline before the intent."""
    incident = await site.start(plan_of(off("gate", approval="security")))
    step = await site.reaches(incident, "gate", StepState.WAITING_APPROVAL)
    assert step.waits_for == "1 of security (role:security)"
    assert (await site.view(incident)).state is IncidentState.WAITING
    assert actions.WORLD.effects == []

    assert step.request is not None
    shown = {"digest": step.request.digest}
    await site.refused(incident, "approve", "gate", "user:bob is not in security", who=BOB, **shown)
    await site.refused(incident, "approve", "gate", "user:eve started this incident", who=STARTER, **shown)
    await site.refused(incident, "approve", "gate", "Who is this?", who=Responder(principal="user:ada", auth=""))
    await site.refused(incident, "approve", "nothing", "This incident has no step 'nothing'. Its steps: gate.")
    assert await site.approve(incident, "gate", reason="looked at it") == "gate is approved."

    view = await site.engine.result(incident)
    assert view.verdict is Verdict.CONTAINED
    kinds = [kind for kind in site.kinds(incident) if not kind.startswith("notification")]
    assert kinds == [
        "incident.opened",
        "approval.requested",
        "approval",
        "action.intent",
        "action.outcome",
        "incident.closed",
    ]
    approval = next(entry for entry in site.entries(incident) if entry.kind == "approval")
    assert approval.body["actor"] == {"kind": "human", "id": "user:ada", "auth": "os"}
    assert approval.body["reason"] == "looked at it"


async def test_one_person_counts_once(site: Site) -> None:
    """With `count: 2`, the same person cannot approve twice."""
    plan = plan_of(off("gate", approval="two"))
    plan = plan.model_copy(update={"policies": {"two": Policy(sources=("role:security", "user:bob"), count=2)}})
    incident = await site.start(plan)
    step = await site.reaches(incident, "gate", StepState.WAITING_APPROVAL)
    assert step.request is not None
    digest = step.request.digest

    assert await site.approve(incident, "gate") == "gate is approved; 1 more needed."
    by_chat = Responder(principal="user:ada", auth="slack", identity="slack:T01/U02", roles=("security",))
    for again in (ADA, by_chat):
        sentence = "user:ada has approved gate already; one person counts once."
        await site.refused(incident, "approve", "gate", sentence, who=again, digest=digest)
    await site.approve(incident, "gate", who=BOB)
    assert (await site.engine.result(incident)).verdict is Verdict.CONTAINED


async def test_a_denial_and_an_expiry_stop_the_step(site: Site) -> None:
    """Both leave it to a person; a retry asks again."""
    plan = plan_of(off("gate", approval="quick"))
    plan = plan.model_copy(update={"policies": {"quick": Policy(sources=("role:security",), expires=1)}})
    incident = await site.start(plan)
    step = await site.reaches(incident, "gate", StepState.NEEDS_ATTENTION)
    assert step.failure is not None
    assert step.failure.what == "Nobody approved gate within 1 s: that counts as a denial."

    await site.decide(incident, "retry", "gate")
    await site.reaches(incident, "gate", StepState.WAITING_APPROVAL)
    await site.decide(incident, "deny", "gate", reason="wrong key.")
    step = await site.reaches(incident, "gate", StepState.NEEDS_ATTENTION)
    assert step.failure is not None
    assert step.failure.what == "user:ada denied gate: wrong key."
    await site.refused(incident, "skip", "gate", "Skipping a step needs a reason")
    await site.decide(incident, "skip", "gate", reason="false alarm")
    view = await site.engine.result(incident)
    assert view.steps[0].state is StepState.SKIPPED
    assert actions.WORLD.effects == []


async def test_a_gate_alone_holds_what_comes_after(site: Site) -> None:
    """An `approval` step does nothing but wait."""
    plan = plan_of(PlannedStep(id="go", kind="approval", approval="security"), off("gate", ("go",)))
    incident = await site.start(plan)
    await site.reaches(incident, "go", StepState.WAITING_APPROVAL)
    await site.approve(incident, "go")
    view = await site.engine.result(incident)
    assert view.steps[0].summary == "approved by user:ada"
    assert view.verdict is Verdict.CONTAINED


async def test_skip_says_what_else_will_not_run(site: Site) -> None:
    """Skipping a step names the steps that need its result."""
    actions.WORLD.failures["before gate"] = ["not_found"]
    plan = plan_of(off("gate"), off("next", ("gate",), mentions=("gate",)))
    incident = await site.start(plan)
    await site.reaches(incident, "gate", StepState.NEEDS_ATTENTION)
    await site.refused(incident, "approve", "gate", "gate waits for no approval: it is needs_attention.")
    sentence = await site.decide(incident, "skip", "gate", reason="done by hand")
    assert sentence == "gate is skipped. These need its result and will not run: next."
    await site.engine.result(incident)
    await site.refused(incident, "retry", "gate", "There is no running incident")


async def test_abort_lets_running_work_finish_and_starts_nothing_new(site: Site) -> None:
    """What runs finishes and is recorded; what has not begun is named."""
    actions.WORLD.gate.clear()
    incident = await site.start(plan_of(off("gate"), off("next", ("gate",))))
    await site.reaches(incident, "gate", StepState.RUNNING)
    await site.refused(incident, "abort", "", "Aborting an incident needs a reason")
    await site.decide(incident, "abort", reason="false alarm")
    actions.WORLD.gate.set()
    view = await site.engine.result(incident)

    assert view.state is IncidentState.ABORTED
    assert [step.state for step in view.steps] == [StepState.DONE, StepState.ABORTED]
    assert "Not done: next." in view.sentence
    assert actions.WORLD.effects == ["gate"]


async def test_one_person_who_presses_twice_at_once_counts_and_is_recorded_once(site: Site) -> None:
    """Two doors, one instant: the second is told that it has approved already."""
    policy = {"security": Policy(sources=("role:security",), count=2)}
    incident = await site.start(plan_of(off("gate", approval="security"), policies=policy))
    await site.reaches(incident, "gate", StepState.WAITING_APPROVAL)
    answers = await asyncio.gather(*(site.approve(incident, "gate") for _ in range(5)), return_exceptions=True)

    assert sorted(str(one).splitlines()[0] for one in answers) == [
        "gate is approved; 1 more needed.",
        *["user:ada has approved gate already; one person counts once."] * 4,
    ]
    assert site.kinds(incident).count("approval") == 1
    await site.decide(incident, "abort", reason="test over")
    await site.engine.result(incident)


async def test_a_second_start_joins_and_a_note_is_kept(site: Site) -> None:
    """The same identity is one incident, also for ten starts at once."""
    plan = plan_of(off("gate", approval="security"), identity=("key",))
    first = await site.engine.start(plan, {"key": "k1"}, starter=STARTER)
    others = await asyncio.gather(*(site.engine.start(plan, {"key": "k1"}, starter=ADA) for _ in range(10)))
    assert {(one.incident, one.joined) for one in others} == {(first.incident, True)}
    other = await site.engine.start(plan, {"key": "k2"}, starter=STARTER)
    assert other.incident != first.incident

    await site.decide(first.incident, "note", reason="talked to the owner")
    said = [entry.body["say"] for entry in site.entries(first.incident) if entry.kind == "note"]
    assert said[-1] == "user:ada noted: talked to the owner"
    assert len(said) == 11
    for incident in (first.incident, other.incident):
        await site.decide(incident, "abort", reason="test over")
        await site.engine.result(incident)
    again = await site.engine.start(plan, {"key": "k1"}, starter=STARTER, mode=Mode.RUN)
    assert (again.incident, again.joined) == (first.incident, False)
    await site.decide(again.incident, "abort", reason="test over")
    await site.engine.result(again.incident)


async def test_three_systems_that_report_one_leak_are_one_incident(site: Site) -> None:
    """Alerts with the same identity join; each is in the timeline, and the view counts them."""
    plan = plan_of(off("gate", approval="security"), identity=("key",))
    alerts = [Alert(source=source, id=f"{source}-1", title=f"{source} saw k7") for source in ("one", "two", "three")]
    started = [await site.engine.start(plan, {"key": "k7"}, starter=STARTER, alert=alert) for alert in alerts]

    assert [one.joined for one in started] == [False, True, True]
    incident = started[0].incident
    assert (await site.view(incident)).alerts == 3
    said = [entry.body["say"] for entry in site.entries(incident) if entry.kind == "incident.detected"]
    assert said == ["two: two saw k7", "three: three saw k7"]
    await site.decide(incident, "abort", reason="test over")
    await site.engine.result(incident)


async def test_an_alert_waits_for_a_person_where_the_runbook_says_ask(site: Site) -> None:
    """What a person may start at once waits for one when an alert starts it; reads go on meanwhile."""
    plan = plan_of(
        use("look", "test.read_switch", arguments={"name": "look"}), off("gate"), identity=("key",), auto=Auto.ASK
    )
    alert = Alert(source="one", id="1", title="one saw k9")
    started = await site.engine.start(plan, {"key": "k9"}, starter=STARTER, alert=alert)

    await site.reaches(started.incident, "look", StepState.DONE)
    await site.reaches(started.incident, GATE, StepState.WAITING_APPROVAL)
    assert actions.WORLD.effects == []
    await site.approve(started.incident, GATE)
    view = await site.engine.result(started.incident)
    assert (view.verdict, actions.WORLD.effects) == (Verdict.CONTAINED, ["gate"])


async def test_what_does_not_fit_the_state_is_refused_with_the_reason(site: Site) -> None:
    """Each refusal says what the state is, and leaves no trace in the timeline."""
    ask = Ask(
        prompt="Which?",
        fields={"which": Field(type="string", choices=("a", "b")), "note": Field(type="string", required=False)},
    )
    plan = plan_of(
        off("gate", approval="security"),
        PlannedStep(id="question", kind="ask", ask=ask),
        PlannedStep(id="hold", kind="wait", wait=7200),
        off("done"),
    )
    incident = await site.start(plan)
    await site.reaches(incident, "done", StepState.DONE)
    await site.reaches(incident, "question", StepState.WAITING_ANSWER)
    before = len(site.entries(incident))
    nobody = Responder(principal="", auth="")
    await site.refused(incident, "retry", "gate", "gate cannot be retried: it is waiting_approval.")
    await site.refused(incident, "answer", "gate", "gate waits for no answer: it is waiting_approval.")
    await site.refused(incident, "answer", "question", "which must be one of a, b, not 'c'", answers={"which": "c"})
    await site.refused(incident, "skip", "done", "done has ended already: it is done.", reason="x")
    await site.refused(incident, "note", "", "The note is empty.", reason=" ")
    await site.refused(incident, "note", "", "Who is this?", who=nobody, reason="x")
    await site.refused(incident, "abort", "", "Who is this?", who=nobody, reason="x")
    assert len(site.entries(incident)) == before

    await site.decide(incident, "answer", "question", answers={"which": "a"})
    step = await site.reaches(incident, "question", StepState.DONE)
    assert step.result == {"which": "a", "note": None, "by": "user:ada"}
    await site.decide(incident, "abort", reason="test over")
    view = await site.engine.result(incident)
    assert [step.state.value for step in view.steps] == ["aborted", "done", "aborted", "done"]


async def test_plan_mode_says_what_it_would_wait_for(site: Site) -> None:
    """Questions, timers, gates and children are named and not waited for; a failed read is shown."""
    actions.WORLD.failures["a"] = ["not_found"]
    child = plan_of(off("inner")).model_copy(update={"name": "child-plan"})
    plan = plan_of(
        PlannedStep(id="question", kind="ask", ask=Ask(prompt="Healthy?", fields={"ok": Field(type="boolean")})),
        PlannedStep(id="short", kind="wait", wait=90),
        PlannedStep(id="long", kind="wait", wait=900),
        PlannedStep(id="hold", kind="wait", wait=36 * 3600),
        PlannedStep(id="go", kind="approval", approval="security"),
        PlannedStep(id="sub", kind="run", child=child),
        use("look", "test.read_switch", arguments={"name": "a"}),
    )
    view = await site.run(plan, mode=Mode.PLAN)
    *said, look = view.steps
    assert [step.summary for step in said] == [
        "would ask anybody: Healthy?",
        "would wait 90 s",
        "would wait 15 min",
        "would wait 36 h",
        "would wait for approval by security",
        "would run the runbook child-plan",
    ]
    assert look.failure is not None
    assert look.failure.reason == "not_found"
