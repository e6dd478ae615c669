"""What a person decides about an incident: each of these is recorded before it takes effect."""

from typing import Annotated

from cyclopts import Parameter

from firedoor.cli.console import out, write_json
from firedoor.cli.identity import responder
from firedoor.cli.parameters import IncidentName, Output, Reason, StepName
from firedoor.cli.views.plain import plain
from firedoor.config import load
from firedoor.engine import Engine
from firedoor.errors import UsageError
from firedoor.incident import Decision, Verb

Words = Annotated[str, Parameter(help="The note. Quotes are not needed.")]


async def approve(incident: IncidentName, step: StepName, /, *, reason: Reason = "", output: Output = "text") -> None:
    """Approve a step that waits for approval.

    The runbook names who may; nobody approves what they started themselves
    unless it says so. You are who the operating system says you are.
    """
    await _decide("approve", incident, step, reason, output)


async def deny(incident: IncidentName, step: StepName, /, *, reason: Reason, output: Output = "text") -> None:
    """Deny a step that waits for approval.

    The step does not run. It then needs attention: ask again with retry, skip
    it, or abort the incident.
    """
    await _decide("deny", incident, step, _given(reason), output)


async def retry(incident: IncidentName, step: StepName, /, *, reason: Reason = "", output: Output = "text") -> None:
    """Run a step again that needs attention.

    What has a recorded outcome is not done again: of a for_each, only the
    targets that failed or were not reached.
    """
    await _decide("retry", incident, step, reason, output)


async def skip(incident: IncidentName, step: StepName, /, *, reason: Reason, output: Output = "text") -> None:
    """Leave a step out.

    Steps that need its result will not run either. Skipping a containment step
    means that containment is not proved.
    """
    await _decide("skip", incident, step, _given(reason), output)


async def abort(incident: IncidentName, /, *, reason: Reason, output: Output = "text") -> None:
    """End an incident now.

    No new action starts; what is running finishes. Nothing that was done is
    undone.
    """
    await _decide("abort", incident, "", _given(reason), output)


async def note(incident: IncidentName, /, *text: Words, output: Output = "text") -> None:
    """Add a sentence to the timeline.

    Example
      firedoor note 7EXAMPLE called the customer, they confirm
    """
    if not text:
        raise UsageError("The note is empty.", next="Usage: firedoor note INCIDENT TEXT…")
    await _decide("note", incident, "", " ".join(text), output)


async def _decide(verb: Verb, incident: str, step: str, reason: str, output: str) -> None:
    settings = load()
    engine = await Engine.connect(settings)
    name = await engine.find(incident)
    decision = Decision(responder=responder(settings), step=step, reason=reason)
    tell(name, await engine.decide(name, verb, decision), output)


def tell(incident: str, sentence: str, output: str) -> None:
    """Say what was done."""
    if output == "json":
        write_json({"incident": incident, "done": sentence})
    else:
        out().print(plain(sentence))


def _given(reason: str) -> str:
    if not reason.strip():
        raise UsageError("The reason is empty.", next="Say why: it becomes part of the timeline.")
    return reason
