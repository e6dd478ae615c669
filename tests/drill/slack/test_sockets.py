"""Socket Mode with slack_sdk's own client: greeting, delivery, acknowledgement, sending again, closing."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest
from slack_sdk.socket_mode.request import SocketModeRequest

from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.reply import Reply
from firedoor.drill.slack.workspace import ALICE, BOB, GENERAL, INCIDENTS
from tests.drill.slack.socketing import App


async def test_a_command_over_a_socket_and_its_answer_in_the_acknowledgement(slack: LocalSlack) -> None:
    """The envelope has the fields of the form; what the app acknowledges with is shown to whoever typed."""

    async def answer(request: SocketModeRequest) -> Any:
        return {"text": f"you said {request.payload['text']}"}

    async with App(slack, answer) as app:
        reply = await slack.act.type_command(ALICE, INCIDENTS, "/firedoor status all")

    assert (reply.ok, reply.attempts, reply.payload) == (True, 1, {"text": "you said status all"})
    assert app.heard[0].type == "slash_commands"
    assert app.heard[0].accepts_response_payload
    assert app.heard[0].payload["user_id"] == ALICE
    assert [one.text for one in slack.act.seen_by(ALICE, INCIDENTS)] == ["you said status all"]
    assert slack.act.seen_by(BOB, INCIDENTS) == []
    assert app.hellos[0]["num_connections"] == 1
    assert app.hellos[0]["debug_info"]["approximate_connection_time"] == 18_060


async def test_each_envelope_goes_to_one_of_the_open_sockets(slack: LocalSlack) -> None:
    """Two processes share the work; nothing is heard twice."""
    async with App(slack) as one, App(slack) as two:
        assert two.hellos[0]["num_connections"] == 2
        replies = [await slack.act.type_command(ALICE, INCIDENTS, f"/firedoor {number}") for number in range(6)]
    assert all(reply.ok for reply in replies)
    heard = [request.payload["text"] for app in (one, two) for request in app.heard]
    assert sorted(heard) == list("012345")
    assert one.heard
    assert two.heard


async def test_a_deaf_process_and_one_that_hears(slack: LocalSlack) -> None:
    """The second delivery reaches the other process, late: the answer is not shown any more."""
    slack.pace = 0.2

    async def answer(request: SocketModeRequest) -> Any:
        return {"text": "too late"}

    async with App(slack) as deaf, App(slack, answer) as hearing:
        deaf.deaf = True
        # Two sockets take turns: of two commands one reaches the deaf process first.
        replies = [await slack.act.type_command(ALICE, INCIDENTS, "/firedoor status") for _ in range(2)]
    reply = next(one for one in replies if one.attempts > 1)
    (first,) = deaf.heard
    second = next(one for one in hearing.heard if one.envelope_id == first.envelope_id)
    assert (reply.attempts, reply.late, reply.ok) == (2, True, False)
    assert (first.retry_attempt, second.retry_attempt, second.retry_reason) == (None, 1, "timeout")
    assert slack.act.told(ALICE) == ["/firedoor failed because the app did not respond."]


async def test_an_event_is_sent_again_in_a_new_envelope(slack: LocalSlack) -> None:
    """Four times in all, with one `event_id`: at once, after a minute, after five."""
    slack.pace = 0.002
    async with App(slack) as app:
        app.deaf = True
        delivery = slack.act.mention(ALICE, INCIDENTS, "approve")
        assert delivery is not None
        reply = await delivery
        await app.hears(4)
    assert (reply.error, reply.attempts) == ("timeout", 4)
    assert [one.retry_attempt for one in app.heard] == [0, 1, 2, 3]
    assert len({one.envelope_id for one in app.heard}) == 4
    assert len({one.payload["event_id"] for one in app.heard}) == 1
    assert reply.seconds > 360


async def test_an_event_waits_for_a_socket(slack: LocalSlack) -> None:
    """While no socket is open nothing is lost: it comes with the next attempt."""
    slack.pace = 0.01
    delivery = slack.act.mention(ALICE, INCIDENTS, "approve")
    async with App(slack) as app:
        assert delivery is not None
        reply = await delivery
    assert not reply.error
    assert app.heard[0].retry_attempt
    assert app.heard[0].payload["event"]["text"] == "<@U0FIREDOOR> approve"


async def test_a_command_with_no_socket_open_fails_at_once(slack: LocalSlack) -> None:
    """Nobody is there to deliver to."""
    reply = await slack.act.type_command(ALICE, INCIDENTS, "/firedoor status")
    assert (reply.error, reply.attempts, reply.ok) == ("dispatch_failed", 0, False)
    assert slack.act.told(ALICE) == ["/firedoor failed because the app did not respond."]


async def test_the_app_is_told_of_mentions_only_where_it_is(slack: LocalSlack) -> None:
    """In a channel without the bot the message is there, and no event."""
    assert slack.act.mention(ALICE, GENERAL, "hello") is None
    assert [one.text for one in slack.act.seen_by(BOB, GENERAL)] == ["<@U0FIREDOOR> hello"]


async def test_a_refresh_and_a_dropped_socket_are_survived(slack: LocalSlack) -> None:
    """slack_sdk connects anew by itself in both cases."""
    async with App(slack) as app:
        again = asyncio.create_task(app.greeted_again())
        await asyncio.to_thread(slack.refresh_sockets)
        await again
        again = asyncio.create_task(app.greeted_again())
        await asyncio.to_thread(slack.drop_sockets)
        await again
        assert (await slack.act.type_command(ALICE, INCIDENTS, "/firedoor status")).ok


@contextlib.asynccontextmanager
async def raw(
    slack: LocalSlack, session: aiohttp.ClientSession
) -> AsyncGenerator[tuple[str, aiohttp.ClientWebSocketResponse]]:
    """A socket without slack_sdk."""
    headers = {"Authorization": f"Bearer {slack.workspace.app_token}"}
    async with session.post(f"{slack.base_url}apps.connections.open", headers=headers) as answer:
        url = (await answer.json())["url"]
    async with session.ws_connect(url) as socket:
        yield url, socket


async def test_an_address_opens_one_socket(slack: LocalSlack) -> None:
    """The second time it is refused, as is one that was never given, and any while the sockets are closed."""
    async with aiohttp.ClientSession() as session, raw(slack, session) as (url, socket):
        assert (await socket.receive_json())["type"] == "hello"
        for address in (url, url.replace("canary", "strang")):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await session.ws_connect(address)
            assert caught.value.status == 403
        slack.sockets.closed = True
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with raw(slack, session):
                pass


async def test_the_eleventh_socket_is_one_too_many(slack: LocalSlack) -> None:
    """It is told so and closed; the ten stay open."""
    slack.pace = 0.005
    async with aiohttp.ClientSession() as session, contextlib.AsyncExitStack() as stack:
        for number in range(10):
            _, socket = await stack.enter_async_context(raw(slack, session))
            assert (await socket.receive_json())["num_connections"] == number + 1
        _, socket = await stack.enter_async_context(raw(slack, session))
        told = await socket.receive_json()
        assert (told["type"], told["reason"]) == ("disconnect", "too_many_websockets")
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert slack.sockets.count == 10


async def test_nonsense_on_a_socket_is_no_acknowledgement(slack: LocalSlack) -> None:
    """No JSON, a list, an unknown id: nothing happens; the right one counts."""
    async with aiohttp.ClientSession() as session, raw(slack, session) as (_, socket):
        await socket.receive_json()
        delivery = slack.act.type_command(ALICE, INCIDENTS, "/firedoor status")
        envelope = await socket.receive_json()
        for text in ("{", "[]", "{}", '{"envelope_id": "x"}'):
            await socket.send_str(text)
        await socket.send_bytes(b"\x00")
        await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": "plain words"})
        assert (await delivery).ok
    assert slack.sockets.acknowledged == ["x", envelope["envelope_id"]]
    assert [one.text for one in slack.act.seen_by(ALICE, INCIDENTS)] == ["plain words"]


async def test_a_socket_that_goes_away_in_the_moment_of_sending(slack: LocalSlack) -> None:
    """It counts as one that did not acknowledge: nobody is left, and the command has failed."""
    slack.pace = 0.01

    async def race() -> Reply:
        for transport in slack.sockets._transports.values():
            transport.close()
        return await slack.sockets.deliver("slash_commands", {}, accepts=True)

    async with aiohttp.ClientSession() as session, raw(slack, session) as (_, socket):
        await socket.receive_json()
        reply = await asyncio.to_thread(slack._server.do, race())
    assert (reply.error, len(slack.sockets.sent)) == ("dispatch_failed", 1)
