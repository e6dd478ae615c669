"""The committed help is what the verbs' signatures and docstrings say."""

import re

import pytest

from firedoor.cli.app import build
from firedoor.cli.entry import TEXTS
from firedoor.cli.help import REFERENCE, reference, texts
from firedoor.cli.verbs import VERBS, Verb

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


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_option_is_named(verb: Verb) -> None:
    """Also one that begins with `--no-`: nobody can use what the help describes without its name."""
    page = PAGES[verb.name].partition("\n\nOptions\n")[2]
    shown = {name for line in page.splitlines() for name in re.findall(r"^  (?:-\w, )?(--[a-z-]+)", line)}
    options = [
        one
        for one in build()[verb.name].assemble_argument_collection()
        if one.show and not one.field_info.is_positional
    ]
    assert all(shown & set(one.names) for one in options)
