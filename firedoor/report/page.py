"""A report as a page of HTML: no scripts, nothing that is fetched, good to read aloud and to print. Pure."""

import html
from collections.abc import Iterable, Iterator
from typing import Final

from firedoor.report.document import Cell, Code, Document, Facts, Listing, Mark, Part, Section, Share, Table, Text
from firedoor.report.style import STYLE
from firedoor.timeline.render import printable

SIGNS: Final = {"good": "✓", "bad": "✗", "open": "…", "plain": ""}
#: Nothing is fetched and nothing runs, whatever a text says.
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(document: Document) -> str:
    """The whole report."""
    contents = "".join(f'<li><a href="#{one.anchor}">{safe(one.heading)}</a></li>' for one in document.sections)
    notice = f'<p class="notice" role="note">{safe(document.notice)}</p>' if document.notice else ""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{safe(document.title)}</title>",
            f"<style>{STYLE}</style></head><body>",
            '<a class="skip" href="#main">Skip to the report</a>',
            f"<header>{notice}<h1>{safe(document.title)}</h1>",
            f'<p class="lead">{_mark(document.verdict)} {safe(document.lead)}</p>',
            f'<nav aria-label="Contents"><ul>{contents}</ul></nav></header>',
            '<main id="main">',
            *(line for section in document.sections for line in _section(section)),
            "</main>",
            f"<footer><p>{safe(document.foot)}</p></footer>",
            "</body></html>",
            "",
        ]
    )


def safe(text: str) -> str:
    """A text that says nothing but itself."""
    return html.escape(printable(text), quote=True)


def _section(section: Section) -> Iterator[str]:
    yield f'<section id="{section.anchor}" aria-labelledby="{section.anchor}-h">'
    yield f'<h2 id="{section.anchor}-h">{safe(section.heading)}</h2>'
    for part in section.parts:
        yield from _part(part, section)
    yield "</section>"


def _part(part: Part, section: Section) -> Iterator[str]:
    match part:
        case Text(text):
            yield f"<p>{safe(text)}</p>"
        case Facts(pairs):
            yield "<dl>"
            yield from (f"<div><dt>{safe(name)}</dt><dd>{_cell(value)}</dd></div>" for name, value in pairs)
            yield "</dl>"
        case Listing(lines):
            code = "\n".join(safe(line) for line in lines)
            yield f'<pre tabindex="0" role="group" aria-label="Commands"><code>{code}</code></pre>'
        case Table():
            yield from _table(part)


def _table(table: Table) -> Iterator[str]:
    # A table that is wider than the page is scrolled by itself, with the keyboard as well.
    yield f'<div class="wide" tabindex="0" role="group" aria-label="{safe(table.caption)}">'
    heads = "".join(f'<th scope="col">{safe(head)}</th>' for head in table.heads)
    yield f"<table><caption>{safe(table.caption)}</caption><thead><tr>{heads}</tr></thead><tbody>"
    yield from (_row(row) for row in table.rows)
    yield "</tbody></table></div>"
    if table.more:
        yield f'<p class="more">{safe(table.more)}</p>'


def _row(row: Iterable[Cell]) -> str:
    first, *rest = row
    return f'<tr><th scope="row">{_cell(first)}</th>{"".join(f"<td>{_cell(cell)}</td>" for cell in rest)}</tr>'


def _cell(cell: Cell) -> str:
    match cell:
        case Mark():
            return _mark(cell)
        case Code(text):
            return f"<code>{safe(text)}</code>" if text else ""
        case Share(part, whole):
            said = f"{part:,} of {whole:,} ({cell.percent:.0f} %)"
            bar = f'<span class="bar" aria-hidden="true"><span style="width:{cell.percent:.1f}%"></span></span>'
            return f'<span class="share">{bar} {said}</span>'
        case text:
            return safe(text)


def _mark(mark: Mark) -> str:
    sign = f'<span aria-hidden="true">{SIGNS[mark.tone]}</span> ' if SIGNS[mark.tone] else ""
    return f'<span class="mark {mark.tone}">{sign}{safe(mark.word)}</span>'
