"""An AWS account for each test."""

import pytest

from firedoor.drill.emulators import Aws
from tests.emulators import Emulator


@pytest.fixture
def aws(ministack_server: Emulator) -> Aws:
    """ministack, enforcing, empty: the one of the run, for starting one takes longer than most tests."""
    ministack_server.reset()
    return Aws(ministack_server.url)
