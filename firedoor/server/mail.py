"""`POST /mail/ses`: what Amazon SES tells by SNS of the mail that it has taken: delivered, bounced, complained of.

SNS's signature proves where it comes from; `[mail.ses] topics` says which topics may send. The answer is 200 once it is
durable, also for what is of no concern here: SNS gives up on 4xx, and tries again after 5xx. A subscription is
confirmed as at the doors of alerts. Without topics there is no such route.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from firedoor.alerts import Lock, Parsed, UnauthenticatedError, _sns
from firedoor.alerts._reading import at
from firedoor.campaign import LOST, MessageState
from firedoor.config import Settings
from firedoor.errors import FiredoorError, UsageError
from firedoor.recipient import Message
from firedoor.server.feedback import GREETING, READER, Feedback, read
from firedoor.server.fetch import OutOfReachError
from firedoor.server.log import LOGGER, shown
from firedoor.server.mailroom import Mailroom
from firedoor.server.site import Site

#: How its deliveries are counted and logged, beside the doors of alerts.
DOOR = "mail.ses"
#: After these the campaign has something to do now: the next contact, or a look at how many are lost.
NEWS = LOST | {MessageState.COMPLAINED}


@dataclass(frozen=True, slots=True)
class _Heard:
    """What a delivery of SNS says: events of SES, or a URL that confirms a subscription."""

    confirm: str = ""
    note: str = ""
    events: list[Feedback] = field(default_factory=list[Feedback])


@dataclass(frozen=True, slots=True)
class _Said:
    """What SNS is told, and the word of the metrics. `why` is for the log."""

    status: int
    result: str
    why: str = ""


def routes(settings: Settings) -> list[BaseRoute]:
    """Where it is; nowhere, where no topic may send."""
    return [Route("/mail/ses", take, methods=["POST"])] if settings.mail.ses.topics else []


async def take(request: Request) -> Response:
    """Take one delivery of SNS."""
    site: Site = request.app.state.site
    remote = request.client.host if request.client else "nowhere"
    try:
        said = await _taken(site, dict(request.headers), await request.body(), remote)
    except HTTPException as error:
        said = _Said(error.status_code, "too_large", error.detail)
    except ClientDisconnect:
        said = _Said(400, "gone", "its sender went away in the middle of it")
    site.metrics.deliveries.labels(DOOR, said.result).inc()
    if said.why:
        site.sparing.warn(f"{DOOR}: {said.result}", f"from {shown(remote)}: {said.why}")
    return JSONResponse({"result": said.result}, said.status, {"retry-after": "5"} if said.status >= 500 else None)


async def _taken(site: Site, headers: Mapping[str, str], body: bytes, remote: str) -> _Said:
    loop = asyncio.get_running_loop()
    try:
        async with site.asking:
            heard = await loop.run_in_executor(site.threads, _judged, site, headers, body)
        if heard.confirm:
            return await _confirmed(site, heard.confirm)
        for feedback in heard.events:
            await _kept(site, feedback)
    except OutOfReachError as error:
        return _Said(503, "unreachable", f"it is not known whether SNS has signed it: {error.what}")
    except UnauthenticatedError as error:
        count = site.metrics.failed(DOOR, remote)
        return _Said(401, "unauthenticated", f"{error.what} (number {count} from there)")
    except UsageError as error:
        return _Said(400, "unreadable", error.what)
    except FiredoorError as error:
        return _Said(503, "not_stored", error.what)
    return _Said(200, "accepted", heard.note)


def _judged(site: Site, headers: Mapping[str, str], body: bytes) -> _Heard:
    """In a thread. Raises `UnauthenticatedError`, `UsageError`."""
    topics = site.settings.mail.ses.topics
    lock = Lock(datetime.now(UTC), topics=topics, certificate=site.fetch.certificate)
    _sns.authenticate(headers, body, lock)
    if str(at(READER.object(body), "Message") or "").startswith(GREETING):
        return _Heard(note="SES sends its events here from now on.")
    events: list[Feedback] = []

    def heard(event: Any) -> Parsed:
        events.append(read(event))
        return Parsed(key=events[-1].provider_id)

    parsed = _sns.opened(READER, body, heard)
    return _Heard(parsed.confirm, parsed.note, events)


async def _kept(site: Site, feedback: Feedback) -> None:
    """Keep what an event says, and tell the campaign what to act on. Raises `StoreError`: then it is not kept."""
    if feedback.state is None:
        if feedback.reason:
            site.sparing.warn(f"{DOOR}: note", f"{shown(feedback.provider_id)}: {feedback.reason}")
        return
    message = await site.mailroom.do(_told, feedback)
    if message is None:
        site.sparing.warn(f"{DOOR}: unknown", f"{shown(feedback.provider_id)} is no message of a campaign here")
    elif message.state in NEWS:
        LOGGER.info("%s: a message is %s", shown(message.campaign), message.state.value)
        site.heard(message.campaign)


def _told(room: Mailroom, feedback: Feedback) -> Message | None:
    """Change the message; None where it is not one of ours."""
    if feedback.state is None or not room.settings.outbox_path.exists():
        return None
    return room.outbox.event(
        key=feedback.key,
        provider_id=feedback.provider_id,
        state=feedback.state,
        reason=feedback.reason,
        now=room.clock(),
    )


async def _confirmed(site: Site, url: str) -> _Said:
    """Confirm a subscription to one of the topics: `opened` has checked that the URL does nothing else."""
    loop = asyncio.get_running_loop()
    try:
        await loop.run_in_executor(site.threads, site.fetch.confirm, url)
    except UnauthenticatedError as error:
        site.metrics.confirmations.labels(DOOR, "failed").inc()
        return _Said(503, "not_confirmed", f"SNS was not told that the subscription is wanted: {error.what}")
    site.metrics.confirmations.labels(DOOR, "confirmed").inc()
    LOGGER.info("%s: the subscription is confirmed", DOOR)
    return _Said(200, "confirmed")
