"""Where output goes: the terminal or a pipe, with colours or without, UTF-8 or not.

Colour follows the terminal and `NO_COLOR` (rich reads it). Renderers write Unicode; on a stream that cannot carry it,
each sign of ours becomes one ASCII character, so that columns stay in line.
"""

import codecs
import io
import json
import os
import re
import sys
from typing import Any, TextIO

from rich.console import Console

#: Wide enough that nothing is cut or folded when another program reads.
PIPE_WIDTH = 1000

#: What a shell reports for a program that a closed pipe ended: 128 + SIGPIPE.
BROKEN_PIPE = 141

TRAILING = re.compile(r" +(?=\n|$)")

ASCII = str.maketrans(
    {"✓": "+", "✗": "x", "▶": ">", "●": "*", "○": ".", "◷": "z", "→": ">", "·": "-", "…": ".", "│": "|"}
    | {"“": '"', "”": '"', "’": "'", "–": "-", "—": "-", "×": "x", "─": "-", "≥": ">", "≤": "<"}
    | {"‖": "=", "█": "#", "░": ".", "└": "`"}
)


def _ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(ASCII)
    return text.encode("ascii", "replace").decode(), error.end


codecs.register_error("firedoor-ascii", _ascii)


def prepare() -> None:
    """Make the two output streams of this process carry any text, whatever their encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="firedoor-ascii")


def out() -> Console:
    """The console of results: stdout."""
    return _console(sys.stdout)


def err() -> Console:
    """The console of errors, questions and progress: stderr."""
    return _console(sys.stderr)


def write_json(value: Any) -> None:
    """Write a JSON value to stdout: indented for a person, one document for a program."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=not _utf8(sys.stdout)) + "\n")


def write_plainly(text: str) -> int:
    """Write text to stdout on a stream that refused it once; the exit code."""
    prepare()
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        return abandon_stdout()
    return 0


def abandon_stdout() -> int:
    """The reader went away: let nothing more be written, so that Python's own flush at the end stays silent."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def interactive() -> bool:
    """Can a person be asked?"""
    return sys.stdin.isatty() and sys.stderr.isatty()


class Pipe(io.StringIO):
    """A stream that no person looks at: without the spaces that fill lines up to the width."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def write(self, text: str, /) -> int:
        """Write text, each of its lines without spaces at the end."""
        return self._stream.write(TRAILING.sub("", text))

    def flush(self) -> None:
        """Hand on what was written."""
        self._stream.flush()


class Terminal(Console):
    """rich's console, which leaves a closed pipe to the one error handler."""

    def on_broken_pipe(self) -> None:
        """The reader went away. Raises `BrokenPipeError`."""
        raise BrokenPipeError


def _console(stream: TextIO) -> Console:
    console = Terminal(file=stream, highlight=False, emoji=False, markup=False)
    if console.is_terminal:
        return console
    return Terminal(file=Pipe(stream), highlight=False, emoji=False, markup=False, width=PIPE_WIDTH, no_color=True)


def _utf8(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")
