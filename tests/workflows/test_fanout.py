"""`for_each`: every target once, recorded one by one; failures by name; nothing done twice."""

import pytest

from firedoor.incident import Mode, StepState
from firedoor.plan import Loop, OnError, Plan, Verdict
from tests.workflows import actions
from tests.workflows.conftest import Site, plan_of, use


def each_off(on_error: OnError = OnError.ASK, concurrency: int = 10, *, collect: bool = False) -> Plan:
    """Switch off every name of the input `names`."""
    loop = Loop(items="inputs.names", name="one", concurrency=concurrency, on_error=on_error, collect=collect)
    return plan_of(use("each", "test.switch_off", arguments={"name": "${{ one }}"}, loop=loop))


@pytest.mark.parametrize("concurrency", [1, 7, 100])
async def test_every_target_is_done_once_and_recorded(site: Site, concurrency: int) -> None:
    """Each target has an intent and an outcome, whatever the slices."""
    names = [f"s{number}" for number in range(40)]
    view = await site.run(each_off(concurrency=concurrency), {"names": names})

    assert sorted(actions.WORLD.effects) == sorted(names)
    assert view.steps[0].summary == "40 of 40 targets done"
    assert view.steps[0].verdict is Verdict.CONTAINED
    entries = site.entries(view.id)
    intents = {entry.id for entry in entries if entry.kind == "action.intent"}
    outcomes = [entry for entry in entries if entry.kind == "action.outcome"]
    assert len(intents) == len(outcomes) == 40
    assert {entry.ref for entry in outcomes} == intents
    assert sorted(entry.body["action"]["target"] for entry in outcomes) == sorted(names)


async def test_failures_are_named_and_only_they_are_retried(site: Site) -> None:
    """The step stops for a person with the names; a retry does the rest and repeats nothing."""
    actions.WORLD.failures = {"before s1": ["permission_missing"], "before s3": ["not_found"]}
    incident = await site.start(each_off(), {"names": ["s0", "s1", "s2", "s3"]})
    step = await site.reaches(incident, "each", StepState.NEEDS_ATTENTION)

    assert step.failure is not None
    assert step.failure.what.startswith("2 of 4 targets failed: s1: the provider said permission_missing")
    assert step.failure.changed == "2 of 4 targets are done and will not be done again."
    assert step.verdict is Verdict.UNKNOWN
    await site.decide(incident, "retry", "each")
    view = await site.engine.result(incident)
    assert sorted(actions.WORLD.effects) == ["s0", "s1", "s2", "s3"]
    assert view.steps[0].verdict is Verdict.CONTAINED
    assert view.steps[0].result["failed"] == []


async def test_a_reason_that_many_share_is_said_once(site: Site) -> None:
    """Five times the same sentence hides the one that is another."""
    names = [f"s{number}" for number in range(8)]
    actions.WORLD.failures = {f"before {name}": ["permission_missing"] for name in names[:7]}
    actions.WORLD.failures["before s7"] = ["not_found"]
    incident = await site.start(each_off(), {"names": names})
    step = await site.reaches(incident, "each", StepState.NEEDS_ATTENTION)
    assert step.failure is not None
    often, seldom = step.failure.what.removeprefix("8 of 8 targets failed: ").split("; ")
    assert often == "s0, s1, s2, s3, s4 and 2 more: the provider said permission_missing about before s0"
    assert seldom == "s7: the provider said not_found about before s7."
    await site.decide(incident, "skip", "each", reason="tried enough")
    await site.engine.result(incident)


async def test_a_transient_failure_redoes_only_its_target(site: Site) -> None:
    """Temporal retries the slice; targets with a recorded outcome are adopted, not repeated."""
    actions.WORLD.failures = {"before s2": ["throttled"]}
    names = [f"s{number}" for number in range(6)]
    view = await site.run(each_off(collect=True), {"names": names})

    assert sorted(actions.WORLD.effects) == names
    assert view.steps[0].state is StepState.DONE
    assert len(view.steps[0].result["results"]) == 6
    intents = [entry.body["action"]["target"] for entry in site.entries(view.id) if entry.kind == "action.intent"]
    assert sorted(intents) == names


async def test_continue_goes_on_with_the_failures_listed(site: Site) -> None:
    """`on_error: continue` passes the failures on; a containment among them still needs a person."""
    actions.WORLD.failures = {"before s1": ["not_found"]}
    incident = await site.start(each_off(OnError.CONTINUE), {"names": ["s0", "s1"]})
    step = await site.reaches(incident, "each", StepState.NEEDS_ATTENTION)
    assert step.failure is not None
    assert step.failure.reason == "unknown"
    assert step.result["failed"] == [{"key": "1", "name": "s1", "reason": "not_found"}]


async def test_stop_leaves_the_rest_untouched(site: Site) -> None:
    """`on_error: stop` starts no further target, and says how many were not started."""
    actions.WORLD.failures = {"before s1": ["not_found"]}
    names = [f"s{number}" for number in range(8)]
    incident = await site.start(each_off(OnError.STOP, 1), {"names": names})
    step = await site.reaches(incident, "each", StepState.NEEDS_ATTENTION)
    assert step.failure is not None
    assert step.failure.what.endswith("6 were not started.")
    assert actions.WORLD.effects == ["s0"]
    await site.decide(incident, "retry", "each")
    view = await site.engine.result(incident)
    assert sorted(actions.WORLD.effects) == names
    assert view.verdict is Verdict.CONTAINED


async def test_an_empty_list_is_said_and_proves_nothing(site: Site) -> None:
    """No targets: the step is done, says so, and adds nothing to the verdict."""
    view = await site.run(each_off(), {"names": []})
    assert view.steps[0].state is StepState.DONE
    assert view.steps[0].summary == "There was nothing to act on: the list of targets is empty."
    assert view.verdict is None
    assert site.entries(view.id)[-1].body["say"] == "There was nothing to contain."


async def test_what_is_no_list_needs_attention(site: Site) -> None:
    """A value that is no list stops the step before anything is done."""
    incident = await site.start(each_off(), {"names": "all"})
    step = await site.reaches(incident, "each", StepState.NEEDS_ATTENTION)
    assert step.failure is not None
    assert step.failure.what == "`inputs.names` is not a list of targets."


async def test_plan_mode_sums_the_blast_radius(site: Site) -> None:
    """Each target is previewed and none is changed."""
    view = await site.run(each_off(), {"names": ["a", "b", "c"]}, mode=Mode.PLAN)
    assert view.steps[0].blast == {"switches": 3}
    assert len(view.steps[0].previews) == 3
    assert actions.WORLD.effects == []
