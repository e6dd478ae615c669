"""What a change would do, on the terminal: before → after, what it touches, what it would break. Pure."""

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firedoor.cli.views.signs import EFFECTS
from firedoor.incident import Preview
from firedoor.plan import Effect
from firedoor.words import singular

#: Longer values are cut; `-o json` has them whole.
VALUE_WIDTH = 160

#: Of a `for_each` of thousands, as many changes are shown.
MOST = 5


def previews(all_of_them: Sequence[Preview], total: int, most: int = MOST) -> RenderableType:
    """The first changes in full; how many more there are."""
    parts = [preview(one) for one in all_of_them[:most]]
    if (more := max(total, len(all_of_them)) - min(most, len(all_of_them))) > 0:
        parts.append(Text(f"… and {more:,} more like these" if parts else f"{more:,} targets", style="dim"))
    return Group(*parts)


def preview(one: Preview) -> RenderableType:
    """One change: the sentence, each value before → after, what depends on it, which permission is missing."""
    parts: list[RenderableType] = [Text.assemble(one.change, *_effect(one))]
    rows = Table.grid(padding=(0, 1))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    for name, words in differences(one.before, one.after):
        rows.add_row(name, words)
    if rows.row_count:
        parts.append(Padding(rows, (0, 0, 0, 2)))
    for dependent in one.dependents:
        says = f": {dependent.says}" if dependent.says else ""
        parts.append(Padding(Text(f"touches {singular(dependent.kind)} {dependent.name}{says}"), (0, 0, 0, 2)))
    if one.missing:
        parts.append(Text(f"! permission missing: {', '.join(one.missing)}", style="bold red"))
    if one.unchecked:
        parts.append(Text(f"permission not checked: {one.unchecked}", style="dim"))
    return Group(*parts)


def changes_nothing(one: Preview) -> bool:
    """Is the world already as the change would make it?"""
    same = all(one.before.get(name) == value for name, value in one.after.items())
    return same and not one.blast and one.inverse is None


def _effect(one: Preview) -> Iterator[tuple[str, str]]:
    if changes_nothing(one):
        return
    if one.effect is Effect.DESTRUCTIVE:
        yield f"  {EFFECTS[one.effect].icon} {EFFECTS[one.effect].word}", EFFECTS[one.effect].style
    if one.effect is not Effect.READ:
        yield ("  can be undone", "dim") if one.inverse else ("  CANNOT BE UNDONE", "bold red")


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Text]]:
    """Each value by its name: `Active → Inactive`, or the one that is there."""
    for name in dict.fromkeys([*before, *after]):
        if name in before and (name not in after or before[name] == after[name]):
            yield name, Text(word(before[name]))
        elif name in before:
            yield name, Text.assemble(word(before[name]), " → ", (word(after[name]), "bold"))
        else:
            yield name, Text.assemble("→ ", (word(after[name]), "bold"))


def word(value: Any) -> str:
    """A value for a person: yes and no, lists with commas, nothing as a dash."""
    match value:
        case bool():
            text = "yes" if value else "no"
        case None | "" | [] | ():
            text = "-"
        case list() | tuple():
            text = ", ".join(word(member) for member in value)
        case dict() if not value:
            text = "-"
        case dict():
            text = json.dumps(value, ensure_ascii=False)
        case _:
            text = str(value)
    return textwrap.shorten(text, VALUE_WIDTH, placeholder=" …")
