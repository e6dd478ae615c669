"""Notices to webhooks: what they get, what their answers mean, and where nobody can make firedoor call."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from activities.transports import webhook as webhooks
from activities.transports._transport import (
    BouncedError,
    DoubtError,
    LaterError,
    Letter,
    Receipt,
    RejectedError,
    TransportError,
)
from activities.transports.webhook import open_webhooks
from firedoor.alerts import Lock, standard_webhooks
from firedoor.drill.certificate import loopback_certificate
from firedoor.errors import StepError, UsageError
from firedoor.mailing import Webhooks
from tests.activities.transports.letters import RENDERED, letter

KEY = "whsec_" + base64.b64encode(b"canary-canary-canary").decode()
#: What a test permits besides the internet.
HERE = ("127.0.0.0/8",)
#: In place of a status: the connection ends after the call was read; nothing is ever answered.
LOSE, STALL = -1, -2


@dataclass
class Hook:
    """A customer's server. Its answers come in their order, and then it is content."""

    answers: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def answer(self, request: web.Request) -> web.Response:
        """Take a call."""
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        status, headers = self.answers.pop(0) if self.answers else (200, {})
        if status == LOSE:
            assert request.transport is not None
            request.transport.abort()
        if status == STALL:
            await request.content.wait_eof()
            await asyncio.Event().wait()
        return web.Response(status=abs(status), headers=headers)


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncGenerator[Hook]:
    """It listens on loopback."""
    hook = Hook()
    app = web.Application()
    app.router.add_post("/hook", hook.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    hook.port = runner.addresses[0][1]
    try:
        yield hook
    finally:
        await runner.cleanup()


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    """A customer's server."""
    async with serving() as running:
        yield running


async def called(address: str, *, known: Mapping[str, str] | None = None, **fields: Any) -> Receipt | TransportError:
    """What becomes of a letter to a webhook."""

    def secret(reference: str) -> SecretStr:
        if reference not in (known or {}):
            raise StepError("not_found", f"There is no value at {reference}.")
        return SecretStr((known or {})[reference])

    transport = open_webhooks(Webhooks.model_validate({"networks": HERE, "timeout": 0.4} | fields), secret)
    try:
        (outcome,) = await transport.send([to(address)])
        return outcome
    finally:
        await transport.close()


def to(address: str) -> Letter:
    """A letter to a webhook."""
    return letter(channel="webhook", address=address)


async def test_a_webhook_gets_the_notice_signed(hook: Hook) -> None:
    """As Standard Webhooks has it: firedoor's own door for such calls opens. The id stays the same."""
    secrets = {"env:FIREDOOR_SECRET_HOOKS": KEY}
    for _ in range(2):
        outcome = await called(hook.url, known=secrets, secret="env:FIREDOOR_SECRET_HOOKS")
        assert outcome == Receipt("HTTP 200", delivered=True)
    for headers, body in hook.got:
        standard_webhooks.authenticate(headers, body, Lock(now=datetime.now(UTC), secrets=(SecretStr(KEY),)))
        assert headers["webhook-id"] == to("").key
        said = json.loads(body)
        assert said["type"] == "firedoor.notice"
        assert (said["data"]["subject"], said["data"]["text"]) == (RENDERED.subject, RENDERED.text)
        assert said["data"]["customer"] == "c-1"


async def test_without_a_secret_nothing_is_signed(hook: Hook) -> None:
    """And the address may be a secret itself: then the registry holds where it lies."""
    outcome = await called("env:FIREDOOR_SECRET_ACME", known={"env:FIREDOOR_SECRET_ACME": hook.url})
    assert isinstance(outcome, Receipt)
    assert "webhook-signature" not in hook.got[0][0]
    gone = await called("env:FIREDOOR_SECRET_GONE")
    assert isinstance(gone, BouncedError)


async def test_slacks_incoming_webhooks_get_blocks(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the host of their address."""
    monkeypatch.setattr(webhooks, "SLACK", "127.0.0.1")
    assert isinstance(await called(hook.url), Receipt)
    said = json.loads(hook.got[0][1])
    assert said["text"] == RENDERED.subject
    assert [block["type"] for block in said["blocks"]] == ["header", "section"]


ANSWERS = [
    (204, Receipt),
    (302, BouncedError),
    (400, RejectedError),
    (401, BouncedError),
    (404, BouncedError),
    (410, BouncedError),
    (429, LaterError),
    (500, DoubtError),
    (502, DoubtError),
    (503, LaterError),
    (LOSE, DoubtError),
    (STALL, DoubtError),
]


@pytest.mark.parametrize(("status", "means"), ANSWERS)
async def test_what_answers_mean(hook: Hook, status: int, means: type[Receipt | TransportError]) -> None:
    """What is lost after the call had left us may have arrived; it is called once."""
    hook.answers.append((status, {"Retry-After": "9", "Location": "http://127.0.0.1:1/elsewhere"}))
    outcome = await called(hook.url)
    assert type(outcome) is means
    assert len(hook.got) == 1
    if isinstance(outcome, LaterError):
        assert outcome.seconds == 9


async def test_nobody_listens() -> None:
    """No connection was made: later."""
    assert isinstance(await called("http://127.0.0.1:1/hook"), LaterError)


@pytest.mark.parametrize(
    ("address", "leads_to"),
    [
        ("https://127.0.0.1/hook", ()),
        ("https://[::1]/hook", ()),
        ("https://169.254.169.254/latest", ()),
        ("https://[::ffff:10.0.0.1]/hook", ()),
        ("https://hooks.customer.example/hook", ("10.1.2.3",)),
        ("https://hooks.customer.example/hook", ("93.184.216.34", "127.0.0.1")),
        ("http://hooks.customer.example/hook", ("93.184.216.34",)),
        ("https://user:canary@hooks.customer.example/hook", ()),
        ("https://hooks.customer.example:0/hook", ()),
        ("https://", ()),
        ("ftp://hooks.customer.example/", ()),
    ],
)
async def test_only_the_internet_is_called(
    address: str, leads_to: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A customer chooses the address: not this machine, its network, a cloud's metadata, and nothing in clear."""
    monkeypatch.setattr(webhooks, "addresses", lambda host: leads_to)
    outcome = await called(address, networks=())
    assert isinstance(outcome, BouncedError)
    assert "canary" not in str(outcome)


async def test_in_clear_only_a_network_that_is_permitted_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever name leads to the internet is not."""
    monkeypatch.setattr(webhooks, "addresses", lambda host: ("93.184.216.34",))
    assert isinstance(await called("http://hooks.customer.example/hook"), BouncedError)


async def test_a_server_has_to_prove_who_it_is(tmp_path: Path) -> None:
    """A certificate by nobody is not taken."""
    async with serving(loopback_certificate(tmp_path)[1]) as hook:
        outcome = await called(hook.url.replace("http:", "https:"))
        assert isinstance(outcome, BouncedError)
        assert hook.got == []


async def test_what_is_in_doubt_stays_so() -> None:
    """No webhook can be asked."""
    transport = open_webhooks(Webhooks(), lambda reference: SecretStr(""))
    with pytest.raises(DoubtError):
        await transport.find(to("https://hooks.customer.example/"))


def test_the_pace_is_by_host() -> None:
    """Slack's incoming webhooks have one each."""
    transport = open_webhooks(Webhooks(), lambda reference: SecretStr(""))
    slack = "https://hooks.slack.com/services/T0/B0/canary"
    assert transport.pace("https://hooks.customer.example/a") == (("webhook hooks.customer.example", 5.0),)
    assert transport.pace(slack) == ((f"webhook {slack}", 1.0),)
    assert transport.pace("env:FIREDOOR_SECRET_ACME") == (("webhook env:FIREDOOR_SECRET_ACME", 5.0),)


@pytest.mark.parametrize("secret", ["short", "whsec_%%%", "whsec_Y2FuYXJ5"])
def test_a_key_that_can_be_guessed_is_refused(secret: str) -> None:
    """The sentence says how to make one."""
    with pytest.raises(UsageError, match=r"\[webhooks\] secret"):
        open_webhooks(Webhooks(secret="env:FIREDOOR_SECRET_HOOKS"), lambda reference: SecretStr(secret))
