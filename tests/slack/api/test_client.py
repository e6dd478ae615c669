"""Posting to Slack once, whatever is lost on the way; pacing; errors that say what to do."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from firedoor.config import Settings
from firedoor.doors import Slack as SlackSettings
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.state import Message
from firedoor.drill.slack.workspace import ALICE, BOB, BOT, GENERAL, INCIDENTS, OLD, TEAM
from firedoor.errors import UsageError
from firedoor.slack.api.client import Slack
from firedoor.slack.api.faults import SlackError, SlackUnreachableError
from firedoor.slack.api.pace import Pace
from firedoor.slack.api.traces import key_of
from firedoor.slack.api.web import is_ours
from firedoor.slack.store import MessageState, Store

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}


@dataclass
class Patience:
    """Waits that nobody has to wait for: what was waited, in seconds, and what happens meanwhile."""

    slept: list[float] = field(default_factory=list)
    now: float = 1000.0

    async def sleep(self, seconds: float) -> None:
        """Time passes at once."""
        self.slept.append(seconds)
        self.now += seconds

    def pace(self, factor: float = 1.0) -> Pace:
        """A pace by this clock."""
        return Pace(factor, clock=lambda: self.now, sleep=self.sleep)


def settings_of(slack: LocalSlack, home: Path) -> Settings:
    """Settings that lead to the fake."""
    return Settings(home=home, slack=SlackSettings(team=TEAM, channel=INCIDENTS, base_url=slack.base_url))


def client_of(slack: LocalSlack, store: Store, home: Path, patience: Patience | None = None) -> Slack:
    """A client of the fake, with the bot's token."""
    token = SecretStr(slack.workspace.bot_token)
    return Slack(settings_of(slack, home), store, token, pace=(patience or Patience()).pace())


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store."""
    with Store.open(tmp_path / "slack.sqlite") as opened:
        yield opened


@pytest.fixture
async def client(slack: LocalSlack, store: Store, tmp_path: Path) -> AsyncIterator[Slack]:
    """A client that never waits."""
    async with client_of(slack, store, tmp_path) as opened:
        yield opened


def posted(slack: LocalSlack, key: str) -> list[Message]:
    """The messages of a key, deleted ones left out."""
    with slack.workspace.lock:
        return [one for one in slack.workspace.messages(INCIDENTS) if key_of({"metadata": one.metadata}) == key]


def calls(slack: LocalSlack, method: str) -> int:
    """How often a method was called."""
    return sum(one.path == f"/api/{method}" for one in slack.log)


async def test_a_key_is_posted_once(slack: LocalSlack, client: Slack) -> None:
    """The same key again, and at the same time, is the same message."""
    first, second = await asyncio.gather(
        client.post(INCIDENTS, "hello", [SECTION], key="a"), client.post(INCIDENTS, "hello", [SECTION], key="a")
    )
    assert first == second == await client.post(INCIDENTS, "other", [], key="a")
    assert len(posted(slack, "a")) == 1
    assert calls(slack, "chat.postMessage") == 1


async def test_a_lost_answer_posts_nothing_twice(slack: LocalSlack, client: Slack) -> None:
    """Slack took the message and its answer was lost: it is found by its key, not sent again."""
    slack.faults.lose_reply("chat.postMessage")
    ts = await client.post(INCIDENTS, "hello", [SECTION], key="a", incident="i")
    [message] = posted(slack, "a")
    assert message.ts == ts
    assert message.metadata
    assert message.metadata["event_payload"] == {"key": "a", "incident": "i"}
    assert calls(slack, "chat.postMessage") == 1


async def test_a_lost_answer_in_a_thread(slack: LocalSlack, client: Slack) -> None:
    """The same in a thread, where the channel's history does not show it."""
    parent = await client.post(INCIDENTS, "parent", [], key="p")
    slack.faults.lose_reply("chat.postMessage")
    await client.post(INCIDENTS, "child", [], key="c", thread=parent)
    assert len(posted(slack, "c")) == 1
    assert calls(slack, "conversations.replies") == 1


async def test_a_dropped_call_is_sent_again(slack: LocalSlack, client: Slack) -> None:
    """The connection broke before Slack did anything: after a look it is sent."""
    slack.faults.drop("chat.postMessage")
    await client.post(INCIDENTS, "hello", [], key="a")
    assert len(posted(slack, "a")) == 1
    assert calls(slack, "conversations.history") == 1


