"""What `firedoor doctor` found, on the terminal. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from firedoor.cli.views.signs import Sign

SIGNS = {"ok": Sign("✓", "ok", "green"), "warn": Sign("?", "warn", "yellow"), "fail": Sign("✗", "FAIL", "bold red")}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: how it went, of what, what was seen, and what to do about it (empty where all is well)."""

    level: Literal["ok", "warn", "fail"]
    subject: str
    says: str
    next: str = ""


def checklist(findings: Sequence[Finding]) -> RenderableType:
    """One line a check, with what to do below it; then the sum."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for one in findings:
        text = Text.assemble((f"{one.subject}: ", "bold"), one.says)
        if one.next:
            text.append(f"\n{one.next}", style="cyan")
        table.add_row(Text.assemble(" ", SIGNS[one.level].text()), text)
    counts = [sum(one.level == level for one in findings) for level in SIGNS]
    return Group(table, Text(f"\n{counts[0]} ok, {counts[1]} to look at, {counts[2]} failed", style="bold"))
