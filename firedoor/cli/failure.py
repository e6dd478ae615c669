"""What a person reads when something goes wrong, and what is kept for whoever repairs firedoor."""

import contextlib
import datetime
import os
import platform
import sys
import tempfile
import traceback
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from firedoor.cli.console import err
from firedoor.cli.version import installed_version
from firedoor.config import load
from firedoor.errors import FiredoorError
from firedoor.plain import plain


def show(error: FiredoorError, console: Console) -> None:
    """Write an error: what happened, what was changed, what to do next."""
    first, *rest = plain(error.what).splitlines() or [""]
    console.print(Text.assemble(("error: ", "bold red"), (first, "bold")))
    for line in rest:
        console.print(Padding(Text(line), (0, 0, 0, 7)))
    if error.changed:
        console.print(Padding(Text(plain(error.changed)), (0, 0, 0, 7)))
    if error.next:
        console.print(Padding(Text(plain(error.next), style="cyan"), (0, 0, 0, 7)))


def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """`sys.excepthook`: keep what nobody expected in a file that is ready to be pasted, and say so in one line."""
    path = _write("".join(traceback.format_exception(kind, error, trace)))
    console = err()
    console.print(Text.assemble(("error: ", "bold red"), f"firedoor itself failed ({kind.__name__}). Details: {path}"))
    console.print("       Whatever runs in Temporal goes on. Please send that file with your report.")


def _write(details: str) -> Path:
    """A new file in the home folder, or in the system's folder for such things where that cannot be written."""
    # The verb only: what stands behind it may be a secret's name or a person's.
    head = f"firedoor {installed_version()}, Python {platform.python_version()}, {platform.platform()}\n"
    head += f"verb: {' '.join(sys.argv[1:2])}\n"
    name = f"failure-{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%S.%fZ}.txt"
    folder = Path(tempfile.gettempdir())
    with contextlib.suppress(OSError, FiredoorError):
        home = load().home
        home.mkdir(parents=True, exist_ok=True)
        if os.access(home, os.W_OK):
            folder = home
    path = folder / name
    path.touch(mode=0o600)
    path.write_text(f"{head}\n{details}")
    return path
