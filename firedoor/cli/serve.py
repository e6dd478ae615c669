"""`firedoor serve`: the doors that listen."""

from typing import Annotated

from cyclopts import Parameter

from firedoor.cli.console import err, out
from firedoor.cli.doors import loopback, url
from firedoor.config import load
from firedoor.server.log import to_stderr
from firedoor.server.serving import listen
from firedoor.server.serving import serve as serve_on
from firedoor.server.site import Site

Host = Annotated[str, Parameter(help="The address to listen on. Default: that of [server], 127.0.0.1.")]
Port = Annotated[int | None, Parameter(help="The port; 0 for any free one. Default: that of [server], 8765.")]


async def serve(*, host: Host = "", port: Port = None) -> int:
    """Take alerts and requests over HTTP until stopped.

    Opens a door for each [alerts.NAME] of the settings: /hooks/NAME. A delivery
    is judged by its signature or secret, stored, and only then answered; what it
    starts comes after. While Temporal does not answer, deliveries are kept.

    It speaks HTTP without TLS: let a reverse proxy on this machine do that
    (docs/how-to/server.md). /healthz says that it is alive, /readyz whether it
    can work, /metrics is for Prometheus.

    SIGTERM or Ctrl-C ends it within 10 s; requests in flight are finished.
    """
    settings = load()
    to_stderr()
    chosen = host or settings.server.host
    with listen(chosen, settings.server.port if port is None else port) as listening:
        number: int = listening.getsockname()[1]
        await serve_on(settings, listening, lambda site: _say(site, chosen, number))
    return 0


def _say(site: Site, host: str, port: int) -> None:
    console = out()
    console.print(f"firedoor listens on {url(host, port)}", style="bold green", soft_wrap=True)
    public = site.settings.server.public_url
    for door in site.doors.values():
        where = f"{public}/hooks/{door.name}"
        console.print(f"  {where}  {door.kind}, locked with {door.locked_with()}", soft_wrap=True)
    if not site.doors:
        console.print("  No door for alerts is open: the settings have no [alerts.NAME].", soft_wrap=True)
    if site.chat is not None:
        console.print(f"  Slack, by {site.chat.ways}", soft_wrap=True)
    if not loopback(host):
        err().print(
            f"It listens on {host} without TLS: whoever is between can read what is sent, and secrets in headers."
            " Let a reverse proxy on this machine do TLS: docs/how-to/server.md",
            style="bold yellow",
            soft_wrap=True,
        )
    elif site.doors and not public:
        err().print("Senders elsewhere need a way in: docs/how-to/server.md", style="yellow", soft_wrap=True)
    console.print("Ctrl-C stops it; requests in flight are finished.", style="dim")
    console.file.flush()
