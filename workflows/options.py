"""How an action is called: time-outs, retries, priority; and what its failure means. Pure."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from firedoor.incident import Failure
    from firedoor.plan import BULK, PlannedStep, Retry

HEARTBEAT = timedelta(seconds=5)
URGENT = Priority(priority_key=1)
NORMAL = Priority(priority_key=3)
MASS = Priority(priority_key=5)
#: A piece of work of a campaign goes on for as long as its limits make it; a dead worker is noticed by its heartbeat.
LONGEST = timedelta(days=2)
BEATING = timedelta(seconds=10)
#: The store or the provider is away: tried again for ever, for what has been written to is in the store.
AGAIN = RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=1))
QUICK = timedelta(seconds=30)


def activity_options(step: PlannedStep) -> dict[str, Any]:
    """Time-outs, retries and priority of a step's activity. Containment overtakes everything else."""
    return {
        "start_to_close_timeout": timedelta(seconds=step.timeout),
        "heartbeat_timeout": HEARTBEAT,
        "retry_policy": retry_policy(step.retry),
        "priority": URGENT if step.containment else NORMAL,
    }


def campaign_options(name: str, retry: RetryPolicy = AGAIN) -> dict[str, Any]:
    """Mass work of a campaign: in the task queue for that."""
    return {
        "task_queue": workflow.info().task_queue + BULK,
        "start_to_close_timeout": LONGEST,
        "heartbeat_timeout": BEATING,
        "retry_policy": retry,
        "priority": MASS,
        "summary": name,
        "cancellation_type": workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    }


def steering_options(retry: RetryPolicy = AGAIN) -> dict[str, Any]:
    """A look into the store of campaigns, or a word in it: quick, and never behind mass work."""
    return {"start_to_close_timeout": QUICK, "retry_policy": retry, "priority": URGENT}


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
