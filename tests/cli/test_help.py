"""The committed help is what the verbs' signatures and docstrings say."""

import pytest

from firedoor.cli.entry import TEXTS
from firedoor.cli.help import REFERENCE, reference, texts

PAGES = texts()


@pytest.mark.parametrize("name", PAGES)
def test_the_help_is_current(name: str) -> None:
    """Run `python -m firedoor.cli.help` after a change to a verb."""
    assert (TEXTS / f"{name}.txt").read_text(encoding="utf-8") == PAGES[name]


def test_the_reference_is_current() -> None:
    """Run `python -m firedoor.cli.help` after a change to a verb."""
    assert REFERENCE.read_text(encoding="utf-8") == reference(PAGES)


@pytest.mark.parametrize("name", [name for name in PAGES if name != "firedoor"])
def test_every_argument_is_explained(name: str) -> None:
    """No argument or option stands without a sentence."""
    rows = [line for line in PAGES[name].splitlines() if line.startswith(("  -", "  [A-Z]"))]
    assert all(len(row.split()) > 2 for row in rows)
