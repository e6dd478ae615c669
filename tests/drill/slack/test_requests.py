"""Delivery by HTTP: signed as Slack signs, within three seconds, events again."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from slack_sdk.signature import SignatureVerifier

from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.requests import Requests, signature
from firedoor.drill.slack.workspace import ALICE, INCIDENTS
from tests.slack_said import Client, actions, button


@dataclass
class Door:
    """An app on HTTP. It answers what `answers` holds in turn, then 200; `closed` answers nothing in time."""

    url: str = ""
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answers: list[web.Response] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Remember a request, and answer."""
        body = await request.read()
        self.heard.append((request.path, dict(request.headers), body))
        if request.path == "/events" and b"url_verification" in body:
            return web.json_response({"challenge": json.loads(body)["challenge"]})
        return self.answers.pop(0) if self.answers else web.Response()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """An app that listens on loopback."""
    app, door = web.Application(), Door()
    app.router.add_post("/{path:.*}", door.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    door.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield door
    await runner.cleanup()


@pytest.fixture
def requests(slack: LocalSlack, door: Door) -> Requests:
    """Slack delivers to the door."""
    return slack.deliver_by_http(f"{door.url}/commands", f"{door.url}/interactivity", f"{door.url}/events")


def test_slacks_own_example_of_a_signature() -> None:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
        b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
        b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signed = signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body)
    assert signed == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


async def test_each_kind_is_signed_and_comes_as_slack_sends_it(
    slack: LocalSlack, client: Client, door: Door, requests: Requests
) -> None:
    """A command is a form, an interaction JSON in a form, an event JSON; slack_sdk's verifier takes all of them."""
    answer = await client.chat_postMessage(channel=INCIDENTS, text="x", blocks=[actions(button("go"))])
    message = slack.workspace.message(INCIDENTS, answer["ts"])
    assert message is not None
    door.answers.append(web.json_response({"text": "hello"}))
    assert (await slack.act.type_command(ALICE, INCIDENTS, "/firedoor status")).ok
    assert (await slack.act.press(ALICE, message, "go")).ok
    mention = slack.act.mention(ALICE, INCIDENTS, "approve")
    assert mention is not None
    assert (await mention).ok

    verifier = SignatureVerifier(slack.workspace.signing_secret)
    assert all(verifier.is_valid_request(body, headers) for _, headers, body in door.heard)
    assert [path for path, _, _ in door.heard] == ["/commands", "/interactivity", "/events"]
    command, press, event = (body.decode() for _, _, body in door.heard)
    assert parse_qs(command)["text"] == ["status"]
    assert json.loads(parse_qs(press)["payload"][0])["actions"][0]["action_id"] == "go"
    assert json.loads(event)["event"]["type"] == "app_mention"
    assert [one.decode() for one in requests.sent] == [command, press, event]
    assert "hello" in [one.text for one in slack.act.seen_by(ALICE, INCIDENTS)]


@pytest.mark.parametrize(("status", "shown"), [(200, ["plain words"]), (500, [])])
async def test_a_plain_answer_and_a_failure(
    slack: LocalSlack, door: Door, requests: Requests, status: int, shown: list[str]
) -> None:
    """Text is shown; anything but 200 has failed, and is not sent again."""
    door.answers.append(web.Response(status=status, text="plain words"))
    reply = await slack.act.type_command(ALICE, INCIDENTS, "/firedoor status")
    assert reply.error == ("" if status == 200 else "http 500")
    assert [one.text for one in slack.act.seen_by(ALICE, INCIDENTS)] == shown
    assert len(door.heard) == 1


async def test_more_than_three_seconds_are_too_many(slack: LocalSlack, door: Door, requests: Requests) -> None:
    """Three of Slack's seconds, that is: whoever typed is told."""
    slack.pace = 0.0001
    reply = await slack.act.type_command(ALICE, INCIDENTS, "/firedoor status")
    assert (reply.error, reply.ok) == ("timeout", False)
    assert slack.act.told(ALICE) == ["/firedoor failed because the app did not respond."]


async def test_a_door_that_is_closed(slack: LocalSlack) -> None:
    """Nobody listens."""
    slack.deliver_by_http("http://127.0.0.1:1/commands")
    assert (await slack.act.type_command(ALICE, INCIDENTS, "/firedoor status")).error == "dispatch_failed"


async def test_an_event_that_fails_is_sent_again(slack: LocalSlack, door: Door, requests: Requests) -> None:
    """With `X-Slack-Retry-Num`, until it is taken."""
    slack.pace = 0.1
    door.answers += [web.Response(status=503)]
    mention = slack.act.mention(ALICE, INCIDENTS, "approve")
    assert mention is not None
    reply = await mention
    assert (reply.error, reply.attempts) == ("", 2)
    assert [headers.get("X-Slack-Retry-Num") for _, headers, _ in door.heard] == [None, "1"]
    assert door.heard[1][1]["X-Slack-Retry-Reason"] == "http_error"
    assert len({body for _, _, body in door.heard}) == 1


async def test_an_event_is_given_up_after_four_attempts(slack: LocalSlack, door: Door, requests: Requests) -> None:
    """The last answer is what remains."""
    slack.pace = 0.002
    door.answers += [web.Response(status=503) for _ in range(4)]
    mention = slack.act.mention(ALICE, INCIDENTS, "approve")
    assert mention is not None
    assert (await mention).error in {"http 503", "timeout"}
    assert len(requests.sent) == 4


def test_a_url_is_verified(slack: LocalSlack, requests: Requests, door: Door) -> None:
    """The app must answer with the challenge; here nobody runs the app's loop, so that it does not."""
    slack.pace = 0.01
    assert slack.verify_url(requests) is False


async def test_a_url_that_answers_with_the_challenge(requests: Requests, door: Door) -> None:
    """As JSON or as plain text."""
    assert await requests.verify_url()
    assert json.loads(door.heard[0][2])["type"] == "url_verification"
