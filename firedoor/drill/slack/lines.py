"""Blocks as plain lines: their words, and in brackets what can be pressed or chosen."""

import html
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from firedoor.drill.slack.state import JSON

INDENT: Final = "  "
#: Slack's markup: `*bold*`, `~struck~`, `` `code` `` at the edges of words; `<url|label>`, `<@U…>`, `<!date^…|words>`.
FORMATS: Final = re.compile(r"(?<!\w)([*~`])(?=\S)(.+?)(?<=\S)\1(?!\w)")
LINKS: Final = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
MARKS: Final = {"pending": "○", "in_progress": "◐", "complete": "●", "error": "✗"}


def block_lines(blocks: list[JSON]) -> list[str]:
    """What blocks show, a line for each line of text."""
    return [line for block in blocks for line in LINES.get(block["type"], _unknown)(block)]


def _unknown(block: JSON) -> Iterator[str]:
    yield f"({block['type']})"


def _divider(block: JSON) -> Iterator[str]:
    yield "―" * 20


def _text_block(block: JSON) -> Iterator[str]:
    yield from _words(block.get("text"))
    for field in block.get("fields") or ():
        # In Slack two columns: a name, and its value below it.
        yield "  ".join(_words(field))
    if "accessory" in block:
        yield _element(block["accessory"])


def _actions(block: JSON) -> Iterator[str]:
    yield " ".join(_element(one) for one in block["elements"])


def _context(block: JSON) -> Iterator[str]:
    yield " · ".join(line for one in block["elements"] for line in _words(one) or [_element(one)])


def _input(block: JSON) -> Iterator[str]:
    optional = " (optional)" if block.get("optional") else ""
    yield f"{block['label']['text']}{optional}: {_element(block['element'])}"


def _image(block: JSON) -> Iterator[str]:
    yield _element(block)


def _plan(block: JSON) -> Iterator[str]:
    yield str(block["title"])
    for task in block.get("tasks") or ():
        yield from _task(task)


def _task(task: JSON) -> Iterator[str]:
    yield f"{MARKS[task['status']]} {task['title']}"
    for name in ("details", "output"):
        for line in "".join(_rich(task.get(name))).splitlines():
            yield f"{INDENT}{line}"


def _rich_text(block: JSON) -> Iterator[str]:
    yield from "".join(_rich(block)).splitlines()


def _table(block: JSON) -> Iterator[str]:
    for row in block["rows"]:
        yield " | ".join("".join(_rich(cell)).strip() for cell in row)


LINES: Final[dict[str, Callable[[JSON], Iterator[str]]]] = {
    "divider": _divider,
    "header": _text_block,
    "section": _text_block,
    "alert": _text_block,
    "markdown": _text_block,
    "actions": _actions,
    "context_actions": _actions,
    "context": _context,
    "input": _input,
    "image": _image,
    "plan": _plan,
    "task_card": _task,
    "rich_text": _rich_text,
    "table": _table,
}


def _words(value: Any) -> list[str]:
    """The lines of a text object, or of plain text."""
    text = value.get("text") if isinstance(value, dict) else value
    if isinstance(value, dict) and value.get("type") == "mrkdwn" and isinstance(text, str):
        text = rendered(text)
    return text.splitlines() if isinstance(text, str) else []


def rendered(text: str) -> str:
    """What people read of a text in Slack's markup. Mentions stay ids, with their sign: `@U…`, `@S…`, `#C…`."""
    return html.unescape(LINKS.sub(_link, FORMATS.sub(r"\2", text)))


def _link(match: re.Match[str]) -> str:
    sign, target, label = match[1], match[2], match[3]
    if sign == "!":
        return f"@{target.removeprefix('subteam^')}" if target.startswith("subteam^") else label or f"@{target}"
    return label or f"{sign}{target}"


def _element(element: JSON) -> str:
    kind = element["type"]
    if kind == "button":
        return f"[{element['text']['text']}]"
    if kind == "image":
        return f"(image: {element['alt_text']})"
    if kind.endswith("_input"):
        return "____"
    options = [one["text"]["text"] for one in element.get("options") or ()]
    hint = (element.get("placeholder") or {}).get("text")
    return f"[{hint or ' / '.join(options) or kind} ▾]"


def _rich(value: Any) -> Iterator[str]:
    """The words of a `rich_text` block or one of its parts; each section ends a line."""
    if not isinstance(value, dict):
        return
    if isinstance(value.get("text"), str):
        yield value["text"]
    elif value.get("type") == "link":
        yield str(value.get("url", ""))
    for one in value.get("elements") or ():
        yield from _rich(one)
    if str(value.get("type", "")).startswith("rich_text_"):
        yield "\n"
