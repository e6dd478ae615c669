"""Somebody of ours in a drill, with a telephone: tells customers whom nothing else reaches, and firedoor of that."""

import asyncio
from collections.abc import Callable

from firedoor.config import Settings
from firedoor.engine.campaigns import Campaigns
from firedoor.incident import Responder
from firedoor.words import plural


async def telephone(settings: Settings, who: Responder, tell: Callable[[str], None], seconds: float) -> None:
    """Look every so many seconds whom a person has to see to, and see to them, until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        await see_to_them(settings, who, tell)


async def see_to_them(settings: Settings, who: Responder, tell: Callable[[str], None]) -> None:
    """Telephone everybody who is a task now, in every campaign that was opened."""
    if not settings.outbox_path.exists():
        return
    with Campaigns.open(settings) as campaigns:
        for row, standing in await asyncio.to_thread(campaigns.all):
            if not row.began or not standing.tasks:
                continue
            tasks = await asyncio.to_thread(campaigns.outbox.tasks, row.id)
            people = [one.customer for one in tasks]
            count, _ = await campaigns.reached(row.id, people, who, "drill: telephoned, nothing else reaches them")
            tell(f"{who.principal} telephones {plural(count, 'customers')} of {row.step} whom nothing else reaches.")
