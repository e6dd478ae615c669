"""The server as other verbs see it: whether it is wanted, where it is, and what `firedoor doctor` finds of it."""

import contextlib
import ipaddress
from collections.abc import Iterator

import httpx

from firedoor.cli.views.checklist import Finding
from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.server import secrets
from firedoor.server.door import open_door

SECONDS = 5.0
HOW = "docs/how-to/server.md"


def wanted(settings: Settings) -> bool:
    """Do the settings configure anything that the server does?"""
    mail = settings.mail.ses.topics or settings.mail.bounces.secrets
    return bool(settings.alerts or settings.slack.bot_token or mail or "server" in settings.model_fields_set)


def url(host: str, port: int) -> str:
    """An address as a URL."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def here(settings: Settings) -> str:
    """Where a program on this machine reaches the server."""
    host = settings.server.host
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            host = "127.0.0.1" if address.version == 4 else "::1"
    return url(host, settings.server.port)


def loopback(host: str) -> bool:
    """Is an address reached from this machine only?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def alive(address: str) -> bool:
    """Does the server answer?"""
    async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as client:
        with contextlib.suppress(httpx.HTTPError):
            return (await client.get(f"{address}/healthz")).is_success
    return False


def doors(settings: Settings) -> Iterator[Finding]:
    """Each door of the settings could be opened by a server that has our environment."""
    for name, given in settings.alerts.items():
        subject = f"[alerts.{name}]"
        try:
            door = open_door(name, given, settings.secret_environment)
        except UsageError as error:
            yield Finding("fail", subject, error.what, error.next)
        else:
            yield Finding("ok", subject, f"/hooks/{name} for {door.kind}, locked with {door.locked_with()}")
    for reference in settings.mail.bounces.secrets:
        try:
            secrets.read(reference, settings.secret_environment)
        except UsageError as error:
            yield Finding("fail", "[mail.bounces]", error.what, error.next)


async def server(settings: Settings) -> list[Finding]:
    """The server answers, and can work."""
    if not wanted(settings):
        return []
    address = here(settings)
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as client:
            answer = (await client.get(f"{address}/readyz")).json()
            wrong = {name: says for name, says in answer.items() if name != "ready" and says != "ok"}
    except (httpx.HTTPError, ValueError, AttributeError):
        return [Finding("fail", "server", f"none answers at {address}", "`firedoor serve`, or `firedoor up`")]
    if not wrong:
        return [Finding("ok", "server", f"{address}, and it can store and start")]
    return [Finding("fail", f"server: {name}", str(says), f"Its log, and {HOW}") for name, says in wrong.items()]
