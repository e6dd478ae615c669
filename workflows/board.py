"""The board of one incident: the state of every step, and what the steps share. Lives inside the workflow."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from workflows.notebook import Notebook
from workflows.record import StepAborted, StepRecord, StepSkipped, rfc3339
from workflows.timekeeping import Clocks
from workflows.verdicts import owed, sentence, verdict_of

with workflow.unsafe.imports_passed_through():
    from firedoor.clock import ClocksInput, ClockStanding
    from firedoor.incident import (
        FINAL_STATES,
        Decision,
        IncidentInput,
        IncidentState,
        IncidentView,
        Mode,
        Responder,
        StepState,
    )
    from firedoor.plan import PlannedStep, Verdict

STATE = SearchAttributeKey.for_keyword("FiredoorState")
#: Incidents that began with firedoor 0.1.0 go on as they began: CONTRIBUTING, "Change a workflow".
IN_CONTROL = "people-in-control"
WAITING_STATES = frozenset({StepState.WAITING_APPROVAL, StepState.WAITING_ANSWER})
WORKING_STATES = frozenset({StepState.RUNNING, StepState.SLEEPING})


class Board(Notebook):
    """What the steps of one incident share."""

    def __init__(self, incident: IncidentInput) -> None:
        super().__init__(incident.incident)
        self.input = incident
        self.steps = {step.id: StepRecord(step) for step in incident.plan.steps}
        self.lives: list[asyncio.Task[None]] = []
        self.abort: Decision | None = None
        #: A second abort ends the `always` steps as well.
        self.abort_all: Decision | None = None
        self.paused: Decision | None = None
        self.opened = False
        self.alerts = 1 if incident.alert else 0
        self.notes = 0
        self.commander = incident.starter.principal
        self.responders: list[str] = []
        self.review: list[str] = []
        self.undo = ""
        self.started = workflow.now()
        self.ended: datetime | None = None
        #: Activities that stop taking targets when they are cancelled.
        self.slices: list[workflow.ActivityHandle[Any]] = []
        self.halted: list[workflow.ActivityHandle[Any]] = []
        self.children: dict[str, workflow.ChildWorkflowHandle[Any, Any]] = {}
        self._in_control = False
        clocks = () if self.planning else incident.plan.clocks
        given = ClocksInput(
            incident=incident.incident,
            title=incident.plan.title or incident.plan.name,
            clocks=tuple(ClockStanding(clock=clock) for clock in clocks),
        )
        self.clocks = Clocks(self, given, self._context)
        #: The workflow that keeps the clocks which were open at the end.
        self.timekeeper = ""

    @property
    def planning(self) -> bool:
        """Only reads run for real."""
        return self.input.mode is Mode.PLAN

    @property
    def in_control(self) -> bool:
        """Does this incident know approvals that are bound to what was shown, pauses, undo?"""
        return self._in_control

    def begin(self) -> None:
        """Decide whether this is an incident of today, before any other command of the workflow.

        A replay learns of a patch with the workflow task that marked it: one that is asked for later may come too late.
        """
        self._in_control = workflow.patched(IN_CONTROL)

    def scope(self, step: PlannedStep, extra: tuple[str, ...] = ()) -> dict[str, Any]:
        """What the expressions of `step` may read: only steps that it depends on, so that no race shows."""
        return self._context((*step.needs, *extra))

    def _context(self, steps: tuple[str, ...]) -> dict[str, Any]:
        incident = self.input
        return {
            "inputs": incident.inputs,
            "alert": incident.alert,
            "incident": {"id": incident.incident, "runbook": incident.plan.name, "severity": incident.plan.severity},
            "steps": {name: self._readable(self.steps[name]) for name in steps},
        }

    async def hold(
        self, record: StepRecord, condition: Callable[[], bool], *, seconds: float = 0, summary: str = ""
    ) -> bool:
        """Wait until `condition` holds; False if `seconds` (0 = for ever) pass first.

        Raises `StepSkipped` or `StepAborted` when a person says so meanwhile.
        """
        try:
            await workflow.wait_condition(
                lambda: condition() or self.ending(record) or record.skip() is not None,
                timeout=timedelta(seconds=seconds) if seconds else None,
                timeout_summary=summary or None,
            )
        except TimeoutError:
            return False
        self.check(record)
        return True

    def ending(self, record: StepRecord) -> bool:
        """Was the incident aborted, as far as this step is concerned?"""
        return (self.abort_all if record.step.always else self.abort) is not None

    def check(self, record: StepRecord) -> None:
        """Raise `StepAborted` or `StepSkipped` if a person ended the incident or the step."""
        if self.ending(record):
            raise StepAborted
        decision = record.skip()
        if decision is not None:
            record.steering = None
            record.skipped_by_person = True
            raise StepSkipped(f"skipped by {decision.responder.principal}: {decision.reason}")

    async def unpaused(self, record: StepRecord) -> None:
        """Wait until the incident is not paused: nothing new starts meanwhile."""
        if self.paused is None:
            return
        before, record.state = record.state, StepState.PAUSED
        self.refresh()
        await self.hold(record, lambda: self.paused is None)
        record.state = before
        self.refresh()

    def halt(self) -> None:
        """Ask the slices that run to take no new targets."""
        for handle in self.slices:
            self.halted.append(handle)
            handle.cancel()

    def verdict(self) -> Verdict | None:
        """Contained only if every containment step that was due says so; None if there was nothing to contain."""
        return verdict_of(self.steps.values())

    def state(self) -> IncidentState:
        """The state of the whole."""
        if self.ended:
            return IncidentState.ABORTED if self.abort else IncidentState.COMPLETED
        states = {record.state for record in self.steps.values()}
        if StepState.NEEDS_ATTENTION in states:
            return IncidentState.NEEDS_ATTENTION
        if self.paused:
            return IncidentState.PAUSED
        if states & WORKING_STATES:
            return IncidentState.RUNNING
        return IncidentState.WAITING if states & WAITING_STATES else IncidentState.RUNNING

    def sentence(self) -> str:
        """What came of it, for a person."""
        if self.ended is None:
            return ""
        said = sentence(self.steps.values(), undoing=bool(self.input.plan.undoes))
        if self.abort:
            undone = [record.step.id for record in self.steps.values() if record.state is StepState.ABORTED]
            reason = f" ({self.abort.reason})" if self.abort.reason else ""
            by = f"Aborted by {self.abort.responder.principal}{reason}."
            taken_back = f" What was changed is taken back as {self.undo}." if self.undo else ""
            said = f"{by} Not done: {', '.join(undone) or 'nothing'}.{taken_back} {said}"
        return said

    def refresh(self) -> None:
        """Show Temporal's own UI and lists what the incident waits for. Called where a person is waited for."""
        workflow.upsert_search_attributes([STATE.value_set(self.state().value)])
        workflow.set_current_details(self.details())

    def details(self) -> str:
        """Markdown for Temporal's UI: one line a step."""
        lines = [f"**{self.state().value}** {self.sentence()}", ""]
        for record in self.steps.values():
            said = record.failure.what if record.failure else record.summary
            waits = f" — waits for {record.waits_for}" if record.waits_for else ""
            lines.append(f"- `{record.step.id}` **{record.state.value}** {said}{waits}")
        return "\n".join(lines)

    def view(self) -> IncidentView:
        """What a front door shows."""
        incident = self.input
        return IncidentView(
            id=incident.incident,
            runbook=incident.plan.name,
            title=incident.plan.title,
            severity=incident.plan.severity,
            plan=incident.digest,
            mode=incident.mode,
            drill=incident.drill,
            state=self.state(),
            verdict=self.verdict(),
            sentence=self.sentence(),
            started=rfc3339(self.started),
            ended=rfc3339(self.ended),
            starter=incident.starter,
            inputs=incident.inputs,
            alert=str(incident.alert.get("title") or incident.alert.get("type") or ""),
            alerts=self.alerts,
            paused=self._paused(),
            commander=self.commander,
            responders=tuple(self.responders),
            review=tuple(self.review),
            undo=self.undo,
            undoes=incident.plan.undoes,
            steps=tuple(record.view() for record in self.steps.values()),
            clocks=self.clocks.views(),
            timekeeper=self.timekeeper,
        )

    def _paused(self) -> str:
        if self.paused is None:
            return ""
        reason = f": {self.paused.reason}" if self.paused.reason else ""
        return f"{self.paused.responder.principal}{reason}"

    @staticmethod
    def _readable(record: StepRecord) -> dict[str, Any]:
        verdict = {"verdict": record.verdict.value} if record.verdict else {}
        far = record.standing.counts() if record.standing else {}
        return {**far, **record.result, **record.long, **verdict, "state": record.state.value}

    def due(self) -> list[StepRecord]:
        """The steps that owe a verdict."""
        return [record for record in self.steps.values() if owed(record) is not None]

    def unfinished(self) -> list[StepRecord]:
        """The steps that have not ended."""
        return [record for record in self.steps.values() if record.state not in FINAL_STATES]


def may(responder: Responder, sources: tuple[str, ...]) -> bool:
    """Does one of the policy's sources name this person? Default deny."""
    return responder.among(sources)
