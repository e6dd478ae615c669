"""The hours in customers' contracts: when the outbox is asked how many of them were reached, and what it says."""

from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

from workflows.options import failure_of

with workflow.unsafe.imports_passed_through():
    from firedoor.clock import ContractsCall, ContractsReport

CONTRACTS = "campaign.contracts"
#: Without news of the campaign the outbox is asked this often.
EVERY = timedelta(minutes=10)
#: The other clocks do not wait longer for a worker that is away.
PATIENCE = timedelta(seconds=15)


class Contracts:
    """When each clock about contracts asks how far the customers are."""

    def __init__(self, incident: str) -> None:
        self._incident = incident
        self._next: dict[str, datetime] = {}
        self._seen: dict[str, Any] = {}

    def next(self, clock: str) -> datetime:
        """When a clock asks again."""
        return self._next.get(clock, workflow.now())

    def news(self, clock: str, step: Any) -> bool:
        """Has the step of its campaign changed since the clock has asked?"""
        return clock not in self._next or self._seen.get(clock) != step

    def wanted(self, clock: str, step: Any, due: datetime | None) -> bool:
        """Is it time to ask: for the first time, again, because the step has changed, or because hours have run out?"""
        again, now = self.next(clock), workflow.now()
        return self.news(clock, step) or now >= again or (due is not None and again - EVERY < due <= now)

    async def ask(self, clock: str, step: str, start: str, seen: Any) -> ContractsReport:
        """The customers by their hours. Where nobody answers now it is as if the campaign had not begun."""
        self._next[clock], self._seen[clock] = workflow.now() + EVERY, seen
        call = ContractsCall(campaign=f"{self._incident}.{step}", start=start)
        try:
            found: ContractsReport = await workflow.execute_activity(
                CONTRACTS,
                call,
                result_type=ContractsReport,
                start_to_close_timeout=PATIENCE,
                schedule_to_close_timeout=PATIENCE,
            )
        except ActivityError as error:
            workflow.logger.info("%s: %s", call.campaign, failure_of(error).what)
            return ContractsReport(begun=False)
        return found
