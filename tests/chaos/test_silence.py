"""Slack is away: containment goes on, Slack is told all of it when it is back, and nothing twice."""

from pathlib import Path

import pytest

from tests.chaos.silence import SILENCES, silent

SECONDS = 600.0


@pytest.mark.parametrize("number", [1, 3])
async def test_slack_is_away_for_seconds(tmp_path: Path, number: int) -> None:
    """The short form: refused or deaf, and `firedoor serve` killed twice."""
    told = await silent(tmp_path / "site", SILENCES[number], 4.0, 0.05)
    assert told.kills == 2
    assert not told.findings, told.findings
