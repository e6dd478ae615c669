"""Incidents: list, look, follow, decide, undo."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict

from firedoor.incident import Attachment, Decision, FailedTarget, IncidentView
from firedoor.server.api.answers import Body, Done, StartedIncident
from firedoor.server.api.office import Decider, EngineOf, Reader

ROUTER = APIRouter(prefix="/incidents", tags=["incidents"])
DecisionVerb = Literal[
    "approve", "deny", "answer", "retry", "skip", "abort", "note", "pause", "resume", "extend", "invite", "handover"
]


class IncidentLine(BaseModel):
    """One incident in a list."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    runbook: str
    state: str
    verdict: str
    severity: str
    parent: str
    started: datetime
    ended: datetime | None


class DecisionBody(Body):
    """A decision: its fields as the verbs of the command line have them. Who decides is told by the token.

    `approve` needs the `digest` of the request that was looked at: only what was shown is approved.
    """

    step: str = ""
    reason: str = ""
    answers: dict[str, Any] = {}
    digest: str = ""
    targets: tuple[str, ...] = ()
    failed: bool = False
    arguments: dict[str, Any] = {}
    break_glass: bool = False
    undo: bool = False
    seconds: int = 0
    person: str = ""
    attachments: tuple[Attachment, ...] = ()


class UndoBody(Body):
    """Which steps are taken back; all that can be, if none is named."""

    steps: tuple[str, ...] = ()


@ROUTER.get("")
async def list_incidents(
    who: Reader, engine: EngineOf, limit: Annotated[int, Query(ge=1, le=1000)] = 50
) -> list[IncidentLine]:
    """The newest first; what runs before what has ended."""
    return [IncidentLine.model_validate(one) for one in await engine.incidents(limit)]


@ROUTER.get("/{incident}")
async def show_incident(incident: str, who: Reader, engine: EngineOf) -> IncidentView:
    """Where an incident stands. `incident` is its id, or a part of it that only one begins or ends with."""
    return await engine.view(await engine.find(incident))


@ROUTER.get("/{incident}/steps/{step}/failed")
async def failed_targets(
    incident: str, step: str, who: Reader, engine: EngineOf, offset: Annotated[int, Query(ge=0)] = 0
) -> tuple[FailedTarget, ...]:
    """The targets of a step that failed, 500 at a time from `offset`."""
    return await engine.failures(await engine.find(incident), step, offset)


async def found(incident: str, engine: EngineOf) -> str:
    """The id of an incident, before the answer begins: a stream that has begun can refuse nothing any more."""
    return await engine.find(incident)


@ROUTER.get("/{incident}/events", response_class=EventSourceResponse)
async def follow_incident(
    who: Reader, engine: EngineOf, name: Annotated[str, Depends(found)]
) -> AsyncIterator[ServerSentEvent]:
    """The incident as it changes, as server-sent events `incident`, until it ends."""
    async for view in engine.watch(name):
        yield ServerSentEvent(data=view.model_dump(mode="json"), event="incident")


@ROUTER.post("/{incident}/undo")
async def undo_incident(incident: str, body: UndoBody, who: Decider, engine: EngineOf) -> StartedIncident:
    """Start the incident that takes back what this one changed; it asks for approval as the changes did."""
    started = await engine.undo(await engine.find(incident), body.steps, starter=who.responder)
    plan = await engine.plan_of(started.incident)
    return StartedIncident(incident=started.incident, joined=started.joined, plan=plan.digest)


@ROUTER.post("/{incident}/{verb}")
async def decide(incident: str, verb: DecisionVerb, body: DecisionBody, who: Decider, engine: EngineOf) -> Done:
    """Act on an incident. The incident's own rules say who may; a refusal (409) says why, and changes nothing."""
    name = await engine.find(incident)
    decision = Decision(responder=who.responder, **body.model_dump())
    return Done(incident=name, done=await engine.decide(name, verb, decision))
