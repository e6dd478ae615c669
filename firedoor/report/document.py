"""The shapes that a report is made of, whatever it is written as. Pure data.

Texts may come from an attacker: whoever writes a document makes them harmless.
"""

from dataclasses import dataclass
from typing import Literal

#: What a mark means: its word stands beside it, so that nobody has to see a colour.
Tone = Literal["good", "bad", "open", "plain"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A word that is good or bad: `✓ contained`."""

    word: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Code:
    """Something that is compared or copied: a digest, an id, a command."""

    text: str


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, as a number and a bar."""

    part: int
    whole: int

    @property
    def percent(self) -> float:
        """0 to 100; of nobody all have done it."""
        return 100 * self.part / self.whole if self.whole else 100.0


Cell = str | Mark | Code | Share


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values."""

    pairs: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads; the first cell of each names it. `more` says what was left out."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    more: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines of code to be run, one after the other."""

    lines: tuple[str, ...]


Part = Text | Facts | Table | Listing


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and what stands below it. `anchor` is its id in a page."""

    anchor: str
    heading: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A report. `notice` stands above everything else: that it is a drill, that it goes on."""

    title: str
    verdict: Mark
    lead: str
    notice: str
    sections: tuple[Section, ...]
    foot: str
