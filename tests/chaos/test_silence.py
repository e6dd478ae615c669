"""Slack is away: containment goes on, Slack is told all of it when it is back, and nothing twice."""

import asyncio
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.chaos.silence import SILENCES, silent
from tests.chaos.table import slack_table, write_slack

#: Of the long form: really ten minutes, at Slack's own pace.
SECONDS = 600.0
#: The one of the short form: it has a bit of everything.
SHORT = next(one for one in SILENCES if "back with" in one.name)


async def test_slack_is_away_for_seconds(tmp_path: Path) -> None:
    """The short form: refused, then limping, and `firedoor serve` killed twice."""
    told = await silent(tmp_path / "site", SHORT, 4.0, 0.05)
    assert told.kills == 2
    assert not told.findings, told.findings


@pytest.mark.chaos
async def test_slack_is_away_for_ten_minutes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pytestconfig: pytest.Config
) -> None:
    """The long form, all at once, and its table."""
    wanted = str(pytestconfig.getoption("--faults", "*"))
    chosen = [one for one in SILENCES if fnmatch(f"slack/{one.name}", wanted)]
    if not chosen:
        pytest.skip(f"no way in which Slack is away is called {wanted}")
    sites = [silent(tmp_path / str(number), one, SECONDS, 1.0) for number, one in enumerate(chosen)]
    every = await asyncio.gather(*sites)
    with capsys.disabled():
        sys.stdout.write(f"\n{slack_table(every)}\n")
    if pytestconfig.getoption("--write-faults", default=False):
        write_slack(every)
    broken = {told.silence.name: told.findings for told in every if told.findings}
    assert not broken, broken
