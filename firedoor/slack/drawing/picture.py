"""All that a message about an incident is drawn from. Pure."""

import datetime
from dataclasses import dataclass

from firedoor.incident import FINAL_STATES, IncidentState, IncidentView, StepState, StepView
from firedoor.phrases import INCIDENTS, STEPS, VERDICTS, Mark, unproved
from firedoor.plan import Plan, PlannedStep, Verdict

ENDS = frozenset({IncidentState.COMPLETED, IncidentState.ABORTED})
#: Who waits for a person.
WAITING = frozenset({StepState.WAITING_APPROVAL, StepState.WAITING_ANSWER, StepState.NEEDS_ATTENTION})


@dataclass(frozen=True, slots=True)
class Picture:
    """An incident at a moment. `plan` is there where it is known; `modern`: the workspace has `plan` blocks.

    `forecast` is the run in plan mode that whoever started it was shown.
    """

    view: IncidentView
    now: datetime.datetime
    plan: Plan | None = None
    modern: bool = False
    parent: str = ""
    forecast: IncidentView | None = None

    @property
    def ended(self) -> bool:
        """Is it over?"""
        return self.view.state in ENDS

    def planned(self, step: StepView) -> PlannedStep | None:
        """What the plan says of a step."""
        return next((one for one in self.plan.steps if one.id == step.id), None) if self.plan else None

    def waiting(self) -> list[StepView]:
        """The steps that wait for a person; nobody answers them once it is over."""
        return [] if self.ended else [step for step in self.view.steps if step.state in WAITING]


def step_mark(step: StepView) -> Mark:
    """Once a step has ended, its verdict says more than its state."""
    return VERDICTS[step.verdict] if step.verdict and step.state in FINAL_STATES else STEPS[step.state]


def incident_mark(view: IncidentView) -> Mark:
    """The sign and word of an incident. What was aborted carries no sign of success."""
    if view.state in ENDS and view.verdict and view.state is not IncidentState.ABORTED:
        return VERDICTS[view.verdict]
    return INCIDENTS[view.state]


def so_far(view: IncidentView) -> str:
    """The verdict in words. Before the end, unknown only means that the proof is still to come."""
    if view.verdict is None:
        return ""
    if view.verdict is Verdict.UNKNOWN and view.state not in ENDS:
        return f"? {unproved(view)}"
    mark = VERDICTS[view.verdict]
    return f"{mark.icon} {mark.word}"
