"""A picture that is redrawn in place on a terminal without flicker: only lines that differ are written, at once."""

from typing import Self

from rich.console import Console, RenderableType

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
ERASE_LINE, ERASE_BELOW, ERASE_ALL = "\x1b[2K", "\x1b[J", "\x1b[2J\x1b[H"


class Painter:
    """Draws below what the terminal shows already, and takes its picture away at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines: list[str] = []
        self._size = console.size

    def __enter__(self) -> Self:
        self._write(HIDE)
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()
        self._write(SHOW)

    def paint(self, picture: RenderableType) -> None:
        """Draw the picture over the last one; what does not fit the height is cut off."""
        with self._console.capture() as capture:
            self._console.print(picture)
        lines = capture.get().rstrip("\n").split("\n")[: self._console.height]
        if self._size != self._console.size:
            # The terminal has folded or moved the old lines: nobody knows where they are.
            self._size, self._lines = self._console.size, []
            self._write(ERASE_ALL)
        if lines != self._lines:
            self._write(self._top() + self._difference(lines))
            self._lines = lines

    def clear(self) -> None:
        """Take the picture away; the cursor stands where it began."""
        self._write(self._top() + ERASE_BELOW)
        self._lines = []

    def _top(self) -> str:
        """Go to where the picture begins. The cursor rests in its last line."""
        up = len(self._lines) - 1
        return f"\r\x1b[{up}A" if up > 0 else "\r"

    def _difference(self, lines: list[str]) -> str:
        parts: list[str] = []
        for number, line in enumerate(lines):
            same = number < len(self._lines) and self._lines[number] == line
            parts.append("" if same else ERASE_LINE + line)
        below = f"\r\n{ERASE_BELOW}\x1b[A" if len(self._lines) > len(lines) else ""
        return "\r\n".join(parts) + below

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()
