"""How far the customers are whose contracts give hours: read from the outbox."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.campaigns.activities import Stores
from firedoor.clock import ContractGroup, ContractsCall
from firedoor.errors import FiredoorError
from firedoor.outbox import contracts


@dataclass(frozen=True, slots=True)
class ContractActivities:
    """Activities on the contracts of a campaign's customers."""

    stores: Stores

    @activity.defn(name="campaign.contracts")
    async def contracts(self, call: ContractsCall) -> list[ContractGroup] | None:
        """The customers by their hours; None while the campaign has not begun.

        Raises a retryable failure while the outbox cannot be read.
        """
        try:
            return await asyncio.to_thread(self._groups, call)
        except FiredoorError as error:
            raise ApplicationError(error.what, type="store_unreadable") from error

    def _groups(self, call: ContractsCall) -> list[ContractGroup] | None:
        outbox = self.stores.publisher().outbox
        if not outbox.look(contracts.begun, call.campaign):
            return None
        start = datetime.fromisoformat(call.start).timestamp()
        return list(outbox.look(contracts.groups, call.campaign, start))
