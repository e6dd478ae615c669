"""`firedoor drill` from the command line, with everything real."""

import json
from pathlib import Path

from firedoor.errors import Exit
from tests.cli.conftest import Cli


def test_the_main_drill_proves_containment(cli: Cli, tmp_path: Path) -> None:
    """Exit code 0, the timeline, the sentence; what it leaves verifies."""
    kept = tmp_path / "kept"
    done = cli("drill", "--keep", str(kept))
    assert done.code == 0, done.out
    assert "DRILL" not in done.err
    assert "deactivate  contained" in done.out
    assert "\nTimeline\n" in done.out
    assert "✓ Contained" in done.out
    assert json.loads((kept / "result.json").read_text())["contained"] is True
    verified = cli("verify", str(kept / "incident.zip"), "--key", str(kept / "timeline.pub"), "-o", "json")
    assert json.loads(verified.out)["ok"] is True
    occupied = cli("drill", "--keep", str(kept))
    assert occupied.code == Exit.USAGE
    assert "is not empty" in occupied.err
