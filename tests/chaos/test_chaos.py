"""Faults at every point of a step's life, against real servers: what was promised holds after each."""

import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.chaos.cases import cases
from tests.chaos.laboratory import laboratory
from tests.chaos.table import findings, line, table, write


async def test_a_fault_of_each_kind_breaks_no_promise(tmp_path: Path, emulator: Path, microburst: Path) -> None:
    """The short form: one or two faults of each family."""
    async with laboratory(tmp_path, emulator, microburst) as lab:
        rows = await lab.run([case for case in cases() if case.short])
    assert not findings(rows), findings(rows)


@pytest.mark.chaos
async def test_no_fault_breaks_a_promise(
    tmp_path: Path,
    emulator: Path,
    microburst: Path,
    capsys: pytest.CaptureFixture[str],
    pytestconfig: pytest.Config,
) -> None:
    """The long form, and its table."""
    wanted = str(pytestconfig.getoption("--faults", "*"))

    def tell(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    chosen = [case for case in cases() if fnmatch(case.id, wanted)]
    if not chosen:
        pytest.skip(f"no case is called {wanted}")
    async with laboratory(tmp_path, emulator, microburst) as lab:
        rows = await lab.run(chosen, lambda row: tell(line(row)))
    tell(f"\n{table(rows)}\n")
    if pytestconfig.getoption("--write-faults", default=False):
        write(rows)
    assert not findings(rows), findings(rows)
