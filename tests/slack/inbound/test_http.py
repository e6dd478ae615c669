"""Slack over HTTP: signed, fresh, not too large; Slack's own vector."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from slack_sdk.signature import Clock
from starlette.applications import Starlette

from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.requests import signature
from firedoor.drill.slack.workspace import ALICE, INCIDENTS
from firedoor.slack.inbound.http import MOST_BYTES, routes
from firedoor.slack.inbound.replies import Replies
from firedoor.slack.inbound.router import Envelope, Router
from firedoor.slack.store import Store
from tests.shared import SHARED, needs_shared
from tests.slack.api.test_client import client_of

#: docs.slack.dev/authentication/verifying-requests-from-slack
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TIMESTAMP = "1531420618"
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


class Then(Clock):
    """The time of the vector, and a little later."""

    def __init__(self, later: float = 1.0) -> None:
        self.later = later

    def now(self) -> float:
        """The time."""
        return int(TIMESTAMP) + self.later


@dataclass
class Taken:
    """Handles by remembering."""

    envelopes: list[Envelope] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict[str, Any])

    async def check(self, envelope: Envelope) -> dict[str, Any]:
        """The scripted answer."""
        return self.answer

    async def handle(self, envelope: Envelope) -> None:
        """Remember it."""
        self.envelopes.append(envelope)


@dataclass
class Web:
    """The routes on loopback."""

    url: str
    taken: Taken
    router: Router
    refused: list[str]
    client: httpx.AsyncClient

    async def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        """A request, signed at the time of the vector unless `headers` say otherwise."""
        signed = {
            "x-slack-request-timestamp": TIMESTAMP,
            "x-slack-signature": signature(SECRET, TIMESTAMP, body),
        }
        given = signed if headers is None else headers
        return await self.client.post(f"{self.url}/slack/{path}", content=body, headers=given)


@asynccontextmanager
async def served(slack: LocalSlack, folder: Path, secret: str, clock: Clock | None) -> AsyncGenerator[Web]:
    """A server with these routes and nothing else."""
    taken, refused = Taken(), list[str]()
    with Store.open(folder / "slack.sqlite") as store:
        async with client_of(slack, store, folder) as client, httpx.AsyncClient(trust_env=False) as http:
            router = Router(taken, store, Replies(client))
            app = Starlette(routes=routes(router, SecretStr(secret), refused=refused.append, clock=clock))
            server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
            running = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            yield Web(f"http://127.0.0.1:{port}", taken, router, refused, http)
            await router.close()
            server.should_exit = True
            await running


@pytest.fixture
async def web(slack: LocalSlack, tmp_path: Path) -> AsyncIterator[Web]:
    """A server that knows the secret of Slack's vector, at its time."""
    async with served(slack, tmp_path, SECRET, Then()) as running:
        yield running


async def test_slacks_own_vector_opens(web: Web) -> None:
    """The request of Slack's documentation, with its signature, is taken."""
    assert signature(SECRET, TIMESTAMP, BODY) == SIGNATURE
    headers = {"x-slack-request-timestamp": TIMESTAMP, "x-slack-signature": SIGNATURE}
    answer = await web.post("commands", BODY, headers)
    assert (answer.status_code, answer.text) == (200, "")
    await web.router.close()
    assert web.taken.envelopes[0].payload["user_id"] == "U2CERLKJA"
    assert web.taken.envelopes[0].kind == "slash_commands"


@pytest.mark.parametrize(
    ("timestamp", "given"),
    [
        ("", SIGNATURE),
        (TIMESTAMP, ""),
        (TIMESTAMP, SIGNATURE[:-1] + "4"),
        (TIMESTAMP, "v0="),
        ("not-a-number", SIGNATURE),
        ("1531420618.5", SIGNATURE),
        ("9" * 40, SIGNATURE),
        ("-1531420618", SIGNATURE),
        (str(int(TIMESTAMP) - 301), ""),
    ],
)
async def test_what_slack_did_not_sign_is_refused(web: Web, timestamp: str, given: str) -> None:
    """A signature that is missing or wrong, and a timestamp that is none, are 401, counted, and never a 500."""
    answer = await web.post("commands", BODY, {"x-slack-request-timestamp": timestamp, "x-slack-signature": given})
    assert answer.status_code == 401
    assert len(web.refused) == 1
    assert not web.taken.envelopes


