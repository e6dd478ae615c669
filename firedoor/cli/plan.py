"""`firedoor plan`: see what a runbook would do, without doing it."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from firedoor.cli.catalog import compiled_runbook, pairs
from firedoor.cli.console import err, out, write_json
from firedoor.cli.identity import responder
from firedoor.cli.parameters import Inputs, Output, RunbookName
from firedoor.cli.views import plan as plan_view
from firedoor.cli.views.plain import plain_view
from firedoor.config import load
from firedoor.engine import Engine
from firedoor.errors import Exit, UnreachableError
from firedoor.incident import Decision, IncidentView, Mode, Responder
from firedoor.inputs import resolve_inputs

Save = Annotated[Path | None, Parameter(help="Write the compiled plan's canonical JSON, whose SHA-256 is its digest.")]
Patience = Annotated[
    int, Parameter(name="--timeout", help="Give up when the reads take longer, in seconds. Default: 300.")
]


async def plan(
    runbook: RunbookName, /, *inputs: Inputs, save: Save = None, timeout: Patience = 300, output: Output = "text"
) -> int:
    """Show what a runbook would do, changing nothing.

    Steps that read run for real, through the worker; each other step says what
    it would change, from what it found, and what that touches.

    Exit code 6: some steps could not be read, so the plan is incomplete.

    Example
      firedoor plan aws-access-key-leaked access_key_id=AKIA…
    """
    settings = load()
    compiled = compiled_runbook(runbook, settings)
    values = resolve_inputs(compiled, pairs(inputs))
    if save:
        save.write_bytes(compiled.canonical())
    engine = await Engine.connect(settings)
    planner = responder(settings)
    started = await engine.start(compiled, values, starter=planner, mode=Mode.PLAN)
    view = await _read(engine, started.incident, planner, timeout)
    if output == "json":
        document = {"digest": compiled.digest(), "blast": plan_view.radius(view), "incomplete": plan_view.failed(view)}
        write_json({**document, "view": view.model_dump(mode="json"), "plan": compiled.model_dump(mode="json")})
    else:
        out().print(plan_view.previewed(compiled, plain_view(view)))
        if save:
            out().print(f"The plan is in {save}.")
    return int(Exit.NEEDS_ATTENTION if plan_view.failed(view) else Exit.OK)


async def _read(engine: Engine, incident: str, planner: Responder, timeout: int) -> IncidentView:
    """Wait for the reads. When they take too long, end the plan, so that it does not go on unseen."""
    try:
        with err().status("Reading, changing nothing…"):
            return await asyncio.wait_for(engine.result(incident), timeout)
    except TimeoutError:
        pass
    reason = Decision(responder=planner, reason="nobody waits for this plan any longer")
    # Raises where no worker answers: then that is the reason.
    await engine.decide(incident, "abort", reason)
    raise UnreachableError(
        f"The plan was not ready after {timeout} s: what it reads takes longer.",
        changed="Nothing was changed.",
        next="Wait longer with --timeout.",
    )
