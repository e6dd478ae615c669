"""Reading `inventory.yaml`: every mistake at once, each with file, line and what is allowed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from firedoor.errors import UsageError
from firedoor.inventory.faults import faults
from firedoor.inventory.model import Inventory
from firedoor.providers import providers

#: An inventory of a hundred thousand credentials has less.
MOST_BYTES = 64 * 1024 * 1024
SHOWN = 20
WORDS = {
    "extra_forbidden": "there is no such key",
    "missing": "is missing",
    "string_pattern_mismatch": "does not look as it must",
    "string_type": "must be a text: put it in quotes",
    "list_type": "must be a list",
    "model_type": "must be a mapping of keys",
    "dict_type": "must be a mapping of keys",
}


def load_inventory(path: Path) -> Inventory:
    """Read a file. Raises `UsageError` with all its mistakes, or because it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{path} cannot be read: {why}.", next="`inventory` in firedoor.toml names it.") from None
    return parse(text, str(path))


def parse(text: str, file: str) -> Inventory:
    """The inventory that a text says. Raises `UsageError` with all its mistakes, as those of `file`."""
    if len(text) > MOST_BYTES:
        raise UsageError(f"{file} is larger than 64 MiB.", next="Divide it, one file a product.")
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
        doubled = list(_doubled(root, ()))
        data = yaml.load(text, Loader=yaml.CSafeLoader) if root is not None else {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or "this is no YAML"
        raise UsageError(f"{file}{line}: {what}.", next="Correct it; nothing was read from it.") from None
    found = [(line, f"`{name}` stands there twice.", "") for line, name in doubled]
    inventory = Inventory()
    try:
        inventory = Inventory.model_validate(data)
    except ValidationError as error:
        found += [(_line(root, one["loc"]), *_said(dict(one))) for one in error.errors(include_url=False)]
    kinds = {name: [kind.name for kind in one.kinds] for name, one in providers().items()}
    found += [(_line(root, one.path), one.what, one.allowed) for one in faults(inventory, kinds)]
    if found:
        raise _mistakes(file, sorted(found))
    return inventory


def _mistakes(file: str, found: Sequence[tuple[int, str, str]]) -> UsageError:
    lines = [
        f"{file}:{line}: {what}" + (f"\n    allowed: {allowed}" if allowed else "") for line, what, allowed in found
    ]
    more = f"\n… and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    many = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
    return UsageError(f"{many} in the inventory:\n" + "\n".join(lines[:SHOWN]) + more, next="Correct the file.")


def _said(detail: dict[str, Any]) -> tuple[str, str]:
    place = ".".join(str(part) for part in detail["loc"] if part != "[key]") or "the file"
    known = Inventory.model_fields if len(detail["loc"]) == 1 else {}
    return f"`{place}` {WORDS.get(detail['type'], detail['msg'])}.", ", ".join(known)


def _line(root: yaml.Node | None, path: Sequence[str | int]) -> int:
    """The line of the deepest part of a path that there is."""
    node, line = root, 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and str(part).isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _doubled(node: yaml.Node | None, path: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Keys that stand twice in one mapping: YAML would silently take the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                yield key.start_mark.line + 1, ".".join((*path, name))
            seen.add(name)
            yield from _doubled(value, (*path, name))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _doubled(value, (*path, str(number)))
