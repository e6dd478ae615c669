"""How an incident's workflow is started, whichever way: what Temporal is told of it besides its input."""

from typing import TypedDict

from temporalio.common import Priority, TypedSearchAttributes

from firedoor.config import Settings
from firedoor.engine.summaries import attributes
from firedoor.incident import IncidentInput

#: The memo of incidents that have clocks: how many.
CLOCKS = "clocks"
#: The memo that names the batch of alerts which started an incident.
BATCH = "batch"


class StartOptions(TypedDict):
    """Arguments of Temporal's client."""

    id: str
    task_queue: str
    search_attributes: TypedSearchAttributes
    memo: dict[str, str]
    static_summary: str
    priority: Priority


def start_options(start: IncidentInput, settings: Settings) -> StartOptions:
    """What every start has in common."""
    plan = start.plan
    batch = {BATCH: start.batch} if start.batch else {}
    clocks = {CLOCKS: str(len(plan.clocks))} if plan.clocks else {}
    return StartOptions(
        id=start.incident,
        task_queue=settings.task_queue,
        search_attributes=attributes(start),
        memo={"title": plan.title, "starter": start.starter.principal, **batch, **clocks},
        static_summary=plan.title or plan.name,
        priority=Priority(priority_key=1),
    )
