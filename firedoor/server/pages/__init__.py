"""The pages for customers: no log-in, no script, nothing from elsewhere. Everything below /n and /notices."""

from starlette.routing import BaseRoute, Route

from firedoor.server.pages.copies import copy
from firedoor.server.pages.personal import personal


def routes() -> list[BaseRoute]:
    """Where they are."""
    return [
        Route("/n/{token}", personal, methods=["GET", "POST"]),
        Route("/notices/{campaign}", copy),
    ]
