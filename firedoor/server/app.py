"""The ASGI application: what is where. It takes a site that is open, and closes nothing."""

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from firedoor.server import api, health, mail, pages
from firedoor.server.guard import Guard
from firedoor.server.hooks import deliver
from firedoor.server.site import Site

WHAT = """firedoor closes the door behind a breach. This is the server of one installation:

/hooks/DOOR  takes alerts, each door with its own lock
/n/LINK      what a customer was told: its keys, and a button that says that it has read it
/notices/ID  the public, signed copy of what customers were told
/mail/ses    takes what Amazon SES tells of the mail to customers
/healthz     the process is alive
/readyz      it can store and start, or what keeps it from that
"""
#: Whatever the method, so that a wrong one gets an answer of ours.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def create_app(site: Site) -> FastAPI:
    """The application of a site. Whatever it needs of the site it finds in `app.state.site`."""
    app = FastAPI(
        title="firedoor",
        # The pages that FastAPI brings load scripts from other people's hosts.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        middleware=[Middleware(Guard, metrics=site.metrics)],
        routes=[
            Route("/", _what),
            Route("/hooks/{door}", deliver, methods=METHODS),
            Route("/hooks/{door}/{rest:path}", deliver, methods=METHODS),
            Route("/healthz", health.healthz),
            Route("/readyz", health.readyz),
            Route("/metrics", health.metrics),
            *pages.routes(),
            *mail.routes(site.settings),
            *(site.chat.http() if site.chat else ()),
        ],
    )
    app.state.site = site
    api.mount(app, site.settings)
    return app


async def _what(request: Request) -> Response:
    return PlainTextResponse(WHAT)
