"""What became different in an incident, one line each: for a log, a pipe, a terminal that cannot redraw. Pure."""

import datetime
from collections.abc import Iterator

from firedoor.cli.views import progress
from firedoor.cli.views.signs import INCIDENTS
from firedoor.cli.views.tree import sign
from firedoor.incident import IncidentView, StepState, StepView
from firedoor.phrases import of_whom, said, still


def news(before: IncidentView | None, after: IncidentView, now: datetime.datetime, within: str = "") -> list[str]:
    """The lines. `within` stands before the names of a relative's steps. Of mass work, each tenth is news."""
    known = {step.id: step for step in before.steps} if before else {}
    at = now.astimezone(datetime.UTC).strftime("%H:%M:%S")
    lines: list[str] = []
    for step in after.steps:
        old = known.get(step.id)
        if step.state is StepState.PENDING and old is None:
            continue
        if old is None or _key(old) != _key(step):
            lines.append(f"{at}  {within}{step.id}  {sign(step).word}  {_said(step, after)}".rstrip())
    lines += [f"{at}  {within}incident {what}" for what in _incident(before, after)]
    return lines


def _key(step: StepView) -> tuple[object, ...]:
    counted = (progress.tenth(step.progress), bool(step.progress.failed)) if step.progress else None
    asked = (step.request.digest, step.request.given, step.request.policy) if step.request else None
    return step.state, step.failure, counted, asked


def _said(step: StepView, view: IncidentView) -> str:
    asked = step.request
    if step.state is not StepState.WAITING_APPROVAL or asked is None:
        return said(step)
    changed = f" · asked again: {asked.changed}" if asked.changed else ""
    return f"{asked.policy}: {still(asked)}, of {of_whom(asked, view)}{changed}"


def _incident(before: IncidentView | None, after: IncidentView) -> Iterator[str]:
    if before is None or before.state is not after.state:
        yield INCIDENTS[after.state].word
    if after.paused and (before is None or before.paused != after.paused):
        yield f"paused by {after.paused}"
    if before and before.commander != after.commander:
        yield f"commander is {after.commander}"
    known = before.review if before else ()
    yield from (f"for review: {sentence}" for sentence in after.review if sentence not in known)
