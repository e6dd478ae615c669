"""Ends what a process started when that process itself is killed.

`Reaper` starts this file as a program of its own, run by path with the standard library only. Its standard input is a
pipe that the process holds: lines `+GROUP` and `-GROUP` name process groups that start and end. When the process dies,
however it dies, the pipe closes, and every group still named gets SIGTERM and, two seconds later, SIGKILL.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import Self

PATIENCE = 2.0


class Reaper:
    """The program, as the process that it watches holds it. `with Reaper() as reaper`."""

    def __enter__(self) -> Self:
        self._program = subprocess.Popen(
            (sys.executable, "-I", "-S", __file__),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Let it end, and with it whatever is still named."""
        self._program.communicate()

    def started(self, group: int) -> None:
        """This process group is to end with us."""
        self._note(f"+{group}\n")

    def ended(self, group: int) -> None:
        """This process group is gone; its number may soon be somebody else's."""
        self._note(f"-{group}\n")

    def _note(self, line: str) -> None:
        if self._program.stdin:
            # Somebody killed the reaper: what it watches is not worse off than without it.
            with contextlib.suppress(BrokenPipeError):
                os.write(self._program.stdin.fileno(), line.encode())


def groups_left(lines: Iterable[str]) -> set[int]:
    """The process groups that were started and not ended."""
    left: set[int] = set()
    for line in lines:
        group = int(line[1:])
        (left.add if line[0] == "+" else left.discard)(group)
    return left


def end(groups: set[int], number: signal.Signals) -> None:
    """Send a signal to each group that still exists."""
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def main() -> None:
    """Wait until the supervisor is gone, then end what it left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    left = groups_left(sys.stdin)
    if left:
        end(left, signal.SIGTERM)
        time.sleep(PATIENCE)
        end(left, signal.SIGKILL)


if __name__ == "__main__":
    main()
