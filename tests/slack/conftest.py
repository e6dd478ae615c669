"""What tests of Slack share."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from firedoor.drill.slack.local import LocalSlack
from tests.slack.front import Inbound, inbound_at


@pytest.fixture
async def inbound(
    slack: LocalSlack, temporal_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Inbound]:
    """A door with a worker, listening by Socket Mode."""
    async with inbound_at(slack, temporal_address, tmp_path, monkeypatch) as running:
        yield running
