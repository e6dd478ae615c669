"""`firedoor report` from the command line."""

import json
from pathlib import Path

import pytest

from firedoor.config import load
from firedoor.errors import Exit
from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.store import Timeline
from tests.cli.conftest import Cli


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with one incident that has ended."""
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path / "home"))
    settings = load()
    with Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as timeline:
        timeline.append(
            [
                Draft(Kind.INCIDENT_OPENED, "inc-1", "open", {"say": "Close the door: opened by user:ada"}),
                Draft(Kind.INCIDENT_CLOSED, "inc-1", "close", {"say": "Contained.", "verdict": "contained"}),
            ]
        )
    return tmp_path


def test_a_page_and_the_bundle_that_proves_it(cli: Cli, home: Path) -> None:
    """Both are written, the bundle verifies, and the export is on record with its purpose."""
    page = home / "report.html"
    done = cli("report", "inc-1", str(page))
    assert done.code == 0, done.err
    assert "the report of inc-1" in done.out
    assert "Close the door: report" in page.read_text()
    assert cli("verify", str(home / "report.zip")).code == 0
    assert "exported for the report report.html" in cli("timeline", "inc-1").out
    facts = json.loads(cli("report", "inc-1", str(home / "again.md"), "-o", "json").out)
    assert (facts["incident"], facts["verified"], facts["entries"]) == ("inc-1", True, 4)


def test_what_is_there_is_not_overwritten(cli: Cli, home: Path) -> None:
    """Neither a page nor a bundle."""
    (home / "report.zip").write_text("mine")
    refused = cli("report", "inc-1", str(home / "report.html"))
    assert refused.code == Exit.USAGE
    assert "report.zip exists" in refused.err
    assert not (home / "report.html").exists()
