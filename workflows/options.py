"""How an action is called: time-outs, retries, priority; and what its failure means. Pure."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from firedoor.incident import Failure
    from firedoor.plan import PlannedStep, Retry

HEARTBEAT = timedelta(seconds=5)
URGENT = Priority(priority_key=1)
NORMAL = Priority(priority_key=3)


def activity_options(step: PlannedStep) -> dict[str, Any]:
    """Time-outs, retries and priority of a step's activity. Containment overtakes everything else."""
    return {
        "start_to_close_timeout": timedelta(seconds=step.timeout),
        "heartbeat_timeout": HEARTBEAT,
        "retry_policy": retry_policy(step.retry),
        "priority": URGENT if step.containment else NORMAL,
    }


def retry_policy(retry: Retry) -> RetryPolicy:
    """Temporal's retry policy."""
    return RetryPolicy(
        initial_interval=timedelta(seconds=retry.interval),
        backoff_coefficient=retry.backoff,
        maximum_interval=timedelta(seconds=retry.ceiling),
        maximum_attempts=retry.attempts,
    )


def failure_of(error: ActivityError) -> Failure:
    """The failure that an activity reported, or what Temporal says of one that never answered."""
    cause = error.cause
    if isinstance(cause, ApplicationError):
        if cause.details:
            return Failure.model_validate(cause.details[0])
        return Failure(reason=cause.type or "failed", what=str(cause))
    return Failure(
        reason="no_answer",
        what=f"{error.activity_type} gave no answer: {cause or error}.",
        changed="The change may have been made.",
        next="Retry: it reads the provider's state before it acts again.",
    )
