"""`make bench [ARGS=NAME …]`: measure, print a table, and write `results.json`.

Every figure but the seconds is a ratio of two programs in the same run, interleaved, so that a noisy machine disturbs
both. The value is the median of the runs.
"""

import json
import platform
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import cli_help, compile_1000_steps, orchestration, timeline_append

RESULTS = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Figure:
    """What is aimed at: at most `aim`, or at least if `more_is_better`."""

    unit: str
    aim: float
    measure: Callable[[], list[float]]
    more_is_better: bool = False

    def reached(self, value: float) -> bool:
        """Is the aim reached?"""
        return value >= self.aim if self.more_is_better else value <= self.aim


FIGURES = {
    "sequential_step_overhead": Figure("ratio", 1.10, orchestration.sequential),
    "fanout_10000_overhead": Figure("ratio", 1.25, orchestration.fanout_100ms),
    "fanout_10000_overhead_10ms": Figure("ratio", 2.5, orchestration.fanout_10ms),
    "trigger_to_first_action": Figure("ratio", 1.3, orchestration.trigger_to_first_action),
    "timeline_append": Figure("ratio", 0.5, timeline_append.measure, more_is_better=True),
    "compile_1000_steps": Figure("s", 1.0, compile_1000_steps.measure),
    "cli_help": Figure("s", 0.15, cli_help.measure),
}


def main(names: list[str]) -> int:
    """Measure the named figures, or all; keep the others' results. Returns the exit code."""
    unknown = [name for name in names if name not in FIGURES]
    if unknown:
        sys.stderr.write(f"There is no figure {', '.join(unknown)}. There are: {', '.join(FIGURES)}.\n")
        return 2
    figures = json.loads(RESULTS.read_text())["figures"] if RESULTS.exists() else {}
    table = Table("figure", "value", "aim", "runs", title=f"Python {platform.python_version()}, {platform.machine()}")
    for name in names or FIGURES:
        figure = FIGURES[name]
        runs = [round(run, 4) for run in figure.measure()]
        value = round(statistics.median(runs), 4)
        figures[name] = {"value": value, "unit": figure.unit, "runs": runs}
        sign = "≥" if figure.more_is_better else "≤"
        spread = f"{min(runs):.2f} – {max(runs):.2f}"
        mark = "✓" if figure.reached(value) else "✗"
        table.add_row(name, f"{value:.3f} {figure.unit}", f"{mark} {sign} {figure.aim}", f"{len(runs)}: {spread}")
    RESULTS.write_text(json.dumps({"figures": figures}, indent=2, sort_keys=True) + "\n")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
