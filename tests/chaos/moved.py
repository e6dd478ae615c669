"""A program whose wall clock can be moved: `python -m tests.chaos.moved FILE MODULE ARGUMENTS…`.

FILE has the seconds by which the clock is ahead (behind, below 0); without it the clock is right. Python's `time.time` is
moved, before anything of the program is imported; what counts elapsed time is not, as on a machine.
"""

import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path

CLOCK = "time"


def seconds(file: Path) -> float:
    """By how much the clock is ahead now."""
    try:
        return float(file.read_text())
    except (OSError, ValueError):
        return 0.0


def clock(file: Path) -> Callable[[], float]:
    """The clock that is moved by what stands in a file."""
    right = time.time
    return lambda: right() + seconds(file)


if __name__ == "__main__":
    path, module, *arguments = sys.argv[1:]
    setattr(time, CLOCK, clock(Path(path)))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
