"""What SVG is written with: text that may come from an attacker, made safe and cut to its room; shapes. Pure."""

import bisect
import itertools
import unicodedata
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

#: Control, format, surrogate and separator characters, and what is no character: XML forbids some, others hide things.
UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})

SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', Arial, sans-serif"
MONO = "ui-monospace, 'SF Mono', Menlo, Consolas, 'Noto Sans Mono', 'DejaVu Sans Mono', monospace"

INK = "#17202a"
USUAL_WEIGHT = 400

#: Widths in parts of the font's size, a little more than fonts have them.
NARROW, USUAL, WIDE, FULL = 0.34, 0.6, 0.82, 1.05
NARROW_CHARACTERS = frozenset("iljtfrI.,:;'|!()[]{} -·")
WIDE_CHARACTERS = frozenset("mwMWQOGND@%&—…→✓●○◷▶×")


def printable(text: str) -> str:
    """The text on one line, without characters that XML forbids or that steer the direction of text: for SVG."""
    return " ".join("".join("\ufffd" if _is_hidden(char) else char for char in text).split())


def _is_hidden(char: str) -> bool:
    return not char.isspace() and unicodedata.category(char) in UNPRINTABLE


def lines(text: str) -> str:
    """The same for text of several lines."""
    return "\n".join(printable(line) for line in text.splitlines())


def attributes(**values: str | float) -> str:
    """Attributes of an element: `_` in a name stands for `-`; numbers are rounded."""
    return "".join(f" {name.replace('_', '-')}={quoteattr(_value(each))}" for name, each in values.items())


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")


def element(name: str, inner: str = "", /, **values: str | float) -> str:
    """An element. `inner` is markup already."""
    return f"<{name}{attributes(**values)}>{inner}</{name}>" if inner else f"<{name}{attributes(**values)}/>"


def tip(text: str) -> str:
    """What a browser shows when the pointer rests on it."""
    return f"<title>{escape(lines(text))}</title>"


@dataclass(frozen=True, slots=True)
class Pen:
    """How text is written: weight, size, colour, face."""

    size: int
    colour: str = INK
    weight: int = 400
    mono: bool = False

    def at(self, x: float, y: float, text: str, room: float, anchor: str = "start") -> str:
        """One line of text, cut to its room."""
        looks: dict[str, str | float] = {"font_size": self.size, "fill": self.colour}
        looks |= {"font_weight": self.weight} if self.weight != USUAL_WEIGHT else {}
        looks |= {"font_family": MONO} if self.mono else {}
        looks |= {"text_anchor": anchor} if anchor != "start" else {}
        shown = cut(printable(text), room, self.size, mono=self.mono)
        return element("text", escape(shown), x=x, y=y, **looks)


def width(text: str, size: float, *, mono: bool = False) -> float:
    """About how wide a text is; rather too wide than too narrow."""
    return sum(_advance(char, mono=mono) for char in text) * size


def cut(text: str, room: float, size: float, *, mono: bool = False) -> str:
    """As much of a text as there is room for, with an ellipsis where something is missing."""
    if width(text, size, mono=mono) <= room:
        return text
    reach = itertools.accumulate(_advance(char, mono=mono) * size for char in text)
    kept = bisect.bisect_right(list(reach), room - width("…", size, mono=mono))
    return text[:kept].rstrip() + "…"


def _advance(char: str, *, mono: bool) -> float:
    if unicodedata.east_asian_width(char) in "WF":
        return FULL
    if mono or char.isdigit():
        return 0.61
    if char in NARROW_CHARACTERS:
        return NARROW
    return WIDE if char in WIDE_CHARACTERS else USUAL if not char.isupper() else 0.7
