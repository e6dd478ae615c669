"""`/notices/CAMPAIGN`: the public, signed copy of a notice, for whoever wants to know whether a message is genuine."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from firedoor.errors import FiredoorError
from firedoor.notices.composing import PUBLIC
from firedoor.server.mailroom import Mailroom
from firedoor.server.pages.answer import HEADERS, page
from firedoor.server.pages.desk import LostError, busy, lost, site_of, too_often, words_for

#: How the address of the file ends that was signed, byte for byte.
TEXT = ".txt"


async def copy(request: Request) -> Response:
    """The copy as a page; below `….txt` as the file that was signed."""
    if refused := too_often(request):
        return refused
    name: str = request.path_params["campaign"]
    site = site_of(request)
    try:
        campaign, text = await site.mailroom.do(_copy, name.removesuffix(TEXT))
    except LostError as error:
        return lost(request, error)
    except FiredoorError as error:
        return busy(request, error)
    if name.endswith(TEXT):
        return PlainTextResponse(text, headers=dict(HEADERS))
    return page("copy.html", words_for(request), site.settings.notices, copy=text, file=f"{campaign}{TEXT}")


def _copy(room: Mailroom, name: str) -> tuple[str, str]:
    """The campaign of this id, or whose notice or approved content has this digest, and its copy."""
    if not room.settings.outbox_path.exists():
        raise LostError("there are no campaigns here")
    for one in room.outbox.campaigns():
        text = str(one.extra.get(PUBLIC, ""))
        # What nobody has approved is not public, nor what was stopped before anybody did.
        if text and one.began and name in {one.id, one.digest, one.notice_sha256}:
            return one.id, text
    raise LostError("there is no such copy")
