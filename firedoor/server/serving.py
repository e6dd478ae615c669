"""The process of `firedoor serve`: a socket, uvicorn's HTTP on it, and an end that loses nothing."""

import asyncio
import contextlib
import ipaddress
import signal
import socket
from collections.abc import Callable, Generator

import uvicorn

from firedoor.config import Settings
from firedoor.errors import FiredoorError, UsageError
from firedoor.server.app import create_app
from firedoor.server.fetch import Fetch
from firedoor.server.protocol import MOST_HEADERS, Protocol
from firedoor.server.site import Site, open_site

#: Connections. From then on the slowest gives way to a new one; where none is slow, twice as many are answered, and
#: others hear 503. Each may hold a body of 2 MB.
MOST_CONNECTIONS = 256
#: Seconds for requests in flight when the server is asked to end. Tasks and store have what is left of ten (`site`).
LAST_SECONDS = 5
ENDING = (signal.SIGINT, signal.SIGTERM)


async def serve(
    settings: Settings, listening: socket.socket, ready: Callable[[Site], None], fetch: Fetch | None = None
) -> None:
    """Serve on a socket until SIGINT or SIGTERM; `ready` is called when everything is open.

    Raises `UsageError` for settings that cannot be served, `FiredoorError` where the store cannot be opened, or where
    a task has ended that must not.
    """
    async with open_site(settings, fetch) as site:
        server = _Server(site, _config(site))
        site.broken.add_done_callback(lambda _: server.end())
        with _heard(server.end):
            ready(site)
            await server.serve(sockets=[listening])
        if site.broken.done():
            raise FiredoorError(
                f"The server's {site.broken.result()} ended, and so the server.",
                changed="Every delivery that was answered with 202 is stored.",
                next="Its log says why. Start it again: it goes on where it was.",
            )


@contextlib.contextmanager
def _heard(end: Callable[[], None]) -> Generator[None]:
    """`end` is called for each SIGINT and SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in ENDING:
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in ENDING:
            loop.remove_signal_handler(number)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 is any free one. Raises `UsageError`."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise UsageError(
            f"The server cannot listen on {host}, port {port}: {error.strerror}.",
            changed="Nothing was started.",
            next=f"`ss -ltnp 'sport = :{port}'` says who does. Choose with --host and --port, or under [server].",
        ) from None


def _config(site: Site) -> uvicorn.Config:
    proxies = list(site.settings.server.proxies)
    return uvicorn.Config(
        create_app(site),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        # It would write addresses, and some addresses are secrets.
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=_checked(proxies),
        limit_concurrency=2 * MOST_CONNECTIONS,
        h11_max_incomplete_event_size=MOST_HEADERS,
        timeout_graceful_shutdown=LAST_SECONDS,
    )


def _checked(proxies: list[str]) -> list[str]:
    """Addresses or networks of proxies. Raises `UsageError`: whoever is believed may claim to be anybody."""
    for one in proxies:
        try:
            ipaddress.ip_network(one, strict=False)
        except ValueError:
            raise UsageError(
                f"[server] proxies: {one!r} is neither an address nor a network.",
                changed="Nothing was started.",
                next='Name your reverse proxies: proxies = ["127.0.0.1", "10.0.3.0/24"].',
            ) from None
    return proxies


class _Server(uvicorn.Server):
    """uvicorn's server, which ends for our reasons and leaves the exit code to us."""

    def __init__(self, site: Site, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._site = site

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are ours: uvicorn would raise them again at the end."""
        yield

    def end(self) -> None:
        """Stop listening, finish what is in flight, and end."""
        self._site.closing = True
        self.should_exit = True
