"""What a person types for the arguments of a step that runs again, with the types of the step's contract. Pure."""

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from firedoor.errors import UsageError
from firedoor.incident import StepView
from firedoor.steps import STEPS


def typed(words: Mapping[str, str], step: StepView) -> dict[str, Any]:
    """The new arguments with the types of the step's contract. Raises `UsageError` for what may not be changed."""
    for name in words:
        if name not in step.changeable:
            raise _unchangeable(name, step)
    return {name: _value(name, word, step) for name, word in words.items()}


def _unchangeable(name: str, step: StepView) -> UsageError:
    may = ", ".join(step.changeable)
    near = difflib.get_close_matches(name, step.changeable, n=1)
    if name in step.arguments:
        what = "cannot be changed by a retry"
        hint = f"These may be: {may}." if may else "None of its arguments may be."
    else:
        what = "is not an argument that can be changed"
        hint = f"Did you mean {near[0]}?" if near else f"These may be: {may}." if may else "None may be."
    return UsageError(f"{name} of {step.id} {what}.", changed="Nothing was changed.", next=hint)


def _value(name: str, text: str, step: StepView) -> Any:
    contract = STEPS.get(step.action)
    field = contract.model_fields.get(name) if contract else None
    if field is None:
        return text
    many = isinstance(step.arguments.get(name), list)
    try:
        kind: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
        return kind.dump_python(kind.validate_python(text.split(",") if many else text), mode="json")
    except ValidationError as error:
        why = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise UsageError(
            f"{name} of {step.id} cannot be {text!r}: {why}.",
            changed="Nothing was changed.",
            next=f"firedoor steps {step.action} says what it takes.",
        ) from None
