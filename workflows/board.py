"""The board of one incident: the state of every step, and what the steps share. No I/O; lives inside the workflow."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey

with workflow.unsafe.imports_passed_through():
    from firedoor.incident import (
        FINAL_STATES,
        Decision,
        Evidence,
        Failure,
        IncidentInput,
        IncidentState,
        IncidentView,
        Mode,
        Note,
        Preview,
        Progress,
        Responder,
        StepState,
        StepView,
        Verb,
    )
    from firedoor.plan import PlannedStep, Verdict

RECORD = "timeline.record"
STATE = SearchAttributeKey.for_keyword("FiredoorState")
WAITING_STATES = frozenset({StepState.WAITING_APPROVAL, StepState.WAITING_ANSWER})


class StepSkipped(Exception):
    """The step does not run; the message says why."""


class StepAborted(Exception):
    """The incident was aborted before the step ended."""


class NeedsAttention(Exception):
    """The step cannot go on without a person."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.what)
        self.failure = failure


@dataclass
class StepRecord:
    """One step and where it stands."""

    step: PlannedStep
    state: StepState = StepState.PENDING
    round: int = 1
    started: datetime | None = None
    ended: datetime | None = None
    summary: str = ""
    verdict: Verdict | None = None
    failure: Failure | None = None
    progress: Progress | None = None
    evidence: tuple[Evidence, ...] = ()
    previews: tuple[Preview, ...] = ()
    blast: dict[str, int] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    waits_for: str = ""
    approvals: dict[str, Responder] = field(default_factory=dict)
    denied: Decision | None = None
    answered: Decision | None = None
    steering: tuple[Verb, Decision] | None = None
    skipped_by_person: bool = False
    #: Keys of the targets of a `for_each` that are still to be done; None before the first round.
    open_targets: list[int] | None = None
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    def denial(self) -> Decision | None:
        """The denial, if there is one by now."""
        return self.denied

    def answer(self) -> Decision | None:
        """The answer, if there is one by now."""
        return self.answered

    def view(self) -> StepView:
        """What a front door shows."""
        step = self.step
        asks = step.ask if self.state is StepState.WAITING_ANSWER else None
        return StepView(
            id=step.id,
            kind=step.kind,
            title=step.title,
            action=step.action,
            state=self.state,
            started=rfc3339(self.started),
            ended=rfc3339(self.ended),
            attempts=self.round if self.started else 0,
            summary=self.summary,
            verdict=self.verdict,
            failure=self.failure,
            progress=self.progress,
            evidence=self.evidence,
            waits_for=self.waits_for,
            ask=asks and asks.model_copy(update={"prompt": self.summary}),
            previews=self.previews,
            blast=self.blast,
            result=self.result,
        )