@pytest.mark.parametrize("age", [301, -302])
async def test_a_request_may_not_be_older_than_five_minutes(web: Web, age: int) -> None:
    """What is signed rightly, but at another time, is refused: nobody plays it again."""
    timestamp = str(int(TIMESTAMP) - age)
    headers = {"x-slack-request-timestamp": timestamp, "x-slack-signature": signature(SECRET, timestamp, BODY)}
    assert (await web.post("commands", BODY, headers)).status_code == 401
    assert "5 minutes" in web.refused[0]


async def test_garbage_is_no_server_error(web: Web) -> None:
    """Signed garbage is a 400, too much is a 413, another method a 405, and bytes that are no text a 401."""
    for path, body in (
        ("interactivity", b"payload=no"),
        ("interactivity", b"payload=[]"),
        ("interactivity", b"x=1"),
        ("events", b"[" * 100_000),
        ("events", b'"text"'),
        ("commands", b"&".join(b"a=1" for _ in range(101))),
    ):
        assert (await web.post(path, body)).status_code == 400, body[:20]
    assert (await web.post("commands", b"a" * (MOST_BYTES + 1))).status_code == 413
    assert (await web.client.get(f"{web.url}/slack/commands")).status_code == 405
    assert (await web.post("commands", b"\xff\xfe")).status_code == 401


async def test_the_address_for_events_proves_itself(web: Web) -> None:
    """The challenge of `url_verification` is answered, if it is signed."""
    answer = await web.post("events", b'{"type": "url_verification", "challenge": "canary"}')
    assert answer.text == "canary"


async def test_mistakes_of_a_form_are_the_answer(web: Web) -> None:
    """What the form says goes back as JSON."""
    web.taken.answer = {"response_action": "errors", "errors": {"a": "no"}}
    answer = await web.post("interactivity", b'payload={"type": "view_submission"}')
    assert answer.json() == web.taken.answer


@needs_shared
async def test_recorded_requests_are_read(web: Web) -> None:
    """A recorded command and a recorded press arrive as they are."""
    command = (SHARED / "payloads/slack/slash_command.txt").read_bytes()
    press = (SHARED / "payloads/slack/block_actions.json").read_text()
    await web.post("commands", command)
    await web.post("interactivity", urlencode({"payload": press}).encode())
    await web.router.close()
    assert {one.type for one in web.taken.envelopes} == {"slash_commands", "block_actions"}
    assert dict(parse_qsl(command.decode())).items() <= web.taken.envelopes[0].payload.items()


async def test_slack_delivers_by_http(slack: LocalSlack, tmp_path: Path) -> None:
    """A Slack that sends signed requests gets its acknowledgements in time."""
    async with served(slack, tmp_path, slack.workspace.signing_secret, None) as web:
        addresses = {name: f"{web.url}/slack/{name}" for name in ("commands", "interactivity", "events")}
        slack.deliver_by_http(**addresses)
        assert (await slack.act.type_command(ALICE, INCIDENTS, "/firedoor help")).ok
        assert (await slack.act.shortcut(ALICE, "firedoor.open")).ok
        mention = slack.act.mention(ALICE, INCIDENTS, "status")
        assert mention is not None
        assert (await mention).ok
        await web.router.close()
    assert [one.type for one in web.taken.envelopes] == ["slash_commands", "shortcut", "events_api"]


async def test_a_sender_that_goes_away(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    """In the middle of its body: nothing is done, and nothing has failed."""
    host, _, port = web.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /slack/commands HTTP/1.1\r\nHost: door\r\nContent-Length: 100\r\n\r\ntoken=")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await web.post("commands", BODY)).status_code == 200
    assert [one for one in caplog.records if one.exc_info] == []
