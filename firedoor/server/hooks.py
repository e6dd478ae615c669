"""`POST /hooks/DOOR`: judge the raw bytes, read them, store them, and only then answer.

A sender drops what is answered with 4xx, and sends again what is answered with 5xx. So 2xx says that a delivery is
durable, 4xx that nothing would come of sending it again, and everything else is 5xx. What has proved where it comes
from is kept even where it cannot be read, as a dead letter.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from firedoor.alerts import Parsed, UnauthenticatedError
from firedoor.alerts._secrets import scrubbed
from firedoor.deliveries import NewDelivery
from firedoor.errors import FiredoorError, UsageError
from firedoor.server.door import Door
from firedoor.server.fetch import OutOfReachError
from firedoor.server.log import LOGGER, shown
from firedoor.server.site import Site

#: The rest of the address, for sources whose secret stands there. Nobody else may set it.
PATH_HEADER = "x-firedoor-path"
#: Headers that show who the sender is, to whoever reads the store. No source needs them to read a delivery again.
TELLING = ("auth", "cookie", "key", "password", "secret", "signature", "token")
#: Seconds after which a sender that listens to it may send again.
RETRY_AFTER = {"retry-after": "5"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sender is told; `result` is the word of the metrics, `why` is for the log only."""

    status: int
    result: str
    content: Mapping[str, object]
    why: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class _Unread:
    """A body that cannot be read, as it may be kept."""

    why: UsageError
    kept: bytes


async def deliver(request: Request) -> Response:
    """Take one delivery."""
    site: Site = request.app.state.site
    door = site.doors.get(request.path_params["door"])
    rest = request.path_params.get("rest", "")
    if door is None or (rest and not door.by_path):
        return JSONResponse({"error": "There is no such door."}, 404)
    if request.method != "POST":
        return JSONResponse({"error": "Deliveries are sent by POST."}, 405, {"allow": "POST"})
    remote = request.client.host if request.client else "nowhere"
    begun = perf_counter()
    try:
        body = await request.body()
    except HTTPException as error:
        result = "too_large" if error.status_code == 413 else "too_slow"
        answer = Answer(error.status_code, result, {"error": error.detail}, error.detail, dict(error.headers or {}))
    except ClientDisconnect:
        answer = Answer(400, "gone", {}, "its sender went away in the middle of it")
    else:
        headers = {name: value for name, value in _joined(request).items() if name != PATH_HEADER}
        if door.by_path:
            headers[PATH_HEADER] = rest
        answer = await _taken(site, door, headers, body, remote)
    seconds = perf_counter() - begun
    site.metrics.deliveries.labels(door.name, answer.result).inc()
    site.metrics.seconds.labels(door.name).observe(seconds)
    if answer.why:
        site.sparing.warn(f"{door.name}: {answer.result}", f"from {shown(remote)}: {answer.why}")
    else:
        LOGGER.info("%s: %s %s from %s, %.0f ms", door.name, answer.result, answer.content.get("id", ""), shown(remote), seconds * 1000)
    return JSONResponse(dict(answer.content), answer.status, dict(answer.headers))


def _joined(request: Request) -> dict[str, str]:
    """The headers; one that is given more than once as one, as HTTP reads it."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def _taken(site: Site, door: Door, headers: Mapping[str, str], body: bytes, remote: str) -> Answer:
    """Judge, read and store a delivery."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.run_in_executor(site.threads, _read, site, door, headers, body)
        if isinstance(found, Parsed) and found.confirm:
            return await _confirmed(site, door, found.confirm)
    except OutOfReachError as error:
        return _later("unreachable", error.what)
    except UnauthenticatedError as error:
        return _refused(site, door, remote, error.what)
    return await _stored(site, door, headers, found)
