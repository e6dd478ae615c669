"""What both kinds of Google's credentials need: a call as firedoor's service account, pages of a list, the project."""

from collections.abc import Mapping, Sequence
from typing import Any

from activities._http import Http, Reply, Request
from activities.google_account import SETTING, ServiceAccount, send_as
from activities.providers._provider import Api
from activities.providers._reading import MOST_PAGES, endless
from firedoor.errors import StepError

#: The most service accounts that Google gives in one page.
PAGE = 100


def sent(api: Api, host: str, request: Request) -> Reply:
    """Send a request to a host of Google's as the service account of the settings."""
    return send_as(client(api), api.secret(SETTING), host, request)


def client(api: Api) -> Http:
    """The HTTP client."""
    if api.http is None:
        raise TypeError("Google is reached by HTTP")
    return api.http


def own_key(api: Api) -> ServiceAccount | None:
    """The account that firedoor works with, and which key; None where the setting holds no key file."""
    return ServiceAccount.of(api.secret(SETTING))


def project(api: Api, scope: str) -> str:
    """The project that a scope says, else the settings, else the key file. Raises `invalid_arguments` without any."""
    own = None if scope or api.settings.get("project") else own_key(api)
    found = scope or api.settings.get("project") or (own.project if own else "")
    if not found:
        raise StepError(
            "invalid_arguments",
            "It is not said which project of Google is meant: nothing was sent.",
            next="Give the credential's scope, the id of the project; or `project` in [providers.google].",
        )
    return found


def pages(api: Api, host: str, request: Request, member: str) -> Sequence[Mapping[str, Any]]:
    """A list over all its pages."""
    found: list[Mapping[str, Any]] = []
    token = ""
    for _ in range(MOST_PAGES):
        query = {"pageSize": PAGE, **request.query} | ({"pageToken": token} if token else {})
        asked = Request(request.method, request.template, ids=request.ids, query=query, permission=request.permission)
        page = sent(api, host, asked).data or {}
        found += page.get(member) or ()
        token = page.get("nextPageToken") or ""
        if not token:
            return found
    raise endless(api, request.template)


def status_of(data: Any) -> str:
    """Google's word for a refusal: `FAILED_PRECONDITION`; empty without one."""
    error = data.get("error") if isinstance(data, Mapping) else None
    return str(error.get("status") or "") if isinstance(error, Mapping) else ""


def reason_of(data: Any) -> str:
    """Why, in a word of google/api/error_reason.proto: `API_KEY_INVALID`; empty without one."""
    error = data.get("error") if isinstance(data, Mapping) else None
    details = error.get("details") if isinstance(error, Mapping) else None
    found = (one.get("reason") for one in details or () if isinstance(one, Mapping))
    return next((str(one) for one in found if one), "")
