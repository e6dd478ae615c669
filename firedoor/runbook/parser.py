"""Text → `Runbook`, with every mistake of shape noted at its place.

A wrong part is taken out and the rest read on, so that the compiler can check what remains and report everything at
once. What was taken out is in `Draft.broken`, so that nothing that refers to it is reported as unknown.
"""

import copy
import re
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from firedoor.runbook.campaign import CampaignSpec, EscalateSpec, QuietSpec
from firedoor.runbook.clocks import ClockSpec, ContractSpec
from firedoor.runbook.diagnostics import Code, choices
from firedoor.runbook.document import Document, Path, read
from firedoor.runbook.model import (
    ApprovalSpec,
    AskField,
    AskSpec,
    InputSpec,
    RetrySpec,
    Runbook,
    StepSpec,
    ThenSpec,
    TriggerSpec,
)
from firedoor.runbook.values import RESERVED

#: Where each model stands (`*` is any name), and what a person calls it.
SHAPES: tuple[tuple[Path, str, type[BaseModel]], ...] = (
    ((), "A runbook", Runbook),
    (("inputs", "*"), "An input", InputSpec),
    (("triggers", "*"), "A trigger", TriggerSpec),
    (("approvals", "*"), "An approval policy", ApprovalSpec),
    (("approvals", "*", "then"), "`then`", ThenSpec),
    (("steps", "*"), "A step", StepSpec),
    (("steps", "*", "ask"), "`ask`", AskSpec),
    (("steps", "*", "ask", "fields", "*"), "A field", AskField),
    (("steps", "*", "retry"), "`retry`", RetrySpec),
    (("steps", "*", "campaign"), "`campaign`", CampaignSpec),
    (("steps", "*", "campaign", "quiet"), "`quiet`", QuietSpec),
    (("steps", "*", "campaign", "escalate"), "`escalate`", EscalateSpec),
    (("clocks", "*"), "A clock", ClockSpec),
    (("clocks", "*", "contract"), "`contract`", ContractSpec),
)

KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list: [a, b]",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
}
BOUNDS = {"greater_than_equal": "at least {ge}", "less_than_equal": "at most {le}", "out_of_bounds": "{words}"}
DURATIONS = "a whole number and a unit: 30s, 5m, 2h, 1d"
NAMES = "snake_case: a letter, then letters, digits and _ (63 at most)"
RUNBOOK_NAMES = "lower-case words joined by `-` or `_`: aws-access-key-leaked"


@dataclass(slots=True)
class Draft:
    """What could be read of a runbook. `broken` holds the paths that were taken out."""

    document: Document
    runbook: Runbook
    broken: set[Path] = field(default_factory=set)

    def is_broken(self, *path: str) -> bool:
        """Was a part at or above `path` taken out?"""
        return any(path[:length] in self.broken for length in range(1, len(path) + 1))


def parse(text: str, file: str) -> Runbook:
    """A runbook by its shape. Raises `RunbookErrors` with every mistake; `file` is what they are reported under."""
    draft = draft_of(read(text, file))
    draft.document.check()
    return draft.runbook


def draft_of(document: Document) -> Draft:
    """What can be read of a document; mistakes are noted in it. Raises `RunbookErrors` if there are no steps at all."""
    data, broken = document.value, set[Path]()
    while True:
        try:
            return Draft(document, Runbook.model_validate(data), broken)
        except ValidationError as error:
            data = copy.deepcopy(data) if data is document.value else data
            details = error.errors(include_url=False)
            for detail in details:
                _note(document, detail, broken)
            # Every detail, though one may have gone with another: what matters is that something went.
            progress = [_take_out(data, detail, broken) for detail in details]
        if "steps" not in data or not any(progress):
            document.check()


