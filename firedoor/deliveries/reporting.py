"""One batch of alerts to one incident: started, joined, known, held or dead, and written down as such."""

import json
import logging
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from firedoor.deliveries import ledger
from firedoor.deliveries.delivery import Batch, Hit, State
from firedoor.deliveries.ended import handled
from firedoor.deliveries.runbooks import Runbooks
from firedoor.deliveries.store import Deliveries
from firedoor.engine import Engine
from firedoor.engine.reports import Standing
from firedoor.errors import UnreachableError, UsageError
from firedoor.incident import AlertReport, Responder
from firedoor.plan import Auto, Plan
from firedoor.words import plural

LOGGER = logging.getLogger("firedoor.deliveries")

#: An incident that is opened and closed under our hands is looked at so often.
ATTEMPTS = 3


class Reporter:
    """Reports batches to incidents and settles them in the store."""

    def __init__(self, engine: Engine, deliveries: Deliveries, runbooks: Runbooks) -> None:
        self._engine = engine
        self._deliveries = deliveries
        self._runbooks = runbooks

    async def deliver(self, batch: Batch) -> None:
        """Report a batch and settle it. The same one again, after a crash, counts once.

        Raises `UnreachableError` where Temporal or its workers do not answer, `StoreError`, and `FiredoorError` where
        another attempt is useless; then it is not settled.
        """
        known = await self._runbooks.current()
        plan = known.plans.get(batch.first.runbook)
        if plan is None:
            raise UsageError(
                f"The runbook {batch.first.runbook} is gone or has mistakes since this alert was matched with it.",
                next=f"firedoor lint {batch.first.runbook}, then: firedoor alerts replay ID",
            )
        # Most alerts start or join at once, without a look first.
        if batch.admitted and await self._report(batch, plan, Standing()):
            return
        for _ in range(ATTEMPTS):
            seen = await self._engine.reports.standing(batch.first.incident)
            rest = await self._sifted(batch, seen, seen.ended) if seen.ended else batch
            if rest is None:
                await self._deliveries.change(ledger.retract, batch.id)
                return
            if not (seen.running or await self._admitted(rest, plan)):
                return
            if await self._report(rest, plan, seen):
                return
        raise UnreachableError(
            f"{batch.first.incident} was opened and closed again and again while this tried to join it."
        )

    async def _report(self, batch: Batch, plan: Plan, seen: Standing) -> bool:
        """Start or join; False where the incident does not stand as it was seen any more."""
        hit = batch.first
        who = Responder(principal=f"alert:{hit.alert.source}", auth="alert", identity=f"alert:{hit.alert.door}")
        alert = hit.alert
        report = AlertReport(
            source=alert.source, id=alert.id, title=alert.title, responder=who, count=batch.count, batch=batch.id
        )
        done = await self._engine.reports.report(plan, hit.inputs, report, alert, incident=hit.incident, seen=seen)
        if done is None:
            return False
        await self._settle(batch, State.JOINED if done.joined else State.STARTED)
        LOGGER.info(
            "%s: %s by %s of %s, it has %d",
            hit.incident,
            "joined" if done.joined else "started",
            plural(batch.count, "alerts"),
            alert.source,
            done.alerts,
        )
        return True

    async def _sifted(self, batch: Batch, seen: Standing, ended: datetime) -> Batch | None:
        """What of a batch is new to an incident that has ended; the rest is settled."""
        hit = batch.first
        if await self._engine.reports.took(hit.incident, seen, batch.id):
            await self._settle(batch, State.STARTED if seen.batch == batch.id else State.JOINED)
            return None
        reported = await self._deliveries.look(ledger.reported, hit.incident, seen.begun or ended)
        now = datetime.now(UTC)
        known: dict[str, list[Hit]] = {}
        for member in await self._deliveries.look(ledger.members, batch.id):
            if why := handled(member, ended, reported, now):
                known.setdefault(why, []).append(member)
        for why, hits in known.items():
            for start in range(0, len(hits), ledger.PART):
                part = hits[start : start + ledger.PART]
                await self._deliveries.change(ledger.settle, batch.id, State.KNOWN, now, reason=why, only=part)
        return await self._deliveries.look(ledger.batch, batch.id)

    async def _admitted(self, batch: Batch, plan: Plan) -> bool:
        """May an alert start this runbook now? If not, the batch is settled."""
        command = f"firedoor run {command_line(plan, batch.first.inputs)}"
        if plan.auto is Auto.OFF:
            why = f"{plan.name}: only people start it (auto: off). It would be: {command}"
            await self._settle(batch, State.IGNORED, why)
            return False
        now = datetime.now(UTC)
        if await self._deliveries.change(ledger.admit, batch.id, plan.name, plan.max_starts, now):
            return True
        often = plural(plan.max_starts, "times")
        why = (
            f"{plan.name}: alerts have started it {often} within an hour, as often as they may"
            f" (max_starts). To start this one: {command}"
        )
        LOGGER.warning("%s is held with %s. %s", batch.first.incident, plural(batch.count, "alerts"), why)
        await self._settle(batch, State.HELD, why)
        return False

    async def bury(self, batch: Batch, reason: str) -> None:
        """Nothing would come of trying again: dead letters."""
        LOGGER.warning("The alerts of %s are dead letters: %s", batch.first.incident, reason)
        await self._settle(batch, State.DEAD, reason)

    async def _settle(self, batch: Batch, state: State, reason: str = "") -> None:
        now = datetime.now(UTC)
        while await self._deliveries.change(ledger.settle, batch.id, state, now, reason=reason):
            pass


def command_line(plan: Plan, inputs: Mapping[str, Any]) -> str:
    """What a person would type to start it: the runbook, and the inputs that are not its defaults."""
    words = [plan.name]
    for name, value in inputs.items():
        declared = plan.inputs.get(name)
        if declared is None or declared.required or value != declared.default:
            text = (
                ",".join(value) if isinstance(value, list) else value if isinstance(value, str) else json.dumps(value)
            )
            words.append(f"{name}={text}")
    return shlex.join(words)
