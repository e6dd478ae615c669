"""Clocks: legal and contractual deadlines of incidents, and what a person says of them. Nothing is ever filed."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from firedoor.clock import NOT_ADVICE, ClockView
from firedoor.engine.clocks import all_clocks, clocks_of, decide_clock
from firedoor.incident import Decision
from firedoor.server.api.answers import Body, Done
from firedoor.server.api.office import Decider, EngineOf, Reader

ROUTER = APIRouter(tags=["clocks"])
ClockVerb = Literal["declare", "meet", "waive"]


class ClockList(BaseModel):
    """Clocks, the nearest first, and the incidents of which no worker told anything: there may be more."""

    clocks: list[ClockView]
    unknown: list[str] = []
    note: str = NOT_ADVICE


class ClockBody(Body):
    """What a person says of clocks: of declare the `moment`, of meet and waive the `clock`."""

    moment: str = ""
    clock: str = ""
    at: str = Field("", description="When, RFC 3339; now if empty.")
    reason: str = Field("", description="Of declare: the facts known then; else why. It is recorded.")


@ROUTER.get("/clocks")
async def list_clocks(who: Reader, engine: EngineOf) -> ClockList:
    """What is owed in all incidents, the nearest first. Not legal advice."""
    found, silent = await all_clocks(engine)
    return ClockList(clocks=found, unknown=silent)


@ROUTER.get("/incidents/{incident}/clocks")
async def clocks_of_incident(incident: str, who: Reader, engine: EngineOf) -> ClockList:
    """The clocks of one incident, also those that were met or waived. Not legal advice."""
    return ClockList(clocks=await clocks_of(engine, await engine.find(incident)))


@ROUTER.post("/incidents/{incident}/clocks/{verb}")
async def decide_about_clock(incident: str, verb: ClockVerb, body: ClockBody, who: Decider, engine: EngineOf) -> Done:
    """Say what happened (declare), that a clock was met, or that it was decided not to notify (waive)."""
    name = await engine.find(incident)
    decision = Decision(responder=who.responder, **body.model_dump())
    return Done(incident=name, done=await decide_clock(engine, name, verb, decision))
