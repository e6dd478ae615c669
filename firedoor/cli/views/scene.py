"""All that a picture of an incident is drawn from. Pure."""

import datetime
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from firedoor.incident import FINAL_STATES, IncidentState, IncidentView, StepState, StepView
from firedoor.words import seconds_between

ENDS = frozenset({IncidentState.COMPLETED, IncidentState.ABORTED})

#: Who waits for a person.
WAITING = frozenset({StepState.WAITING_APPROVAL, StepState.WAITING_ANSWER, StepState.NEEDS_ATTENTION})


@dataclass(frozen=True, slots=True)
class Scene:
    """An incident at a moment.

    `relatives` are the incidents that belong to it, by id: those of its `run` steps, and those that take it back.
    `rates` are targets a second of each `for_each`, by incident and step, where they were measured. `lost` says why
    this is not the present.
    """

    view: IncidentView
    now: datetime.datetime
    relatives: Mapping[str, IncidentView] = field(default_factory=dict[str, IncidentView])
    rates: Mapping[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    lost: str = ""

    def around(self, incident: str) -> "Scene | None":
        """The scene of a relative, or None where nothing is known of it."""
        view = self.relatives.get(incident)
        return replace(self, view=view) if view else None

    def family(self) -> Iterator["Scene"]:
        """This incident, then each relative that is known, each with its own."""
        yield self
        for name in relatives(self.view):
            if near := self.around(name):
                yield from near.family()


def relatives(view: IncidentView) -> Iterator[str]:
    """The ids of the incidents that belong to this one, as far as it says."""
    for step in view.steps:
        if step.kind == "run" and step.started and step.state is not StepState.SKIPPED:
            yield child(view, step)
        if step.undoes_itself:
            yield step.undoes_itself
    if view.undo:
        yield view.undo


def child(view: IncidentView, step: StepView) -> str:
    """The id of the incident that a `run` step started."""
    return f"{view.id}.{step.id}"


def short(view: IncidentView) -> str:
    """The part of the id that a person types: what stands behind the runbook's name."""
    return view.id.removeprefix(f"{view.runbook.removeprefix('undo-')}-")


def command(view: IncidentView, verb: str, rest: str = "") -> str:
    """A command line about this incident, ready to be pasted."""
    return f"firedoor {verb} {shlex.quote(short(view))} {rest}".rstrip()


def campaign(view: IncidentView, step: StepView) -> str:
    """The command line that shows the campaign of a step."""
    return f"firedoor campaign show {shlex.quote(f'{short(view)}.{step.id}')}"


def average(step: StepView, now: datetime.datetime) -> float | None:
    """Targets a second since the step began; None where nothing can be said, as of one that waited for approval."""
    if step.previews:
        return None
    took = seconds_between(step.started, step.ended, now)
    reached = step.progress.done + step.progress.failed if step.progress else 0
    return reached / took if took and reached and step.state not in FINAL_STATES else None
