"""`firedoor inventory`: check it, fill it, draw it."""

import contextlib
import secrets
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from firedoor import desk
from firedoor.cli.console import err, out, write_json
from firedoor.cli.parameters import Output
from firedoor.config import load
from firedoor.errors import UsageError
from firedoor.graph.inventory import inventory_svg
from firedoor.inventory import Entry, load_inventory, parse
from firedoor.inventory.findings import SCANNERS
from firedoor.inventory.merging import Merge, merge
from firedoor.inventory.schema import NAME, inventory_schema, rendered
from firedoor.words import plural

Task = Annotated[
    Literal["check", "import", "graph", "schema"],
    Parameter(
        help="check: every mistake. import: add what exists. graph: draw it. schema: its JSON Schema.",
        show_choices=False,
    ),
]
Source = Annotated[
    str,
    Parameter(
        help="Of import: a provider, aws-iam, aws-sm, aws-ssm; or, with --file, a scanner: trufflehog, ggshield."
    ),
]
InventoryFile = Annotated[
    Path | None, Parameter(name="--inventory", help="The inventory. Default: as firedoor.toml says.")
]
Scanned = Annotated[Path | None, Parameter(name="--file", help="Of import: what the scanner wrote.")]
Scope = Annotated[str, Parameter(name="--scope", help="Of import: only of this project, user, region, ….")]
DryRun = Annotated[bool, Parameter(name="--dry-run", negative="", help="Of import: write nothing.")]
Picture = Annotated[Path | None, Parameter(name="--out", help="Of graph: the SVG file. Default: inventory.svg.")]


async def inventory(
    task: Task,
    source: Source = "",
    /,
    *,
    inventory: InventoryFile = None,
    file: Scanned = None,
    scope: Scope = "",
    dry_run: DryRun = False,
    out_file: Picture = None,
    output: Output = "text",
) -> None:
    """Keep the inventory: credentials, who uses them, who depends on that.

    Plans and approvals count by it who is hit. An import adds what is new behind
    what people wrote and touches nothing else; of secrets that a scanner found
    only a fingerprint is kept.

    Examples
      firedoor inventory check
      firedoor inventory import openai
      firedoor inventory import trufflehog --file found.jsonl --dry-run
      firedoor inventory graph --out inventory.svg
    """
    path = inventory or load().inventory_path
    _refuse_stray(task, source, file)
    if task == "schema":
        write_json(inventory_schema())
    elif task == "import":
        merged = _import(path, await _found(source, file, scope), dry_run=dry_run)
        if output == "json":
            told = {"added": merged.added, "known": merged.known, "differs": merged.differs}
            write_json(told | {"written": bool(merged.added) and not dry_run})
        else:
            _tell(path, merged, dry_run=dry_run)
    elif task == "graph":
        picture = out_file or Path("inventory.svg")
        _write(picture, inventory_svg(load_inventory(path)))
        out().print(f"Drawn: {picture}.")
    else:
        _check(path, output)


def _refuse_stray(task: str, source: str, file: Path | None) -> None:
    """What is given and would not be looked at is a slip of the keyboard. Raises `UsageError`."""
    if task != "import" and (source or file):
        raise UsageError(f"`{source or file}` is for import; {task} takes none.", next="firedoor inventory --help")
    if file and source not in SCANNERS:
        names = " or ".join(SCANNERS)
        raise UsageError(
            f"--file is what a scanner wrote; {source or 'nothing'} is none.",
            next=f"Usage: firedoor inventory import {names} --file FILE",
        )


def _check(path: Path, output: str) -> None:
    found = load_inventory(path)
    counts = {name: len(getattr(found, name)) for name in ("credentials", "consumers", "customers")}
    idle, placeless = found.unused(), found.unplaced()
    if output == "json":
        write_json(counts | {"unused": idle, "unplaced": placeless})
        return
    out().print(f"✓ {path}: " + ", ".join(plural(count, name) for name, count in counts.items()) + ".")
    for names, says in ((idle, "of which nobody is known to use"), (placeless, "of which no place is known")):
        if names:
            out().print(f"  {plural(len(names), 'credentials')} {says}: {_some(names)}", style="dim")


async def _found(source: str, file: Path | None, scope: str) -> list[Entry]:
    if source in SCANNERS:
        if file is None:
            raise UsageError(f"What did {source} write?", next=f"Usage: firedoor inventory import {source} --file FILE")
        return list(SCANNERS[source](_read(file), file.name))
    if not source:
        raise UsageError(
            "Import from where?", next="Name a provider, aws-iam, aws-sm, aws-ssm, trufflehog or ggshield."
        )
    with err().status(f"Asking {source}…"):
        answer = await desk.ask("activities.stocktaking", {"source": source, "scope": scope})
    for remark in answer["remarks"]:
        err().print(remark, style="yellow")
    return [Entry.model_validate(one) for one in answer["found"]]


def _import(path: Path, found: list[Entry], *, dry_run: bool) -> Merge:
    text = _read(path) if path.exists() else ""
    merged = merge(text, parse(text, str(path)), found)
    if merged.added and not dry_run:
        # What is written must be readable again.
        parse(merged.text, str(path))
        _write(path, merged.text)
        if not text.strip():
            # The first line of the new file names it.
            _write(path.with_name(NAME), rendered())
    return merged


def _tell(path: Path, merged: Merge, *, dry_run: bool) -> None:
    would = "would be added" if dry_run else "added"
    out().print(
        f"{plural(len(merged.added), 'credentials')} {would} to {path}; {len(merged.known)} stood there already."
    )
    for name in merged.added:
        out().print(f"  + {name}")
    for difference in merged.differs:
        out().print(f"  ≠ {difference}", style="yellow")
    if merged.added:
        out().print("Say who uses them: `consumers` and `customers` are yours to write.", style="dim")


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f", and {len(names) - 5} more" if len(names) > 5 else "")


def _read(path: Path) -> str:
    """The text of a file. Raises `UsageError`."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{path} cannot be read: {why}.", changed="Nothing was written.") from None


def _write(path: Path, text: str) -> None:
    """Whole or not at all. Raises `UsageError`."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise UsageError(f"{path} cannot be written: {error.strerror}.", changed="Nothing was written.") from None
