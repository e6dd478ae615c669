"""A real browser for tests: the system's Chromium, driven by playwright, with axe-core as the judge of accessibility.

Playwright's event loop would be in the way of the tests' own, so the browser has a thread to itself. It reaches loopback
and nothing else.
"""

import shutil
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, Playwright, Route, sync_playwright

Seen = TypeVar("Seen")

MISSING = "No Chromium was found on PATH: install it (Debian: apt-get install --no-install-recommends chromium fonts-dejavu-core)."
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE, DESKTOP = 360, 1200
LOCAL = ("http://127.0.0.1", "http://localhost", "http://[::1]", "about:", "data:", "file:")
#: What axe-core is asked: WCAG 2.2 to AA, and its own good practice.
RULES = {"resultTypes": ["violations"]}


@dataclass(frozen=True)
class Look:
    """What is seen of a page: a PNG of all of it, what axe-core minds, by how many pixels it is too wide."""

    png: bytes
    violations: tuple[str, ...]
    overflow: int


class Browser:
    """One Chromium. `visit` gives a new page to a function, in the browser's own thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="browser")
        self._playwright: Playwright | None = None
        self._chromium: Chromium | None = None

    def visit(self, look: Callable[[Page], Seen], *, width: int = DESKTOP, dark: bool = False) -> Seen:
        """What `look` gives of a new, empty page that is `width` pixels wide and likes it light or dark."""
        return self._thread.submit(self._visit, look, width, dark).result()

    def close(self) -> None:
        """End the browser and its thread."""
        self._thread.submit(self._end).result()
        self._thread.shutdown()

    def _visit(self, look: Callable[[Page], Seen], width: int, dark: bool) -> Seen:
        context = self._started().new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
        )
        try:
            context.route("**/*", _loopback_only)
            return look(context.new_page())
        finally:
            context.close()

    def _started(self) -> Chromium:
        if self._chromium is None:
            program = next(filter(None, map(shutil.which, PROGRAMS)), None)
            assert program, MISSING
            self._playwright = sync_playwright().start()
            self._chromium = self._playwright.chromium.launch(executable_path=program, args=FLAGS)
        return self._chromium

    def _end(self) -> None:
        if self._chromium is not None:
            self._chromium.close()
        if self._playwright is not None:
            self._playwright.stop()


@contextmanager
def browser_running() -> Generator[Browser]:
    """A browser, which starts with its first page."""
    browser = Browser()
    try:
        yield browser
    finally:
        browser.close()


def judged(page: Page) -> Look:
    """What there is to see of a page that is loaded."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    found = Axe().run(page, options=RULES).response["violations"]
    minded = tuple(f"{one['id']}: {one['help']}: {node['html']}" for one in found for node in one["nodes"])
    return Look(page.screenshot(full_page=True), minded, int(wide))


def shown(browser: Browser, html: str, *, width: int = DESKTOP, dark: bool = False) -> Look:
    """What there is to see of a document."""

    def look(page: Page) -> Look:
        page.set_content(html, wait_until="load")
        return judged(page)

    return browser.visit(look, width=width, dark=dark)


def _loopback_only(route: Route) -> None:
    if route.request.url.startswith(LOCAL):
        route.continue_()
    else:
        route.abort()
