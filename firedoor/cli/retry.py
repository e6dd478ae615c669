"""`firedoor retry`: run a step again, all of it or a part, as it was or with other arguments."""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import Parameter
from pydantic import TypeAdapter, ValidationError

from firedoor.catalog import pairs
from firedoor.cli.case import case, step_of
from firedoor.cli.consent import consent
from firedoor.cli.console import err, out
from firedoor.cli.parameters import IncidentName, Only, Output, Reason, StepName, Yes
from firedoor.cli.views.arguments import changed
from firedoor.cli.views.plain import plain_view
from firedoor.errors import UsageError
from firedoor.incident import Decision, StepView
from firedoor.steps import STEPS

Arguments = Annotated[str, Parameter(help="Other values for arguments that may be changed, each as name=value.")]
Failed = Annotated[bool, Parameter(name="--failed", negative="", help="Only the targets that failed.")]


async def retry(
    incident: IncidentName,
    step: StepName,
    /,
    *arguments: Arguments,
    failed: Failed = False,
    only: Only = (),
    reason: Reason = "",
    yes: Yes = False,
    output: Output = "text",
) -> None:
    """Run a step again that needs attention.

    What has a recorded outcome is not done again: of a for_each, only the
    targets that failed or were not reached; with --failed only those that
    failed, with --only those that you name.

    With other arguments it shows each as old → new, and asks for the word yes.
    Which may be changed, the step's contract says: firedoor show INCIDENT STEP.

    Example
      firedoor retry 7EXAMPLE deny_sessions
      firedoor retry 7EXAMPLE store_key region=eu-central-1
      firedoor retry 7EXAMPLE rotate --failed
    """
    words = pairs(arguments, "argument")
    one = await case(incident)
    view = await one.view()
    values = typed(words, step_of(view, step))
    if values:
        console = out() if yes else err()
        if output == "text" or not yes:
            console.print(changed(step, step_of(plain_view(view), step).arguments, values))
        consent("Type yes to run it so:", yes=yes, otherwise=f"{step} does not run again")
    decision = Decision(
        responder=one.responder, step=step, reason=reason, arguments=values, targets=tuple(only), failed=failed
    )
    await one.decide("retry", decision, output)


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
