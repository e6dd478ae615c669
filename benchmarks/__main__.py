"""`make bench [ARGS=NAME …]`: measure, print a table, and write `results.json`.

A ratio compares two programs, or two states of one, in the same run, interleaved, so that a noisy machine disturbs
both. The value is the median of the runs. What else was measured in them is the figure's detail.
"""

import json
import logging
import platform
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import (
    alert_storm,
    alert_to_first_action,
    campaign,
    cli_help,
    compile_1000_steps,
    mass,
    orchestration,
    rotation,
    timeline_append,
    waiting,
    webhook_ack,
)
from benchmarks.measured import Measured

RESULTS = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Figure:
    """What is aimed at: at most `aim`, or at least if `more_is_better`; nothing where there is no `aim`."""

    unit: str
    aim: float | None
    measure: Callable[[], list[float] | Measured]
    more_is_better: bool = False

    def measured(self) -> Measured:
        """Measure it."""
        found = self.measure()
        return found if isinstance(found, Measured) else Measured(found)

    def judged(self, value: float) -> str:
        """The aim, and whether it is reached."""
        if self.aim is None:
            return ""
        reached = value >= self.aim if self.more_is_better else value <= self.aim
        return f"{'✓' if reached else '✗'} {'≥' if self.more_is_better else '≤'} {self.aim}"


FIGURES = {
    "sequential_step_overhead": Figure("ratio", 1.10, orchestration.sequential),
    "fanout_10000_overhead": Figure("ratio", 1.25, orchestration.fanout_100ms),
    "fanout_10000_overhead_10ms": Figure("ratio", 2.5, orchestration.fanout_10ms),
    "trigger_to_first_action": Figure("ratio", 1.3, orchestration.trigger_to_first_action),
    "approval_to_action": Figure("ratio", 1.3, orchestration.approval_to_action),
    "fanout_100000": Figure("/s", None, mass.fanout_100000, more_is_better=True),
    "fanout_resume": Figure("s", None, mass.fanout_resume),
    "overtake": Figure("ratio", 2.0, mass.overtake),
    "rotate_1000": Figure("ratio", 1.15, rotation.rotate_1000),
    "rotate_1000_lifted": Figure("ratio", 1.5, rotation.rotate_1000_lifted),
    "incidents_concurrent": Figure("/s", None, waiting.incidents_concurrent, more_is_better=True),
    "webhook_ack": Figure("ms", 1000.0, webhook_ack.webhook_ack),
    "alert_to_first_action": Figure("ratio", 1.3, alert_to_first_action.alert_to_first_action),
    "alert_storm": Figure("s", None, alert_storm.alert_storm),
    "campaign_100000": Figure("ratio", 0.6, campaign.campaign_100000, more_is_better=True),
    "campaign_limits": Figure("ratio", 1.1, campaign.campaign_limits),
    "campaign_resume": Figure("ratio", 1.0, campaign.campaign_resume),
    "campaign_stop": Figure("s", 1.0, campaign.campaign_stop),
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
    # Notices of approvals that a benchmark gives itself are nobody's.
    logging.getLogger("firedoor.notice").addHandler(logging.NullHandler())
    figures = json.loads(RESULTS.read_text())["figures"] if RESULTS.exists() else {}
    table = Table("figure", "value", "aim", "runs", title=f"Python {platform.python_version()}, {platform.machine()}")
    for name in names or FIGURES:
        figure = FIGURES[name]
        measured = figure.measured()
        runs = [round(run, 4) for run in measured.runs]
        value = round(statistics.median(runs), 4)
        detail = {"detail": measured.rounded} if measured.detail else {}
        figures[name] = {"value": value, "unit": figure.unit, "runs": runs, **detail}
        spread = f"{len(runs)}: {min(runs):.2f} – {max(runs):.2f}"
        table.add_row(name, f"{value:.3f} {figure.unit}", figure.judged(value), spread)
        for what, number in measured.rounded.items():
            table.add_row(f"  {what.replace('_', ' ')}", f"{number:,.10g}", style="dim")
    RESULTS.write_text(json.dumps({"figures": figures}, indent=2, sort_keys=True) + "\n")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
