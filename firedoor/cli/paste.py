"""`firedoor paste`: give a step the new value of a credential that its provider lets only a person create."""

from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import Parameter

from firedoor.cli.case import Case, case
from firedoor.cli.parameters import IncidentName, Output, Reason, StepName
from firedoor.cli.secret import SecretStdin, Wanted, check_reachable, take, though_stored
from firedoor.cli.views.needs import NEEDS_PERSON, PASTED
from firedoor.errors import FiredoorError, RefusedError, UsageError
from firedoor.incident import Decision, FailedTarget, Failure, StepState, StepView
from firedoor.names import nearest
from firedoor.providers import providers
from firedoor.providers._provider import ByApi
from firedoor.sinks import place
from firedoor.steps._step import Credential

Target = Annotated[str, Parameter(help="Of a step for many credentials: which one, by its name or number.")]
NOTHING = "Nothing was changed, and nothing was stored."


async def paste(
    incident: IncidentName,
    step: StepName,
    /,
    *,
    target: Target = "",
    secret_stdin: SecretStdin = False,
    reason: Reason = "",
    output: Output = "text",
) -> None:
    """Give a rotation the new key that only a person can create.

    For a step that says that its provider has no API to create one. You are told
    where the value goes, and asked for it without it being shown. It goes from
    there straight into that place: the incident, the timeline and Temporal get
    its fingerprint only. The provider is asked first whether it works. Then the
    step runs again, and goes on with what it finds there.

    Example
      firedoor paste 7EXAMPLE rotate_anthropic
      firedoor paste 7EXAMPLE rotate_all --target gateway-prod
    """
    one = await case(incident)
    shown = await one.step(step)
    found = await _target(one, shown, target)
    wanted = _wanted(shown, found)
    check_reachable([wanted.name], stdin=secret_stdin)
    await take(one, wanted, stdin=secret_stdin)
    # By its number: two targets may have one name.
    targets = (found.key,) if found.key else ()
    decision = Decision(responder=one.responder, step=step, reason=reason, targets=targets)
    try:
        await one.decide("retry", decision, output)
    except FiredoorError as error:
        raise though_stored(error, "Paste again") from error


async def _target(one: Case, step: StepView, target: str) -> FailedTarget:
    """What failed, with its arguments: the step itself (without a key), or one target. Raises `UsageError`."""
    if step.action not in PASTED:
        hint = f"firedoor answer {one.incident} {step.id}" if step.ask else f"firedoor show {one.incident} {step.id}"
        raise UsageError(f"{step.id} takes no new key: it is no rotation.", changed=NOTHING, next=hint)
    if step.progress is None:
        if target:
            raise UsageError(f"{step.id} acts on one credential.", changed=NOTHING, next="Leave --target out.")
        if step.state is not StepState.NEEDS_ATTENTION:
            raise UsageError(f"{step.id} does not wait for a key: it is {step.state.value}.", changed=NOTHING)
        return FailedTarget(key="", name=step.id, failure=step.failure or _no_failure(), arguments=step.arguments)
    failed = await _failed(one, step)
    waiting = [one for one in failed if one.failure.reason == NEEDS_PERSON]
    named = [one for one in failed if target in (one.name, one.key)] if target else waiting
    if len(named) == 1:
        return named[0]
    names = [one.name for one in (waiting or failed)]
    if not target:
        what = f"{step.id} waits for {len(waiting)} keys." if waiting else f"{step.id} waits for no key."
        raise UsageError(what, changed=NOTHING, next=f"Name one with --target: {', '.join(names)}." if names else "")
    what = f"{len(named)} failed targets of {step.id} are called {target!r}."
    numbers = ", ".join(one.key for one in named)
    hint = f"Name it by its number: {numbers}." if named else nearest(target, names)
    raise UsageError(what, changed=NOTHING, next=hint)


async def _failed(one: Case, step: StepView) -> list[FailedTarget]:
    failed: list[FailedTarget] = []
    while page := await one.engine.failures(one.incident, step.id, len(failed)):
        failed += page
    return failed


def _no_failure() -> Failure:
    return Failure(reason="", what="")


def _wanted(step: StepView, found: FailedTarget) -> Wanted:
    """Whose the new key is and where it goes, as the arguments of the step say."""
    arguments = found.arguments
    credential = Credential.model_validate(arguments.get("credential") or arguments.get("like") or {"provider": ""})
    _refuse_creatable(step, found, credential)
    return Wanted(
        step=step.id,
        target=found.key,
        name=found.name,
        credential=credential,
        into=_places(step, arguments, credential),
        description=f"The new key in the place of {credential.label}",
    )


def _refuse_creatable(step: StepView, found: FailedTarget, credential: Credential) -> None:
    """A key that firedoor can create itself is not pasted: the step would not know it for its own."""
    provider = providers().get(credential.provider)
    if found.failure.reason == NEEDS_PERSON or provider is None:
        return
    if isinstance(provider.kind(credential.kind).create, ByApi):
        raise RefusedError(
            f"{step.id} creates the new key itself, by the API of {provider.title}. It waits for something else: "
            f"{found.failure.what}",
            changed=NOTHING,
            next="Cure that, then: firedoor retry.",
        )


def _places(step: StepView, arguments: Mapping[str, Any], credential: Credential) -> tuple[str, ...]:
    """The sinks, or where the credential lives now, without the version that it has there."""
    if into := tuple(arguments.get("into") or ()):
        return into
    if not credential.where:
        raise UsageError(
            f"{step.id} does not say where the new key of {credential.label} goes: it has no `into`, and where the old "
            "one lives is not known.",
            changed=NOTHING,
            next="Store it yourself, then skip the step with that as the reason.",
        )
    where = place(credential.where)
    return (where.text.replace(f"#{where.version}", "", 1) if where.version else where.text,)
