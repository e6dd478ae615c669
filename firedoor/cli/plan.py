"""`firedoor plan`: see what a runbook would do, without doing it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from firedoor.catalog import compiled_runbook
from firedoor.cli.console import err, out, write_json
from firedoor.cli.identity import responder
from firedoor.cli.parameters import Inputs, Output, RunbookName, pairs
from firedoor.cli.views import forecast as forecast_view
from firedoor.cli.views import plan as plan_view
from firedoor.config import load
from firedoor.engine import Engine, read
from firedoor.errors import Exit, UsageError
from firedoor.forecast import Touched, dependents, radius, undecided, unread
from firedoor.graph import svg
from firedoor.incident import IncidentView, Responder
from firedoor.inputs import resolve_inputs
from firedoor.plain import plain_view
from firedoor.plan import Plan
from firedoor.saved_plan import saved

Save = Annotated[
    Path | None,
    Parameter(help="Write the plan and what it would change to a file, which `firedoor run --plan` applies."),
]
Graph = Annotated[Path | None, Parameter(help="Write a picture of the plan to a file, as SVG.")]
Patience = Annotated[
    int, Parameter(name="--timeout", help="Give up when the reads take longer, in seconds. Default: 300.")
]


async def plan(
    runbook: RunbookName,
    /,
    *inputs: Inputs,
    save: Save = None,
    graph: Graph = None,
    timeout: Patience = 300,
    output: Output = "text",
) -> int:
    """Show what a runbook would do, changing nothing.

    Steps that read run for real, through the worker; each other step says what
    it would change, from what it found: before and after, how it is undone, which
    permissions are missing, what depends on it, and what it touches.

    With --save, `firedoor run --plan FILE` later starts exactly this, or says what
    has changed since. With --graph it is a picture, for a browser.

    Exit code 6: some steps could not be read, so the plan is incomplete.

    Example
      firedoor plan aws-access-key-leaked access_key_id=AKIA… --graph plan.svg
    """
    settings = load()
    compiled = compiled_runbook(runbook, settings)
    values = resolve_inputs(compiled, pairs(inputs))
    files = [file for file in (save, graph) if file]
    for file in files:
        _check_writable(file)
    view = await preview(await Engine.connect(settings), compiled, values, responder(settings), timeout)
    if save:
        _write(save, saved(compiled, view).document())
    if graph:
        _write(graph, svg(compiled, view).encode())
    if output == "json":
        write_json(_document(compiled, view))
    else:
        out().print(plan_view.previewed(compiled, plain_view(view)))
        _say(save, graph, incomplete=bool(unread(view)))
    return int(Exit.NEEDS_ATTENTION if unread(view) else Exit.OK)


async def preview(engine: Engine, plan: Plan, inputs: dict[str, Any], planner: Responder, timeout: int) -> IncidentView:
    """What a plan would do, now, with a word for whoever waits. Raises `UnreachableError` as `firedoor.engine.read`."""
    with err().status("Reading, changing nothing…"):
        return await read(engine, plan, inputs, planner, timeout)


def _document(plan: Plan, view: IncidentView) -> dict[str, Any]:
    """All that is known, for a program."""
    touched, known = radius(view), dependents(view)
    later = undecided(plan, view)
    return {
        "digest": plan.digest(),
        "blast": {one.kind: one.count for one in touched},
        "blast_by_step": {one.kind: one.steps for one in touched},
        "dependents": {one.kind: one.count for one in known},
        "dependents_by_step": {one.kind: one.steps for one in known},
        "at_least": {"blast": _least(touched), "dependents": _least(known)},
        "missing": forecast_view.lacking(view.steps),
        "incomplete": unread(view),
        "undecided": [step.id for step in plan.steps if step.id in later],
        "view": view.model_dump(mode="json"),
        "plan": plan.model_dump(mode="json"),
    }


def _least(counts: Sequence[Touched]) -> list[str]:
    return [one.kind for one in counts if one.least]


def _check_writable(file: Path) -> None:
    """Say so before the reads, which may take minutes."""
    if file.is_dir() or not file.absolute().parent.is_dir():
        what = f"{file} is a folder." if file.is_dir() else f"There is no folder {file.absolute().parent}."
        raise UsageError(what, changed="Nothing was read or changed.", next="Name a file in a folder that exists.")


def _write(file: Path, data: bytes) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        raise UsageError(
            f"{file} could not be written: {error.strerror}.",
            changed="The plan was read; nothing was changed.",
            next="Name another file.",
        ) from error


def _say(save: Path | None, graph: Path | None, *, incomplete: bool) -> None:
    if graph:
        out().print(f"The picture is in {graph}.", soft_wrap=True)
    if save and incomplete:
        out().print(f"{save} has what could be read; as the plan is incomplete, it cannot be run.", soft_wrap=True)
    elif save:
        out().print(f"The plan is in {save}. It is applied with: firedoor run --plan {save}", soft_wrap=True)
