"""When a clock is due: time zones and public holidays are the worker's data, so what came of them is recorded."""

from temporalio import activity
from temporalio.exceptions import ApplicationError

from firedoor.clock import Due, DueCall
from firedoor.deadlines.computing import due_of


@activity.defn(name="clocks.due")
async def due(call: DueCall) -> Due | None:
    """The earliest of its limits whose moment has happened; None if none has.

    Raises `bad_limit`, retryable, for what this worker's data cannot compute: a newer worker may.
    """
    try:
        return due_of(call.limits, call.moments)
    except ValueError as error:
        raise ApplicationError(f"The clock cannot be computed: {error}.", type="bad_limit") from error
