"""Deliveries of alerts: look at them, have them dealt with again or dismissed, attach one to an incident."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from firedoor.alerts import Alert
from firedoor.deliveries import Delivery, State, ledger
from firedoor.deliveries.message import alert_of
from firedoor.server.api.office import EngineOf, Reader, Reporter, SiteOf

ROUTER = APIRouter(tags=["alerts"])


class DeliveryLine(BaseModel):
    """One delivery: what became of it, in which incidents, and why. Times are RFC 3339 UTC."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    door: str
    source: str
    received_at: str
    handled_at: str
    state: State
    title: str
    incidents: tuple[str, ...]
    reason: str
    against: str
    seen: int
    attempts: int


class HitLine(BaseModel):
    """What one alert of a delivery does to one runbook."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    runbook: str
    incident: str
    state: State
    reason: str
    alert: Alert


class WholeDelivery(DeliveryLine):
    """A delivery with its body, from which secrets were taken at the door, and the runbooks that it fits."""

    body: str
    hits: tuple[HitLine, ...]


class Attached(BaseModel):
    """An incident, and how many alerts it has now."""

    incident: str
    alerts: int


@ROUTER.get("/deliveries")
async def list_deliveries(
    who: Reader,
    site: SiteOf,
    state: State | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> list[DeliveryLine]:
    """The newest first."""
    found = await site.deliveries.look(ledger.listed, [state] if state else [], limit)
    return [DeliveryLine.model_validate(one) for one in found]


@ROUTER.get("/deliveries/{delivery}")
async def show_delivery(delivery: str, who: Reader, site: SiteOf) -> WholeDelivery:
    """One delivery in full."""
    found = await site.deliveries.find(delivery)
    hits = await site.deliveries.look(ledger.hits, found.id)
    line = DeliveryLine.model_validate(found).model_dump()
    # The body has what the source sent.
    alerts = [hit.alert.model_copy(update={"raw": {}}) for hit in hits]
    lines = tuple(HitLine.model_validate(replace(hit, alert=one)) for hit, one in zip(hits, alerts, strict=True))
    return WholeDelivery(**line, body=found.body.decode("utf-8", "replace"), hits=lines)


@ROUTER.post("/deliveries/{delivery}/replay", status_code=202)
async def replay_delivery(delivery: str, who: Reporter, site: SiteOf) -> DeliveryLine:
    """Have it matched again with the runbooks as they are now. What is in an incident stays there: safe to repeat."""
    found: Delivery = await site.deliveries.find(delivery)
    await site.deliveries.change(ledger.reopen, [found.id])
    site.wake()
    return DeliveryLine.model_validate(await site.deliveries.find(found.id))


@ROUTER.post("/deliveries/{delivery}/dismiss")
async def dismiss_delivery(delivery: str, who: Reporter, site: SiteOf) -> DeliveryLine:
    """Let nobody wait any more for what is dead or held: it starts nothing. What is in an incident stays there."""
    found = await site.deliveries.find(delivery)
    await site.deliveries.change(ledger.dismiss, [found.id], who.responder.principal, datetime.now(UTC))
    return DeliveryLine.model_validate(await site.deliveries.find(found.id))


@ROUTER.post("/incidents/{incident}/attach")
async def attach_alert(incident: str, source: str, request: Request, who: Reporter, engine: EngineOf) -> Attached:
    """Attach the alert in the body, one message as `source` sends it, to a running incident."""
    alert = await asyncio.to_thread(alert_of, source, dict(request.headers), await request.body())
    name = await engine.find(incident)
    return Attached(incident=name, alerts=await engine.attach(name, alert, who.responder))
