"""Options of `make chaos`, and the programs that the faults need."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which faults, and where their table goes."""
    group = parser.getgroup("chaos")
    group.addoption("--faults", default="*", metavar="PATTERN", help="only these cases of the long form: 'disk/*'")
    group.addoption("--write-faults", action="store_true", help="write the table into docs/reference/faults.md")


@pytest.fixture
def microburst(emulator: Path) -> Path:
    """The proxy between the workers and AWS: it stands beside the emulator."""
    return emulator.with_name("microburst")
