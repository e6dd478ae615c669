"""Markdown of a notice as Slack shows it: a header, and sections of mrkdwn. Pure.

Slack has a `markdown` block, which not every workspace takes; sections are taken everywhere. What a customer calls
itself may stand in the text: `&`, `<` and `>` are escaped before anything is marked, so that nobody is mentioned by it.
Formats: docs.slack.dev/messaging/formatting-message-text; limits: docs.slack.dev/reference/block-kit/blocks.
"""

import re
from collections.abc import Iterator
from typing import Any

#: Characters of a header, and of a section; blocks of a message.
HEADER, SECTION, BLOCKS = 150, 3000, 50

_LINK = re.compile(r"\[([^\]\n]+)\]\((https?://[^\s()<>|]+)\)|(https?://(?:(?!&[lg]t;)[^\s()<>|*])+(?<![.,;:!?]))")
_BOLD = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_HEADING = re.compile(r"#{1,6}\s+(.+?)\s*#*")
_BULLET = re.compile(r"(\s*)[-*+]\s+(.*)")
_FENCE = "```"


def message_blocks(subject: str, markdown: str) -> list[dict[str, Any]]:
    """The blocks of a message: the subject as its header, the text in sections."""
    title = subject if len(subject) <= HEADER else f"{subject[: HEADER - 1]}…"
    header = {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}
    # `verbatim`: Slack makes neither links nor mentions of what only looks like one.
    texts = ({"type": "mrkdwn", "text": text, "verbatim": True} for text in _parts(mrkdwn(markdown)))
    sections = [{"type": "section", "text": text} for text in texts]
    return [header, *sections][:BLOCKS]


def mrkdwn(markdown: str) -> str:
    """Markdown as mrkdwn: headings and bold, links, bullets; code stays as it is."""
    lines: list[str] = []
    fenced = False
    for line in escaped(markdown).strip("\n").splitlines():
        if line.strip().startswith(_FENCE):
            fenced = not fenced
        elif not fenced:
            lines.append(_line(line))
            continue
        lines.append(line)
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Text in which nothing is a mention, a link or a mark of Slack's own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _line(line: str) -> str:
    if found := _HEADING.fullmatch(line):
        return f"*{_plain(found[1])}*"
    if found := _BULLET.fullmatch(line):
        return f"{found[1]}• {_marked(found[2])}"
    return _marked(line)


def _marked(text: str) -> str:
    """Bold and links outside of code."""
    parts = text.split("`")
    return "`".join(_outside(part) if number % 2 == 0 else part for number, part in enumerate(parts))


def _outside(text: str) -> str:
    return _BOLD.sub(r"*\2*", _LINK.sub(_link, text))


def _link(found: re.Match[str]) -> str:
    return f"<{found[3]}>" if found[3] else f"<{found[2]}|{found[1]}>"


def _plain(text: str) -> str:
    """A heading is bold as a whole: no marks within."""
    return _LINK.sub(_link, text).replace("**", "").replace("__", "")


def _parts(text: str) -> Iterator[str]:
    """The text in parts that a section takes, broken between paragraphs, then lines, then anywhere."""
    while len(text) > SECTION:
        cut = max(text.rfind("\n\n", 0, SECTION), 0) or max(text.rfind("\n", 0, SECTION), 0) or SECTION
        yield text[:cut]
        text = text[cut:].lstrip("\n")
    if text.strip():
        yield text
