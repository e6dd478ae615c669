"""Settings with a door of each kind, a site that is open, and a client that speaks to its application."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from firedoor.config import Settings
from firedoor.deliveries import Deliveries, Delivery, ledger
from firedoor.errors import FiredoorError
from firedoor.server import guard, protocol, serving
from firedoor.server.app import create_app
from firedoor.server.serving import listen, serve
from firedoor.server.site import Site, open_site
from tests.server.sns import TOPIC, Sns, sns
from tests.server.wire import Served

SECRET = "canary-secret-of-pagerduty"
OTHER = "canary-secret-of-splunk-0123"

#: Temporal is nowhere: what is delivered stays as it was received.
NOWHERE = {"TEMPORAL_ADDRESS": "127.0.0.1:1", "TEMPORAL_CONFIG_FILE": "/dev/null"}
DOORS: dict[str, dict[str, Any]] = {
    "pagerduty": {"secrets": ["env:FIREDOOR_SECRET_PAGERDUTY"]},
    "siem": {"source": "splunk", "secrets": ["env:FIREDOOR_SECRET_SPLUNK"], "header": "x-siem"},
    "guardduty": {"topics": [TOPIC]},
}
SECRETS = {"FIREDOOR_SECRET_PAGERDUTY": SECRET, "FIREDOOR_SECRET_SPLUNK": OTHER}


def event(number: int = 1, **others: object) -> bytes:
    """What PagerDuty sends of an incident."""
    incident = {"id": f"PGR{number}", "type": "incident", "title": "A key leaked", "status": "triggered"}
    data = {
        "id": f"01{number}",
        "event_type": "incident.triggered",
        "resource_type": "incident",
        "occurred_at": "2026-11-29T11:00:00.000Z",
        "data": incident | {"html_url": "https://acme.pagerduty.com/incidents/PGR", "urgency": "high"},
    }
    return json.dumps({"event": data, **others}).encode()


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """PagerDuty's signature over a body."""
    return {"x-pagerduty-signature": f"v1={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"}


def request(body: bytes, *headers: str, path: str = "/hooks/pagerduty", length: int | None = None) -> bytes:
    """A delivery as it goes over the wire, for one answer."""
    lines = [f"POST {path} HTTP/1.1", "Host: door", "Connection: close", *headers]
    lines += [f"{name}: {value}" for name, value in signed(body).items()]
    lines += [f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.fixture(scope="session")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sns]:
    """SNS on this machine."""
    with sns(tmp_path_factory.mktemp("sns")) as found:
        yield found


@pytest.fixture
def near(far: Sns) -> Sns:
    """SNS, asked nothing yet, which gives its certificate and confirms what it is asked to."""
    far.asked.clear()
    far.answer = lambda path: (200, {}, far.pem if path.endswith(".pem") else b"<ConfirmSubscriptionResponse/>")
    return far


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Three doors, in a home of their own."""
    return Settings.model_validate(
        {"home": tmp_path / "home", "alerts": DOORS, "secret_environment": SECRETS, "temporal_environment": NOWHERE}
    )


@pytest.fixture
async def site(settings: Settings, near: Sns) -> AsyncIterator[Site]:
    """It is open."""
    async with open_site(settings, near.fetch()) as found:
        yield found


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to the site's application, without a network."""
    transport = httpx.ASGITransport(create_app(site), client=("192.0.2.7", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as found:
        yield found


@pytest.fixture
async def served(settings: Settings, near: Sns, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    """A server runs, and is less patient than it should be."""
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.3)
    monkeypatch.setattr(serving, "MOST_CONNECTIONS", 5)
    opened: asyncio.Future[Site] = asyncio.get_running_loop().create_future()
    with listen("127.0.0.1", 0) as listening:
        task = asyncio.create_task(serve(settings, listening, opened.set_result, near.fetch()))
        site = await opened
        try:
            yield Served(listening.getsockname()[1], site, task)
        finally:
            if not task.done():
                os.kill(os.getpid(), signal.SIGTERM)
            with contextlib.suppress(FiredoorError):
                await task


async def stored(deliveries: Deliveries) -> list[Delivery]:
    """What is in the store, the newest first."""
    return [await deliveries.find(one.id) for one in await deliveries.look(ledger.listed)]
