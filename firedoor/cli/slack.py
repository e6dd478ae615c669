"""`firedoor slack manifest`: what an administrator of the workspace pastes, to make the app."""

from typing import Annotated, Literal

from cyclopts import Parameter

from firedoor.cli.console import out
from firedoor.config import load
from firedoor.errors import UsageError
from firedoor.slack.manifest import text

Task = Annotated[Literal["manifest"], Parameter(help="manifest: the app's manifest, as YAML.", show_choices=False)]
Http = Annotated[
    bool, Parameter(negative="", help="Slack calls this server at [server] public_url, instead of Socket Mode.")
]


def slack(task: Task = "manifest", /, *, http: Http = False) -> None:
    """Print the manifest with which the Slack app is made.

    Without --http the app listens by Socket Mode: firedoor connects to Slack, and
    no address of yours has to be public. docs/how-to/slack.md has every step.

    Examples
      firedoor slack manifest
      firedoor slack manifest --http
    """
    url = ""
    if http:
        url = load().server.public_url
        if not url.startswith("https://"):
            raise UsageError(
                "Slack calls only an https address, and [server] public_url names none.",
                next='[server] public_url = "https://firedoor.example.com" in firedoor.toml; or leave out --http.',
            )
    out().out(text(url), end="", highlight=False)
