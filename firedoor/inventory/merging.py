"""Adding what was found to what people wrote: at the end of `credentials`, and nothing that stands there is touched."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import yaml

from firedoor.errors import UsageError
from firedoor.inventory.model import Entry, Inventory, is_same
from firedoor.inventory.schema import NAME

#: For editors: where the schema is.
HEAD = f"# yaml-language-server: $schema={NAME}\n"


@dataclass(frozen=True, slots=True)
class Merge:
    """What an import comes to: the new text, names that were added, entries that were known, and differences."""

    text: str
    added: tuple[str, ...]
    known: tuple[str, ...]
    differs: tuple[str, ...]


def merge(text: str, inventory: Inventory, found: Iterable[Entry]) -> Merge:
    """Add what is not known yet. `text` is the file that `inventory` was read from."""
    entries, added, known, differs = dict(inventory.credentials), dict[str, Entry](), list[str](), list[str]()
    for entry in found:
        same = next((name for name, one in entries.items() if _same(one, entry)), "")
        if not same:
            name = _free(entry, entries)
            entries[name] = added[name] = entry
        elif same in added:
            added[same] = entries[same] = _joined(added[same], entry)
        else:
            known.append(same)
            differs += _differences(same, entries[same], entry)
    return Merge(_written(text, added), tuple(added), tuple(dict.fromkeys(known)), tuple(dict.fromkeys(differs)))


def _same(one: Entry, other: Entry) -> bool:
    places = [other.credential().model_copy(update={"where": where}) for where in other.where]
    return any(is_same(one, credential) for credential in (other.credential(), *places))


def _joined(one: Entry, other: Entry) -> Entry:
    """Two findings of one credential."""
    lists = {key: list(dict.fromkeys([*getattr(one, key), *getattr(other, key)])) for key in ("where", "seen")}
    return one.model_copy(update=lists)


def _differences(name: str, one: Entry, other: Entry) -> list[str]:
    """What an import knows and the file does not say. A person decides."""
    return [
        f"{name}: {key} {place} is not in the file"
        for key in ("where", "seen")
        for place in getattr(other, key)
        if place not in getattr(one, key)
    ]


def _free(entry: Entry, taken: Mapping[str, Entry]) -> str:
    words = entry.name or (entry.where[0].partition(":")[2].partition("?")[0] if entry.where else "") or entry.id
    base = re.sub(r"[^a-z0-9]+", "-", f"{entry.provider}-{words or entry.fingerprint[7:]}".lower()).strip("-")[:80]
    return next(
        name
        for number in range(1, len(taken) + 2)
        if (name := base if number == 1 else f"{base}-{number}") not in taken
    )


def _written(text: str, added: Mapping[str, Entry]) -> str:
    """The text with the new entries at the end of the block of credentials."""
    if not added:
        return text
    opened = _opened(text)
    found = _end_of_credentials(opened)
    end, indent = found or (0, "  ")
    block = "".join(f"{indent}{name}:\n{_fields(entry, indent * 2)}" for name, entry in added.items())
    if found is None:
        head = text if text.strip() else HEAD
        return f"{head.rstrip()}\n\ncredentials:\n{block}".lstrip("\n")
    lines = opened.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return "".join([*lines[:end], block, *lines[end:]])


def _opened(text: str) -> str:
    """The text with an empty block of credentials opened: `credentials: {}` and `… null` become `credentials:`.

    Raises `UsageError` for entries between braces: behind them there is no line to put anything on.
    """
    value = _credentials(text)
    if value is None or (isinstance(value, yaml.MappingNode) and not value.flow_style):
        return text
    if isinstance(value, yaml.MappingNode) and value.value:
        raise UsageError(
            "The credentials stand between { and }, so nothing can be added behind them.",
            changed="Nothing was written.",
            next="Write each entry on lines of its own, then import again.",
        )
    lines, start, end = text.splitlines(keepends=True), value.start_mark, value.end_mark
    before, behind = lines[start.line][: start.column], lines[end.line][end.column :]
    lines[start.line : end.line + 1] = [before + behind if behind.strip() else before.rstrip() + "\n"]
    return "".join(lines)


def _fields(entry: Entry, indent: str) -> str:
    """JSON is YAML: every text is quoted the same way, whatever it holds."""
    values = entry.model_dump(exclude_defaults=True)
    return "".join(f"{indent}{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())


def _credentials(text: str) -> yaml.Node | None:
    """The node behind `credentials`."""
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else ()
    return next((value for key, value in pairs if key.value == "credentials"), None)


def _end_of_credentials(text: str) -> tuple[int, str] | None:
    """The line after the last entry, and how entries are indented; None where there is no block."""
    value = _credentials(text)
    if value is None:
        return None
    if not isinstance(value, yaml.MappingNode):
        return value.start_mark.line + 1, "  "  # Begun, and nothing in it yet.
    line = value.value[-1][1].end_mark.line + 1
    lines = text.splitlines()
    # A block ends where the next key begins: what is blank or a comment before that belongs to it.
    while line > 0 and _is_idle(lines, line - 1):
        line -= 1
    return line, " " * value.value[0][0].start_mark.column


def _is_idle(lines: list[str], number: int) -> bool:
    """No line of the block: beyond the end, blank, a comment, or a key at the left edge."""
    if number >= len(lines):
        return True
    line = lines[number]
    return not line.strip() or line.lstrip().startswith("#") or not line[:1].isspace()
