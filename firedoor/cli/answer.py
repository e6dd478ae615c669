"""`firedoor answer`: fill in the form of a step that asks."""

from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import Parameter

from firedoor.cli.case import case
from firedoor.cli.catalog import pairs
from firedoor.cli.console import err, interactive
from firedoor.cli.parameters import IncidentName, Output, Reason, StepName
from firedoor.cli.views.plain import plain
from firedoor.errors import UsageError
from firedoor.incident import Decision
from firedoor.plan import Field

Fields = Annotated[str, Parameter(help="The answers, each as field=value. On a terminal, missing ones are asked for.")]

YES, NO = frozenset({"true", "yes", "y"}), frozenset({"false", "no", "n"})


async def answer(
    incident: IncidentName, step: StepName, /, *fields: Fields, reason: Reason = "", output: Output = "text"
) -> None:
    """Answer a step that asks.

    Example
      firedoor answer 7EXAMPLE confirm_replacement healthy=yes
    """
    given = pairs(fields, "field")
    one = await case(incident)
    ask = (await one.step(step)).ask
    # A step that asks nothing takes no answer: the incident itself says so, with what the step does instead.
    answers: dict[str, Any] = typed(given, ask.fields) if ask else {}
    missing = {key: field for key, field in ask.fields.items() if key not in answers} if ask else {}
    if ask and missing and interactive():
        err().print(plain(ask.prompt), style="bold")
        answers |= _asked(missing)
    decision = Decision(responder=one.responder, step=step, reason=reason, answers=answers)
    await one.decide("answer", decision, output)


def typed(given: Mapping[str, str], form: Mapping[str, Field]) -> dict[str, Any]:
    """The answers with the types of the form. Raises `UsageError` that names the field and what it takes."""
    for name in given:
        if name not in form:
            raise UsageError(f"{name} is not a field of this question.", next=f"Its fields: {', '.join(form)}.")
    return {name: _value(name, value, form[name]) for name, value in given.items()}


def _value(name: str, text: str, field: Field) -> Any:
    if field.type == "boolean":
        word = text.strip().lower()
        if word not in YES | NO:
            raise UsageError(f"{name} is yes or no, not {text!r}.", next=f"Write {name}=yes or {name}=no.")
        return word in YES
    if field.type == "integer":
        try:
            return int(text)
        except ValueError:
            raise UsageError(f"{name} is a whole number, not {text!r}.", next=f"Write {name}=3, say.") from None
    if field.choices and text not in field.choices:
        raise UsageError(f"{name} cannot be {text!r}.", next=f"It is one of {', '.join(field.choices)}.")
    return text


def _asked(missing: Mapping[str, Field]) -> dict[str, Any]:
    """Ask for each field in turn, until its value fits."""
    console = err()
    answers: dict[str, Any] = {}
    for name, field in missing.items():
        hint = " / ".join(field.choices) or {"boolean": "yes / no", "integer": "a number", "string": "text"}[field.type]
        while name not in answers:
            text = console.input(f"{plain(field.description or name)} ({hint}): ")
            if not text and not field.required:
                break
            try:
                answers[name] = _value(name, text, field)
            except UsageError as error:
                console.print(f"{error.what} {error.next}", style="yellow")
    return answers
