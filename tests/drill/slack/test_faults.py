"""Slack slow, busy, down, or with its answers lost; and the limits of calls."""

import asyncio

import aiohttp
import pytest
from aiohttp import ClientConnectionError, ServerDisconnectedError
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.http_retry.builtin_interval_calculators import FixedValueRetryIntervalCalculator

from firedoor.drill.slack.limits import Limits
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import ALICE, GENERAL, INCIDENTS
from tests.drill.slack.socketing import App
from tests.slack_said import Client, official, section


def texts(slack: LocalSlack) -> list[str]:
    """What stands in #incidents."""
    return [one.text for one in slack.act.seen_by(ALICE, INCIDENTS)]


async def test_a_lost_reply_makes_slack_sdk_post_twice(slack: LocalSlack) -> None:
    """The default client asks again without a word: what firedoor has to protect itself from."""
    client = official(slack, slack.workspace.bot_token)
    slack.faults.lose_reply("chat.postMessage")
    await client.chat_postMessage(channel=INCIDENTS, text="x")
    assert texts(slack) == ["x", "x"]
    assert [one.fault for one in slack.log] == ["lost reply", ""]


async def test_a_dropped_call_was_not_done(slack: LocalSlack, client: Client) -> None:
    """A client that does not ask again sees the connection closed."""
    slack.faults.drop("chat.postMessage")
    with pytest.raises(ServerDisconnectedError):
        await client.chat_postMessage(channel=INCIDENTS, text="x")
    assert texts(slack) == []
    slack.faults.lose_reply("chat.postMessage")
    with pytest.raises(ServerDisconnectedError):
        await client.chat_postMessage(channel=INCIDENTS, text="y")
    assert texts(slack) == ["y"]


async def test_a_storm_and_an_outage_of_some_calls(slack: LocalSlack, client: Client) -> None:
    """429 with its Retry-After, 503; each as often as was said, and only for the methods that match."""
    slack.faults.storm("chat\\..*", times=1, retry_after=3)
    slack.faults.unavailable(times=1)
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=INCIDENTS, text="x")
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "3")
    with pytest.raises(SlackApiError) as caught:
        await client.auth_test()
    assert caught.value.response.status_code == 503
    await client.chat_postMessage(channel=INCIDENTS, text="x")
    slack.faults.storm(times=5)
    slack.faults.clear()
    assert (await client.auth_test())["ok"]


async def test_a_slow_call(slack: LocalSlack) -> None:
    """It is done in the end, for whoever waits."""
    slack.faults.slow("chat.postMessage", 0.2)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.05)) as session:
        impatient = official(slack, slack.workspace.bot_token, session=session, retry_handlers=[])
        with pytest.raises(TimeoutError):
            await impatient.chat_postMessage(channel=INCIDENTS, text="x")
    patient = official(slack, slack.workspace.bot_token)
    await patient.chat_postMessage(channel=INCIDENTS, text="y")
    assert "y" in texts(slack)


async def test_slack_is_down_and_comes_back_at_the_same_address(slack: LocalSlack, client: Client) -> None:
    """Connections are refused, open ones closed, sockets dropped; afterwards the same clients go on."""
    async with App(slack) as app:
        assert (await client.auth_test())["ok"]
        with slack.down():
            for _ in range(2):
                with pytest.raises(ClientConnectionError):
                    await client.auth_test()
            fresh = official(slack, slack.workspace.bot_token, retry_handlers=[])
            with pytest.raises(aiohttp.ClientConnectorError):
                await fresh.auth_test()
            assert slack.sockets.count == 0
            again = asyncio.create_task(app.greeted_again())
        assert (await client.auth_test())["ok"]
        await again
        assert (await slack.act.type_command(ALICE, INCIDENTS, "/firedoor")).ok


async def test_about_one_message_a_second_a_channel(slack: LocalSlack, client: Client) -> None:
    """After a short burst a channel takes one a second; another channel is free meanwhile."""
    slack.limits.on = True
    for number in range(4):
        await client.chat_postMessage(channel=INCIDENTS, text=str(number))
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postEphemeral(channel=INCIDENTS, user=ALICE, text="5")
    assert caught.value.response["error"] == "ratelimited"
    assert caught.value.response.headers["Retry-After"] == "1"
    await client.chat_postMessage(channel=GENERAL, text="other")
    slack.clock.advance(1)
    await client.chat_postMessage(channel=INCIDENTS, text="4")
    assert texts(slack) == list("01234")


async def test_slack_sdks_handler_honours_the_limit(slack: LocalSlack) -> None:
    """It asks again after Retry-After, which tests may make short."""
    client = official(slack, slack.workspace.bot_token)
    client.retry_handlers.append(
        AsyncRateLimitErrorRetryHandler(max_retry_count=5, interval_calculator=FixedValueRetryIntervalCalculator(0.0))
    )
    slack.faults.storm("chat.postMessage", times=2, retry_after=0)
    await client.chat_postMessage(channel=INCIDENTS, text="x")
    assert texts(slack) == ["x"]


@pytest.mark.parametrize(("tier", "burst", "wait"), [(1, 10, 60), (2, 20, 3), (3, 50, 2), (4, 100, 1), (0, 600, 1)])
def test_each_tier_has_its_calls_a_minute(tier: int, burst: int, wait: int) -> None:
    """So many at once, then one after each Retry-After; methods do not take from each other."""
    now = [1000.0]
    limits = Limits(lambda: now[0], on=True)
    assert [limits.spend("a", tier, "") for _ in range(burst)] == [0] * burst
    assert limits.spend("a", tier, "") == wait
    assert limits.spend("b", tier, "") == 0
    now[0] += wait
    assert limits.spend("a", tier, "") == 0


def test_the_workspace_has_a_limit_of_its_own_for_messages() -> None:
    """300 channels at once take one message each, the next one has to wait."""
    limits = Limits(lambda: 1000.0, on=True)
    assert {limits.spend("chat.postMessage", 5, f"C{number}") for number in range(300)} == {0}
    assert limits.spend("chat.postMessage", 5, "C300") == 1
    assert Limits(lambda: 1000.0).spend("chat.postMessage", 5, "C1") == 0


def test_waiting_in_a_thread_ends_with_a_change_or_in_time(slack: LocalSlack) -> None:
    """`until` is what a sync test uses."""
    with pytest.raises(TimeoutError):
        slack.until(lambda: texts(slack), timeout=0.01)
    slack.act.say(ALICE, INCIDENTS, "hello")
    assert slack.until(lambda: texts(slack)) == ["hello"]


async def test_waiting_in_an_event_loop(slack: LocalSlack, client: Client) -> None:
    """`eventually` wakes up with the change."""
    waiting = asyncio.create_task(slack.eventually(lambda: texts(slack)))
    await client.chat_postMessage(channel=INCIDENTS, text="hello", blocks=[section("hello")])
    assert await waiting == ["hello"]
    with pytest.raises(TimeoutError):
        await slack.eventually(lambda: None, timeout=0.01)


def test_a_sync_test_waits_for_a_reply(slack: LocalSlack) -> None:
    """`wait` is what a sync test uses."""
    assert slack.act.type_command(ALICE, INCIDENTS, "/firedoor").wait().error == "dispatch_failed"
