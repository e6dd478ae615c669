"""Queue reminders: one for each customer for whom `until` does not hold yet. `send` then sends them."""

import asyncio
import time
from collections.abc import Callable

from firedoor.campaign import Standing, Work
from firedoor.errors import RefusedError
from firedoor.outbox.store import Outbox


async def remind(work: Work, outbox: Outbox, clock: Callable[[], float] = time.time) -> Standing:
    """Queue reminder number `work.number`. Asked again it queues nobody twice.

    Raises `RefusedError` where the campaign is not what was approved or is over, `StoreError`.
    """
    row = await asyncio.to_thread(outbox.campaign, work.campaign)
    if row.digest != work.digest:
        raise RefusedError(f"The campaign {row.id} is not what was approved.", changed="Nobody was reminded.")
    await asyncio.to_thread(outbox.remind, work.campaign, work.number, clock())
    return await asyncio.to_thread(outbox.standing, work.campaign, clock())
