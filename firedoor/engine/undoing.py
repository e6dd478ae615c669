"""Which steps of an incident can be taken back. Pure."""

import difflib
from collections.abc import Sequence

from firedoor.errors import UsageError
from firedoor.plan import Plan
from firedoor.undo import undoable


def checked_steps(plan: Plan, incident: str, steps: Sequence[str]) -> Sequence[str]:
    """The steps to undo. Raises `UsageError` where that makes no sense, and then nothing was started."""
    if plan.undoes:
        raise UsageError(
            f"{incident} is itself an undo, of {plan.undoes}.",
            changed="Nothing was started.",
            next="To do again what it took back, run the runbook again: it looks at the world as it is now.",
        )
    known = {step.id: step for step in plan.steps}
    possible = [name for name, step in known.items() if undoable(step)]
    for name in steps:
        if name not in known:
            near = difflib.get_close_matches(name, possible, n=1)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise UsageError(
                f"{incident} has no step {name!r}.",
                changed="Nothing was started.",
                next=f"{hint}Steps that can be taken back: {', '.join(possible) or 'none'}.",
            )
        if name not in possible:
            raise UsageError(
                f"{name} cannot be taken back: {_why(known[name].kind, known[name].effect.value)}.",
                changed="Nothing was started.",
                next=f"Steps that can be: {', '.join(possible) or 'none'}.",
            )
    if not possible:
        raise UsageError(f"No step of {incident} can be taken back.", changed="Nothing was started.")
    return steps


def _why(kind: str, effect: str) -> str:
    if kind == "campaign":
        return "what customers were told cannot be untold; a correction is a later version of the notice"
    if kind != "uses" or effect == "read":
        return "it changes nothing"
    return "what it does is final" if effect == "destructive" else "its action has no undo"
