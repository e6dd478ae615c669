"""One line of a list of incidents, from what Temporal can search."""

from dataclasses import dataclass
from datetime import datetime

from temporalio.client import WorkflowExecution, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from firedoor.incident import IncidentInput, IncidentState

STATE = SearchAttributeKey.for_keyword("FiredoorState")
VERDICT = SearchAttributeKey.for_keyword("FiredoorVerdict")
SEVERITY = SearchAttributeKey.for_keyword("FiredoorSeverity")
MODE = SearchAttributeKey.for_keyword("FiredoorMode")


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of `firedoor list`. `parent` and `parent_run` name the incident that started this one as a step."""

    id: str
    run: str
    parent: str
    parent_run: str
    runbook: str
    state: str
    verdict: str
    severity: str
    started: datetime
    ended: datetime | None


def summary_of(execution: WorkflowExecution) -> Summary:
    """The line of one workflow."""
    attributes = execution.typed_search_attributes
    state = attributes.get(STATE) or "unknown"
    if execution.status not in (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED):
        state = execution.status.name.lower() if execution.status else state
    return Summary(
        id=execution.id,
        run=execution.run_id,
        parent=execution.parent_id or "",
        parent_run=execution.parent_run_id or "",
        runbook=execution.workflow_type,
        state=state,
        verdict=attributes.get(VERDICT) or "",
        severity=attributes.get(SEVERITY) or "",
        started=execution.start_time,
        ended=execution.close_time,
    )


def attributes(start: IncidentInput) -> TypedSearchAttributes:
    """What Temporal can search of an incident from its first moment."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(STATE, IncidentState.RUNNING.value),
            SearchAttributePair(SEVERITY, start.plan.severity),
            SearchAttributePair(MODE, start.mode.value),
        ]
    )