async def test_slack_down(slack: LocalSlack, client: Slack, store: Store) -> None:
    """Nobody answers: that is said, and the message is known not to be there; afterwards it is posted without a look."""
    with slack.down():
        with pytest.raises(SlackUnreachableError, match="cannot be reached"):
            await client.post(INCIDENTS, "hello", [], key="a")
        found = store.message("a")
        assert found
        assert found.state is MessageState.OPEN
    await client.post(INCIDENTS, "hello", [], key="a")
    assert len(posted(slack, "a")) == 1
    assert calls(slack, "conversations.history") == 0


async def test_a_crash_between_intent_and_call(slack: LocalSlack, store: Store, client: Slack) -> None:
    """A process died with the intent stored and nothing sent: another looks, finds nothing, and posts it."""
    with Store.open(store.path) as dead:
        dead.take("a", INCIDENTS)
    store.clock = lambda: 4e9
    await client.post(INCIDENTS, "hello", [], key="a")
    assert len(posted(slack, "a")) == 1
    assert calls(slack, "conversations.history") == 1


async def test_another_process_is_waited_for(slack: LocalSlack, store: Store, client: Slack) -> None:
    """Whoever comes while another process posts the same key waits, and takes what that one has posted."""
    with Store.open(store.path) as other:
        other.take("a", INCIDENTS)
        waiting = asyncio.create_task(client.post(INCIDENTS, "hello", [], key="a"))
        await asyncio.sleep(0)
        other.posted("a", "1.000001")
    assert await waiting == "1.000001"
    assert calls(slack, "chat.postMessage") == 0


KILLED = """
import asyncio, sys
from pathlib import Path
from typing import Any
from pydantic import SecretStr
from firedoor.config import Settings
from firedoor.doors import Slack as SlackSettings
from firedoor.slack.api.client import Slack
from firedoor.slack.store import Store

async def main(base, token, home, channel):
    settings = Settings(home=home, slack=SlackSettings(base_url=base))
    slack = Slack(settings, Store.open(settings.slack_path), SecretStr(token))
    await slack.post(channel, "hello", [], key="a")

asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4]))
"""


async def test_a_process_that_is_killed(slack: LocalSlack, tmp_path: Path) -> None:
    """kill -9 while Slack works on the call: the next process finds the message and posts nothing."""
    slack.faults.slow("chat.postMessage", 1.0)
    arguments = (slack.base_url, slack.workspace.bot_token, str(tmp_path), INCIDENTS)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, *arguments)
    try:
        async with asyncio.timeout(30):
            while slack.faults.waiting("chat.postMessage"):
                await asyncio.sleep(0.01)
    finally:
        process.kill()
        await process.wait()
    await slack.eventually(lambda: posted(slack, "a"))
    with Store.open(tmp_path / "slack.sqlite") as store:
        store.clock = lambda: 4e9
        async with client_of(slack, store, tmp_path) as client:
            await client.post(INCIDENTS, "hello", [], key="a")
    assert len(posted(slack, "a")) == 1


async def test_429_is_honoured(slack: LocalSlack, store: Store, tmp_path: Path) -> None:
    """Retry-After is waited for, in posts and in all else."""
    patience = Patience()
    async with client_of(slack, store, tmp_path, patience) as client:
        slack.faults.storm("chat.postMessage", retry_after=7)
        ts = await client.post(INCIDENTS, "hello", [], key="a")
        slack.faults.storm("chat.update", retry_after=9)
        await client.update(INCIDENTS, ts, "bye", [SECTION])
    assert {7.0, 9.0} <= {round(one) for one in patience.slept}
    assert len(posted(slack, "a")) == 1


async def test_too_long_a_429_is_an_error(slack: LocalSlack, client: Slack) -> None:
    """Nobody waits for ever: beyond a minute the caller hears for how long, and nothing is called meanwhile."""
    slack.faults.storm("chat.postMessage", retry_after=600)
    for _ in range(2):
        with pytest.raises(SlackUnreachableError, match=r"wants no chat\.postMessage") as caught:
            await client.post(INCIDENTS, "hello", [], key="a")
        assert caught.value.seconds > 500
    assert calls(slack, "chat.postMessage") == 1


