"""How far the customers are whose contracts give hours: read from the outbox."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.campaigns.activities import Stores
from firedoor.clock import ContractsCall, ContractsReport
from firedoor.errors import FiredoorError
from firedoor.outbox import contracts


@dataclass(frozen=True, slots=True)
class ContractActivities:
    """Activities on the contracts of a campaign's customers."""

    stores: Stores

    @activity.defn(name="campaign.contracts")
    async def contracts(self, call: ContractsCall) -> ContractsReport:
        """The customers by their hours, once the campaign has begun.

        Raises a retryable failure while the outbox cannot be read.
        """
        try:
            return await asyncio.to_thread(self._groups, call)
        except FiredoorError as error:
            raise ApplicationError(error.what, type="store_unreadable") from error

    def _groups(self, call: ContractsCall) -> ContractsReport:
        outbox = self.stores.publisher().outbox
        if not outbox.look(contracts.begun, call.campaign):
            return ContractsReport(begun=False)
        start = datetime.fromisoformat(call.start).timestamp()
        return ContractsReport(begun=True, groups=outbox.look(contracts.groups, call.campaign, start))
