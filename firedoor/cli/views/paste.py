"""Command lines to be pasted: one that is too long for the terminal goes on behind a backslash, as a shell reads it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

#: A word of a shell, with what stands in single quotes in one piece.
WORD = re.compile(r"(?:'[^']*'|\S)+")
CONTINUED = " \\"
INDENT = "  "


@dataclass(frozen=True, slots=True)
class Command:
    """One command line."""

    line: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in folded(self.line, options.max_width):
            yield Text(line, style="cyan", overflow="fold")


def folded(command: str, width: int) -> Iterator[str]:
    """The command in lines of at most `width` characters, where its words allow that."""
    words: list[str] = WORD.findall(command)
    line = words[0]
    for number, word in enumerate(words[1:], 2):
        room = width if number == len(words) else width - len(CONTINUED)
        if len(line) + 1 + len(word) <= room:
            line += f" {word}"
        else:
            yield line + CONTINUED
            line = INDENT + word
    yield line
