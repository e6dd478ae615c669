"""A campaign whose history becomes too long, on a server that says so early."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from firedoor.incident import StepState
from firedoor.local import answers, free_port, server_command, temporal_binary
from firedoor.plan import Campaign, PlannedStep
from firedoor.supervisor import Program, Supervisor
from tests.chaos.site import until
from tests.workflows import actions
from tests.workflows.conftest import Site, plan_of, site_at
from tests.workflows.mailroom import Mailroom

#: Events of a history after which Temporal asks for a new one; its default is 4,096.
EVENTS = 40


@pytest.fixture
async def impatient(tmp_path: Path) -> AsyncGenerator[str]:
    """The address of a server that wants short histories."""
    port = free_port()
    command = server_command(temporal_binary(), port=port, database=None, durable=False)
    command += ["--dynamic-config-value", f"limit.historyCount.suggestContinueAsNew={EVENTS}"]
    async with Supervisor() as supervisor:
        await supervisor.start(Program("temporal", tuple(command), tmp_path / "temporal.log"))
        address = f"127.0.0.1:{port}"
        await until(lambda: answers(address), f"the Temporal server at {address} answers", 30)
        yield address


async def run_of(site: Site, campaign: str) -> str:
    """The run that is under way, if it continues another; else nothing."""
    history = await site.client.get_workflow_handle(campaign).fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes
    return history.run_id if started.continued_execution_run_id else ""


async def test_a_long_history_is_continued_as_new(
    impatient: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody hears twice, a reminder comes on time, and the incident's word still reaches it, and the other way round."""
    monkeypatch.setattr(actions, "WORLD", actions.World())
    room = Mailroom()
    spec = Campaign(
        notice="keys-exposed", to=["acme"], canary=1, settle=1, until="customer.remediated", recheck=1, remind=(4,)
    )
    step = PlannedStep(id="notify", kind="campaign", title="Tell them", campaign=spec)
    async with site_at(impatient, tmp_path / "home", campaigns=room.activities()) as site:
        incident = await site.start(plan_of(step))
        campaign = f"{incident}.notify"
        await room.sent(6)

        async def continued() -> bool:
            return bool(await run_of(site, campaign))

        await until(continued, "it is continued as new", 30)
        await site.decide(incident, "pause", reason="a moment")
        await site.reaches(incident, "notify", StepState.PAUSED)
        await site.decide(incident, "resume")
        await site.reaches(incident, "notify", StepState.RUNNING)
        room.rotated = set(room.customers)
        view = await site.engine.result(incident)
    assert room.letters == [(name, number) for number in (0, 1) for name in room.customers]
    assert view.steps[0].state is StepState.DONE
    assert view.steps[0].result["remediated"] == 3
