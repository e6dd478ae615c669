"""The clocks of an incident in its message: what is owed, nearest first, in small print."""

from collections.abc import Iterator

from firedoor.clock import NOT_ADVICE, OPEN, ClockState, ClockView, nearest_first
from firedoor.slack.drawing.fields import Block
from firedoor.slack.drawing.markup import context, moment, safe
from firedoor.slack.drawing.picture import Picture

#: As many are shown; `firedoor clocks` has all of them.
MOST = 5
MOST_TITLE = 80


def clocks(picture: Picture) -> Iterator[Block]:
    """One block, or none where nothing is owed."""
    owed = [one for one in nearest_first(picture.view.clocks) if one.state in OPEN]
    if owed:
        more = [f"and {len(owed) - MOST} more: `firedoor clocks`"] if len(owed) > MOST else []
        yield context(*(_line(one, picture) for one in owed[:MOST]), *more, f"_{NOT_ADVICE}_")


def _line(one: ClockView, picture: Picture) -> str:
    name = safe(one.title or one.name, MOST_TITLE)
    if one.state is ClockState.WAITING:
        return f"○ {name}: starts when {safe(one.starts, MOST_TITLE)}"
    if not one.due:
        return f"◷ {name}: without undue delay"
    if one.state is ClockState.MISSED:
        return f"✗ *{name}: MISSED*, was due {moment(one.due, picture.now)}"
    return f"◷ {name}: due {moment(one.due, picture.now)}"
