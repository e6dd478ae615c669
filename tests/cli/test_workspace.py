"""What `firedoor doctor` finds of Slack."""

from pathlib import Path
from typing import Any

import pytest

from firedoor.cli.views.checklist import Finding
from firedoor.cli.workspace import slack as look
from firedoor.config import Settings
from firedoor.doors import Server
from firedoor.doors import Slack as SlackSettings
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import GENERAL, INCIDENTS, OLD, SECURITY, TEAM
from firedoor.plan import Plan
from tests.slack.telling import PLAN

BOT_TOKEN, APP_TOKEN, SIGNING = (f"FIREDOOR_SECRET_SLACK_{name}" for name in ("BOT", "APP", "SIGNING"))


async def found(slack: LocalSlack, home: Path, *plans: Plan, **more: Any) -> dict[str, Finding]:
    """The findings by their subjects."""
    door: dict[str, Any] = {
        "bot_token": f"env:{BOT_TOKEN}",
        "app_token": f"env:{APP_TOKEN}",
        "team": TEAM,
        "channel": INCIDENTS,
        "base_url": slack.base_url,
    }
    secrets = {BOT_TOKEN: slack.workspace.bot_token, APP_TOKEN: slack.workspace.app_token, SIGNING: "canary-" * 5}
    server = Server(public_url=more.pop("public_url", ""))
    settings = Settings(home=home, slack=SlackSettings(**door | more), secret_environment=secrets, server=server)
    return {one.subject: one for one in await look(settings, plans)}


async def test_all_is_well(slack: LocalSlack, tmp_path: Path) -> None:
    """Tokens, scopes, workspace, channel, groups and Socket Mode, each with a line."""
    every = await found(slack, tmp_path, PLAN)
    assert {one.level for one in every.values()} == {"ok"}
    assert set(every) == {"slack team", "slack scopes", "slack channel", "slack @security", "slack app_token"}


async def test_without_slack_nothing_is_said(tmp_path: Path) -> None:
    """Whoever does not use Slack reads nothing of it."""
    assert await look(Settings(home=tmp_path), ()) == []


async def test_a_token_that_is_not_there(slack: LocalSlack, tmp_path: Path) -> None:
    """The reference leads nowhere."""
    every = await found(slack, tmp_path, bot_token="env:FIREDOOR_SECRET_NOWHERE")
    assert every["slack bot_token"].level == "fail"
    assert "FIREDOOR_SECRET_NOWHERE" in every["slack bot_token"].says


async def test_a_token_that_is_not_valid(slack: LocalSlack, tmp_path: Path) -> None:
    """Slack does not take it; the value is not shown."""
    token = slack.workspace.bot_token
    slack.workspace.tokens.pop(token)
    every = await found(slack, tmp_path)
    assert every["slack bot_token"].level == "fail"
    assert token not in str(every)


@pytest.mark.parametrize(
    ("channel", "says"),
    [
        (GENERAL, "the bot is not in #general"),
        (OLD, "is archived"),
        ("C0NOWHERE", "no such channel"),
        ("", "none is set"),
    ],
)
async def test_channels(slack: LocalSlack, tmp_path: Path, channel: str, says: str) -> None:
    """A channel without the bot, an archived one, none."""
    one = (await found(slack, tmp_path, channel=channel))["slack channel"]
    assert one.level != "ok"
    assert says in one.says
    assert one.next


@pytest.mark.parametrize("team", ["T0OTHER", ""])
async def test_another_workspace(slack: LocalSlack, tmp_path: Path, team: str) -> None:
    """The token is of another workspace than the settings say, or they say none: what to write is told."""
    one = (await found(slack, tmp_path, team=team))["slack team"]
    assert one.level == "fail"
    assert f'team = "{TEAM}"' in one.next


async def test_missing_scopes(slack: LocalSlack, tmp_path: Path) -> None:
    """Each scope that is missing, and what it is for."""
    slack.workspace.tokens[slack.workspace.bot_token].scopes.discard("files:write")
    one = (await found(slack, tmp_path))["slack scopes"]
    assert one.level == "fail"
    assert "files:write: the record of an incident" in one.says


async def test_groups_that_cannot_approve(slack: LocalSlack, tmp_path: Path) -> None:
    """A group that is gone, and one that nobody is in."""
    with slack.workspace.lock:
        slack.workspace.groups[SECURITY].members.clear()
    assert (await found(slack, tmp_path, PLAN))["slack @security"].says == "nobody is in it"
    slack.act.remove_group(SECURITY)
    assert "no user group @security" in (await found(slack, tmp_path, PLAN))["slack @security"].says


async def test_the_way_in(slack: LocalSlack, tmp_path: Path) -> None:
    """A bad app token, HTTP with and without an address, and no way in at all."""
    bad = await found(slack, tmp_path, app_token=f"env:{SIGNING}")
    assert bad["slack app_token"].level == "fail"
    http = {"app_token": "", "signing_secret": f"env:{SIGNING}"}
    assert (await found(slack, tmp_path, **http))["slack over HTTP"].level == "fail"
    well = await found(slack, tmp_path, **http, public_url="https://firedoor.example.com")
    assert well["slack over HTTP"].level == "ok"
    assert (await found(slack, tmp_path, app_token=""))["slack transport"].level == "fail"
    gone = await found(slack, tmp_path, app_token="env:FIREDOOR_SECRET_NOWHERE")
    assert gone["slack transport"].level == "fail"
