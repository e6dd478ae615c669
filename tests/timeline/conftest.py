"""A timeline in a temporary folder, and what is written to it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.store import Timeline

LOG = "firedoor.example/test"

Opener = Callable[[], Timeline]
Drafter = Callable[..., Draft]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    """Opens the test's timeline, as often as it is called; closes all."""
    timelines: list[Timeline] = []

    def open_timeline() -> Timeline:
        timelines.append(Timeline.open(tmp_path / "timeline.sqlite", tmp_path / "timeline.key", LOG, busy_seconds=0.5))
        return timelines[-1]

    yield open_timeline
    for timeline in timelines:
        timeline.close()


@pytest.fixture
def timeline(opened: Opener) -> Timeline:
    """An open, empty timeline."""
    return opened()


@pytest.fixture
def note() -> Drafter:
    """Makes a note: `note(number)`, with more fields of its body as keywords."""

    def draft(number: int, incident: str = "inc-1", scope: str = "", **body: Any) -> Draft:
        full = {"actor": {"kind": "human", "id": "user:ada"}, "say": f"Note {number}", **body}
        return Draft(Kind.NOTE, incident, f"{incident}/note/{number}", full, scope)

    return draft
