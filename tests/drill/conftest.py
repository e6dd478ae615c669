"""An AWS emulator of a test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firedoor.drill.emulators import Aws, start_aws
from firedoor.supervisor import Supervisor


@pytest.fixture
async def aws(tmp_path: Path, emulator: Path) -> AsyncIterator[Aws]:
    """ministack, enforcing, empty."""
    async with Supervisor() as supervisor:
        yield await start_aws(supervisor, str(emulator), tmp_path / "emulator")
