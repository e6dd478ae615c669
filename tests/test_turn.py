"""Whose turn it is."""

from pathlib import Path

import pytest

from firedoor.turn import Turn, TurnError


def test_a_turn_is_given_back(tmp_path: Path) -> None:
    """A lock that its holder gives up is free for others."""
    first, second = Turn(tmp_path / "lock"), Turn(tmp_path / "lock")
    assert first.take()
    assert first.take()
    assert not second.take()
    first.give()
    assert second.take()
    second.give()


def test_a_lock_that_cannot_be_opened(tmp_path: Path) -> None:
    """A sentence, no traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(TurnError, match="cannot be opened"):
        Turn(tmp_path / "file" / "lock").take()
