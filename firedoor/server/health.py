"""`/healthz`: the process answers. `/readyz`: it can store and start, or what keeps it from that. `/metrics`."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from temporalio.service import RPCError

from firedoor.campaign import Standing
from firedoor.errors import FiredoorError
from firedoor.outbox.states import OVER
from firedoor.server.mailroom import Mailroom
from firedoor.server.metrics import CONTENT_TYPE
from firedoor.server.site import Site

OK = "ok"
SECONDS = 2.0
#: What is counted of a campaign's customers: fields of `Standing`.
WHO = ("customers", "reached", "acknowledged", "remediated", "holding", "tasks")


T = TypeVar("T")


async def healthz(request: Request) -> Response:
    """The process is alive: a load balancer may send to it. A delivery that it cannot store it refuses itself."""
    return PlainTextResponse("ok\n")


async def readyz(request: Request) -> Response:
    """200 when everything works, else 503; for each part `ok`, or what is wrong with it."""
    site: Site = request.app.state.site
    store, temporal = await asyncio.gather(_shared(site, _store), _shared(site, _temporal))
    dispatcher = OK if site.dispatcher is not None and not site.broken.done() else "it does not run"
    parts = {"store": store, "temporal": temporal, "dispatcher": dispatcher}
    if site.chat is not None:
        parts["slack"] = await site.chat.state()
    if site.closing:
        parts["server"] = "it is being stopped"
    ready = all(one == OK for one in parts.values())
    return JSONResponse({"ready": ready, **parts}, 200 if ready else 503)


async def metrics(request: Request) -> Response:
    """The figures, for Prometheus."""
    site: Site = request.app.state.site
    await _shared(site, _figures)
    return Response(site.metrics.text(), media_type=CONTENT_TYPE)


async def _shared(site: Site, look: Callable[[Site], Coroutine[Any, Any, T]]) -> T:
    """What a look finds: one that is under way is waited for, so that a crowd who ask look once."""
    task = site.looks.get(look.__name__)
    if task is None or task.done():
        task = site.looks[look.__name__] = asyncio.create_task(look(site))
    # Whoever goes away does not take it from the others.
    found: T = await asyncio.shield(task)
    return found


async def _figures(site: Site) -> None:
    """Where a store cannot be read its figures stand still; `/readyz` says why."""
    with contextlib.suppress(FiredoorError):
        for state, count in (await site.deliveries.counts_by_state()).items():
            site.metrics.stored.labels(state.value).set(count)
        site.metrics.waiting.set((await site.deliveries.backlog())[0])
    with contextlib.suppress(FiredoorError):
        standings = await site.mailroom.do(_standings)
        site.metrics.messages.clear()
        site.metrics.customers.clear()
        for one in standings:
            for name, count in one.messages.items():
                site.metrics.messages.labels(one.campaign, name).set(count)
            for who in WHO:
                site.metrics.customers.labels(one.campaign, who).set(getattr(one, who))


def _standings(room: Mailroom) -> list[Standing]:
    """Where the campaigns stand that have not ended. Raises `UsageError` where there are none."""
    rows, now = room.outbox.campaigns(), room.clock()
    return [room.outbox.standing(row.id, now) for row in rows if row.flow not in OVER]


async def _store(site: Site) -> str:
    """Can a delivery be stored?"""
    try:
        await site.deliveries.change(_touch)
    except FiredoorError as error:
        return error.what
    return OK


def _touch(database: sqlite3.Connection) -> None:
    """Write what stands there already: only a write tells that the disk is not full."""
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    database.execute(f"PRAGMA user_version={version}")


async def _temporal(site: Site) -> str:
    if site.client is None:
        return "it has not answered since the server was started"
    try:
        async with asyncio.timeout(SECONDS):
            await site.client.service_client.check_health()
    except TimeoutError:
        return f"it gave no answer in {SECONDS:.0f} s"
    except (RPCError, RuntimeError):
        return "it does not answer"
    return OK
