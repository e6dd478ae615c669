"""What every call of the API needs: the site, who calls, and the way to Temporal."""

import asyncio
from collections.abc import Callable
from typing import Annotated, ParamSpec, TypeVar

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from pydantic import SecretStr

from firedoor.catalog import Shelf
from firedoor.config import Settings
from firedoor.engine import Engine
from firedoor.errors import FiredoorError, RefusedError, UnreachableError
from firedoor.server.callers import Caller
from firedoor.server.log import LOGGER, shown
from firedoor.server.site import Site
from firedoor.server.tokens import Scope

P = ParamSpec("P")
T = TypeVar("T")
#: How failed authentications of the API are counted and logged, beside the doors of alerts.
DOOR = "api"
BEARER = HTTPBearer(
    auto_error=False, description="A token of `firedoor token create`, or one of the OpenID Connect issuer in [oidc]."
)


class UnknownCallerError(RefusedError):
    """The token is missing, or nobody's."""

    reason = "unauthenticated"


class ForbiddenError(RefusedError):
    """The token is somebody's, and not for this."""

    reason = "forbidden"


def site_of(request: Request) -> Site:
    """The running server."""
    site: Site = request.app.state.site
    return site


SiteOf = Annotated[Site, Depends(site_of)]


async def known(request: Request) -> Caller:
    """Who calls, before anything of the body is read. Raises `UnknownCallerError`; `UnreachableError`."""
    site, callers = site_of(request), request.app.state.callers
    shows = await BEARER(request)
    remote = request.client.host if request.client else ""
    try:
        found: Caller = await callers.known(SecretStr(shows.credentials if shows else ""))
    except RefusedError as error:
        site.metrics.failed(DOOR, remote)
        site.sparing.warn(DOOR, f"401 for {shown(remote)}: {error.what}")
        raise _unknown() from None
    except FiredoorError as error:
        # What is wrong inside is no stranger's business.
        site.sparing.warn(DOOR, f"503 for {shown(remote)}: {error.what}")
        raise UnreachableError(
            "Whose token this is cannot be found out now.",
            changed="Nothing was changed.",
            next="Try again. The server's log says why.",
        ) from None
    return found


def _unknown() -> UnknownCallerError:
    return UnknownCallerError(
        "Nobody is known by this token.",
        changed="Nothing was changed.",
        next="Send `Authorization: Bearer TOKEN`, with a token of `firedoor token create`.",
    )


async def caller(
    request: Request,
    needed: SecurityScopes,
    _: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
) -> Caller:
    """Who calls, if they may: `Turnstile` has asked who it is. Raises `UnknownCallerError`, `ForbiddenError`."""
    found: Caller | None = getattr(request.state, "caller", None)
    if found is None:
        raise _unknown()
    if missing := [scope for scope in needed.scopes if Scope(scope) not in found.scopes]:
        raise ForbiddenError(
            f"This token is not for that: it lacks the scope {', '.join(missing)}.",
            changed="Nothing was changed.",
            next=f"firedoor token create NAME --scope {missing[0]}, and --person NAME where a person is meant.",
        )
    return found


Reader = Annotated[Caller, Security(caller, scopes=[Scope.READ])]
Starter = Annotated[Caller, Security(caller, scopes=[Scope.START])]
Decider = Annotated[Caller, Security(caller, scopes=[Scope.DECIDE])]
Reporter = Annotated[Caller, Security(caller, scopes=[Scope.ALERTS])]


def confidant(request: Request, who: Annotated[Caller, Security(caller, scopes=[Scope.CUSTOMERS])]) -> Caller:
    """Somebody who may see how customers are reached. Each time it is written into the log."""
    _note(request, who)
    return who


def confided(request: Request, who: Reader) -> bool:
    """May who reads see addresses of customers as well? Each time they may it is written into the log."""
    if Scope.CUSTOMERS not in who.scopes:
        return False
    _note(request, who)
    return True


def _note(request: Request, who: Caller) -> None:
    read = shown(f"{request.method} {request.url.path}")
    LOGGER.info("%s: %s (%s) sees customers: %s", DOOR, who.responder.principal, who.responder.identity, read)


Confidant = Annotated[Caller, Depends(confidant)]
Confided = Annotated[bool, Depends(confided)]


def engine_of(site: SiteOf) -> Engine:
    """The way to Temporal. Raises `UnreachableError` until it has answered for the first time."""
    if site.engine is None:
        raise UnreachableError(
            "Temporal has not answered since the server was started.",
            changed="Nothing was changed.",
            next="`firedoor doctor`, where the server runs, says why. Then try again.",
        )
    return site.engine


def settings_of(site: SiteOf) -> Settings:
    """The settings of the server."""
    return site.settings


async def shelf_of(site: SiteOf) -> Shelf:
    """Every runbook, compiled as it stands now."""
    return await asyncio.to_thread(site.shelves.now)


async def alone(site: Site, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """What takes seconds, in a thread, one at a time: whoever asks for it often waits for themselves."""
    async with site.whole:
        return await asyncio.to_thread(work, *args, **named)


EngineOf = Annotated[Engine, Depends(engine_of)]
SettingsOf = Annotated[Settings, Depends(settings_of)]
ShelfOf = Annotated[Shelf, Depends(shelf_of)]
