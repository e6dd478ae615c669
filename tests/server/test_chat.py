"""Slack as a part of the server: it opens once Temporal has answered, and what keeps it shut keeps nothing else shut."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from firedoor.config import Settings
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import INCIDENTS, TEAM
from firedoor.errors import UsageError
from firedoor.server import chat
from firedoor.server.app import create_app
from firedoor.server.chat import tokens
from firedoor.server.site import Site, open_site
from tests.server.conftest import NOWHERE, event, signed

SIGNING = "canary-signing-secret-0123"
EVENT = json.dumps({"type": "url_verification", "challenge": "are you there"}).encode()


def configured(home: Path, slack: LocalSlack, address: str = "", **more: str) -> Settings:
    """Settings with Slack and a door for alerts; `more` are settings of `[slack]`."""
    return Settings.model_validate(
        {
            "home": home,
            "task_queue": home.parent.name,
            "slack": {"base_url": slack.base_url, "team": TEAM, "channel": INCIDENTS, **more},
            "alerts": {"pagerduty": {"secrets": ["env:FIREDOOR_SECRET_SIGNING"]}},
            "secret_environment": {
                "FIREDOOR_SECRET_BOT": slack.workspace.bot_token,
                "FIREDOOR_SECRET_APP": slack.workspace.app_token,
                "FIREDOOR_SECRET_SIGNING": SIGNING,
            },
            "temporal_environment": {**NOWHERE, "TEMPORAL_ADDRESS": address} if address else NOWHERE,
        }
    )


BOT = {"bot_token": "env:FIREDOOR_SECRET_BOT"}
BY_SOCKET = BOT | {"app_token": "env:FIREDOOR_SECRET_APP"}
BY_HTTP = BOT | {"signing_secret": "env:FIREDOOR_SECRET_SIGNING"}


@asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[tuple[Site, httpx.AsyncClient]]:
    """A site, and a client of its application."""
    async with open_site(settings) as site:
        transport = httpx.ASGITransport(create_app(site))
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            yield site, client


async def ready(client: httpx.AsyncClient, holds: Callable[[dict[str, Any]], object]) -> httpx.Response:
    """The answer of /readyz, as soon as something holds of it."""
    async with asyncio.timeout(30):
        while not holds((answer := await client.get("/readyz")).json()):
            await asyncio.sleep(0.02)
    return answer


def from_slack(body: bytes, secret: str = SIGNING) -> dict[str, str]:
    """Slack's signature of now."""
    now = str(int(time.time()))
    signature = hmac.new(secret.encode(), f"v0:{now}:".encode() + body, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": now, "x-slack-signature": f"v0={signature}"}


def test_what_the_settings_say_of_slack(tmp_path: Path, slack: LocalSlack) -> None:
    """Nothing; enough; or too little, which is said before anything starts."""
    assert tokens(configured(tmp_path, slack)) is None
    both = tokens(configured(tmp_path, slack, **(BY_SOCKET | BY_HTTP)))
    assert both is not None
    assert both.ways() == "Socket Mode and signed requests to /slack/…"
    assert "xoxb" not in repr(both)
    with pytest.raises(UsageError, match="no way by which Slack's messages come in"):
        tokens(configured(tmp_path, slack, **BOT))


async def test_by_socket_mode(tmp_path: Path, slack: LocalSlack, temporal_address: str) -> None:
    """Everything is there: the server is ready. It has no address for Slack."""
    async with opened(configured(tmp_path / "home", slack, temporal_address, **BY_SOCKET)) as (site, client):
        answer = await ready(client, lambda said: said["ready"])
        assert answer.status_code == 200
        assert answer.json() == {"ready": True, "store": "ok", "temporal": "ok", "dispatcher": "ok", "slack": "ok"}
        assert (await client.post("/slack/events", content=EVENT)).status_code == 404
        assert slack.sockets.count == 1
        assert site.metrics.registry.get_sample_value("firedoor_temporal_connected") == 1.0
        with slack.down():
            answer = await ready(client, lambda said: said["slack"] != "ok")
        assert answer.json()["slack"] == "it has no connection by Socket Mode"


async def test_a_token_that_slack_does_not_take(
    tmp_path: Path, slack: LocalSlack, temporal_address: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever watches /readyz hears of it before the first incident; the log says what to do."""
    settings = configured(tmp_path / "home", slack, temporal_address, **BY_SOCKET)
    slack.workspace.tokens[slack.workspace.bot_token].revoked = True
    async with opened(settings) as (_, client):
        answer = await ready(client, lambda said: "auth.test" in said["slack"])
        assert answer.status_code == 503
        assert answer.json()["slack"] == "Slack refused auth.test: the token was revoked."
    assert "Make a new bot token" in caplog.text


async def test_by_http(tmp_path: Path, slack: LocalSlack, temporal_address: str) -> None:
    """Signed requests are taken, others are counted."""
    async with opened(configured(tmp_path / "home", slack, temporal_address, **BY_HTTP)) as (site, client):
        await ready(client, lambda said: said["slack"] == "ok")
        answer = await client.post("/slack/events", content=EVENT, headers=from_slack(EVENT))
        assert (answer.status_code, answer.text) == (200, "are you there")
        wrong = from_slack(EVENT, "canary-of-somebody-else")
        assert (await client.post("/slack/events", content=EVENT, headers=wrong)).status_code == 401
        value = site.metrics.registry.get_sample_value(
            "firedoor_failed_authentications_total", {"door": "slack", "remote": "others"}
        )
        assert value == 1.0


async def test_before_temporal_has_answered(tmp_path: Path, slack: LocalSlack) -> None:
    """Slack is asked to come again; alerts are taken."""
    async with opened(configured(tmp_path / "home", slack, **BY_HTTP)) as (_, client):
        assert (await client.get("/readyz")).json()["slack"] == "it waits for Temporal"
        answer = await client.post("/slack/events", content=EVENT, headers=from_slack(EVENT))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        alert = await client.post("/hooks/pagerduty", content=event(), headers=signed(event(), SIGNING))
        assert alert.status_code == 202


async def test_what_keeps_slack_shut(
    tmp_path: Path, slack: LocalSlack, temporal_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A timeline that cannot be opened: it is said, it is tried again, and alerts are taken all the same."""
    monkeypatch.setattr(chat, "PAUSE", 0.05)
    home = tmp_path / "home"
    home.mkdir()
    (home / "timeline.sqlite").write_text("not a timeline " * 100)
    async with opened(configured(home, slack, temporal_address, **BY_HTTP)) as (_, client):
        answer = await ready(client, lambda said: "timeline" in said["slack"])
        assert answer.status_code == 503
        alert = await client.post("/hooks/pagerduty", content=event(), headers=signed(event(), SIGNING))
        assert alert.status_code == 202
        (home / "timeline.sqlite").unlink()
        await ready(client, lambda said: said["slack"] == "ok")
