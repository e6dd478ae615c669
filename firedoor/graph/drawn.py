"""Boxes and lines as SVG. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from firedoor.graph.box import WORDS, Box, Look
from firedoor.graph.ink import INK, Pen, element, tip, width
from firedoor.graph.layout import BOX_WIDTH, Item, Layout, Segment

MARGIN = 36.0
#: Between two ranks, for the lines.
BETWEEN = 54.0
ARROW = 8.0
PADDING = 16.0
ROOM = BOX_WIDTH - 2 * PADDING
WORD = 12
LINE, QUIET, ALARM = "#97a3af", "#5b6773", "#a01c1c"

#: Colours of Okabe and Ito, which people with any kind of colour blindness can tell apart: line, ground, words.
COLOURS: dict[Look, tuple[str, str, str]] = {
    "reads": ("#5b6b7b", "#f6f8fa", "#44525f"),
    "changes": ("#0072b2", "#eef6fb", "#00588a"),
    "destroys": ("#d55e00", "#fff3ea", "#a84600"),
    "people": ("#8a4b7d", "#fbf3f9", "#743d69"),
    "waits": ("#5b6b7b", "#ffffff", "#44525f"),
    "runbook": ("#009e73", "#edf8f4", "#00714f"),
}
#: And outlines that differ, for print without colours.
OUTLINES: dict[Look, dict[str, str | float]] = {
    "reads": {"stroke_width": 1.4, "rx": 7},
    "changes": {"stroke_width": 1.8, "rx": 7},
    "destroys": {"stroke_width": 3.2, "rx": 7},
    "people": {"stroke_width": 1.6, "rx": 16, "stroke_dasharray": "7 4"},
    "waits": {"stroke_width": 1.6, "rx": 7, "stroke_dasharray": "2 4"},
    "runbook": {"stroke_width": 2.2, "rx": 1},
}

NAME = Pen(15, weight=700)
TITLE, ACTION = Pen(12), Pen(11, mono=True)
FACT, NOTE, WRONG = Pen(12, QUIET), Pen(12, QUIET), Pen(12, ALARM, 700)
TOUCHES, APPROVAL = Pen(13, weight=700), Pen(12, weight=600)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A layout with its boxes."""

    layout: Layout
    boxes: Mapping[str, Box]

    def draw(self, y: float, wide: float) -> tuple[list[str], float]:
        """The lines, with the boxes on top of them, in the middle of a page; and where the next part begins."""
        tops = self._tops(y)
        left = (wide - self.layout.width) / 2
        middle = {item: left + x for item, x in self.layout.middle.items()}
        parts = [_line(one, middle, tops) for one in self.layout.segments]
        for row, (top, bottom) in zip(self.layout.ranks, tops, strict=True):
            for item in row:
                x = middle[item]
                if isinstance(item, str):
                    parts.append(_box(self.boxes[item], x - BOX_WIDTH / 2, top, bottom - top))
                else:
                    parts.append(_way(f"M{x:.1f} {top:.1f} V{bottom:.1f}"))
        return parts, (tops[-1][1] if tops else y) + MARGIN

    def _tops(self, y: float) -> Sequence[tuple[float, float]]:
        """The top and the bottom of each rank."""
        found: list[tuple[float, float]] = []
        for row in self.layout.ranks:
            high = max(self.boxes[item].height for item in row if isinstance(item, str))
            found.append((y, y + high))
            y += high + BETWEEN
        return found


def lock(x: float, y: float) -> str:
    """A padlock of 11 by 14."""
    shackle = element("path", d="M2.5 6 V4 a3 3 0 0 1 6 0 V6", fill="none", stroke=INK, stroke_width=1.7)
    body = element("rect", y=6, width=11, height=8, rx=1.5, fill=INK)
    return element("g", shackle + body, transform=f"translate({x:.1f} {y:.1f})")


def _line(one: Segment, middle: Mapping[Item, float], tops: Sequence[tuple[float, float]]) -> str:
    """From the bottom of one rank to the top of the next: it stays in the space between them."""
    x, to = middle[one.upper], middle[one.lower]
    start, end = tops[one.rank - 1][1], tops[one.rank][0] - (ARROW if one.ends else 0.0)
    half = (start + end) / 2
    way = _way(f"M{x:.1f} {start:.1f} C{x:.1f} {half:.1f} {to:.1f} {half:.1f} {to:.1f} {end:.1f}")
    return way + (element("path", d=f"M{to - 4.5:.1f} {end:.1f} h9 l-4.5 {ARROW} z", fill=LINE) if one.ends else "")


def _way(way: str) -> str:
    return element("path", d=way, fill="none", stroke=LINE, stroke_width=1.6)


def _box(one: Box, x: float, y: float, high: float) -> str:
    """A box with all that stands in it."""
    line, ground, ink = COLOURS[one.look]
    word, inner = WORDS[one.look], x + PADDING
    parts = [
        tip(one.tip),
        element("rect", x=x, y=y, width=BOX_WIDTH, height=high, fill=ground, stroke=line, **OUTLINES[one.look]),
        Pen(WORD, ink, 600).at(inner, y + 23, word, ROOM),
        NAME.at(inner, y + 45, one.id, ROOM),
    ]
    if one.note:
        pen = WRONG if one.wrong else NOTE
        parts.append(pen.at(inner + ROOM, y + 23, one.note, ROOM - width(word, WORD) - 8, "end"))
    at = y + 45
    for pen, text in _rows(one):
        at += 18
        parts.append(pen.at(inner, at, text, ROOM))
    for text in one.locks:
        at += 18
        parts.append(lock(inner, at - 11.5) + APPROVAL.at(inner + 18, at, text, ROOM - 18))
    return element("g", "".join(parts), **({"opacity": "0.6"} if one.faded else {}))


def _rows(one: Box) -> Iterator[tuple[Pen, str]]:
    yield from ((pen, text) for pen, text in ((TITLE, one.title), (ACTION, one.action)) if text)
    yield from ((FACT, fact) for fact in one.facts)
    if one.touches:
        yield TOUCHES, one.touches
