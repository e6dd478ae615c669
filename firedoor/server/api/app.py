"""Puts the API into the server's application, and describes it."""

from functools import cache
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from firedoor.config import Settings
from firedoor.errors import FiredoorError, UsageError
from firedoor.server.api import (
    alerts,
    campaigns,
    clocks,
    customers,
    deliveries,
    incidents,
    inventory,
    notices,
    record,
    runbooks,
)
from firedoor.server.api.answers import PROBLEMS, misfit, problem, told
from firedoor.server.api.turnstile import Turnstile
from firedoor.server.callers import Callers
from firedoor.server.log import shown

PREFIX = "/api/v1"
#: Open to everybody: it describes the calls, and says nothing of this installation.
DOCUMENT = f"{PREFIX}/openapi.json"
TITLE = "firedoor"


def mount(app: FastAPI, settings: Settings) -> None:
    """Add every route, and the one place where errors become answers."""
    app.state.callers = Callers(settings)
    app.include_router(_routes())
    app.add_route(DOCUMENT, _describe)
    app.add_middleware(Turnstile, prefix=PREFIX, open=DOCUMENT)
    app.add_exception_handler(FiredoorError, told)
    app.add_exception_handler(RequestValidationError, misfit)
    app.add_exception_handler(HTTPException, _lost)


@cache
def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the API."""
    app = FastAPI(title=TITLE, version=version("firedoor"))
    app.include_router(_routes())
    described = app.openapi()
    # FastAPI describes each event of a stream with a word of OpenAPI 3.2, for which readers of 3.1 refuse the document.
    events = described["paths"][f"{PREFIX}/incidents/{{incident}}/events"]["get"]["responses"]["200"]["content"]
    events["text/event-stream"] = {"schema": {"type": "string"}}
    return described


async def _lost(request: Request, error: Exception) -> Response:
    """What is no call of the API, in the API's own shape; elsewhere as the server says it."""
    if not isinstance(error, HTTPException):
        raise error
    if not request.url.path.startswith(f"{PREFIX}/"):
        return await http_exception_handler(request, error)
    return problem(
        UsageError(
            f"{request.method} {shown(request.url.path)} is no call of this API ({error.detail}).",
            changed="Nothing was changed.",
            next=f"{DOCUMENT} describes every call.",
        ),
        error.status_code,
    )


async def _describe(request: Request) -> Response:
    return JSONResponse(document())


def _routes() -> APIRouter:
    api = APIRouter(prefix=PREFIX, responses=PROBLEMS)
    # In this order: `decide` takes whatever verb the others have left.
    for module in (runbooks, campaigns, clocks, alerts, deliveries, customers, notices, inventory, record, incidents):
        api.include_router(module.ROUTER)
    return api
