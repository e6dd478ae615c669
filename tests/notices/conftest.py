"""Notices for tests: a folder of one's own, and a notice in it without a mistake."""

from pathlib import Path

import pytest

from firedoor.config import Settings
from firedoor.notices.folder import Notice, read_notice
from tests.noticing import TEXTS, Write


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation that can send, with a folder of notices of its own."""
    (tmp_path / "notices").mkdir()
    return Settings.model_validate(
        {
            "home": tmp_path / "home",
            "server": {"public_url": "https://notices.beacon.example"},
            "notices": {"folder": str(tmp_path / "notices"), "company": "Beacon AI", "support": "help@beacon.example"},
        }
    )


@pytest.fixture
def write(settings: Settings) -> Write:
    """Write a notice: one without a mistake, but for the files that are given. Empty ones are left out."""

    def _write(name: str = "test", **changed: str) -> Notice:
        folder = Path(settings.notices.folder) / name
        given = {path.replace("__", "/").replace("_", "."): text for path, text in changed.items()}
        for path, text in (TEXTS | given).items():
            if text:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text, encoding="utf-8")
        return read_notice(folder)

    return _write
