"""Arguments of a step that a person wants to be others: old → new. Pure."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firedoor.phrases import word


def changed(step: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> RenderableType:
    """Each argument: those that change as `old → new`, the others as they are."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    for name, value in {**old, **new}.items():
        if name in new and new[name] != old.get(name):
            told = Text.assemble((word(old.get(name)), "red"), " → ", (word(new[name]), "bold green"))
        else:
            told = Text.assemble((f"{word(value)}  as it is", "dim"))
        rows.add_row(name, told)
    return Group(Text(f"{step} would run again with:", style="bold"), Padding(rows, (0, 0, 0, 2)))