async def test_a_message_a_second_a_channel(slack: LocalSlack, store: Store, tmp_path: Path) -> None:
    """Slack takes one message a second a channel."""
    patience = Patience()
    async with client_of(slack, store, tmp_path, patience) as client:
        for number in range(4):
            await client.post(INCIDENTS, "hello", [], key=f"{number}")
    assert sum(patience.slept) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("channel", "code", "hint"),
    [
        (GENERAL, "not_in_channel", "/invite @firedoor"),
        (OLD, "is_archived", "Unarchive"),
        ("C0NOWHERE0", "channel_not_found", "/invite"),
    ],
)
async def test_refusals_say_what_to_do(slack: LocalSlack, client: Slack, channel: str, code: str, hint: str) -> None:
    """A channel without the bot, one that is archived, one that is not there."""
    slack.workspace.tokens[slack.workspace.bot_token].scopes.discard("chat:write.public")
    with pytest.raises(SlackError) as caught:
        await client.post(channel, "hello", [], key="a")
    assert caught.value.code == code
    assert hint in caught.value.next


async def test_a_missing_scope_is_named(slack: LocalSlack, client: Slack) -> None:
    """The scope that the app lacks stands in the error."""
    slack.workspace.tokens[slack.workspace.bot_token].scopes.discard("chat:write")
    with pytest.raises(SlackError) as caught:
        await client.post(INCIDENTS, "hello", [], key="a")
    assert "chat:write" in caught.value.next


async def test_a_bad_token(slack: LocalSlack, store: Store, tmp_path: Path) -> None:
    """A token that is not valid is named by its setting, and never shown."""
    async with Slack(settings_of(slack, tmp_path), store, SecretStr("xoxb-canary")) as client:
        with pytest.raises(SlackError) as caught:
            await client.whoami()
    assert "bot_token" in caught.value.next
    assert "canary" not in str(caught.value)


async def test_who_we_are(slack: LocalSlack, client: Slack) -> None:
    """Workspace, bot and scopes, as Slack says."""
    found = await client.whoami()
    assert (found.user, found.team) == (BOT, TEAM)
    assert "chat:write" in found.scopes


async def test_groups_are_remembered_for_a_minute(slack: LocalSlack, client: Slack) -> None:
    """The members of a group, by its handle in any spelling; a group that vanishes is an error, not an empty one."""
    assert await client.group_members("slack:@security") == await client.group_members("@security") == {ALICE, BOB}
    assert calls(slack, "usergroups.users.list") == 1
    with pytest.raises(SlackError) as caught:
        await client.group_members("@nobody")
    assert caught.value.code == "no_such_subteam"


async def test_answers_that_make_no_sense(slack: LocalSlack, client: Slack) -> None:
    """503, and words instead of JSON: Slack has trouble, and whether it did anything is in doubt."""
    slack.faults.unavailable("auth.test")
    with pytest.raises(SlackUnreachableError) as caught:
        await client.whoami()
    assert caught.value.doubtful


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://hooks.slack.com/actions/T1/2/3", True),
        ("http://hooks.slack.com/actions/T1/2/3", False),
        ("https://hooks.slack.com.evil.example/x", False),
        ("https://user@hooks.slack.com/x", False),
        ("https://hooks.slack.com:8443/x", False),
        ("https://slack.com/x", True),
        ("https://169.254.169.254/latest", False),
        ("https://[::1", False),
        ("", False),
    ],
)
def test_which_addresses_are_slack(url: str, ours: bool) -> None:
    """A payload may name Slack's own addresses, and no others."""
    assert is_ours(url, "https://slack.com/api/") is ours


async def test_an_answer_elsewhere_is_refused(client: Slack) -> None:
    """A response_url that is not Slack's is not called."""
    with pytest.raises(UsageError, match="not Slack's"):
        await client.respond("http://127.0.0.1:1/x", "hello")


async def test_a_file_is_attached_once(slack: LocalSlack, client: Slack) -> None:
    """An upload whose last answer was lost is looked for before it is repeated."""
    parent = await client.post(INCIDENTS, "parent", [], key="p")
    slack.faults.lose_reply("files.completeUploadExternal")
    with pytest.raises(SlackUnreachableError):
        await client.upload(INCIDENTS, "record.zip", b"canary", parent)
    for _ in range(2):
        await client.upload(INCIDENTS, "record.zip", b"canary", parent)
    with slack.workspace.lock:
        files = [one for one in slack.workspace.thread(INCIDENTS, parent) if one.files]
    assert len(files) == 1


