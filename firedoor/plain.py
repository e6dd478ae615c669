"""Text that may come from an attacker (user names, error messages), made safe to be shown. Pure.

Each place where such text ends has one function: `plain` here for terminals; `timeline.render.printable` for the
record, which is verified without the rest of firedoor; `graph.ink.printable` for XML; `slack.drawing.markup.safe` for
mrkdwn and `slack.drawing.fields.plain` for plain text there; `server.log.shown` for a line of the log;
`activities._http.plain` for what a provider says. None of them takes secrets out: that is `alerts._secrets.scrubbed`,
once, at the door.
"""

import unicodedata
from typing import Any

from firedoor.incident import IncidentView

#: Control, format, surrogate and separator characters: they steer a terminal, or hide what is there.
STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain(text: str) -> str:
    """The text without characters that steer a terminal; lines stay lines."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char == "\n" else " " if char == "\t" else "�" if unicodedata.category(char) in STEERING else char
        for char in text
    )


def plain_view(view: IncidentView) -> IncidentView:
    """The same incident with every text in it made plain."""
    return IncidentView.model_validate(_plain(view.model_dump()))


def _plain(value: Any) -> Any:
    match value:
        case str() if type(value) is str:
            return plain(value)
        case dict():
            return {_plain(key): _plain(member) for key, member in value.items()}
        case list() | tuple():
            return [_plain(member) for member in value]
        case _:
            return value
