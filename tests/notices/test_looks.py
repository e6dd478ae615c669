"""The mails as they are seen: at the width of a phone and of a desk, in light and dark, and by who cannot see."""

from dataclasses import replace
from typing import Literal

import pytest
from playwright.sync_api import Page

from firedoor.config import Settings
from firedoor.customers.model import Dependency
from firedoor.notices.composing import Composer
from firedoor.notices.specimen import SOMEBODY, shown_to, specimen
from tests.browsing import DESKTOP, PHONE, Browser, judged

Looks = tuple[tuple[int, Literal["light", "dark"]], ...]

#: All notices have one layout: one of them is looked at in every way, the others where most goes wrong.
LOOKS: Looks = ((PHONE, "dark"), (DESKTOP, "light"), (PHONE, "light"), (DESKTOP, "dark"))
NOW = 1_777_939_200.0
LONG = Dependency(provider="openai", kind="user_key", name="A" * 90, id="key_0123456789")
#: A reader with everything that is hard to set: a long word for a name, a long name for a key, markup.
READER = replace(
    shown_to(SOMEBODY),
    name="<b>Donaudampfschifffahrtsgesellschaftskapitän</b> & Co.",
    credentials=(LONG, *SOMEBODY.credentials),
)


@pytest.mark.parametrize(
    ("name", "version", "language", "reminder", "looks"),
    [
        ("provider-keys-exposed", 1, "en", 0, LOOKS),
        ("provider-keys-exposed", 1, "de", 1, LOOKS[:2]),
        ("provider-keys-exposed", 2, "en", 0, LOOKS[:2]),
        ("provider-keys-exposed", 2, "de", 1, LOOKS[:2]),
        ("secret-disabled", 1, "de", 0, LOOKS[:2]),
    ],
)
def test_mail_reads_well(
    name: str, version: int, language: str, reminder: int, looks: Looks, settings: Settings, browser: Browser
) -> None:
    """axe-core minds nothing, and nothing sticks out, however wide and however dark it is."""
    composer = Composer(settings, specimen(settings, name, version, NOW))
    html = composer.compose(replace(READER, language=language), READER.ways[0], reminder).html

    def look(page: Page) -> None:
        page.set_content(html, wait_until="load")
        for width, scheme in looks:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            seen = judged(page)
            assert (seen.violations, seen.overflow) == ((), 0), (width, scheme)

    browser.visit(look)


def test_dark_mail_is_dark(settings: Settings, browser: Browser) -> None:
    """Who likes it dark gets light letters on a dark ground, and the other way round."""
    composer = Composer(settings, specimen(settings, "provider-keys-exposed", 1, NOW))
    html = composer.compose(READER, READER.ways[0]).html

    def ground(page: Page) -> str:
        page.set_content(html, wait_until="load")
        return str(page.evaluate("getComputedStyle(document.querySelector('.sheet')).backgroundColor"))

    assert browser.visit(ground) == "rgb(255, 255, 255)"
    assert browser.visit(ground, dark=True) == "rgb(26, 33, 41)"
