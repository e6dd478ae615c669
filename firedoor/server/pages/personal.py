"""`/n/TOKEN`: the page that a customer's personal link leads to, and its one button.

GET shows and changes nothing: mail scanners follow links. POST acknowledges, is durable before it is answered, and may
come twice. Whoever has no token that we made learns nothing: a token that was changed, a customer that was erased and a
campaign that never was get the same answer. Tokens stand in no line of the log.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from firedoor.errors import FiredoorError, UsageError
from firedoor.notices.links import Link, LinkError, Purpose
from firedoor.recipient import CampaignRow, Measure, Recipient
from firedoor.server.log import LOGGER, shown
from firedoor.server.mailroom import Mailroom
from firedoor.server.pages.answer import HEADERS, page
from firedoor.server.pages.phrases import Phrases, accepted, phrases
from firedoor.server.pages.sheet import sheet
from firedoor.server.site import Site

#: How wrong links are counted and logged, beside the doors of alerts.
DOOR = "notice"
#: Seconds until whoever asks too often may try again.
PAUSE = "30"
#: What `Sec-Fetch-Site` says of a button on our own page, or of an address that was typed.
OWN = frozenset({"", "same-origin", "none"})
#: Where a campaign's notice is in none of its languages, as far as a page can tell.
INFORMATIONAL = "informational"


@dataclass(frozen=True, slots=True)
class Desk:
    """A customer at its page."""

    link: Link
    campaign: CampaignRow
    recipient: Recipient
    measures: tuple[Measure, ...]
    copy: str


class LostError(FiredoorError):
    """There is nothing at this link, for whatever reason."""

    reason = "lost"


class ExpiredError(LostError):
    """The link was right, and its time is over."""

    reason = "expired"


async def show(request: Request) -> Response:
    """GET: the page."""
    found = await _found(request)
    if isinstance(found, Response):
        return found
    words = phrases(found.recipient.language, *_asked(request))
    if found.link.purpose is Purpose.UNSUBSCRIBE:
        return _unsubscribing(request, found, words)
    site = _site(request)
    here = sheet(
        found.campaign, found.recipient, found.measures, words, copy=found.copy, address=_origin(found.copy)
    )
    return page("customer.html", words, site.settings.notices, sheet=here, action=_own_path(request))


async def acknowledge(request: Request) -> Response:
    """POST: the customer has read it. Then it is shown the page, which says so."""
    found = await _found(request)
    if isinstance(found, Response):
        return found
    words = phrases(found.recipient.language, *_asked(request))
    if refused := _refused(request, words):
        return refused
    if found.link.purpose is Purpose.UNSUBSCRIBE:
        return await unsubscribed(request, found, words)
    site = _site(request)
    link = found.link
    try:
        new = await site.mailroom.do(_acknowledge, link)
    except FiredoorError as error:
        return _busy(request, error)
    if new:
        LOGGER.info("%s: %s acknowledged the notice", shown(link.campaign), shown(link.customer))
        site.mailroom.tell(link.campaign)
    return RedirectResponse(_own_path(request), HTTPStatus.SEE_OTHER, dict(HEADERS))
