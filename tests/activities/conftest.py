"""Emulators for the tests of step functions, one of each for the whole run."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.activities.wire import Wire, wired
from tests.emulators import Emulator, People, moto


@pytest.fixture
def people(aws: Emulator) -> People:
    """Makes users and roles in the emulator's own account."""
    return People(aws)


@pytest.fixture(scope="session")
def moto_server(emulator: Path) -> Iterator[Emulator]:
    """One moto for the run: it stands beside ministack, or where `FIREDOOR_MOTO` says."""
    with moto(Path(os.environ.get("FIREDOOR_MOTO") or emulator.parent / "moto_server")) as running:
        yield running


@pytest.fixture
def wire(aws: Emulator) -> Iterator[Wire]:
    """A scriptable proxy before the emulator."""
    with wired(aws) as running:
        yield running


@pytest.fixture
def moto_wire(moto_server: Emulator) -> Iterator[Wire]:
    """A proxy before moto with nothing in it."""
    moto_server.reset("/moto-api/reset")
    with wired(moto_server) as running:
        yield running
