"""Puts the API into the server's application, and describes it."""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError

from firedoor.config import Settings
from firedoor.errors import FiredoorError
from firedoor.server.api import deliveries, incidents, record, runbooks
from firedoor.server.api.answers import PROBLEMS, misfit, told
from firedoor.server.api.turnstile import Turnstile
from firedoor.server.callers import Callers

PREFIX = "/api/v1"
#: Open to everybody: it describes the calls, and says nothing of this installation.
DOCUMENT = f"{PREFIX}/openapi.json"
TITLE = "firedoor"


def mount(app: FastAPI, settings: Settings) -> None:
    """Add every route, and the one place where errors become answers."""
    app.state.callers = Callers(settings)
    app.include_router(_routes())
    app.add_middleware(Turnstile, prefix=PREFIX, open=DOCUMENT)
    app.add_exception_handler(FiredoorError, told)
    app.add_exception_handler(RequestValidationError, misfit)


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the API."""
    app = FastAPI(title=TITLE, version=version("firedoor"))
    app.include_router(_routes())
    return app.openapi()


def _routes() -> APIRouter:
    api = APIRouter(prefix=PREFIX, responses=PROBLEMS)
    # In this order: `decide` takes whatever verb the others have left.
    for router in (runbooks.ROUTER, deliveries.ROUTER, record.ROUTER, incidents.ROUTER):
        api.include_router(router)
    return api
