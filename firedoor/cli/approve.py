"""`firedoor approve`: agree to exactly what is shown."""

import datetime
from typing import Annotated

from cyclopts import Parameter

from firedoor.cli.case import case, given, step_of
from firedoor.cli.consent import consent
from firedoor.cli.console import err, interactive, out
from firedoor.cli.parameters import IncidentName, Only, Output, Reason, StepName, Yes
from firedoor.cli.views.request import request
from firedoor.errors import RefusedError
from firedoor.incident import Decision, IncidentView, StepState
from firedoor.plain import plain_view

BreakGlass = Annotated[
    bool,
    Parameter(
        name="--break-glass", negative="", help="Go ahead alone, in an emergency, with a reason. It will be reviewed."
    ),
]
Digest = Annotated[str, Parameter(help="What you saw: the digest that show and this verb print.")]


async def approve(
    incident: IncidentName,
    step: StepName,
    /,
    *,
    only: Only = (),
    reason: Reason = "",
    break_glass: BreakGlass = False,
    yes: Yes = False,
    digest: Digest = "",
    output: Output = "text",
) -> None:
    """Approve a step that waits for approval.

    Shows exactly what would be approved: what changes, before → after, what that
    touches, on which targets, and who has approved already. Then asks for the
    word yes. Only what was shown is approved: if it has changed by the time it
    would be done, it is not done, and asked again.

    The runbook names who may; nobody approves what they started themselves
    unless it says so. You are who the operating system says you are.

    Without a terminal both --yes and --digest are needed, so that a script
    approves what it saw.

    Example
      firedoor approve 7EXAMPLE delete_key
      firedoor approve 7EXAMPLE rotate --only app-billing --only app-search
    """
    if break_glass:
        given(reason)
    one = await case(incident)
    view = await one.view()
    asked = step_of(view, step)
    decision = Decision(
        responder=one.responder,
        step=step,
        reason=reason,
        targets=tuple(only),
        break_glass=break_glass,
        digest=digest or (asked.request.digest if asked.request else ""),
    )
    # What waits for no approval is refused by the incident itself, which knows why.
    if asked.state is StepState.WAITING_APPROVAL and asked.request:
        if output == "text" or not yes:
            _show(view, step, yes=yes)
        _agree(view, decision, yes=yes, digest=digest)
    await one.decide("approve", decision, output)


def _show(view: IncidentView, step: str, *, yes: bool) -> None:
    console = out() if yes else err()
    shown = plain_view(view)
    console.print(request(shown, step_of(shown, step), datetime.datetime.now(datetime.UTC)))
    console.print()


def _agree(view: IncidentView, decision: Decision, *, yes: bool, digest: str) -> None:
    """Ask for the word yes. Raises `RefusedError` where nobody says it, or what is asked is not what was seen."""
    step = decision.step
    asked = step_of(view, step).request
    if asked is None:
        return
    if digest and digest != asked.digest:
        raise RefusedError(
            f"{step} was not approved: what it would change has the digest {asked.digest} now, not {digest}.",
            changed="Nothing was changed.",
            next=f"Look again at what is asked: firedoor show {view.id} {step}",
        )
    about = f" of {', '.join(decision.targets)}" if decision.targets else ""
    alone = ", ALONE, by breaking the glass" if decision.break_glass else ""
    consent(
        f"Type yes to approve {step}{about}{alone}:",
        yes=yes and (bool(digest) or interactive()),
        otherwise=f"{step} was not approved",
        next=f"Once you have looked at it, say what you saw: --yes --digest {asked.digest}",
    )
