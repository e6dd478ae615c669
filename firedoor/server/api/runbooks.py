"""Runbooks: list them, check one, see what it is made of and what it would change, start it."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Response, status
from pydantic import BaseModel, ConfigDict, Field

from firedoor.compiler import RunbookErrors, compile_runbook
from firedoor.engine import read
from firedoor.incident import IncidentView
from firedoor.inputs import resolve_inputs
from firedoor.plan import Auto, Input
from firedoor.providers import providers
from firedoor.runbook.diagnostics import Code
from firedoor.server.api.answers import Body, StartedIncident
from firedoor.server.api.office import EngineOf, Reader, SettingsOf, ShelfOf, Starter
from firedoor.steps import STEPS
from firedoor.steps.document import document

ROUTER = APIRouter(tags=["runbooks"])
#: Seconds that reads may take.
PATIENCE = 300


class RunbookLine(BaseModel):
    """A runbook that can be started, or why it cannot be."""

    name: str
    title: str = ""
    description: str = ""
    severity: str = ""
    inputs: dict[str, Input] = {}
    auto: Auto = Auto.CONTAIN
    slack: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    broken: str = ""


class Wanted(Body):
    """A runbook and its inputs."""

    runbook: str
    inputs: dict[str, Any] = {}


class WantedPlan(Wanted):
    """A plan that is wanted within so many seconds."""

    timeout: Annotated[int, Field(ge=1, le=PATIENCE)] = 60


@ROUTER.get("/runbooks")
async def list_runbooks(who: Reader, shelf: ShelfOf) -> list[RunbookLine]:
    """Every runbook with its inputs; also those with mistakes, which cannot be started."""
    lines = [
        RunbookLine(
            name=name,
            title=plan.title,
            description=plan.description,
            severity=plan.severity,
            inputs=plan.inputs,
            auto=plan.auto,
            slack=tuple(trigger.slack for trigger in plan.triggers if trigger.slack),
            alerts=tuple(dict.fromkeys(trigger.alert for trigger in plan.triggers if trigger.alert)),
        )
        for name, plan in shelf.plans.items()
    ]
    return lines + [RunbookLine(name=name, broken=str(error)) for name, error in shelf.broken.items()]


class Draft(Body):
    """The text of a runbook."""

    text: str


class Mistake(BaseModel):
    """One mistake of a runbook: lines and columns count from 1."""

    model_config = ConfigDict(from_attributes=True)

    line: int
    column: int
    end_column: int
    code: Code
    message: str
    allowed: str
    source: str


@ROUTER.post("/lint")
async def lint_runbook(draft: Draft, who: Reader, shelf: ShelfOf) -> list[Mistake]:
    """Every mistake of a runbook that is sent as text; none, if it would compile beside those that the server has."""
    try:
        await asyncio.to_thread(compile_runbook, draft.text, runbooks=shelf.files, regimes=shelf.regimes)
    except RunbookErrors as errors:
        return [Mistake.model_validate(one) for one in errors.diagnostics]
    return []


@ROUTER.get("/steps")
async def list_steps(who: Reader) -> list[dict[str, Any]]:
    """What steps can do: effect, permissions, undo, proof, and the JSON Schemas of arguments and result."""
    return [document(contract) for contract in STEPS.values()]


@ROUTER.get("/providers")
async def list_providers(who: Reader, settings: SettingsOf) -> list[dict[str, Any]]:
    """Whose credentials firedoor knows, how each verb is done there, and which secrets the settings lack for it."""
    return [one.model_dump(mode="json") | {"missing": settings.lacking(one)} for one in providers().values()]


@ROUTER.post("/plans")
async def plan_runbook(wanted: WantedPlan, who: Starter, engine: EngineOf, shelf: ShelfOf) -> IncidentView:
    """What a runbook would do, now: its reads run for real, nothing is changed."""
    plan = shelf.plan(wanted.runbook)
    inputs = resolve_inputs(plan, wanted.inputs)
    return await read(engine, plan, inputs, who.responder, wanted.timeout)


@ROUTER.post("/incidents", status_code=status.HTTP_201_CREATED, responses={200: {"model": StartedIncident}})
async def start_incident(
    wanted: Wanted, who: Starter, engine: EngineOf, shelf: ShelfOf, response: Response
) -> StartedIncident:
    """Start an incident (201), or join the one that runs under the same identity (200). Safe to repeat."""
    plan = shelf.plan(wanted.runbook)
    started = await engine.start(plan, resolve_inputs(plan, wanted.inputs), starter=who.responder)
    if started.joined:
        response.status_code = status.HTTP_200_OK
    return StartedIncident(incident=started.incident, joined=started.joined, plan=plan.digest())
