"""What a customer's page shows of its keys, without a page."""

from pathlib import Path

from firedoor.customers.model import Dependency
from firedoor.server.pages.phrases import phrases
from firedoor.server.pages.sheet import sheet
from tests.campaigning import campaign, recipient


def test_keys_without_a_name_can_be_told_apart(tmp_path: Path) -> None:
    """They are called as in the notice, by the last part of their place; the place itself is nobody's business."""
    keys = [
        Dependency(provider="openai", store="aws-sm:customers/acme/batch"),
        Dependency(provider="openai", store="aws-sm:customers/acme/chat"),
        Dependency(provider="openai", store="aws-sm:customers/acme/eval", id="key_3"),
    ]
    reader = recipient("acme", 0, keys)
    row = campaign(tmp_path / "outbox.sqlite", [reader])
    shown = sheet(row, reader, (), phrases("en"), copy="", address="")
    assert [(one.name, one.id) for one in shown.keys] == [("batch", ""), ("chat", ""), ("", "key_3")]
