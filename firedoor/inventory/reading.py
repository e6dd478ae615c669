"""Reading `inventory.yaml`: every mistake at once, each with file, line, column and what is allowed."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from firedoor.errors import UsageError
from firedoor.inventory.faults import faults
from firedoor.inventory.model import UNKNOWN, Consumer, Customer, Entry, Inventory
from firedoor.providers import providers

#: An inventory of a hundred thousand credentials has less.
MOST_BYTES = 64 * 1024 * 1024
SHOWN = 20
#: What may stand in an entry, by the block that it is in.
PARTS: dict[str, type[BaseModel]] = {"credentials": Entry, "consumers": Consumer, "customers": Customer}
PATTERNS = {
    "fingerprint": "sha256: and 16 letters or digits, as an import writes it",
    "": "letters, digits, and _ . @ - after the first",
}
WORDS = {
    "extra_forbidden": "there is no such key",
    "missing": "is missing",
    "string_pattern_mismatch": "does not look as it must",
    "string_type": "must be a text: put it in quotes",
    "list_type": "must be a list",
    "model_type": "must be a mapping of keys",
    "dict_type": "must be a mapping of keys",
}
#: Line and column, from 1.
Place = tuple[int, int]


def load_inventory(path: Path) -> Inventory:
    """Read a file. Raises `UsageError` with all its mistakes, or because it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        absent = isinstance(error, FileNotFoundError)
        begin = " `firedoor inventory import openai`, for one, begins it." if absent else ""
        next = f"`inventory` in firedoor.toml names the inventory, unless --inventory does.{begin}"
        raise UsageError(f"{path} cannot be read: {why}.", next=next) from None
    return parse(text, str(path))


def parse(text: str, file: str) -> Inventory:
    """The inventory that a text says. Raises `UsageError` with all its mistakes, as those of `file`."""
    if len(text) > MOST_BYTES:
        raise UsageError(f"{file} is larger than 64 MiB.", next="Divide it, one file a product.")
    try:
        return _parsed(text, file)
    except RecursionError:
        raise UsageError(f"{file} is nested too deeply, or contains itself.", next="Look at its & and *.") from None


def _parsed(text: str, file: str) -> Inventory:
    root, data = _read(text, file)
    found = [(at, f"`{name}` stands there twice.", "") for at, name in _doubled(root, (), set())]
    inventory = Inventory()
    try:
        inventory = Inventory.model_validate(data)
    except ValidationError as error:
        wrong = error.errors(include_url=False)
        found += [(_place(root, one["loc"], one["type"]), *_said(dict(one))) for one in wrong]
        with contextlib.suppress(ValidationError):
            inventory = Inventory.model_validate(_without(data, [one["loc"] for one in wrong]))
    kinds = {name: [kind.name for kind in one.kinds] for name, one in providers().items()}
    found += [(_place(root, one.path), one.what, one.allowed) for one in faults(inventory, kinds)]
    if found:
        raise _mistakes(file, sorted(found))
    return inventory


def _read(text: str, file: str) -> tuple[yaml.Node | None, Any]:
    """The nodes of a text, which know their places, and what they say. Raises `UsageError`, `RecursionError`."""
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
        data = yaml.load(text, Loader=yaml.CSafeLoader) if root is not None else {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        what = getattr(error, "problem", None) or "this is no YAML"
        raise UsageError(f"{file}{place}: {what}.", next="Correct it; nothing was read from it.") from None
    # A block that somebody has begun may have nothing in it yet.
    if isinstance(data, dict):
        data = {key: {} if value is None else value for key, value in data.items()}
    return root, data


def _without(data: Any, wrong: Iterable[Sequence[str | int]]) -> dict[str, dict[Any, Any]]:
    """What is left without the wrong parts, so that the rest is checked in the same reading.

    A name whose part is wrong is still a name; and what is recognised by a wrong field is not said to have none.
    """
    blocks = data if isinstance(data, dict) else {}
    rest = {name: dict(block) for name in PARTS if isinstance(block := blocks.get(name), dict)}
    for block, name, *inside in (path for path in wrong if len(path) > 1 and path[0] in rest):
        part = rest[str(block)].pop(name, None)
        if inside == ["[key]"]:
            continue
        kept = {key: value for key, value in part.items() if key not in inside} if isinstance(part, dict) else {}
        stand_in = {"provider": UNKNOWN, "seen": ["?"]} if block == "credentials" else {}
        rest[str(block)][name] = stand_in | kept
    return rest


def _mistakes(file: str, found: Sequence[tuple[Place, str, str]]) -> UsageError:
    lines = [
        f"{file}:{at[0]}:{at[1]}: {what}" + (f"\n    allowed: {allowed}" if allowed else "")
        for at, what, allowed in found
    ]
    more = f"\n… and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    many = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
    return UsageError(f"{many} in the inventory:\n" + "\n".join(lines[:SHOWN]) + more, next="Correct the file.")


def _said(detail: dict[str, Any]) -> tuple[str, str]:
    parts = [str(part) for part in detail["loc"] if part != "[key]"]
    place = ".".join(parts) or "the file"
    return f"`{place}` {WORDS.get(detail['type'], detail['msg'])}.", _allowed(parts, detail["type"])


def _allowed(parts: Sequence[str], kind: str) -> str:
    """What may stand where a mistake is."""
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(parts[-1], PATTERNS[""])
    if len(parts) <= 1:
        return ", ".join(Inventory.model_fields)
    model = PARTS.get(parts[0])
    return ", ".join(model.model_fields) if model and kind in {"extra_forbidden", "model_type"} else ""


def _place(root: yaml.Node | None, path: Sequence[str | int], kind: str = "") -> Place:
    """Line and column of the deepest part of a path that there is: of its value, or of its key where that is wrong."""
    node, mark = root, None
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if pair is None:
                break
            mark, node = pair[0].start_mark, pair[1]
        elif isinstance(node, yaml.SequenceNode) and str(part).isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            mark = node.start_mark
        else:
            break
    else:
        if isinstance(node, yaml.ScalarNode) and kind != "extra_forbidden":
            mark = node.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _doubled(node: yaml.Node | None, path: tuple[str, ...], been: set[int]) -> Iterator[tuple[Place, str]]:
    """Keys that stand twice in one mapping: YAML would silently take the last. What `*` repeats is looked at once."""
    if node is None or id(node) in been:
        return
    been.add(id(node))
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                yield (key.start_mark.line + 1, key.start_mark.column + 1), ".".join((*path, name))
            seen.add(name)
            yield from _doubled(value, (*path, name), been)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _doubled(value, (*path, str(number)), been)
