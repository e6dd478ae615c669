"""The customer's page in a real browser: at the width of a phone and of a desk, light and dark, with a keyboard only."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page

from firedoor.campaign import Found
from firedoor.config import Settings
from firedoor.customers.model import Dependency
from firedoor.notices.links import Link, Links, Purpose
from firedoor.outbox.store import Outbox
from firedoor.recipient import Measure
from firedoor.server.serving import listen, serve
from firedoor.server.site import Site
from tests.browsing import DESKTOP, PHONE, Browser, Look, judged
from tests.campaigning import ANTHROPIC, CAMPAIGN, OPENAI, PREPARED, campaign, recipient
from tests.server.sns import Sns

LONG = Dependency(provider="openai", kind="user_key", name="W" * 120, id="key_" + "x" * 90, scope="proj_canary")
DAY = 86_400


@dataclass(frozen=True)
class Shop:
    """A server for customers, and where they are."""

    settings: Settings
    url: str

    def link(self, *, expires: float) -> str:
        """A customer's address."""
        link = Link(CAMPAIGN, "muster", "security", int(expires), Purpose.ACKNOWLEDGE)
        return f"{self.url}/n/{Links.open(self.settings).token(link)}"


@pytest.fixture
async def shop(tmp_path: Path, near: Sns) -> AsyncIterator[Shop]:
    """It has told a customer with three keys, of which one is replaced and one could not be checked."""
    with listen("127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings = Settings.model_validate(
            {
                "home": tmp_path / "home",
                "server": {"public_url": url},
                "notices": {"company": "Acme Gateway", "support": "security@acme.example"},
                "temporal_environment": {"TEMPORAL_ADDRESS": "127.0.0.1:1", "TEMPORAL_CONFIG_FILE": "/dev/null"},
            }
        )
        campaign(
            settings.outbox_path,
            [recipient("muster", 0, (OPENAI, ANTHROPIC, LONG), name="Müller & Söhne <GmbH>")],
            spec={"escalates": 4 * DAY},
            drill=True,
        )
        found = [
            Measure(0, Found.SAME, "", 0, PREPARED, PREPARED + DAY),
            Measure(1, Found.CHANGED, "", PREPARED, PREPARED, PREPARED),
        ]
        with Outbox.open(settings.outbox_path) as outbox:
            outbox.measured(CAMPAIGN, {"muster": found}, PREPARED)
        opened: asyncio.Future[Site] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(serve(settings, listening, opened.set_result, near.fetch()))
        await opened
        try:
            yield Shop(settings, url)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            with contextlib.suppress(asyncio.CancelledError):
                await task


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
async def test_everybody_can_use_the_page(shop: Shop, browser: Browser, width: int, dark: bool) -> None:
    """Before and after the button, which a keyboard reaches first, and of a link that is too old: nothing to mind.

    The page is as wide as the window, keeps to its own policy, and loads nothing but itself.
    """
    link, old = shop.link(expires=time.time() + DAY), shop.link(expires=time.time() - DAY)
    complaints: list[str] = []
    loaded: list[str] = []

    def look(page: Page) -> list[Look]:
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: loaded.append(request.url))
        page.goto(link)
        before = judged(page)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.tagName") == "BUTTON"
        page.keyboard.press("Enter")
        page.get_by_text("You acknowledged this notice on").wait_for()
        assert page.url == link
        after = judged(page)
        page.goto(old)
        return [before, after, judged(page)]

    looks = await asyncio.to_thread(browser.visit, look, width=width, dark=dark)
    assert [one.violations for one in looks] == [(), (), ()]
    assert [one.overflow for one in looks] == [0, 0, 0]
    assert set(loaded) <= {link, old}
    assert not [one for one in complaints if "410 (Gone)" not in one]
    with Outbox.open(shop.settings.outbox_path) as outbox:
        assert outbox.recipient(CAMPAIGN, "muster").acknowledged
