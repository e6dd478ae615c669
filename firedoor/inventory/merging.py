"""Adding what was found to what people wrote: at the end of `credentials`, and nothing that stands there is touched."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import yaml

from firedoor.inventory.model import Entry, Inventory, is_same

HEAD = "# yaml-language-server: $schema=inventory.schema.json\n"


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
    found = _end_of_credentials(text)
    end, indent = found or (0, "  ")
    block = "".join(f"{indent}{name}:\n{_fields(entry, indent * 2)}" for name, entry in added.items())
    if found is None:
        head = text if text.strip() else HEAD
        return f"{head.rstrip()}\n\ncredentials:\n{block}".lstrip("\n")
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return "".join([*lines[:end], block, *lines[end:]])


def _fields(entry: Entry, indent: str) -> str:
    """JSON is YAML: every text is quoted the same way, whatever it holds."""
    values = entry.model_dump(exclude_defaults=True)
    return "".join(f"{indent}{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())


def _end_of_credentials(text: str) -> tuple[int, str] | None:
    """The line after the last entry, and how entries are indented; None where there is no block of entries."""
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    if not isinstance(root, yaml.MappingNode):
        return None
    for key, value in root.value:
        if key.value == "credentials" and isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
            line = value.value[-1][1].end_mark.line + 1
            lines = text.splitlines()
            # A block ends where the next key begins: what is blank or a comment before that belongs to it.
            while line > 0 and _is_idle(lines, line - 1):
                line -= 1
            return line, " " * value.value[0][0].start_mark.column
    return None


def _is_idle(lines: list[str], number: int) -> bool:
    """No line of the block: beyond the end, blank, a comment, or a key at the left edge."""
    if number >= len(lines):
        return True
    line = lines[number]
    return not line.strip() or line.lstrip().startswith("#") or not line[:1].isspace()