def _note(document: Document, detail: ErrorDetails, broken: set[Path]) -> None:
    """One error of pydantic as a diagnostic."""
    kind, loc, given = detail["type"], detail["loc"], detail["input"]
    path = _path(detail)
    if path in broken:
        return
    place = ".".join(str(part) for part in path)
    context = detail.get("ctx", {})
    if kind in ("extra_forbidden", "missing"):
        _note_key(document, path, missing=kind == "missing")
    elif kind in ("bad_name", "bad_runbook_name"):
        _note_name(document, path, str(context.get("name")), key="[key]" in loc, runbook=kind == "bad_runbook_name")
    elif kind == "bad_duration":
        document.add(Code.BAD_DURATION, path, f"`{place}`: {_shown(given)} is not a duration.", DURATIONS)
    elif kind in BOUNDS:
        document.add(Code.OUT_OF_BOUNDS, path, f"`{place}` is {given}; it must be {BOUNDS[kind].format(**context)}.")
    elif kind == "literal_error":
        names = re.findall(r"'([^']*)'", str(context["expected"]))
        document.add(Code.BAD_VALUE, path, f"`{place}` cannot be {_shown(given)}.", choices(str(given), names))
    elif kind == "not_allowed":
        document.add(Code.BAD_VALUE, path, f"`{place}` cannot be {_shown(given)}.", context["allowed"])
    elif kind in KINDS:
        what = f"`{place}` is empty" if given is None else f"`{place}` is {_kind_of(given)}"
        hint = "put it in quotes" if kind == "string_type" and isinstance(given, int | float) else ""
        document.add(Code.WRONG_TYPE, path, f"{what}; it must be {KINDS[kind]}.", hint)
    elif kind == "too_short":
        document.add(Code.MISSING_KEY, path, f"`{place}` is empty; a runbook has at least one step.", key=True)
    else:
        document.add(Code.BAD_VALUE, path, f"`{place}` cannot be {_shown(given)}: {detail['msg']}.")


def _note_key(document: Document, path: Path, *, missing: bool) -> None:
    """A key that is missing, or one that does not exist."""
    owner, model = _owner(path[:-1])
    fields = {one.alias or name: one for name, one in model.model_fields.items()}
    key = str(path[-1])
    if missing:
        where = ".".join(str(part) for part in path[:-1])
        what = f"`{where}` has no `{key}`." if where else f"The runbook has no `{key}`."
        document.add(Code.MISSING_KEY, path[:-1], what, fields[key].description or "", key=True)
    else:
        document.add(Code.UNKNOWN_KEY, path, f"{owner} has no key `{key}`.", choices(key, fields), key=True)


def _note_name(document: Document, path: Path, name: str, *, key: bool, runbook: bool) -> None:
    reserved = " Expressions reserve that word." if name in RESERVED else ""
    allowed = RUNBOOK_NAMES if runbook else NAMES
    document.add(Code.BAD_NAME, path, f"`{name}` cannot be a name here.{reserved}", allowed, key=key)


def _take_out(data: Any, detail: ErrorDetails, broken: set[Path]) -> bool:
    """Remove what is wrong from `data`; was it still there? Lists go whole, or the places of members would shift."""
    path = _path(detail)
    if detail["type"] == "missing":
        if path == ("name",):
            data["name"] = "unnamed"
            return True
        path = path[:-1] if len(path) > 1 else path
    while path and isinstance(path[-1], int):
        path = path[:-1]
    broken.add(path)
    holder: Any = data
    for part in path[:-1]:
        if isinstance(holder, dict) and part not in holder:
            return False
        holder = holder[part]
    return any(holder.pop(last, holder) is not holder for last in path[-1:])


def _path(detail: ErrorDetails) -> Path:
    return tuple(part for part in detail["loc"] if part != "[key]")


def _owner(path: Path) -> tuple[str, type[BaseModel]]:
    for shape, words, model in SHAPES:
        if len(shape) == len(path) and all(part in ("*", given) for part, given in zip(shape, path, strict=True)):
            return words, model
    raise LookupError(path)


def _shown(value: Any) -> str:
    text = str(value) if value is not None else "empty"
    return f"`{text[:60]}…`" if len(text) > 60 else f"`{text}`"


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {_shown(value)}"
    return "a list" if isinstance(value, list) else "a mapping"
