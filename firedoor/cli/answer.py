"""`firedoor answer`: fill in the form of a step that asks."""

from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import Parameter

from firedoor.cli.case import Case, case
from firedoor.cli.console import err, interactive
from firedoor.cli.parameters import IncidentName, Output, Reason, StepName, pairs
from firedoor.cli.secret import SecretStdin, Wanted, check_reachable, on_command_line, take, though_stored
from firedoor.errors import FiredoorError, RefusedError, UsageError
from firedoor.incident import Decision
from firedoor.plain import plain
from firedoor.plan import Ask, Field
from firedoor.steps._step import Credential

Fields = Annotated[str, Parameter(help="The answers, each as field=value. On a terminal, missing ones are asked for.")]

NOTHING = "Nothing was changed, and nothing was stored."
YES, NO = frozenset({"true", "yes", "y"}), frozenset({"false", "no", "n"})


async def answer(
    incident: IncidentName,
    step: StepName,
    /,
    *fields: Fields,
    secret_stdin: SecretStdin = False,
    reason: Reason = "",
    output: Output = "text",
) -> None:
    """Answer a step that asks.

    A secret is asked for on the terminal, without being shown, after you are told
    where it goes. It goes from there straight into that place: the incident, the
    timeline and Temporal get its fingerprint only. The provider is asked first
    whether it works. On a command line it is refused.

    Example
      firedoor answer 7EXAMPLE confirm_replacement healthy=yes
      firedoor answer 7EXAMPLE new_key
      pass show new-key | firedoor answer 7EXAMPLE new_key --secret-stdin
    """
    given = pairs(fields, "field")
    one = await case(incident)
    ask = (await one.step(step)).ask
    # A step that asks nothing takes no answer: the incident itself says so, with what the step does instead.
    answers: dict[str, Any] = typed(given, ask.fields) if ask else {}
    secrets = ask.secrets() if ask else {}
    if secrets:
        check_reachable(list(secrets), stdin=secret_stdin)
    missing = {key: field for key, field in ask.fields.items() if key not in {*answers, *secrets}} if ask else {}
    if ask and (missing or secrets) and interactive():
        err().print(plain(ask.prompt), style="bold")
        answers |= _asked(missing)
    if ask and secrets:
        await _check_answerable(one, ask, answers)
        answers |= await _stored(one, step, secrets, stdin=secret_stdin)
    decision = Decision(responder=one.responder, step=step, reason=reason, answers=answers)
    try:
        await one.decide("answer", decision, output)
    except FiredoorError as error:
        if secrets.keys().isdisjoint(answers):
            raise
        raise though_stored(error, "Answer again") from error


async def _check_answerable(one: Case, ask: Ask, answers: Mapping[str, Any]) -> None:
    """Raise what the incident would say of the answer, before a secret is stored for it and not after."""
    lacking = [
        name
        for name, field in ask.fields.items()
        if field.required and field.type != "secret" and answers.get(name) is None
    ]
    if lacking:
        raise UsageError(f"{', '.join(lacking)} is missing.", changed=NOTHING, next=f"Add {lacking[0]}=VALUE.")
    policy = (await one.engine.plan_of(one.incident)).plan.policies.get(ask.of)
    if policy and not one.responder.among(policy.sources):
        raise RefusedError(
            f"{one.responder.principal} is not in {ask.of}: it takes one of {', '.join(policy.sources)}.",
            changed=NOTHING,
        )


async def _stored(one: Case, step: str, secrets: Mapping[str, Field], *, stdin: bool) -> dict[str, Any]:
    """Have each secret stored; the answers are credentials without their values."""
    answers: dict[str, Any] = {}
    for name, field in secrets.items():
        credential = Credential(provider=field.provider, kind=field.kind, scope=field.scope)
        wanted = Wanted(
            step=step,
            # The value of one field must not be taken for that of another.
            target=name,
            name=name,
            credential=credential,
            into=field.into,
            description=field.description,
            required=field.required,
        )
        if stored := await take(one, wanted, stdin=stdin):
            answers[name] = stored.credential
    return answers


def typed(given: Mapping[str, str], form: Mapping[str, Field]) -> dict[str, Any]:
    """The answers with the types of the form. Raises `UsageError` that names the field and what it takes."""
    for name in given:
        if name not in form:
            raise UsageError(f"{name} is not a field of this question.", next=f"Its fields: {', '.join(form)}.")
    return {name: _value(name, value, form[name]) for name, value in given.items()}


def _value(name: str, text: str, field: Field) -> Any:
    if field.type == "secret":
        raise on_command_line(name)
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
