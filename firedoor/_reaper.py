"""Ends what a supervisor started when the supervisor itself is killed.

A program of its own, run by path with the standard library only. Its standard input is a pipe that the supervisor
holds: lines `+GROUP` and `-GROUP` name process groups that start and end. When the supervisor dies, however it dies,
the pipe closes, and every group still named gets SIGTERM and, two seconds later, SIGKILL.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable

PATIENCE = 2.0


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
