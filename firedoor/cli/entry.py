"""The program's door: answers `--help` from a text that lies beside it, and loads the rest only when it is needed.

Importing the parser alone takes longer than a person should wait for help. `firedoor.cli.help` writes the texts; a test
fails when they are not current.
"""

import sys
from importlib import import_module
from pathlib import Path

TEXTS = Path(__file__).parent / "texts"

HELP = ("--help", "-h")


def main() -> int:
    """Run the command line of this process; the exit code."""
    arguments = sys.argv[1:]
    if (text := help_text(arguments)) is None:
        return int(import_module("firedoor.cli.app").main(arguments))
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (BrokenPipeError, UnicodeEncodeError):
        # A closed pipe or a terminal without UTF-8: the long way knows what to do.
        return int(import_module("firedoor.cli.console").write_plainly(text))
    return 0


def help_text(arguments: list[str]) -> str | None:
    """The help that these arguments ask for, or None where they ask for something else."""
    if "--" in arguments:
        arguments = arguments[: arguments.index("--")]
    match arguments:
        case [] | ["help"] | ["--help" | "-h", *_]:
            verb = "firedoor"
        case ["help", verb, *_]:
            pass
        case [verb, *rest] if any(word in HELP for word in rest):
            pass
        case _:
            return None
    path = TEXTS / f"{verb}.txt"
    return path.read_text(encoding="utf-8") if verb.isalpha() and path.is_file() else None
