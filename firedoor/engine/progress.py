"""What running activities say of themselves: how far slices are, and which failure is being retried.

The workflow learns of either only when an activity has ended.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from temporalio.client import WorkflowExecutionDescription
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError, FailureError

from firedoor.incident import Failure, IncidentView, StepState, StepView


@dataclass(frozen=True, slots=True)
class Pending:
    """What is known of the activities that run: targets done by step, the last attempt's failure by action."""

    finished: Counter[str] = field(default_factory=Counter[str])
    failures: Mapping[str, Failure] = field(default_factory=dict[str, Failure])


async def pending(description: WorkflowExecutionDescription, converter: DataConverter) -> Pending:
    """The heartbeats and failures of running activities."""
    finished: Counter[str] = Counter()
    failures: dict[str, Failure] = {}
    for one in description.raw_description.pending_activities:
        if one.HasField("heartbeat_details"):
            step, count = await converter.decode(one.heartbeat_details.payloads, [str, int])
            finished[step] += count
        if one.HasField("last_failure"):
            said = await converter.decode_failure(one.last_failure)
            most = f" of {one.maximum_attempts}" if one.maximum_attempts else ""
            failures[one.activity_type.name] = Failure(
                reason=(said.type if isinstance(said, ApplicationError) else "") or "timed_out",
                what=said.message if isinstance(said, FailureError) else str(said),
                next=f"It is tried again by itself: attempt {one.attempt}{most}.",
            )
    return Pending(finished, failures)


def with_pending(view: IncidentView, known: Pending) -> IncidentView:
    """The view with these targets counted as done, and these failures at the steps that run the actions."""
    if not known.finished and not known.failures:
        return view
    return view.model_copy(update={"steps": tuple(_told(step, known) for step in view.steps)})


def _told(step: StepView, known: Pending) -> StepView:
    if step.state is not StepState.RUNNING:
        return step
    told: dict[str, object] = {}
    if step.progress and (finished := known.finished[step.id]):
        progress = step.progress
        done = min(progress.total - progress.failed, progress.done + finished)
        told["progress"] = progress.model_copy(update={"done": done})
    if step.action in known.failures:
        told["failure"] = known.failures[step.action]
    return step.model_copy(update=told) if told else step
