"""What a person decides about an incident: each of these is recorded before it takes effect."""

from collections.abc import Collection
from dataclasses import replace
from typing import Annotated

from cyclopts import Parameter

from firedoor.cli import times
from firedoor.cli.case import case, given
from firedoor.cli.console import err
from firedoor.cli.parameters import IncidentName, Output, Reason, StepName
from firedoor.errors import UsageError
from firedoor.incident import Decision, StepState
from firedoor.undo import WAIT

TakeBack = Annotated[bool, Parameter(name="--undo", negative="", help="Take back what was done, under its approvals.")]
Person = Annotated[str, Parameter(help="Who: user:ada, or ada.")]
Longer = Annotated[str, Parameter(help="How much longer: 30m, 12h, 2d.")]


async def deny(incident: IncidentName, step: StepName, /, *, reason: Reason, output: Output = "text") -> None:
    """Deny a step that waits for approval.

    The step does not run. It then needs attention: ask again with retry, skip
    it, or abort the incident.

    Example
      firedoor deny 7EXAMPLE delete_key --reason 'still in use by billing'
    """
    given(reason)
    one = await case(incident)
    await one.step(step)
    await one.decide("deny", Decision(responder=one.responder, step=step, reason=reason), output)


async def skip(incident: IncidentName, step: StepName, /, *, reason: Reason, output: Output = "text") -> None:
    """Leave a step out.

    Steps that need its result will not run either; the answer names them.
    Skipping a containment step means that containment is not proved.

    Example
      firedoor skip 7EXAMPLE deny_sessions --reason 'the role is deleted'
    """
    given(reason)
    one = await case(incident)
    await one.step(step)
    await one.decide("skip", Decision(responder=one.responder, step=step, reason=reason), output)


async def abort(incident: IncidentName, /, *, reason: Reason, undo: TakeBack = False, output: Output = "text") -> None:
    """End an incident now.

    No new action starts; what is running finishes; steps that the runbook wants
    to run always still do. Nothing is undone, unless you say --undo: then an
    incident of its own takes back what can be, in reverse order.

    Example
      firedoor abort 7EXAMPLE --reason 'false alarm' --undo
    """
    given(reason)
    one = await case(incident)
    await one.decide("abort", Decision(responder=one.responder, reason=reason, undo=undo), output)


async def pause(incident: IncidentName, /, *, reason: Reason = "", output: Output = "text") -> None:
    """Start no new action until somebody resumes.

    What is running finishes; of mass work, the targets that have begun.

    Example
      firedoor pause 7EXAMPLE --reason 'checking with the customer'
    """
    one = await case(incident)
    await one.decide("pause", Decision(responder=one.responder, reason=reason), output)


async def resume(incident: IncidentName, /, *, reason: Reason = "", output: Output = "text") -> None:
    """Go on after a pause.

    Example
      firedoor resume 7EXAMPLE
    """
    one = await case(incident)
    await one.decide("resume", Decision(responder=one.responder, reason=reason), output)


async def invite(incident: IncidentName, person: Person, /, *, reason: Reason = "", output: Output = "text") -> None:
    """Add a responder to an incident.

    It is recorded and shown. It gives nobody the right to approve: that is the
    runbook's and the configuration's.

    Example
      firedoor invite 7EXAMPLE user:bob
    """
    one = await case(incident)
    decision = Decision(responder=one.responder, reason=reason, person=_principal(person, one.people))
    await one.decide("invite", decision, output)


async def handover(incident: IncidentName, person: Person, /, *, reason: Reason = "", output: Output = "text") -> None:
    """Hand the command of an incident to somebody else.

    Example
      firedoor handover 7EXAMPLE user:bob --reason 'end of my shift'
    """
    one = await case(incident)
    decision = Decision(responder=one.responder, reason=reason, person=_principal(person, one.people))
    await one.decide("handover", decision, output)


async def extend(
    incident: IncidentName, step: StepName, duration: Longer, /, *, reason: Reason = "", output: Output = "text"
) -> None:
    """Let a wait, or a temporary change, last longer.

    Counted from when it would end. Of a temporary change it is the undo that
    waits longer.

    Example
      firedoor extend 7EXAMPLE deny_sessions 12h
    """
    seconds = times.seconds(duration)
    one = await case(incident)
    found = await one.step(step)
    decision = Decision(responder=one.responder, step=step, reason=reason, seconds=seconds)
    if found.undoes_itself and found.state is not StepState.SLEEPING:
        one = replace(one, incident=found.undoes_itself)
        decision = decision.model_copy(update={"step": WAIT})
    await one.decide("extend", decision, output)


def _principal(person: str, people: Collection[str]) -> str:
    """The principal that is meant; where `[people]` says who there is, a name that it has not is doubted."""
    name = person.strip()
    if not name or any(character.isspace() for character in name):
        raise UsageError(f"{person!r} is no person.", changed="Nothing was changed.", next="Write user:ada, or ada.")
    principal = name if ":" in name else f"user:{name}"
    if people and principal not in people:
        told = f"`[people]` in firedoor.toml has no {principal}: they may not hear of it. It has {', '.join(people)}."
        err().print(told, style="yellow")
    return principal
