"""The engine against a real Temporal: what it says when nobody works, and when Temporal itself is away."""

import asyncio
import socket
from pathlib import Path

import pytest

from firedoor.compiler import compile_runbook
from firedoor.config import Settings
from firedoor.engine import Engine
from firedoor.errors import UnreachableError, UsageError
from firedoor.incident import Decision, Responder
from firedoor.plan import Plan

ADA = Responder(principal="user:ada", auth="os")
NOTE = Decision(responder=ADA, reason="the locksmith comes")

RUNBOOK = """
name: quiet
inputs: {door: {type: string}}
identity: [door]
steps:
  pause: {wait: 1h}
"""


@pytest.fixture
def plan() -> Plan:
    """A runbook that waits for nobody."""
    return compile_runbook(RUNBOOK, steps={}, runbooks={})


@pytest.fixture
def settings(tmp_path: Path, temporal_address: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation without a worker, whose engine is not patient."""
    monkeypatch.setattr("firedoor.engine.incidents.ANSWER_SECONDS", 0.3)
    return Settings(
        home=tmp_path / "home",
        task_queue=f"nobody-{tmp_path.name}",
        temporal_environment={"TEMPORAL_ADDRESS": temporal_address},
    )


def door(settings: Settings) -> dict[str, str]:
    """Inputs that no other test uses."""
    return {"door": settings.task_queue}


async def test_a_decision_that_no_worker_takes(settings: Settings, plan: Plan) -> None:
    """Ends in time, and says what is true of it: no effect, nothing stored, and what to do."""
    engine = await Engine.connect(settings)
    started = await engine.start(plan, door(settings), starter=ADA)
    with pytest.raises(UnreachableError, match="no worker has taken `note`") as caught:
        await engine.decide(started.incident, "note", NOTE)
    assert "stored nowhere" in caught.value.changed
    assert "repeat it" in caught.value.next


async def test_joining_what_no_worker_runs(settings: Settings, plan: Plan) -> None:
    """A second start does not wait for ever either."""
    engine = await Engine.connect(settings)
    await engine.start(plan, door(settings), starter=ADA)
    with pytest.raises(UnreachableError, match="no worker has taken `note`"):
        await engine.start(plan, door(settings), starter=ADA)


async def test_a_cancelled_decision_is_cancelled(
    settings: Settings, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while it waits is no time-out, whatever Temporal's client calls it."""
    monkeypatch.setattr("firedoor.engine.incidents.ANSWER_SECONDS", 30.0)
    engine = await Engine.connect(settings)
    started = await engine.start(plan, door(settings), starter=ADA)
    deciding = asyncio.create_task(engine.decide(started.incident, "note", NOTE))
    await asyncio.sleep(0.2)
    deciding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await deciding


async def test_ids(settings: Settings, plan: Plan) -> None:
    """An exact id is found at once, whatever the lists of Temporal know by then; nonsense is a sentence."""
    engine = await Engine.connect(settings)
    started = await engine.start(plan, door(settings), starter=ADA)
    assert await engine.find(started.incident) == started.incident
    for nonsense in ("no-such-door", "x" * 2000):
        with pytest.raises(UsageError, match="There is no incident"):
            await engine.find(nonsense)
    with pytest.raises(UsageError, match="it never existed, or has ended"):
        await engine.decide("no-such-door", "note", NOTE)


async def test_a_view_that_no_worker_gives(settings: Settings, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """The incident is safe, nothing was changed, and how to start a worker."""
    monkeypatch.setattr("firedoor.engine.incidents.QUERY_SECONDS", 0.3)
    engine = await Engine.connect(settings)
    started = await engine.start(plan, door(settings), starter=ADA)
    with pytest.raises(UnreachableError, match="is safe in Temporal, but no worker answers") as caught:
        await engine.view(started.incident)
    assert "firedoor up" in caught.value.next
    assert started.incident in caught.value.next


async def test_nobody_at_the_address(settings: Settings) -> None:
    """A checklist instead of a stack trace."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        nowhere = settings.model_copy(update={"temporal_environment": {"TEMPORAL_ADDRESS": address}})
        with pytest.raises(UnreachableError, match=f"No Temporal server answers at {address}") as caught:
            await Engine.connect(nowhere)
    assert "firedoor up" in caught.value.next
