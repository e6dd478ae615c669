"""`always`: steps that run when all others have ended, so that none of those may wait for one."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from firedoor.runbook.diagnostics import Code
from firedoor.runbook.document import Document, Path, Span
from firedoor.runbook.parser import Draft


def check_endings(draft: Draft, needs: Mapping[str, Sequence[str]]) -> None:
    """Note each step that would wait for one that waits for it."""
    steps = draft.runbook.steps
    for name, wanted in needs.items():
        if steps[name].always or draft.is_broken("steps", name, "always"):
            continue
        for need in wanted:
            if steps[need].always:
                what = f"`{name}` waits for `{need}`, which has `always`: it runs when all others have ended."
                allowed = f"give `{name}` an `always: true` as well, or take the dependency away"
                draft.document.add(Code.WAITS_FOR_ALWAYS, _place(draft, name, need), what, allowed)


def _place(draft: Draft, name: str, need: str) -> Span:
    """Where a step says that it waits for another: in `needs`, in an expression, or else the step itself."""
    document, path, named = draft.document, ("steps", name), draft.runbook.steps[name].needs
    if need in named:
        return document.span((*path, "needs", named.index(need)))
    return _mention(document, path, document.value["steps"].get(name), need) or document.span(path, key=True)


def _mention(document: Document, path: Path, value: Any, need: str) -> Span | None:
    """The first place in a value that reads `steps.NEED`."""
    if isinstance(value, str):
        found = re.search(rf"\bsteps\s*\.\s*{need}\b", value)
        return document.within(path, *found.span()) if found else None
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    places = (_mention(document, (*path, key), member, need) for key, member in members)
    return next((place for place in places if place is not None), None)