async def test_whoever_is_cancelled_keeps_nothing(slack: LocalSlack, client: Slack, store: Store) -> None:
    """A post that is cancelled on its way holds up nobody: the next process looks at once, and posts it."""
    slack.faults.slow("chat.postMessage", 5)
    posting = asyncio.create_task(client.post(INCIDENTS, "hello", [], key="a"))
    async with asyncio.timeout(10):
        while slack.faults.waiting("chat.postMessage"):
            await asyncio.sleep(0.01)
    posting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await posting
    with Store.open(store.path) as other:
        before = other.take("a", INCIDENTS)
        assert before.state is MessageState.SENDING
        assert not other.busy(before)


async def test_a_search_that_fails_says_nothing_of_the_message(slack: LocalSlack, client: Slack, store: Store) -> None:
    """The answer was lost, and the bot may not read the channel: it stays in doubt, and is not sent again."""
    slack.workspace.tokens[slack.workspace.bot_token].scopes.discard("channels:history")
    slack.faults.lose_reply("chat.postMessage")
    for _ in range(2):
        with pytest.raises(SlackError) as caught:
            await client.post(INCIDENTS, "hello", [], key="a")
        assert "channels:history" in caught.value.next
    assert len(posted(slack, "a")) == 1


async def test_the_search_reads_every_page(slack: LocalSlack, client: Slack) -> None:
    """The message is behind hundreds of others."""
    slack.faults.lose_reply("chat.postMessage")
    posting = asyncio.create_task(client.post(INCIDENTS, "hello", [], key="a"))
    await slack.eventually(lambda: posted(slack, "a"))
    for number in range(300):
        slack.act.say(ALICE, INCIDENTS, f"word {number}")
    await posting
    assert len(posted(slack, "a")) == 1


async def test_a_whisper(slack: LocalSlack, client: Slack) -> None:
    """What one person alone sees, by the channel."""
    await client.ephemeral(INCIDENTS, ALICE, "psst", [SECTION])
    assert [one.text for one in slack.act.seen_by(ALICE, INCIDENTS)] == ["psst"]
    assert not slack.act.seen_by(BOB, INCIDENTS)


async def test_an_answer_that_is_too_late(slack: LocalSlack, client: Slack) -> None:
    """An address that has expired is an error with a word, and one that nobody answers too."""
    with pytest.raises(SlackError) as caught:
        await client.respond(f"{slack.url}/nowhere", "hello")
    assert caught.value.code == "expired_url"
    await client.close()
    with slack.down(), pytest.raises(SlackUnreachableError):
        await client.respond(f"{slack.url}/nowhere", "hello")


async def elsewhere(request: web.Request) -> web.StreamResponse:
    """What no Slack would answer."""
    if request.path.endswith("auth.test"):
        raise web.HTTPFound("http://127.0.0.1:1/steal")
    if request.path.endswith("users.info"):
        return web.Response(text="<html>", content_type="text/html")
    if request.path.endswith("usergroups.list"):
        return web.Response(text="hello")
    return web.json_response({"ok": False, "error": "internal_error"}, status=200)


@pytest.mark.parametrize(
    ("method", "says", "doubtful"),
    [
        ("auth.test", "sends calls elsewhere", False),
        ("users.info", "trouble of its own", True),
        ("usergroups.list", "is not Slack", True),
        ("views.publish", "internal_error", True),
    ],
)
async def test_what_is_no_slack(store: Store, tmp_path: Path, method: str, says: str, doubtful: bool) -> None:
    """Redirects are not followed; pages and words are no answers; Slack's own trouble is told as such."""
    server = web.Application()
    server.router.add_route("*", "/{path:.*}", elsewhere)
    runner = web.AppRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    settings = Settings(home=tmp_path, slack=SlackSettings(base_url=f"{site.name}/api/"))
    needed: dict[str, dict[str, Any]] = {"users.info": {"user": "U1"}, "views.publish": {"user_id": "U1", "view": {}}}
    extra = needed.get(method, {})
    async with Slack(settings, store, SecretStr("xoxb-canary"), pace=Pace(0)) as client:
        with pytest.raises(SlackUnreachableError, match=says) as caught:
            await client.web.call(method, **extra)
    assert caught.value.doubtful is doubtful
    await runner.cleanup()
