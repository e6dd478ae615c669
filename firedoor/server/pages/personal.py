"""`/n/TOKEN`: the page that a customer's personal link leads to, and its one button: to acknowledge, or to unsubscribe.

GET shows and changes nothing: mail scanners follow links. POST acknowledges, is durable before it is answered, and may
come twice. Whoever has no token that we made learns nothing: a token that was changed, a customer that was erased and a
campaign that never was get the same answer. Tokens stand in no line of the log.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from firedoor.customers.unsubscribed import Unsubscribed
from firedoor.errors import FiredoorError, UsageError
from firedoor.notices.composing import KEPT
from firedoor.notices.folder import Notice
from firedoor.notices.links import Link, LinkError, Purpose
from firedoor.outbox import events
from firedoor.recipient import CampaignRow, Measure, Recipient
from firedoor.server.log import LOGGER
from firedoor.server.log import shown as logged
from firedoor.server.mailroom import Mailroom
from firedoor.server.pages.answer import HEADERS, page
from firedoor.server.pages.desk import ExpiredError, LostError, busy, foreign, lost, site_of, too_often, words_for
from firedoor.server.pages.phrases import Phrases
from firedoor.server.pages.sheet import company, sheet


@dataclass(frozen=True, slots=True)
class Visit:
    """A customer at its page."""

    link: Link
    campaign: CampaignRow
    recipient: Recipient
    measures: tuple[Measure, ...]
    copy: str

    @property
    def informational(self) -> bool:
        """Is it a notice that one need not get?"""
        kept = self.campaign.extra.get(KEPT)
        return kept is not None and Notice.of(kept).manifest.kind == "informational"


Answer = Callable[[Request, Visit, Phrases], Awaitable[Response]]


async def personal(request: Request) -> Response:
    """GET: the page. POST: its button was pressed; of a link that unsubscribes, by a mail program (RFC 8058)."""
    if refused := too_often(request):
        return refused
    try:
        visit = await site_of(request).mailroom.do(_visit, request.path_params["token"])
        words = words_for(request, visit.recipient.language)
        shown, pressed = ANSWERS[visit.link.purpose]
        if request.method != "POST":
            return await shown(request, visit, words)
        return foreign(request, words) or await pressed(request, visit, words)
    except LostError as error:
        return lost(request, error)
    except FiredoorError as error:
        return busy(request, error)


async def _shown(request: Request, visit: Visit, words: Phrases) -> Response:
    parts = urlsplit(visit.copy)
    here = sheet(
        visit.campaign,
        visit.recipient,
        visit.measures,
        words,
        copy=visit.copy,
        address=f"{parts.scheme}://{parts.netloc}/",
    )
    return page("customer.html", words, site_of(request).settings.notices, sheet=here)


async def _acknowledged(request: Request, visit: Visit, words: Phrases) -> Response:
    """Keep it, tell whoever waits for it, and show the page anew. Raises `StoreError`: then it was not kept."""
    site, link = site_of(request), visit.link
    if await site.mailroom.do(_acknowledge, link):
        LOGGER.info("%s: a customer has acknowledged the notice", logged(link.campaign))
        site.heard(link.campaign)
    # To the same address, whatever a proxy has put before it.
    return RedirectResponse(request.path_params["token"], HTTPStatus.SEE_OTHER, dict(HEADERS))


async def _asked(request: Request, visit: Visit, words: Phrases) -> Response:
    notices = site_of(request).settings.notices
    if not visit.informational:
        return page("answer.html", words, notices, title=words.no_unsubscribe_title, text=words.no_unsubscribe_text)
    text = words.unsubscribe_text.format(company=company(notices))
    return page("answer.html", words, notices, title=words.unsubscribe_title, text=text, button=words.unsubscribe)


async def _unsubscribed(request: Request, visit: Visit, words: Phrases) -> Response:
    """Keep it. Raises `FiredoorError`: then it was not kept."""
    site = site_of(request)
    if not visit.informational:
        return await _asked(request, visit, words)
    await site.mailroom.do(_unsubscribe, visit)
    LOGGER.info("%s: an address was unsubscribed", logged(visit.campaign.id))
    title, text = words.unsubscribed_title, words.unsubscribed_text
    return page("answer.html", words, site.settings.notices, title=title, text=text)


def _visit(room: Mailroom, token: str) -> Visit:
    """Who has this token. Raises `LostError`; other errors where the fault is ours."""
    if not room.settings.outbox_path.exists():
        raise LostError("there are no campaigns here")
    outbox, links = room.outbox, room.links
    try:
        # Its end is looked at when it is known whose it is: whoever had it is told in its own language.
        link = links.read(token, 0)
    except LinkError as error:
        raise LostError(error.what) from None
    try:
        campaign = outbox.campaign(link.campaign)
        recipient = outbox.recipient(link.campaign, link.customer)
    except UsageError:
        raise LostError("a campaign or customer that is not there any more") from None
    if not campaign.began:
        raise LostError(f"{campaign.id} is not approved")
    if room.clock() >= link.expires:
        raise ExpiredError(f"of {campaign.id}", recipient.language)
    measures = outbox.measures(campaign.id, [recipient.customer]).get(recipient.customer, ())
    return Visit(link, campaign, recipient, measures, links.public(campaign.id))


def _acknowledge(room: Mailroom, link: Link) -> bool:
    return room.outbox.acknowledge(link.campaign, link.customer, link.contact, room.clock())


def _unsubscribe(room: Mailroom, visit: Visit) -> None:
    """Every address of this contact: the link went to all of them. Written down first, then heeded here, too."""
    store = Unsubscribed(room.settings.unsubscribed_path)
    for way in visit.recipient.ways:
        if way.contact == visit.link.contact:
            store.add((visit.recipient.customer, way.channel, way.address), room.clock())
    link = visit.link
    room.outbox.change(events.unsubscribe, link.campaign, link.customer, link.contact, room.clock())


#: What a link is for → the answers to GET and to POST.
ANSWERS: Mapping[Purpose, tuple[Answer, Answer]] = {
    Purpose.ACKNOWLEDGE: (_shown, _acknowledged),
    Purpose.UNSUBSCRIBE: (_asked, _unsubscribed),
}
