from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sending import Desk, desk


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Desk]:
    """The stores of a campaign."""
    with desk(tmp_path) as opened:
        yield opened
