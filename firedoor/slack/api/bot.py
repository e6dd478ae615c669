"""Who we are in Slack: the bot behind a token, its workspace, and what it was allowed."""

from dataclasses import dataclass
from typing import Any

from firedoor.slack.api.web import PERSON_SECONDS, Web


@dataclass(frozen=True, slots=True)
class Whoami:
    """Who our token is: the bot's user id, its workspace and organisation, and the scopes that it was given."""

    user: str
    bot: str
    team: str
    enterprise: str
    url: str
    scopes: frozenset[str]


async def whoami(web: Web) -> Whoami:
    """`auth.test`, and the scopes of its header `x-oauth-scopes`. Raises `SlackError`."""
    answer = await web.call("auth.test", patience=PERSON_SECONDS)
    headers = {name.lower(): value for name, value in dict(answer.headers).items()}
    scopes = str(headers.get("x-oauth-scopes", "")).split(",")
    return Whoami(
        user=str(answer.get("user_id", "")),
        bot=str(answer.get("bot_id", "")),
        team=str(answer.get("team_id", "")),
        enterprise=str(answer.get("enterprise_id") or ""),
        url=str(answer.get("url", "")),
        scopes=frozenset(scope.strip() for scope in scopes if scope.strip()),
    )


async def channel_of(web: Web, channel: str) -> dict[str, Any]:
    """`conversations.info`: a channel as the bot sees it. Scopes: channels:read, groups:read. Raises `SlackError`."""
    answer = await web.call("conversations.info", about=channel, patience=PERSON_SECONDS, channel=channel)
    found: dict[str, Any] = answer.get("channel", {})
    return found


async def can_connect(web: Web) -> None:
    """`apps.connections.open`: an app-level token opens Socket Mode. Scope: connections:write. Raises `SlackError`."""
    await web.call("apps.connections.open", patience=PERSON_SECONDS, app_token=web.token)
