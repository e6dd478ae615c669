"""What pages have in common: who asks how often, in which language, and what is said where there is nothing to show."""

from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from firedoor.errors import FiredoorError
from firedoor.server.log import shown
from firedoor.server.pages.answer import page
from firedoor.server.pages.phrases import Phrases, accepted, phrases
from firedoor.server.site import Site

#: How wrong links are counted and logged, beside the doors of alerts.
DOOR = "notice"
#: Seconds until whoever asks too often, or while the fault is ours, may try again.
PAUSE = {"Retry-After": "30"}
#: What `Sec-Fetch-Site` says of a button on our own page, and of an address that was typed; older browsers say nothing.
OWN = frozenset({"", "same-origin", "none"})


class LostError(FiredoorError):
    """There is nothing at this address, for whatever reason: strangers are not told which."""

    reason = "lost"


class ExpiredError(LostError):
    """The link is one of ours, and its time is over. `language` is its reader's."""

    reason = "expired"

    def __init__(self, what: str, language: str) -> None:
        super().__init__(what)
        self.language = language


def site_of(request: Request) -> Site:
    """The running server."""
    site: Site = request.app.state.site
    return site


def words_for(request: Request, *languages: str) -> Phrases:
    """The reader's language where it is known, else what its browser asks for."""
    return phrases(*languages, *accepted(request.headers.get("accept-language", "")))


def too_often(request: Request) -> Response | None:
    """429 for a client that asks too often."""
    site = site_of(request)
    if site.pace.allows(_remote(request)):
        return None
    words = words_for(request)
    site.sparing.warn(DOOR, f"429 for {shown(_remote(request))}")
    return _said(request, words, HTTPStatus.TOO_MANY_REQUESTS, (words.often_title, words.often_text))


def foreign(request: Request, words: Phrases) -> Response | None:
    """403 for a button that was pressed on somebody else's page.

    Whoever knows the address needs no such page; it only keeps a browser from being led here. With our own
    Referrer-Policy browsers send `Origin: null`.
    """
    origin, public = request.headers.get("origin", "null"), site_of(request).settings.server.public_url
    ours = {"null", _origin(public), f"{request.url.scheme}://{request.headers.get('host', '')}"}
    if request.headers.get("sec-fetch-site", "") in OWN and origin in ours:
        return None
    return _said(request, words, HTTPStatus.FORBIDDEN, (words.foreign_title, words.foreign_text))


def lost(request: Request, error: LostError) -> Response:
    """404, or 410 for what was right once; always with what to do instead."""
    site, remote = site_of(request), _remote(request)
    site.metrics.failed(DOOR, remote)
    site.sparing.warn(DOOR, f"{error.reason} link from {shown(remote)}: {error.what}")
    if isinstance(error, ExpiredError):
        words = words_for(request, error.language)
        return _said(request, words, HTTPStatus.GONE, (words.expired_title, words.expired_text))
    words = words_for(request)
    return _said(request, words, HTTPStatus.NOT_FOUND, (words.lost_title, words.lost_text))


def busy(request: Request, error: FiredoorError) -> Response:
    """503: what is wrong inside is no stranger's business."""
    site_of(request).sparing.warn(DOOR, f"503 for {shown(_remote(request))}: {error.what}")
    words = words_for(request)
    return _said(request, words, HTTPStatus.SERVICE_UNAVAILABLE, (words.busy_title, words.busy_text))


def _said(request: Request, words: Phrases, status: HTTPStatus, said: tuple[str, str]) -> Response:
    headers = PAUSE if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE} else {}
    title, text = said
    notices = site_of(request).settings.notices
    return page("answer.html", words, notices, status, headers, title=title, text=text, help=not headers)


def _remote(request: Request) -> str:
    return request.client.host if request.client else "nowhere"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
