"""Slack's own markup, safely: what strangers may have written never becomes a mention, a link or a heading. Pure.

In mrkdwn only `&`, `<` and `>` have to be escaped (docs.slack.dev/messaging/formatting-message-text); `verbatim` keeps
Slack from making links, channels and mentions of bare text.
"""

import datetime
import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from firedoor.plain import plain as steerless
from firedoor.slack.drawing.fields import Block, cut, plain
from firedoor.words import clock, parse

MOST_SECTION = 3000
MOST_FIELD = 2000
MOST_HEADER = 150
MOST_CONTEXT = 3000
#: What formats text where it stands at the edge of a word.
_FORMATS = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})


def line(text: str, most: int = MOST_SECTION) -> str:
    """A text on one line, without what steers or hides, not yet escaped."""
    return cut(" ".join(steerless(text).split()), most)


def safe(text: str, most: int = MOST_SECTION) -> str:
    """A text on one line for mrkdwn, in which nothing is markup. `most` counts what is seen."""
    # An underscore formats only where words begin or end: names with underscores inside stay as they are.
    words = (f"ˍ{word[1:]}" if word.startswith("_") else word for word in line(text, most).split(" "))
    return html.escape(" ".join(words).translate(_FORMATS), quote=False)


def bold(text: str, most: int = 200) -> str:
    """A text in bold; nothing of nothing."""
    shown = safe(text, most)
    return f"*{shown}*" if shown else ""


def mrkdwn(text: str) -> Block:
    """A text object with markup that we wrote ourselves."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def header(text: str) -> Block:
    """A heading, shown as it is."""
    return {"type": "header", "text": plain(line(text), MOST_HEADER)}


def section(*lines: str) -> Block:
    """Lines of mrkdwn. What does not fit is left out whole, and said."""
    return {"type": "section", "text": mrkdwn(fitted(lines, MOST_SECTION))}


def sections(lines: Sequence[str]) -> list[Block]:
    """Lines of mrkdwn, each shorter than a section, in as many sections as they take."""
    groups: list[list[str]] = []
    room = 0
    for one in lines:
        if len(one) + 1 > room:
            groups.append([])
            room = MOST_SECTION // 2
        groups[-1].append(one)
        room -= len(one) + 1
    return [section(*group) for group in groups]


def context(*lines: str) -> Block:
    """Lines in small print."""
    return {"type": "context", "elements": [mrkdwn(fitted(lines, MOST_CONTEXT))]}


def actions(buttons: Sequence[Block]) -> Block:
    """A row of buttons."""
    return {"type": "actions", "elements": list(buttons)}


def fields(pairs: Iterable[tuple[str, str]]) -> list[Block]:
    """Names and values (mrkdwn) in two columns, ten a block."""
    every = [mrkdwn(fitted((f"*{name}*", value), MOST_FIELD)) for name, value in pairs if value]
    return [{"type": "section", "fields": every[start : start + 10]} for start in range(0, len(every), 10)]


def fitted(lines: Sequence[str], most: int) -> str:
    """As many lines as fit; a first one that is too long is cut, and how many are missing is said."""
    more = "… and {} more lines"
    shown: list[str] = []
    size = 0
    room = most - len(more) - 8
    for number, one in enumerate(lines):
        if size + len(one) > room and (shown or number):
            return "\n".join([*shown, more.format(f"{len(lines) - number:,}")])
        shown.append(_cut_markup(one, room))
        size += len(shown[-1]) + 1
    return "\n".join(shown) or " "


def _cut_markup(text: str, most: int) -> str:
    """Cut between words, so that no entity and no reference is cut in two."""
    if len(text) <= most:
        return text
    kept = text[: most - 1]
    return f"{kept.rpartition(' ')[0] or kept.rpartition('&')[0]}…"


def moment(time: str, now: datetime.datetime) -> str:
    """A time of day, in the reader's own zone; UTC where the client cannot."""
    found = parse(time)
    if found is None:
        return ""
    return f"<!date^{int(found.timestamp())}^{{date_short_pretty}} {{time_secs}}|{clock(time, now)} UTC>"


def confirm(title: str, text: str, yes: str, no: str, *, danger: bool = False) -> Block:
    """The dialog before a button takes effect: plain text, at most 300 characters."""
    dialog: dict[str, Any] = {
        "title": plain(line(title), 100),
        "text": plain(text, 300),
        "confirm": plain(yes, 30),
        "deny": plain(no, 30),
    }
    return dialog | {"style": "danger"} if danger else dialog


def joined(parts: Sequence[str], most: int) -> str:
    """Sentences in the order of their weight, as many as fit. The first is cut where it alone is too long."""
    text = cut(parts[0], most) if parts else ""
    for part in parts[1:]:
        if part and len(text) + 1 + len(part) <= most:
            text = f"{text} {part}".strip()
    return text


def size(value: Any) -> int:
    """The characters of all texts in blocks: Slack takes about 10,000 in a message."""
    if isinstance(value, Mapping):
        return sum(len(one) if name == "text" and isinstance(one, str) else size(one) for name, one in value.items())
    return sum(size(one) for one in value) if isinstance(value, list | tuple) else 0


def numbered(blocks: Sequence[Block], edition: str) -> list[Block]:
    """The blocks with ids of this edition: Slack wants new ones whenever a message is edited."""
    return [{**block, "block_id": f"{number}.{edition}"} for number, block in enumerate(blocks)]
