"""How far the slices are that run at this moment: the worker's heartbeats say it between two reports."""

from collections import Counter

from temporalio.client import WorkflowExecutionDescription
from temporalio.converter import DataConverter

from firedoor.incident import IncidentView, StepState, StepView


async def heartbeats(description: WorkflowExecutionDescription, converter: DataConverter) -> Counter[str]:
    """How many targets the running activities of each step have finished."""
    finished: Counter[str] = Counter()
    for pending in description.raw_description.pending_activities:
        if pending.HasField("heartbeat_details"):
            step, count = await converter.decode(pending.heartbeat_details.payloads, [str, int])
            finished[step] += count
    return finished


def with_heartbeats(view: IncidentView, finished: Counter[str]) -> IncidentView:
    """The view with these targets counted as done."""
    if not finished:
        return view
    return view.model_copy(update={"steps": tuple(_counted(step, finished[step.id]) for step in view.steps)})


def _counted(step: StepView, finished: int) -> StepView:
    progress = step.progress
    if progress is None or not finished or step.state is not StepState.RUNNING:
        return step
    done = min(progress.total - progress.failed, progress.done + finished)
    return step.model_copy(update={"progress": progress.model_copy(update={"done": done})})
