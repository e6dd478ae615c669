"""`firedoor retry`: run a step again, all of it or a part, as it was or with other arguments."""

from typing import Annotated

from cyclopts import Parameter

from firedoor.arguments import typed
from firedoor.cli.case import case, step_of
from firedoor.cli.consent import consent
from firedoor.cli.console import err, out
from firedoor.cli.parameters import IncidentName, Only, Output, Reason, StepName, Yes, pairs
from firedoor.cli.views.arguments import changed
from firedoor.incident import Decision
from firedoor.plain import plain_view

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
