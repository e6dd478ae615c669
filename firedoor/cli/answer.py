"""`firedoor answer`: fill in the form of a step that asks."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import Parameter

from firedoor.cli.catalog import compiled_runbook, pairs
from firedoor.cli.console import err, interactive
from firedoor.cli.decisions import settle, tell
from firedoor.cli.identity import responder
from firedoor.cli.parameters import IncidentName, Output, Reason, StepName
from firedoor.config import Settings, load
from firedoor.engine import Engine
from firedoor.errors import UsageError
from firedoor.incident import Decision, IncidentView
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
    settings = load()
    engine = await Engine.connect(settings)
    name = await engine.find(incident)
    form = _form(await engine.view(name), step, settings)
    answers = typed(given, form) if form else {key: _guessed(value) for key, value in given.items()}
    if interactive():
        answers |= _asked({key: field for key, field in form.items() if key not in answers})
    decision = Decision(responder=responder(settings), step=step, reason=reason, answers=answers)
    tell(name, await settle(engine, name, "answer", decision), output)


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


def _form(view: IncidentView, step: str, settings: Settings) -> dict[str, Field]:
    """The fields of the question, from the runbook as long as it is the one that the incident started with."""
    try:
        plan = compiled_runbook(view.runbook, settings)
    except UsageError:
        return {}
    if plan.digest() != view.plan:
        return {}
    return next((dict(one.ask.fields) for one in plan.steps if one.id == step and one.ask), {})


def _guessed(text: str) -> Any:
    """A value without a form: `true`, `7` and `"text"` as JSON has them, anything else as text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str | int) else text


def _asked(missing: Mapping[str, Field]) -> dict[str, Any]:
    """Ask for each field in turn, until its value fits."""
    console = err()
    answers: dict[str, Any] = {}
    for name, field in missing.items():
        hint = " / ".join(field.choices) or {"boolean": "yes / no", "integer": "a number", "string": "text"}[field.type]
        while name not in answers:
            text = console.input(f"{field.description or name} ({hint}): ")
            if not text and not field.required:
                break
            try:
                answers[name] = _value(name, text, field)
            except UsageError as error:
                console.print(f"{error.what} {error.next}", style="yellow")
    return answers
