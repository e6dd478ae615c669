"""What failures say: encrypted in Temporal, as everything else is, and read by whoever has the key."""

from temporalio.worker import Replayer

from firedoor.incident import StepState
from firedoor.phrases import said
from tests.workflows import actions
from tests.workflows.conftest import Site, each, plan_of, use
from workflows import WORKFLOWS

CANARY = "canary-of-a-customer"
#: A line of a stack trace of ours.
TRACE = b"_perform.py"


async def stored(site: Site, incident: str) -> bytes:
    """What Temporal holds of an incident: its history, and what it tells of what is running."""
    handle = site.client.get_workflow_handle(incident)
    history = b"".join([event.SerializeToString() async for event in handle.fetch_history_events()])
    return history + (await handle.describe()).raw_description.SerializeToString()


async def test_a_failure_that_is_being_retried(site: Site) -> None:
    """Its words are in no answer of Temporal's; the running step shows them."""
    actions.WORLD.failures[CANARY] = ["unreachable"] * 2
    incident = await site.start(plan_of(use("look", "test.read_switch", arguments={"name": CANARY})))
    view = await site.shows(incident, lambda view: view.steps[0].failure is not None)

    assert f"the provider said unreachable about {CANARY}" in said(view.steps[0])
    kept = await stored(site, incident)
    assert b"Encoded failure" in kept
    assert CANARY.encode() not in kept
    assert TRACE not in kept
    assert (await site.engine.result(incident)).steps[0].state is StepState.DONE
    assert CANARY.encode() not in await stored(site, incident)


async def test_a_failure_that_is_final(site: Site) -> None:
    """One target and many: a person reads what happened, the history does not say it, and it replays."""
    actions.WORLD.failures[CANARY] = ["permission_missing"] * 2
    plan = plan_of(use("look", "test.read_switch", arguments={"name": CANARY}), each("all", on_error="stop"))
    incident = await site.start(plan, {"names": [CANARY]})
    for step in ("look", "all"):
        shown = await site.reaches(incident, step, StepState.NEEDS_ATTENTION)
        assert CANARY in said(shown)

    kept = await stored(site, incident)
    assert b"Encoded failure" in kept
    assert CANARY.encode() not in kept
    assert TRACE not in kept
    history = await site.client.get_workflow_handle(incident).fetch_history()
    await Replayer(workflows=WORKFLOWS, data_converter=site.client.data_converter).replay_workflow(history)
