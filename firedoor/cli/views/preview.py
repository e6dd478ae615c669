"""What a change would do, on the terminal: before → after, what it touches, what it would break. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firedoor.cli.views.signs import EFFECTS
from firedoor.incident import Preview
from firedoor.phrases import changes_nothing, effect, word
from firedoor.plan import Effect
from firedoor.words import singular

#: Of a `for_each` of thousands, as many changes are shown.
MOST = 5


def previews(all_of_them: Sequence[Preview], total: int, most: int = MOST) -> RenderableType:
    """The first changes in full; how many more there are."""
    shown = all_of_them[:most]
    why = {one.unchecked for one in shown}
    # Said once, where it is the same for all.
    alike = why.pop() if len(shown) > 1 and len(why) == 1 else ""
    parts = [preview(one.model_copy(update={"unchecked": ""}) if alike else one) for one in shown]
    if alike:
        parts.append(_unchecked(alike))
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
        parts.append(_unchecked(one.unchecked))
    return Group(*parts)


def _unchecked(why: str) -> Text:
    return Text(f"permission not checked: {why}", style="dim")


def _effect(one: Preview) -> Iterator[tuple[str, str]]:
    if changes_nothing(one):
        return
    if one.effect is Effect.DESTRUCTIVE:
        mark = effect(one)
        yield f"  {mark.icon} {mark.word}", EFFECTS[one.effect].style
    if one.effect is not Effect.READ:
        yield ("  can be undone", "dim") if one.inverse else ("  CANNOT BE UNDONE", "bold red")


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Text]]:
    """Each value by its name: `Active → Inactive`, or the one that is there."""
    for name in dict.fromkeys([*before, *after]):
        if name in before and (name not in after or before[name] == after[name]):
            yield name, Text(word(before[name]))
        elif name in before:
            yield name, Text.assemble(word(before[name]), " → ", (word(after[name]), "bold"))
        elif isinstance(after[name], str) and "\n" in after[name]:
            # A letter: whoever approves it reads all of it.
            yield name, Text(after[name].strip())
        else:
            yield name, Text.assemble("→ ", (word(after[name]), "bold"))
