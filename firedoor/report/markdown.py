"""A report as Markdown. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from firedoor.report.document import Cell, Code, Document, Facts, Listing, Mark, Part, Share, Table, Text
from firedoor.timeline.render import printable

SIGNS: Final = {"good": "✓ ", "bad": "✗ ", "open": "… ", "plain": ""}
#: What Markdown would take for markup.
MARKUP: Final = "\\`*_{}[]|#!~"


def markdown(document: Document) -> str:
    """The whole report."""
    lines = [f"# {plain(document.title)}", ""]
    if document.notice:
        lines += [f"> **{plain(document.notice)}**", ""]
    lines += [f"**{_cell(document.verdict)}** — {plain(document.lead)}", ""]
    for section in document.sections:
        lines += [f"## {plain(section.heading)}", ""]
        for part in section.parts:
            lines += [*_part(part), ""]
    return "\n".join([*lines, "---", "", plain(document.foot), ""])


def plain(text: str) -> str:
    """A text that says nothing but itself."""
    safe = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{char}" if char in MARKUP else char for char in safe)


def _part(part: Part) -> Iterator[str]:
    match part:
        case Text(text):
            yield plain(text)
        case Facts(pairs):
            yield from (f"- **{plain(name)}**: {_cell(value)}" for name, value in pairs)
        case Listing(lines):
            yield from ("```sh", *(printable(line) for line in lines), "```")
        case Table():
            yield from (f"**{plain(part.caption)}**", "", _row(part.heads), _row("---" for _ in part.heads))
            yield from (_row(_cell(cell) for cell in row) for row in part.rows)
            if part.more:
                yield from ("", plain(part.more))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    match cell:
        case Mark(word, tone):
            return f"{SIGNS[tone]}{plain(word)}"
        case Code(text):
            # Within backticks nothing is markup but backticks, and bars, which end a cell.
            return f"`{printable(text).replace('`', chr(0x2019)).replace('|', chr(0x00A6))}`" if text else ""
        case Share(part, whole):
            return f"{part:,} of {whole:,} ({cell.percent:.0f} %)"
        case text:
            return plain(text)
