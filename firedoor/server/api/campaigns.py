"""Campaigns: who was told, how far they are, and steering: pause, resume, stop, try again what was lost."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from firedoor.campaign import Flow, MessageState, Tally
from firedoor.engine.campaigns import Campaigns, Picture, Steered
from firedoor.recipient import Message, Recipient
from firedoor.server.api.answers import Body, Most
from firedoor.server.api.office import Confided, Decider, Reader, SiteOf
from firedoor.server.mailroom import Mailroom

ROUTER = APIRouter(prefix="/campaigns", tags=["campaigns"])
SteeringVerb = Literal["pause", "resume", "stop"]
FLOWS: dict[str, Flow] = {"pause": Flow.PAUSED, "resume": Flow.RUNNING, "stop": Flow.STOPPED}


class CampaignLine(BaseModel):
    """One campaign in a list. All counts are customers; `remediated` are those who have replaced every credential."""

    id: str
    incident: str
    step: str
    notice: str
    version: int
    drill: bool
    flow: Flow
    reason: str
    says: str = Field(description="Where it stands, in a sentence.")
    customers: int
    reached: int
    by_hand: int = Field(default=0, description="How many of those who are reached somebody has reached another way.")
    acknowledged: int
    remediated: int
    holding: int
    tasks: int


class CustomerLine(BaseModel):
    """A customer of a campaign. Times are RFC 3339 UTC, null where that has not happened yet."""

    customer: str
    name: str
    cohort: str
    exposure: str
    credentials: int
    reached: datetime | None
    acknowledged: datetime | None
    task: str = Field(description="Why a person has to see to it; empty: nobody has to.")


class MessageLine(BaseModel):
    """A message, and what became of it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    customer: str
    contact: str
    channel: str
    address: str = Field(description="Empty where the token lacks the scope `customers`.")
    reminder: int
    state: MessageState
    reason: str


class ToldCustomer(CustomerLine):
    """One customer of a campaign, and its messages, the first of them first.

    `told_with` is the customer in whose message it is told, because both have the same contact: the rest is that one's
    then. `others` are all who are told in that message.
    """

    told_with: str
    others: tuple[str, ...]
    remediated: datetime | None
    messages: tuple[MessageLine, ...]


class WholeCampaign(CampaignLine):
    """A campaign in full. `slowest` are some of those who are waited for; `doubts` may have been sent, or not."""

    began: datetime | None
    digest: str
    nobody: int
    queued: int
    messages: dict[str, int]
    cohorts: dict[str, Tally]
    providers: dict[str, Tally]
    slowest: tuple[CustomerLine, ...]
    needs_person: tuple[CustomerLine, ...]
    doubts: tuple[MessageLine, ...]


class SteeringBody(Body):
    """Why. Who steers is told by the token."""

    reason: str = ""


class RetryBody(SteeringBody):
    """`doubtful`: what may have arrived is sent again as well."""

    doubtful: bool = False


class ReachedBody(Body):
    """Who was reached another way, as the registry calls them, and how: `telephoned Ada, their CISO`."""

    customers: tuple[str, ...] = Field(min_length=1, max_length=1000)
    reason: str


class SteeredCampaign(BaseModel):
    """What came of it: the store has it. `behind` says what could not be told yet, and to whom."""

    campaign: str
    flow: Flow
    says: str
    queued: int
    behind: tuple[str, ...]


class RetriedCampaign(SteeredCampaign):
    """The same, and how many messages are sent again."""

    retried: int


class ReachedCustomers(SteeredCampaign):
    """The same, and how many were not counted as reached by hand before."""

    reached: int


async def campaigns_of(site: SiteOf) -> Campaigns:
    """The store of campaigns. Needs no Temporal. Raises `UsageError` where there is none yet."""
    return await site.mailroom.do(_campaigns)


CampaignsOf = Annotated[Campaigns, Depends(campaigns_of)]


@ROUTER.get("")
async def list_campaigns(who: Reader, campaigns: CampaignsOf) -> list[CampaignLine]:
    """The newest first. Needs no Temporal."""
    return await asyncio.to_thread(_lines, campaigns)


@ROUTER.get("/{campaign}")
async def show_campaign(
    campaign: str, who: Reader, confided: Confided, campaigns: CampaignsOf, limit: Most = 20
) -> WholeCampaign:
    """Where a campaign stands: by cohort, by provider, the slowest customers first, and what needs a person.

    `campaign` is its id, INCIDENT.STEP, or a part of it that only one begins or ends with; `limit` is for each list.
    """
    return await asyncio.to_thread(_whole, campaigns, campaign, limit, confided=confided)