class Board:
    """What the steps of one incident share."""

    def __init__(self, incident: IncidentInput) -> None:
        self.input = incident
        self.steps = {step.id: StepRecord(step) for step in incident.plan.steps}
        self.abort: Decision | None = None
        self.opened = False
        self.alerts = 1 if incident.alert else 0
        self.notes = 0
        self.started = workflow.now()
        self.ended: datetime | None = None

    @property
    def planning(self) -> bool:
        """Only reads run for real."""
        return self.input.mode is Mode.PLAN

    def scope(self, step: PlannedStep, extra: tuple[str, ...] = ()) -> dict[str, Any]:
        """What the expressions of `step` may read: only steps that it depends on, so that no race shows."""
        incident = self.input
        return {
            "inputs": incident.inputs,
            "alert": incident.alert,
            "incident": {"id": incident.incident, "runbook": incident.plan.name, "severity": incident.plan.severity},
            "steps": {name: self._readable(self.steps[name]) for name in (*step.needs, *extra)},
        }

    async def note(
        self, key: str, kind: str, say: str, *, actor: Responder | None = None, step: str = "", **body: Any
    ) -> None:
        """Add an entry to the timeline; returns when it is durable. The same key is one entry, ever."""
        note = Note(incident=self.input.incident, key=key, kind=kind, actor=actor, step=step, body={"say": say, **body})
        await workflow.execute_local_activity(
            RECORD,
            note,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)),
        )

    async def hold(
        self, record: StepRecord, condition: Callable[[], bool], *, seconds: int = 0, summary: str = ""
    ) -> bool:
        """Wait until `condition` holds; False if `seconds` (0 = for ever) pass first.

        Raises `StepSkipped` or `StepAborted` when a person says so meanwhile.
        """
        try:
            await workflow.wait_condition(
                lambda: condition() or self.abort is not None or _skip(record) is not None,
                timeout=timedelta(seconds=seconds) if seconds else None,
                timeout_summary=summary or None,
            )
        except TimeoutError:
            return False
        self.check(record)
        return True

    def check(self, record: StepRecord) -> None:
        """Raise `StepAborted` or `StepSkipped` if a person ended the incident or the step."""
        if self.abort is not None:
            raise StepAborted
        decision = _skip(record)
        if decision is not None:
            record.steering = None
            record.skipped_by_person = True
            raise StepSkipped(f"skipped by {decision.responder.principal}: {decision.reason}")

    def verdict(self) -> Verdict | None:
        """Contained only if every containment step that was due says so; None if there was nothing to contain."""
        verdicts = [verdict for record in self.steps.values() if (verdict := _containment(record)) is not None]
        if not verdicts:
            return None
        if Verdict.NOT_CONTAINED in verdicts:
            return Verdict.NOT_CONTAINED
        return Verdict.UNKNOWN if Verdict.UNKNOWN in verdicts else Verdict.CONTAINED

    def state(self) -> IncidentState:
        """The state of the whole."""
        records = self.steps.values()
        if self.ended:
            return IncidentState.ABORTED if self.abort else IncidentState.COMPLETED
        if any(record.state is StepState.NEEDS_ATTENTION for record in records):
            return IncidentState.NEEDS_ATTENTION
        if any(record.state in (StepState.RUNNING, StepState.SLEEPING) for record in records):
            return IncidentState.RUNNING
        if any(record.state in WAITING_STATES for record in records):
            return IncidentState.WAITING
        return IncidentState.RUNNING

    def sentence(self) -> str:
        """What came of it, for a person."""
        if self.ended is None:
            return ""
        due = [record.step.id for record in self.steps.values() if _containment(record) is not None]
        unproved = _list(self._with(Verdict.UNKNOWN))
        sentences = {
            None: "There was nothing to contain.",
            Verdict.CONTAINED: f"Contained: the provider's own answers confirm {_list(due)}.",
            Verdict.NOT_CONTAINED: f"NOT contained: {_list(self._with(Verdict.NOT_CONTAINED))} did not hold.",
            Verdict.UNKNOWN: f"Containment is NOT proved: {unproved} has no answer that proves it.",
        }
        sentence = sentences[self.verdict()]
        if self.abort:
            undone = [record.step.id for record in self.steps.values() if record.state is StepState.ABORTED]
            reason = f" ({self.abort.reason})" if self.abort.reason else ""
            by = f"Aborted by {self.abort.responder.principal}{reason}."
            sentence = f"{by} Not done: {_list(undone) or 'nothing'}. {sentence}"
        return sentence

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
            alerts=self.alerts,
            steps=tuple(record.view() for record in self.steps.values()),
        )

    def _with(self, verdict: Verdict) -> list[str]:
        return [record.step.id for record in self.steps.values() if _containment(record) is verdict]

    @staticmethod
    def _readable(record: StepRecord) -> dict[str, Any]:
        verdict = {"verdict": record.verdict.value} if record.verdict else {}
        return {**record.result, **verdict, "state": record.state.value}


def may(responder: Responder, sources: tuple[str, ...]) -> bool:
    """Does one of the policy's sources name this person? Default deny."""
    names = {responder.principal, *(f"role:{role}" for role in responder.roles)}
    return not names.isdisjoint(sources)


def rfc3339(moment: datetime | None) -> str:
    """A time as RFC 3339 UTC with milliseconds, or an empty string."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else ""


def _skip(record: StepRecord) -> Decision | None:
    return record.steering[1] if record.steering and record.steering[0] == "skip" else None


def _containment(record: StepRecord) -> Verdict | None:
    """The verdict that this step adds to the incident's, or None if it adds none."""
    due = record.step.containment or (record.step.child is not None and record.verdict is not None)
    if not due:
        return None
    if record.state is StepState.SKIPPED and not record.skipped_by_person:
        return None
    if record.state is StepState.DONE and record.progress is not None and record.progress.total == 0:
        return None
    if record.verdict is None or record.state not in FINAL_STATES:
        return Verdict.UNKNOWN
    return record.verdict


def _list(names: list[str]) -> str:
    return " and ".join(", ".join(names).rsplit(", ", 1))
