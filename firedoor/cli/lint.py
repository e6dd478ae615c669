"""`firedoor lint`: every mistake of every runbook at once."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from firedoor.catalog import compiled_runbook, find, runbooks
from firedoor.cli.console import out
from firedoor.cli.version import installed_version
from firedoor.config import load
from firedoor.errors import Exit
from firedoor.plan import Plan
from firedoor.runbook.diagnostics import Diagnostic, RunbookErrors
from firedoor.runbook.rendering import render_json, render_sarif, render_text

Files = Annotated[str, Parameter(help="Runbooks by path or name. Without any: all that have a name.")]
Format = Annotated[
    Literal["text", "json", "sarif"],
    Parameter(name=("--output", "-o"), help="text, json, or sarif for code scanners.", show_choices=False),
]


def lint(*file: Files, output: Format = "text") -> int:
    """Find every mistake in runbooks.

    Each mistake as FILE:LINE:COLUMN: error[CODE]: sentence, with the line and
    what is allowed there. Exit code 2 when there is one. Starts nothing, and needs
    no network.
    """
    settings = load()
    paths = [find(name, settings) for name in file] if file else list(runbooks(settings).values())
    plans: list[Plan] = []
    wrong: list[Diagnostic] = []
    for path in paths:
        try:
            plans.append(compiled_runbook(str(path), settings))
        except RunbookErrors as error:
            wrong += error.diagnostics
    if output == "text":
        _tell(plans, wrong, paths)
    else:
        render = render_json(wrong) if output == "json" else render_sarif(wrong, version=installed_version())
        sys.stdout.write(render + "\n")
    return int(Exit.USAGE if wrong else Exit.OK)


def _tell(plans: Iterable[Plan], wrong: list[Diagnostic], paths: list[Path]) -> None:
    if wrong:
        sys.stdout.write(render_text(wrong) + "\n\n")
        files = len({one.file for one in wrong})
        mistakes = "1 mistake" if len(wrong) == 1 else f"{len(wrong)} mistakes"
        out().print(f"✗ {mistakes} in {files} of {len(paths)} files", style="bold red")
        return
    for plan in plans:
        out().print(f"✓ {plan.name}  {plan.title}".rstrip())