@ROUTER.get("/{campaign}/customers/{customer}")
async def show_customer(
    campaign: str, customer: str, who: Reader, confided: Confided, campaigns: CampaignsOf
) -> ToldCustomer:
    """One customer of a campaign: how far it is, with whom it was told, and where each of its messages stands."""
    return await asyncio.to_thread(_told, campaigns, campaign, customer, confided=confided)


@ROUTER.post("/{campaign}/retry-failed")
async def retry_failed(campaign: str, body: RetryBody, who: Decider, campaigns: CampaignsOf) -> RetriedCampaign:
    """Send again what was lost, to customers whom nothing has reached. What is in doubt only if that is said."""
    name = await asyncio.to_thread(campaigns.find, campaign)
    count, steered = await campaigns.retry_failed(name, who.responder, body.reason, doubtful=body.doubtful)
    return RetriedCampaign(**_steered(name, steered).model_dump(), retried=count)


@ROUTER.post("/{campaign}/reached")
async def reached_by_hand(campaign: str, body: ReachedBody, who: Decider, campaigns: CampaignsOf) -> ReachedCustomers:
    """Count customers as reached by hand, and close their tasks: all or none. Asked again it changes nothing."""
    name = await asyncio.to_thread(campaigns.find, campaign)
    count, steered = await campaigns.reached(name, tuple(dict.fromkeys(body.customers)), who.responder, body.reason)
    return ReachedCustomers(**_steered(name, steered).model_dump(), reached=count)


@ROUTER.post("/{campaign}/{verb}")
async def steer_campaign(
    campaign: str, verb: SteeringVerb, body: SteeringBody, who: Decider, campaigns: CampaignsOf
) -> SteeredCampaign:
    """Pause, resume or stop: when it answers no message begins any more that this forbids. Needs no Temporal."""
    name = await asyncio.to_thread(campaigns.find, campaign)
    return _steered(name, await campaigns.steer(name, FLOWS[verb], who.responder, body.reason))


def _campaigns(room: Mailroom) -> Campaigns:
    return Campaigns(room.settings, room.outbox)


def _lines(campaigns: Campaigns) -> list[CampaignLine]:
    return [_line(Picture(row, standing)) for row, standing in campaigns.all()]


def _line(picture: Picture) -> CampaignLine:
    row, now = picture.row, picture.standing
    return CampaignLine(
        id=row.id,
        incident=row.incident,
        step=row.step,
        notice=row.spec.notice,
        version=row.spec.version,
        drill=row.drill,
        flow=now.flow,
        reason=now.reason,
        says=now.sentence(),
        customers=now.customers,
        reached=now.reached,
        by_hand=now.by_hand,
        acknowledged=now.acknowledged,
        remediated=now.remediated,
        holding=now.holding,
        tasks=now.tasks,
    )


def _whole(campaigns: Campaigns, text: str, most: int, *, confided: bool) -> WholeCampaign:
    picture = campaigns.picture(campaigns.find(text), most)
    now = picture.standing
    return WholeCampaign(
        **_line(picture).model_dump(),
        began=_moment(picture.row.began),
        digest=picture.row.digest,
        nobody=now.nobody,
        queued=now.queued,
        messages=now.messages,
        cohorts=now.cohorts,
        providers=now.providers,
        slowest=tuple(map(_customer, picture.slowest)),
        needs_person=tuple(map(_customer, picture.tasks)),
        doubts=_messages(picture.doubts, confided=confided),
    )


def _told(campaigns: Campaigns, text: str, customer: str, *, confided: bool) -> ToldCustomer:
    found = campaigns.told(campaigns.find(text), customer)
    one = found.recipient
    said: dict[str, Any] = {**_customer(one).model_dump(), "customer": found.asked}
    return ToldCustomer(
        **said,
        told_with=one.customer if one.customer != found.asked else "",
        others=found.others,
        remediated=_moment(one.remediated),
        messages=_messages(found.messages, confided=confided),
    )


def _customer(one: Recipient) -> CustomerLine:
    return CustomerLine(
        customer=one.customer,
        name=one.name,
        cohort=one.cohort,
        exposure=one.exposure,
        credentials=len(one.credentials),
        reached=_moment(one.reached),
        acknowledged=_moment(one.acknowledged),
        task=one.task,
    )


def _messages(found: Iterable[Message], *, confided: bool) -> tuple[MessageLine, ...]:
    return tuple(MessageLine.model_validate(one if confided else replace(one, address="")) for one in found)


def _steered(campaign: str, steered: Steered) -> SteeredCampaign:
    now = steered.standing
    return SteeredCampaign(
        campaign=campaign, flow=now.flow, says=now.sentence(), queued=now.queued, behind=steered.behind
    )


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
