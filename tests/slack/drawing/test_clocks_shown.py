"""The clocks of an incident in its message: the nearest first, in small print, with what this is not."""

from typing import Any

from firedoor.clock import ClockState, ClockView
from firedoor.slack.drawing import blocks
from firedoor.slack.drawing.picture import Picture
from tests.cli.pictures import NOW, VIEW
from tests.slack.seen import judged


def clock(name: str, state: ClockState, due: str = "", **fields: Any) -> ClockView:
    """A clock."""
    return ClockView(name=name, state=state, due=due, **fields)


def test_what_is_owed_is_shown_and_what_is_over_is_not() -> None:
    """Missed, near, at once, waiting; five at most."""
    clocks = (
        clock("over", ClockState.MET, at="2026-11-23T10:00:00Z"),
        clock("waits", ClockState.WAITING, starts="it was decided that it is material"),
        clock("at_once", ClockState.RUNNING, started="2026-11-23T10:00:00Z"),
        clock("near", ClockState.RUNNING, "2026-11-24T10:00:00Z", title="GDPR 33(1) <!channel>"),
        clock("late", ClockState.MISSED, "2026-11-22T10:00:00Z"),
        *(clock(f"later_{number}", ClockState.RUNNING, "2026-12-24T10:00:00Z") for number in range(3)),
    )
    message = blocks.incident(Picture(VIEW.model_copy(update={"clocks": clocks}), NOW))
    judged(message.blocks)
    [small] = [one for one in message.blocks if "Not legal advice" in str(one)]
    said = small["elements"][0]["text"].splitlines()
    assert said[0].startswith("✗ *late: MISSED*, was due <!date^")
    assert said[1].startswith("◷ GDPR 33(1) &lt;!channel&gt;: due <!date^")
    assert said[-2:] == ["and 2 more: `firedoor clocks`", "_Not legal advice; confirm with counsel._"]
    assert "over" not in small["elements"][0]["text"]


def test_an_incident_without_clocks_says_nothing_of_them() -> None:
    """Nothing owed, no block."""
    assert "legal advice" not in str(blocks.incident(Picture(VIEW, NOW)).blocks)
