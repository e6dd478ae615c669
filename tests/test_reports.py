"""Reports of alerts against a real Temporal: each counts once, whatever is sent again and whatever has ended."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from firedoor.alerts import Alert
from firedoor.compiler import compile_runbook
from firedoor.config import Settings
from firedoor.engine import Engine
from firedoor.engine.reports import Reported, Standing
from firedoor.errors import FiredoorError, RefusedError, UnreachableError
from firedoor.incident import AlertReport, Responder, StepState
from firedoor.local import dev_server, temporal_binary
from tests.workflows.conftest import Site, site_at

ALERT = Alert(source="guardduty", door="aws", id="f1", title="seen from Tor", severity=8.0)
WHO = Responder(principal="alert:guardduty", auth="alert", identity="alert:aws")

PLAN = compile_runbook("""
name: leak
identity: [key]
inputs: {key: {type: string}}
approvals: {security: {from: ['role:security']}}
steps: {gate: {approval: security}}
""")


def report(batch: str, count: int = 1) -> AlertReport:
    """A report of some deliveries."""
    return AlertReport(source=ALERT.source, id=ALERT.id, title=ALERT.title, responder=WHO, count=count, batch=batch)


@pytest.fixture
async def site(temporal_address: str, tmp_path: Path) -> AsyncGenerator[Site]:
    """An installation with its worker running."""
    async with site_at(temporal_address, tmp_path / "home") as site:
        yield site


async def send(site: Site, incident: str, batch: str, count: int = 1, seen: Standing | None = None) -> Reported | None:
    """Report as the dispatcher does."""
    seen = seen or await site.engine.reports.standing(incident)
    key = {"key": incident.removeprefix("leak-")}
    return await site.engine.reports.report(PLAN, key, report(batch, count), ALERT, incident=incident, seen=seen)


def an_incident() -> str:
    """An id that no other test uses."""
    return f"leak-{secrets.token_hex(4)}"


async def end(site: Site, incident: str) -> None:
    """Approve the gate, and wait for the end."""
    await site.reaches(incident, "gate", StepState.WAITING_APPROVAL)
    await site.approve(incident, "gate")
    await site.engine.result(incident)


async def test_a_batch_counts_once(site: Site) -> None:
    """Started with three, joined by two; each sent again, as after a crash, changes nothing."""
    incident = an_incident()
    assert await send(site, incident, "one", 3) == Reported(incident, joined=False, alerts=3)
    assert await send(site, incident, "one", 3) == Reported(incident, joined=False, alerts=3)
    assert await send(site, incident, "two", 2) == Reported(incident, joined=True, alerts=5)
    assert await send(site, incident, "two", 2) == Reported(incident, joined=True, alerts=5)
    assert (await site.view(incident)).alerts == 5
    told = [entry.body["alert"]["count"] for entry in site.entries(incident) if entry.kind == "incident.detected"]
    assert told == [2, 2]  # the opening stands for one


async def test_who_took_a_batch_after_the_end(site: Site) -> None:
    """The run that was started with it, and the run that was told it; no other."""
    incident = an_incident()
    await send(site, incident, "one")
    await send(site, incident, "two")
    running = await site.engine.reports.standing(incident)
    assert (running.running, running.batch) == (True, "one")
    await end(site, incident)
    ended = await site.engine.reports.standing(incident)
    assert (ended.running, ended.run) == (False, running.run)
    took = [await site.engine.reports.took(incident, ended, batch) for batch in ("one", "two", "three")]
    assert took == [True, True, False]
    assert await site.engine.reports.took(incident, Standing(), "one") is False


async def test_an_end_that_overtakes_the_report(site: Site) -> None:
    """What was seen running and has ended is not started anew behind the caller's back."""
    incident = an_incident()
    await send(site, incident, "one")
    running = await site.engine.reports.standing(incident)
    await end(site, incident)
    assert await send(site, incident, "two", seen=running) is None
    assert await send(site, incident, "two", seen=Standing()) is None
    assert await send(site, incident, "two") == Reported(incident, joined=False, alerts=1)


async def test_many_at_the_same_moment(site: Site) -> None:
    """One of them starts it, and none is lost."""
    incident = an_incident()
    found = await asyncio.gather(*(send(site, incident, f"b{number}", seen=Standing()) for number in range(8)))
    assert sorted(one.alerts for one in found if one) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [one.joined for one in found if one].count(False) == 1


async def test_a_report_of_nobody(site: Site) -> None:
    """It is refused here, or by the incident."""
    incident = an_incident()
    for nobody in (None, Responder(principal="", auth="")):
        anonymous = report("one").model_copy(update={"responder": nobody})
        with pytest.raises(RefusedError):
            await site.engine.reports.report(PLAN, {"key": "k"}, anonymous, ALERT, incident=incident, seen=Standing())


async def test_no_worker_answers(temporal_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is begun, and said again until somebody answers; then it has counted once. A cancelled wait is cancelled."""
    monkeypatch.setattr("firedoor.engine.reports.ANSWER_SECONDS", 0.4)
    async with site_at(temporal_address, tmp_path / "home") as site:
        await site.worker.aclose()
        incident = an_incident()
        with pytest.raises(UnreachableError, match="Neither Temporal nor a worker"):
            await send(site, incident, "one", 2)
        waiting = asyncio.create_task(send(site, incident, "one", 2))
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        monkeypatch.setattr("firedoor.engine.reports.ANSWER_SECONDS", 15.0)
        async with site.serving():
            assert await send(site, incident, "one", 2) == Reported(incident, joined=False, alerts=2)


async def test_nobody_at_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporal is away: it may be tried again."""
    for patience in ("ANSWER_SECONDS", "LOOK_SECONDS"):
        monkeypatch.setattr(f"firedoor.engine.reports.{patience}", 0.3)
    async with dev_server(temporal_binary()) as address:
        engine = await Engine.connect(Settings(home=tmp_path, temporal_environment={"TEMPORAL_ADDRESS": address}))
    for asking in (engine.reports.standing("leak-x"), engine.reports.took("leak-x", Standing("run"), "b")):
        with pytest.raises(UnreachableError):
            await asking
    with pytest.raises(UnreachableError):
        await engine.reports.report(PLAN, {"key": "x"}, report("b"), ALERT, incident="leak-x", seen=Standing())


@pytest.mark.parametrize(
    ("answer", "raises"),
    [
        (RPCError("busy", RPCStatusCode.RESOURCE_EXHAUSTED, b""), UnreachableError),
        (RPCError("what is that", RPCStatusCode.INVALID_ARGUMENT, b""), FiredoorError),
        (RPCError("it ended", RPCStatusCode.NOT_FOUND, b""), None),
        (WorkflowUpdateFailedError(ApplicationError("it ended", type="AcceptedUpdateCompletedWorkflow")), None),
    ],
)
async def test_other_answers_of_temporal(
    site: Site, monkeypatch: pytest.MonkeyPatch, answer: Exception, raises: type[FiredoorError] | None
) -> None:
    """What passes is tried again, what does not is said at once, and an end in between is looked at again."""

    async def answered(*_: Any, start_workflow_operation: Any, **__: Any) -> None:
        start_workflow_operation._workflow_handle.set_exception(answer)
        start_workflow_operation._workflow_handle.exception()
        raise answer

    monkeypatch.setattr(site.client, "execute_update_with_start_workflow", answered)
    if raises is None:
        assert await send(site, an_incident(), "one") is None
        return
    with pytest.raises(raises) as caught:
        await send(site, an_incident(), "one")
    assert type(caught.value) is raises
