"""The clocks of one incident: they start, remind, run out and are met. Lives in the incident, then in `clocks.py`.

Nothing is ever filed. What happens is recorded: `deadline.set`, `.met`, `.missed`, and decisions not to notify.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import workflow

from workflows.contracts import Contracts
from workflows.notebook import ENDLESS, PATIENCE, Notebook
from workflows.record import rfc3339

with workflow.unsafe.imports_passed_through():
    from firedoor.clock import (
        MET,
        MOMENTS,
        NOT_ADVICE,
        OPEN,
        ClocksInput,
        ClockStanding,
        ClockState,
        ClockView,
        ContractGroup,
        Due,
        DueCall,
        Moment,
        view_of,
    )
    from firedoor.expressions import ExpressionError, evaluate
    from firedoor.incident import Decision, Responder
    from firedoor.words import duration, full_stop

DUE = "clocks.due"
#: The moments that have a kind of entry of their own.
KINDS = frozenset({"detected", "aware", "classified", "materiality_decided"})
SOON = timedelta(milliseconds=1)
Scope = Callable[[tuple[str, ...]], dict[str, Any]]


class Clocks:
    """Clocks, and what has happened that starts them. `scope` gives what `met` may read, while there are steps."""

    def __init__(self, book: Notebook, given: ClocksInput, scope: Scope | None = None) -> None:
        self.title = given.title
        self.standings = {one.clock.name: one for one in given.clocks}
        self.moments = {one.name: one for one in given.moments}
        #: Clocks about which somebody's word is being recorded.
        self.claimed: set[str] = set()
        self.stopped = False
        self._book, self._scope = book, scope
        self._changed, self._idle = True, False
        self._witness: Responder | None = None
        self._serial = 0
        #: Of which moments each due time was computed, and which steps `met` was evaluated on.
        self._counted = {name: self._moments_of(name) for name, one in self.standings.items() if one.due}
        self._seen: dict[str, list[Any]] = {}
        self._contracts = Contracts(book.incident)

    @property
    def open(self) -> bool:
        """Is anything owed?"""
        return any(one.state in OPEN for one in self.standings.values())

    def handed_over(self) -> ClocksInput:
        """All that whoever keeps them from now on has to know."""
        return ClocksInput(
            incident=self._book.incident,
            title=self.title,
            moments=tuple(self.moments.values()),
            clocks=tuple(self.standings.values()),
        )

    def views(self) -> tuple[ClockView, ...]:
        """What a front door shows."""
        return tuple(
            view_of(one, self._book.incident, self._moments_of(name).get(one.due.after, "") if one.due else "")
            for name, one in self.standings.items()
        )

    async def keep(self) -> None:
        """Keep time until `stopped`, or until nothing is owed any more."""
        while True:
            while self._unsettled():
                self._changed = False
                await self._notice()
                await self._start()
                await self._meet()
                await self._look_at_contracts()
            await self._look_at_contracts()
            await self._come_due()
            if self._unsettled():
                continue
            if self.stopped or not self.open:
                return
            self._idle = True
            try:
                await workflow.wait_condition(
                    lambda: self.stopped or self._unsettled(),
                    timeout=self._pause(),
                    timeout_summary="the next clock",
                )
            except TimeoutError:
                pass
            finally:
                self._idle = False

    def _unsettled(self) -> bool:
        return self._changed or self._news()

    def stop(self) -> None:
        """Keep no more time here."""
        self.stopped = True

    def noticed(self, who: Responder) -> None:
        """A person acted in the incident: from then on at the latest we are aware of it."""
        if self.standings and "aware" not in self.moments and who.principal.startswith("user:"):
            self._witness = self._witness or who
            self._changed = True

    async def declare(self, name: str, at: str, by: Responder, reason: str) -> str:
        """Record a moment, with the facts known then; clocks that it starts start."""
        await self.happened(name, at, by, reason)
        await workflow.wait_condition(lambda: self.stopped or (self._idle and not self._changed) or not self.open)
        started = [one for one in self.standings.values() if one.due and one.due.after == name and one.state in OPEN]
        dues = [f"{one.clock.name} is due {one.due.due or 'without undue delay'}" for one in started if one.due]
        starts = full_stop("; ".join(dues)) if dues else "No clock starts at that."
        return f"It is recorded that {MOMENTS[name]} at {at}. {starts} {NOT_ADVICE}"

    async def meet(self, name: str, decision: Decision) -> str:
        """A person says that it was met: in time or late, with the reason."""
        at = moment(decision.at)
        due = self.standings[name].due
        late = bool(due and due.due and _time(at) > _time(due.due))
        self.claimed.add(name)
        try:
            await self._record_met(name, at, late=late, reason=decision.reason, by=decision.responder)
        finally:
            self.claimed.discard(name)
            self._changed = True
        how = "late; the reason is in the timeline" if late else "in time" if due and due.due else "met"
        return f"{name} is recorded as met at {at}: {how}. Nothing was filed by firedoor."

    async def waive(self, name: str, decision: Decision) -> str:
        """A person decides not to notify."""
        who = decision.responder
        self.claimed.add(name)
        try:
            say = f"{who.principal} decided that {self._called(name)} is not to be met: {decision.reason}"
            await self._note("decision", say, name, actor=who, reason=decision.reason, verb="waive", notified=False)
        finally:
            self.claimed.discard(name)
            self._changed = True
        at = rfc3339(workflow.now())
        self._become(name, state=ClockState.WAIVED, by=who.principal, reason=decision.reason, at=at)
        return f"{name} is waived: the decision not to notify is in the timeline."

    async def _notice(self) -> None:
        """Somebody has acted, so that we are aware."""
        who, self._witness = self._witness, None
        if who is not None and "aware" not in self.moments:
            await self.happened("aware", rfc3339(workflow.now()), who, "a person acted in the incident")

    async def happened(self, name: str, at: str, by: Responder, reason: str) -> None:
        """Record a moment."""
        kind = f"incident.{name}" if name in KINDS else "decision"
        said = f": {reason}" if reason else ""
        self._serial += 1
        entry = await self._book.note(
            f"moment/{name}/{self._serial}",
            kind,
            f"{by.principal}: {MOMENTS[name]} at {at}{said}",
            actor=by,
            moment=name,
            at=at,
            reason=reason,
        )
        self.moments[name] = Moment(name=name, at=at, by=by.principal, reason=reason, entry=entry)
        self._changed = True

    async def _start(self) -> None:
        """Compute when clocks are due whose moment has come, or was corrected."""
        for name in list(self.standings):
            moments = self._moments_of(name)
            if self.standings[name].stands_for_many:
                continue
            if not moments or self.standings[name].state not in OPEN or self._counted.get(name) == moments:
                continue
            due: Due | None = await workflow.execute_local_activity(
                DUE,
                DueCall(limits=self.standings[name].clock.limits, moments=moments),
                result_type=Due,
                start_to_close_timeout=PATIENCE,
                retry_policy=ENDLESS,
            )
            self._counted[name] = moments
            standing = self.standings[name]
            if due is None or standing.state not in OPEN or due == standing.due:
                continue
            await self._set(name, due)

    async def _set(self, name: str, due: Due) -> None:
        before, now = self.standings[name], workflow.now()
        clock = before.clock
        gone = tuple(one for one in clock.remind if due.due and _time(due.due) - timedelta(seconds=one) <= now)
        self._become(name, state=ClockState.RUNNING, due=due, told=gone)
        say = f"{self._called(name)}: due {due.due or 'without undue delay'} ({due.how})"
        await self._note(
            "deadline.set",
            say,
            name,
            due=due.due,
            how=due.how,
            trigger=self._trigger(due.after, self._counted[name][due.after]),
            instead_of=before.due.due if before.due else "",
            regime=clock.regime,
            stage=clock.stage,
            source=clock.source,
            reviewed=clock.reviewed,
            confidence=clock.confidence,
            data=clock.data,
            advice=NOT_ADVICE,
        )
        if not due.due or _time(due.due) > workflow.now():
            self._tell(name, say)

    def _trigger(self, after: str, at: str) -> dict[str, str]:
        """What started a clock, with the entry about it, if it is a moment that has one."""
        return {"moment": after, "at": at, "entry": self.moments[after].entry if after in self.moments else ""}

    async def _meet(self) -> None:
        """Evaluate what counts as met."""
        if self._scope is None:
            return
        for name in list(self.standings):
            standing = self.standings[name]
            if not standing.clock.met or standing.state not in OPEN or name in self.claimed:
                continue
            scope = self._scope(standing.clock.mentions)
            self._seen[name] = list(scope["steps"].values())
            if _holds(standing.clock.met, scope):
                now = workflow.now()
                late = bool(standing.due and standing.due.due and now > _time(standing.due.due))
                reason = f"{standing.clock.met} holds"
                await self._record_met(name, rfc3339(now), late=late, reason=reason)

    def _news(self) -> bool:
        """Has a step changed that decides whether a clock is met?"""
        if self._scope is None:
            return False
        for name, standing in self.standings.items():
            if self._asks(name) and self._contracts.news(name, self._step_of(name)):
                return True
            if not standing.clock.met or standing.state not in OPEN or name in self.claimed:
                continue
            if list(self._scope(standing.clock.mentions)["steps"].values()) != self._seen.get(name):
                return True
        return False

    def _step_of(self, name: str) -> Any:
        """The campaign's step, as expressions see it; None where the incident has ended."""
        step = self.standings[name].clock.campaign
        return self._scope((step,))["steps"][step] if self._scope else None

    def _asks(self, name: str) -> bool:
        """Is it about the contracts of customers who may be reached by now?"""
        standing = self.standings[name]
        if not standing.clock.campaign or standing.state not in OPEN or name in self.claimed:
            return False
        step = self._step_of(name)
        return bool(self._moments_of(name)) and (step is None or step["state"] != "pending")

    async def _look_at_contracts(self) -> None:
        """Ask the outbox how many customers were reached, of those whose contracts give hours."""
        for name in [name for name in self.standings if self._asks(name)]:
            standing, step = self.standings[name], self._step_of(name)
            due = _time(standing.due.due) if standing.due and standing.due.due else None
            if not self._contracts.wanted(name, step, due):
                continue
            [start] = self._moments_of(name).values()
            found = await self._contracts.ask(name, standing.clock.campaign, start, step)
            if found.begun and self._asks(name):
                await self._grouped(name, found.groups)

    async def _grouped(self, name: str, found: Sequence[ContractGroup]) -> None:
        """A clock that stands for many becomes one for each number of hours; one of these is met or not."""
        standing = self.standings[name]
        clock = standing.clock
        if standing.stands_for_many and found:
            del self.standings[name]
            for group in found:
                limits = (clock.limits[0].model_copy(update={"amount": group.hours}),)
                key = f"{name}_{group.hours}h"
                fields = {"name": key, "title": group.title(clock.title), "limits": limits}
                self.standings[key] = ClockStanding(clock=clock.model_copy(update=fields))
            self._changed = True
        elif standing.stands_for_many:
            reason = "no customer of the campaign has hours in its contract"
            await self._record_met(name, rfc3339(workflow.now()), late=False, reason=reason)
        for group in found:
            if group.hours != clock.limits[0].amount:
                continue
            if group.reached == group.customers:
                await self._record_met(name, group.last, late=bool(group.late), reason=group.sentence())
            else:
                self._become(name, reason=group.sentence())

    async def _record_met(self, name: str, at: str, *, late: bool, reason: str, by: Responder | None = None) -> None:
        due = self.standings[name].due
        # Who says so is recorded before it takes effect; what was seen takes effect at once, so that it is seen once.
        if by is None:
            self._become(name, state=ClockState.LATE if late else ClockState.MET, at=at, reason=reason)
        said = " late" if late else ""
        say = f"{self._called(name)}: met{said} at {at}: {reason}"
        await self._note(
            "deadline.met", say, name, actor=by, at=at, late=late, reason=reason, due=due.due if due else ""
        )
        if by is not None:
            state = ClockState.LATE if late else ClockState.MET
            self._become(name, state=state, at=at, reason=reason, by=by.principal)
        self._changed = True

    async def _come_due(self) -> None:
        """Remind of what is near, and say what was missed."""
        for name in list(self.standings):
            standing = self.standings[name]
            if standing.state is not ClockState.RUNNING or not standing.due or not standing.due.due:
                continue
            now, due = workflow.now(), _time(standing.due.due)
            if now >= due and name not in self.claimed:
                self._become(name, state=ClockState.MISSED)
                far = f"; {standing.reason}" if standing.reason else ""
                say = f"{self._called(name)} was missed: it was due {standing.due.due}{far}"
                await self._note("deadline.missed", say, name, due=standing.due.due, reason=standing.reason)
                self._tell(name, f"{say}. It can still be met, late, with the reason", urgent=True)
            elif now < due:
                self._remind(name, now, due)

    def _remind(self, name: str, now: datetime, due: datetime) -> None:
        standing = self.standings[name]
        wanted = (one for one in standing.clock.remind if one not in standing.told)
        come = tuple(one for one in wanted if due - timedelta(seconds=one) <= now)
        if come:
            self._become(name, told=(*standing.told, *come))
            left = duration((due - now).total_seconds())
            self._tell(name, f"{self._called(name)} is due in {left}, at {rfc3339(due)}")

    def _pause(self) -> timedelta | None:
        """How long nothing happens by itself; None: for ever."""
        times = [self._contracts.next(name) for name in self.standings if self._asks(name)]
        for name, standing in self.standings.items():
            if standing.state is not ClockState.RUNNING or not standing.due or not standing.due.due:
                continue
            due = _time(standing.due.due)
            times += [due] if name not in self.claimed else []
            times += [due - timedelta(seconds=one) for one in standing.clock.remind if one not in standing.told]
        return max(SOON, min(times) - workflow.now()) if times else None

    def _tell(self, name: str, sentence: str, *, urgent: bool = False) -> None:
        to, incident = self.standings[name].clock.to, self._book.incident
        told = f"{full_stop(sentence)} {NOT_ADVICE}"
        self._book.tell(to, told, command=f"firedoor clocks {incident}", urgent=urgent)

    async def _note(self, kind: str, say: str, name: str, *, actor: Responder | None = None, **body: Any) -> None:
        self._serial += 1
        await self._book.note(f"{kind}/{name}/{self._serial}", kind, say, actor=actor, deadline=name, **body)

    def _become(self, name: str, **fields: Any) -> None:
        self.standings[name] = self.standings[name].model_copy(update=fields)

    def _called(self, name: str) -> str:
        return self.standings[name].clock.title or name

    def _moments_of(self, name: str) -> dict[str, str]:
        """What has happened of what starts a clock: RFC 3339 by name."""
        known = {one.name: one.at for one in self.moments.values()}
        for other, standing in self.standings.items():
            if standing.state in (ClockState.MET, ClockState.LATE):
                known[f"{other}{MET}"] = standing.at
        wanted = (limit.after for limit in self.standings[name].clock.limits)
        return {after: known[after] for after in wanted if after in known}


def _holds(source: str, scope: dict[str, Any]) -> bool:
    """Does it hold? What cannot be said yet, because a step has no result so far, does not."""
    try:
        return evaluate(source, scope) is True
    except ExpressionError:
        return False


def moment(text: str) -> str:
    """A time that a person gives, or now, as RFC 3339 UTC."""
    return rfc3339(datetime.fromisoformat(text).astimezone(UTC) if text else workflow.now())


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
