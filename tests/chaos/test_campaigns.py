"""Campaigns while mail, Slack, stores, the clock and processes fail: nobody is told twice, and nobody is lost."""

import asyncio
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.chaos.campaign_cases import CASES, SHORT, Case, run
from tests.chaos.campaigns import Told
from tests.chaos.table import campaigns_table, write_campaigns

#: Each has six processes of its own.
AT_ONCE = 3


async def test_a_killed_worker_tells_nobody_twice(tmp_path: Path, microburst: Path) -> None:
    """The short form, with few customers, who are reminded as soon as they are followed."""
    told = await run(SHORT, tmp_path / "site", microburst, count=12, remind=1)
    assert told.kills == 1
    assert not told.findings, told.findings


@pytest.mark.chaos
async def test_whatever_fails_everybody_is_told_once(
    tmp_path: Path, microburst: Path, capsys: pytest.CaptureFixture[str], pytestconfig: pytest.Config
) -> None:
    """The long form: each case in an installation of its own."""
    wanted = str(pytestconfig.getoption("--faults", "*"))
    chosen = [one for one in CASES if fnmatch(f"campaign/{one.name}", wanted)]
    if not chosen:
        pytest.skip(f"no case of a campaign is called {wanted}")
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, case: Case) -> Told:
        async with turns:
            told = await run(case, tmp_path / str(number), microburst)
        with capsys.disabled():
            sys.stdout.write(f"{told}\n")
            sys.stdout.flush()
        return told

    every = await asyncio.gather(*(one(number, case) for number, case in enumerate(chosen)))
    with capsys.disabled():
        sys.stdout.write(f"\n{campaigns_table(every)}\n")
    if pytestconfig.getoption("--write-faults", default=False):
        write_campaigns(every)
    broken = {told.case: told.findings for told in every if told.findings}
    assert not broken, broken
