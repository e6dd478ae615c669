"""Puts the API into the server's application."""

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError

from firedoor.errors import FiredoorError
from firedoor.server.api import incidents, record, runbooks
from firedoor.server.api.answers import PROBLEMS, misfit, told
from firedoor.server.callers import Callers
from firedoor.server.site import Site

PREFIX = "/api/v1"


def mount(app: FastAPI, site: Site) -> None:
    """Add every route, and the one place where errors become answers."""
    app.state.callers = Callers(site.settings)
    api = APIRouter(prefix=PREFIX, responses=PROBLEMS)
    for router in (runbooks.ROUTER, record.ROUTER, incidents.ROUTER):
        api.include_router(router)
    app.include_router(api)
    app.add_exception_handler(FiredoorError, told)
    app.add_exception_handler(RequestValidationError, misfit)
