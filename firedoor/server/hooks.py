"""`POST /hooks/DOOR`: judge the raw bytes, read them, store them, and only then answer.

A sender drops what is answered with 4xx, and sends again what is answered with 5xx. So 2xx says that a delivery is
durable, 4xx that nothing would come of sending it again, and everything else is 5xx. What has proved where it comes
from is kept even where it cannot be read: the dispatcher makes a dead letter of it.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from time import perf_counter

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from firedoor.alerts import UnauthenticatedError
from firedoor.alerts._secrets import scrubbed
from firedoor.deliveries import NewDelivery
from firedoor.deliveries.matching import STUMBLES
from firedoor.errors import FiredoorError, UsageError
from firedoor.server.door import PATH_HEADER, Door
from firedoor.server.fetch import OutOfReachError
from firedoor.server.log import LOGGER, shown
from firedoor.server.site import Site

TOO_LARGE = 413
#: Bytes. Larger bodies are judged one at a time: while a thread reads JSON, nobody else in the process has a turn.
HEAVY = 200_000
#: Of a body that is packed no secret could be taken out, and what 2 MB of it hold has no limit.
UNPACKED = frozenset({"", "identity"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sender is told. `result` is the word of the metrics. For the log: `why` it went wrong, or a `note`."""

    status: int
    result: str
    content: Mapping[str, object] = field(default_factory=dict[str, object])
    why: str = ""
    note: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class _Read:
    """What a delivery that proved its origin says, without secrets. `wrong` says why it could not be read."""

    key: str
    body: bytes
    confirm: str = ""
    wrong: str = ""
    note: str = ""


async def deliver(request: Request) -> Response:
    """Take one delivery."""
    site: Site = request.app.state.site
    door = site.doors.get(request.path_params["door"])
    rest: str = request.path_params.get("rest", "")
    if door is None or (rest and not door.by_path):
        return JSONResponse({"error": "There is no such door."}, 404)
    if request.method != "POST":
        return JSONResponse({"error": "Deliveries are sent by POST."}, 405, {"allow": "POST"})
    begun = perf_counter()
    remote = request.client.host if request.client else "nowhere"
    try:
        body = await request.body()
    except HTTPException as error:
        result = "too_large" if error.status_code == TOO_LARGE else "too_slow"
        said, closing = {"error": error.detail}, dict(error.headers or {})
        answer = Answer(error.status_code, result, said, error.detail, headers=closing)
    except ClientDisconnect:
        answer = Answer(400, "gone", why="its sender went away in the middle of it")
    else:
        answer = await _taken(site, door, _headers(request, door, rest), body, remote)
    _tell(site, door, answer, remote, perf_counter() - begun)
    return JSONResponse(dict(answer.content), answer.status, dict(answer.headers))


