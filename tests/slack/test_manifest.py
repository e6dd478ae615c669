"""The app's manifest: every scope is used and none is missing, in both transports."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import ALICE, BOT, INCIDENTS, SECRET
from firedoor.slack.api.bot import channel_of
from firedoor.slack.api.client import Slack
from firedoor.slack.api.faults import SlackError
from firedoor.slack.api.traces import trace
from firedoor.slack.manifest import SCOPES, manifest, text
from firedoor.slack.outbound.telling import Run, Telling
from firedoor.slack.store import Message, MessageState
from tests.slack.telling import PLAN, Incidents, client_at, heads, settings_of


async def _searched_with(slack: Slack, user: str) -> str:
    """Look for a message in the conversation with one person."""
    return await trace(slack.web, Message("k", await slack.direct(user), "", MessageState.SENDING))


Use = Callable[[Slack], Awaitable[Any]]
#: What each scope is for, as a call. Without these: `commands` and `app_mentions:read` are for what comes in.
USES: dict[str, Use] = {
    "bookmarks:write": lambda slack: slack.web.call(
        "bookmarks.add", channel_id=INCIDENTS, title="t", type="link", link="https://slack.com/x"
    ),
    "channels:history": lambda slack: trace(slack.web, Message("k", INCIDENTS, "", MessageState.SENDING)),
    "channels:manage": lambda slack: slack.web.call("conversations.create", name="inc-x"),
    "channels:read": lambda slack: channel_of(slack.web, INCIDENTS),
    "chat:write": lambda slack: slack.post(INCIDENTS, "hello", [], key="k"),
    "files:write": lambda slack: slack.upload(INCIDENTS, "record.zip", b"canary"),
    "groups:history": lambda slack: trace(slack.web, Message("k", SECRET, "", MessageState.SENDING)),
    "groups:read": lambda slack: channel_of(slack.web, SECRET),
    "im:history": lambda slack: _searched_with(slack, ALICE),
    "im:write": lambda slack: slack.direct(ALICE),
    "usergroups:read": lambda slack: slack.group_members("security"),
    "users:read": lambda slack: slack.web.call("users.info", user=ALICE),
}


def test_every_scope_is_used() -> None:
    """None is asked for without a use."""
    assert {*USES, "app_mentions:read", "commands"} == set(SCOPES)


@pytest.mark.parametrize("scope", sorted(USES))
async def test_without_a_scope_it_does_not_work(slack: LocalSlack, tmp_path: Path, scope: str) -> None:
    """Each scope is needed: without it Slack refuses what it is for, and the error names it."""
    token = slack.workspace.tokens[slack.workspace.bot_token]
    token.scopes.clear()
    token.scopes.update(SCOPES.keys() - {scope})
    async with client_at(slack, settings_of(slack, tmp_path)) as client:
        with pytest.raises(SlackError) as caught:
            await USES[scope](client)
        assert caught.value.code == "missing_scope"
        assert scope in caught.value.next


async def test_these_scopes_are_enough(slack: LocalSlack, tmp_path: Path) -> None:
    """An incident with a channel of its own is told with them, from its start to its end."""
    token = slack.workspace.tokens[slack.workspace.bot_token]
    token.scopes.clear()
    token.scopes.update(SCOPES)
    settings, engine = settings_of(slack, tmp_path), Incidents(plan=PLAN.model_copy(update={"channel": "create"}))
    engine.put()
    async with client_at(slack, settings) as client:
        slack.faults.lose_reply("chat.postMessage")
        await Telling(engine, client, settings).tell(Run("gate-1", "r1"))
    assert heads(slack)
    assert not [one for one in slack.log if b"missing_scope" in one.answer]
    assert BOT in next(one for one in slack.workspace.channels.values() if one.name == "inc-20261129-1").members


def test_socket_mode_needs_no_address() -> None:
    """With Socket Mode nothing of ours is called by Slack."""
    assert "url" not in text()
    assert manifest()["settings"]["socket_mode_enabled"] is True


def test_http_names_every_address() -> None:
    """Over HTTP commands, buttons and events have their addresses, and Socket Mode is off."""
    found = yaml.safe_load(text("https://firedoor.example.com"))
    assert found["features"]["slash_commands"][0]["url"] == "https://firedoor.example.com/slack/commands"
    assert found["settings"]["interactivity"]["request_url"] == "https://firedoor.example.com/slack/interactivity"
    assert found["settings"]["event_subscriptions"]["request_url"] == "https://firedoor.example.com/slack/events"
    assert found["settings"]["socket_mode_enabled"] is False


def test_the_page_names_every_scope() -> None:
    """docs/how-to/slack.md says what each scope is for, in the same words."""
    page = (Path(__file__).parents[2] / "docs/how-to/slack.md").read_text(encoding="utf-8")
    assert all(f"| `{scope}` | {what} |" in page for scope, what in SCOPES.items())
