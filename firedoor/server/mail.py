"""What is told of mail that has left: `POST /mail/ses` by Amazon SES, `POST /mail/bounces` by mail servers.

SES tells by SNS, whose signature proves where it comes from; `[mail.ses] topics` says which topics may send. A
subscription is confirmed as at the doors of alerts. At the other door a mail that a server has sent back is posted as
it came (message/rfc822), by whoever shows one of the secrets of `[mail.bounces]`. Without topics, without secrets there
is no such route.

The answer is 200 once it is durable, also for what is of no concern here: SNS gives up on 4xx, and tries again after
5xx; whoever posts bounces is told the same.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from firedoor.alerts import Lock, Parsed, UnauthenticatedError, _proofs, _sns
from firedoor.alerts._reading import at
from firedoor.campaign import LOST, MessageState
from firedoor.config import Settings
from firedoor.errors import FiredoorError, UsageError
from firedoor.outbox import mail_reports
from firedoor.outbox.feedback import Feedback
from firedoor.recipient import Message
from firedoor.server import secrets
from firedoor.server.feedback import GREETING, READER, read
from firedoor.server.fetch import OutOfReachError
from firedoor.server.log import LOGGER, shown
from firedoor.server.mailroom import Mailroom
from firedoor.server.site import Site

#: After these the campaign has something to do now: the next contact, or a look at how many are lost.
NEWS = LOST | {MessageState.COMPLAINED}
#: What a mail is posted as.
MAIL = "message/rfc822"


@dataclass(frozen=True, slots=True)
class _Heard:
    """What a delivery says of messages; or a URL that confirms a subscription of SNS, or a `note` for the log."""

    confirm: str = ""
    note: str = ""
    events: Sequence[Feedback] = ()
    result: str = "accepted"


@dataclass(frozen=True, slots=True)
class _Said:
    """What its sender is told, and the word of the metrics. `why` is for the log; of a mistake, for the sender too."""

    status: int
    result: str
    why: str = ""

    def answer(self) -> Response:
        """The response."""
        error = {"error": self.why} if self.result == "unreadable" else {}
        later = {"retry-after": "5"} if self.status >= 500 else None
        return JSONResponse({"result": self.result, **error}, self.status, later)


def routes(settings: Settings) -> list[BaseRoute]:
    """Where they are; nowhere, where nobody may send. Raises `UsageError` for a secret that cannot be read."""
    found: list[BaseRoute] = []
    if settings.mail.ses.topics:
        found.append(Route("/mail/ses", _Door("mail.ses", _events).take, methods=["POST"]))
    if settings.mail.bounces.secrets:
        keys = tuple(secrets.read(one, settings.secret_environment) for one in settings.mail.bounces.secrets)
        found.append(Route("/mail/bounces", _Door("mail.bounces", partial(_reports, keys)).take, methods=["POST"]))
    return found


@dataclass(frozen=True, slots=True)
class _Door:
    """A way in. Its `name` is how deliveries are counted and logged, beside the doors of alerts.

    `judge` runs in a thread. It raises `UnauthenticatedError`, and `UsageError` for what cannot be read.
    """

    name: str
    judge: Callable[[Site, Mapping[str, str], bytes], _Heard]

    async def take(self, request: Request) -> Response:
        """Take one delivery."""
        site: Site = request.app.state.site
        remote = request.client.host if request.client else "nowhere"
        try:
            said = await self._taken(site, dict(request.headers), await request.body(), remote)
        except HTTPException as error:
            said = _Said(error.status_code, "too_large", error.detail)
        except ClientDisconnect:
            said = _Said(400, "gone", "its sender went away in the middle of it")
        site.metrics.deliveries.labels(self.name, said.result).inc()
        if said.why:
            site.sparing.warn(f"{self.name}: {said.result}", f"from {shown(remote)}: {said.why}")
        return said.answer()

    async def _taken(self, site: Site, headers: Mapping[str, str], body: bytes, remote: str) -> _Said:
        loop = asyncio.get_running_loop()
        try:
            async with site.asking:
                heard = await loop.run_in_executor(site.threads, self.judge, site, headers, body)
            if heard.confirm:
                return await self._confirmed(site, heard.confirm)
            for feedback in heard.events:
                await self._kept(site, feedback)
        except OutOfReachError as error:
            return _Said(503, "unreachable", f"it is not known whether SNS has signed it: {error.what}")
        except UnauthenticatedError as error:
            count = site.metrics.failed(self.name, remote)
            return _Said(401, "unauthenticated", f"{error.what} (number {count} from there)")
        except UsageError as error:
            return _Said(400, "unreadable", error.what)
        except FiredoorError as error:
            return _Said(503, "not_stored", error.what)
        return _Said(200, heard.result, heard.note)

    async def _kept(self, site: Site, told: Feedback) -> None:
        """Keep what is told, and have the campaign act on it. Raises `StoreError`: then it is not kept."""
        if told.state is None and not told.reason:
            return
        name = shown(told.provider_id or told.key)
        message = await site.mailroom.do(_told, told)
        if message is None:
            where = " that went to that address" if told.to else ""
            site.sparing.warn(f"{self.name}: unknown", f"{name} is no message of a campaign here{where}")
        elif told.state is None:
            site.sparing.warn(f"{self.name}: note", f"{name}: {told.reason}")
        elif message.state in NEWS:
            LOGGER.info("%s: a message is %s", shown(message.campaign), message.state.value)
            site.heard(message.campaign)

    async def _confirmed(self, site: Site, url: str) -> _Said:
        """Confirm a subscription to one of the topics: `opened` has checked that the URL does nothing else."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(site.threads, site.fetch.confirm, url)
        except UnauthenticatedError as error:
            site.metrics.confirmations.labels(self.name, "failed").inc()
            return _Said(503, "not_confirmed", f"SNS was not told that the subscription is wanted: {error.what}")
        site.metrics.confirmations.labels(self.name, "confirmed").inc()
        LOGGER.info("%s: the subscription is confirmed", self.name)
        return _Said(200, "confirmed")


def _events(site: Site, headers: Mapping[str, str], body: bytes) -> _Heard:
    """What SES tells."""
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


def _reports(keys: tuple[SecretStr, ...], site: Site, headers: Mapping[str, str], body: bytes) -> _Heard:
    """What a mail server tells."""
    _proofs.shared(Lock(datetime.now(UTC), secrets=keys), headers)
    if headers.get("content-type", "").partition(";")[0].strip().lower() != MAIL or "content-encoding" in headers:
        raise UsageError(f"Post the mail as it came, with Content-Type: {MAIL} and nothing around it.")
    reading = mail_reports.read(body)
    if not reading.feedback:
        return _Heard(note=f"It is {reading.note}.", result="ignored")
    if not site.settings.outbox_path.exists():
        raise FiredoorError(f"It is about a message of a campaign, and there are none in {site.settings.home}.")
    return _Heard(events=reading.feedback)


def _told(room: Mailroom, told: Feedback) -> Message | None:
    """Change the message; None where it is not one of ours."""
    return room.outbox.event(told, room.clock()) if room.settings.outbox_path.exists() else None