def _headers(request: Request, door: Door, rest: str) -> dict[str, str]:
    """The headers; what is given more than once is one, as HTTP reads it."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    headers.pop(PATH_HEADER, None)
    return headers | ({PATH_HEADER: rest} if door.by_path else {})


async def _taken(site: Site, door: Door, headers: Mapping[str, str], body: bytes, remote: str) -> Answer:
    """Judge, read and store a delivery, or confirm what it asks for."""
    loop = asyncio.get_running_loop()
    if headers.get("content-encoding", "").lower() not in UNPACKED:
        why = "Bodies with a Content-Encoding are not taken: send it as it is."
        return Answer(415, "packed", {"error": why}, why)
    try:
        async with _turn(site, door, body):
            read = await loop.run_in_executor(site.threads, _judged, site, door, headers, body)
        if read.confirm:
            return await _confirmed(site, door, read.confirm)
        kept = _kept(door, headers)
        added = await site.deliveries.add(NewDelivery(door.name, door.kind, read.key, kept, read.body))
    except OutOfReachError as error:
        return _later("unreachable", f"it is not known whether SNS has signed it: {error.what}")
    except UnauthenticatedError as error:
        count = site.metrics.failed(door.name, remote)
        said = {"error": "This does not prove where it comes from."}
        return Answer(401, "unauthenticated", said, f"{error.what} (number {count} from there)")
    except UsageError as error:
        return Answer(TOO_LARGE, "too_large", {"error": error.what}, error.what)
    except FiredoorError as error:
        return _later("not_stored", error.what)
    if not added.duplicate:
        site.wake()
        # The dispatcher begins now, and not behind the writing of the answer.
        await asyncio.sleep(0)
    if read.wrong:
        said = {"error": read.wrong, "id": added.id}
        return Answer(400, "unreadable", said, f"{shown(read.wrong)} It is kept as {added.id}.")
    result = "duplicate" if added.duplicate else "accepted"
    return Answer(202, result, {"id": added.id, "duplicate": added.duplicate}, note=read.note)


@contextlib.asynccontextmanager
async def _turn(site: Site, door: Door, body: bytes) -> AsyncGenerator[None]:
    """What may take long never has all threads: SNS, which has to be asked for its certificate, and large bodies."""
    async with contextlib.AsyncExitStack() as stack:
        if door.topics:
            await stack.enter_async_context(site.asking)
        if len(body) > HEAVY:
            await stack.enter_async_context(site.heavy)
        yield


def _judged(site: Site, door: Door, headers: Mapping[str, str], body: bytes) -> _Read:
    """In a thread. Raises `UnauthenticatedError`."""
    try:
        door.source.authenticate(headers, body, door.lock(site.fetch.certificate))
    except STUMBLES as error:
        # A mistake of ours lets nobody in, and is no 500 for whoever has found it.
        raise UnauthenticatedError(f"the source {door.kind} cannot judge it ({type(error).__name__})") from error
    clean = scrubbed(body)
    try:
        parsed = door.source.parse(headers, clean)
    except UsageError as error:
        return _unreadable(clean, error.what)
    except STUMBLES as error:
        return _unreadable(clean, f"The source {door.kind} cannot read it ({type(error).__name__}).")
    # What a source has opened (Base64, JSON in a text) may show what was not to be seen from outside.
    kept = clean if parsed.kept is None else scrubbed(parsed.kept)
    return _Read(scrubbed(parsed.key), kept, parsed.confirm, note=scrubbed(parsed.note))


def _unreadable(clean: bytes, why: str) -> _Read:
    """What cannot be read is kept as it is: the dispatcher cannot read it either, and says so."""
    return _Read(f"unreadable/{hashlib.sha256(clean).hexdigest()}", clean, wrong=scrubbed(why))


async def _confirmed(site: Site, door: Door, url: str) -> Answer:
    """Confirm a subscription to one of the door's topics: its source has checked who asks for it."""
    loop = asyncio.get_running_loop()
    try:
        await loop.run_in_executor(site.threads, site.fetch.confirm, url)
    except UnauthenticatedError as error:
        site.metrics.confirmations.labels(door.name, "failed").inc()
        return _later("not_confirmed", f"SNS was not told that the subscription is wanted: {error.what}")
    site.metrics.confirmations.labels(door.name, "confirmed").inc()
    LOGGER.info("%s: the subscription is confirmed", door.name)
    return Answer(200, "confirmed", {"confirmed": True})


def _later(result: str, why: str) -> Answer:
    """Nothing is durable: the sender is to try again."""
    return Answer(503, result, {"error": "This could not be stored. Send it again."}, why, headers={"retry-after": "5"})


def _kept(door: Door, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that may be stored: without those that show a secret of the door, whatever they are called.

    Of the others secrets are taken out as of a body: a CloudEvent may be all headers.
    """
    secrets = [secret.get_secret_value() for secret in door.secrets]
    telling = {PATH_HEADER, door.options.get("header", "").lower()}
    return {
        name: scrubbed(value)
        for name, value in headers.items()
        if name not in telling and not any(secret in value for secret in secrets)
    }


def _tell(site: Site, door: Door, answer: Answer, remote: str, seconds: float) -> None:
    """Count a delivery, and give it its line in the log."""
    site.metrics.deliveries.labels(door.name, answer.result).inc()
    site.metrics.seconds.labels(door.name).observe(seconds)
    if answer.why:
        site.sparing.warn(f"{door.name}: {answer.result}", f"from {shown(remote)}: {answer.why}")
        return
    identity, milliseconds = answer.content.get("id", ""), seconds * 1000
    LOGGER.info("%s: %s %s from %s in %.0f ms", door.name, answer.result, identity, shown(remote), milliseconds)
    if answer.note:
        site.sparing.warn(f"{door.name}: note", shown(answer.note))
