"""One step of an incident: where it stands, and how it may end early. No I/O; lives inside the workflow."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from firedoor.campaign import CampaignInput, Standing
    from firedoor.canonical import digest_of
    from firedoor.incident import (
        Decision,
        Evidence,
        FailedTarget,
        Failure,
        Preview,
        Progress,
        Request,
        Responder,
        StepState,
        StepView,
        Target,
        Verb,
    )
    from firedoor.plan import Field, PlannedStep, Verdict

#: As many failed targets travel with every view; the others are asked for.
SHOWN_FAILURES = 20


class StepSkipped(Exception):
    """The step does not run; the message says why."""


class StepAborted(Exception):
    """The incident was aborted before the step ended."""


class NeedsAttention(Exception):
    """The step cannot go on without a person."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.what)
        self.failure = failure


@dataclass(frozen=True)
class Lost:
    """A slice whose activity gave no answer. It is asked again as it was, so that what it recorded is adopted."""

    round: int
    number: int
    keys: tuple[int, ...]


@dataclass
class Agreement:
    """An approval that is being asked for, or was given. `previews` and `digests` (by target) are what was shown."""

    digests: dict[str, str] = field(default_factory=dict)
    previews: tuple[Preview, ...] = ()
    blast: dict[str, int] = field(default_factory=dict)
    given: dict[str, Responder] = field(default_factory=dict)
    #: Whose approval is being recorded: the same person must not come in by two doors meanwhile.
    coming: set[str] = field(default_factory=set)
    #: Names of the only targets that the first approval chose; empty for all.
    only: tuple[str, ...] = ()
    denied: Decision | None = None
    broken: Decision | None = None
    #: Ends when it is approved, denied, expired or void: what comes later is refused.
    open: bool = True


@dataclass
class StepRecord:
    """One step and where it stands."""

    step: PlannedStep
    state: StepState = StepState.PENDING
    #: Grows when a recorded outcome must not be adopted: the step reads or acts again.
    round: int = 1
    #: Grows with every try, for people and for the names of entries.
    attempt: int = 1
    started: datetime | None = None
    ended: datetime | None = None
    summary: str = ""
    verdict: Verdict | None = None
    failure: Failure | None = None
    progress: Progress | None = None
    evidence: tuple[Evidence, ...] = ()
    previews: tuple[Preview, ...] = ()
    blast: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    #: What expressions read as well and no view shows: it may be long.
    long: dict[str, Any] = field(default_factory=dict)
    #: Of a campaign: what was approved and opened, and where it stood when it last told.
    campaign: CampaignInput | None = None
    standing: Standing | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    #: What a person changed of them when retrying.
    overrides: dict[str, Any] = field(default_factory=dict)
    waits_for: str = ""
    request: Request | None = None
    agreement: Agreement | None = None
    #: How often approval was asked for, and why it is asked again.
    requests: int = 0
    changed: str = ""
    #: Of incidents that began before approvals were bound to what was shown.
    approvals: dict[str, Responder] = field(default_factory=dict)
    denied: Decision | None = None
    answered: Decision | None = None
    #: The form of a question, its expressions evaluated.
    form: dict[str, Field] = field(default_factory=dict)
    steering: tuple[Verb, Decision] | None = None
    #: Somebody's decision is being recorded: a second one at the same time is refused.
    claimed: Decision | None = None
    skipped_by_person: bool = False
    until: datetime | None = None
    changed_something: bool = False
    undoes_itself: str = ""
    #: Keys of the targets of a `for_each` that are still to be done; None before the first round.
    open_targets: list[int] | None = None
    #: Of these, the only ones that a person wants tried again.
    only: tuple[int, ...] | None = None
    failed: tuple[FailedTarget, ...] = ()
    lost: list[Lost] = field(default_factory=list)
    slices: int = 0
    #: Keys that this round has worked on.
    worked: set[int] = field(default_factory=set)
    canary_done: bool = False
    #: The targets of a `for_each`, where they can be named.
    targets: "Targets | None" = None
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    def denial(self) -> Decision | None:
        """The denial, if there is one by now."""
        return self.denied

    def answer(self) -> Decision | None:
        """The answer, if there is one by now."""
        return self.answered

    def skip(self) -> Decision | None:
        """The decision to skip it, if there is one."""
        return self.steering[1] if self.steering and self.steering[0] == "skip" else None

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
            attempts=self.attempt if self.started else 0,
            summary=self.summary,
            verdict=self.verdict,
            failure=self.failure,
            progress=self.progress,
            evidence=self.evidence,
            waits_for=self.waits_for,
            ask=asks and asks.model_copy(update={"prompt": self.summary, "fields": self.form}),
            request=self._request(),
            approved=tuple(one.principal for one in self.agreement.given.values()) if self.agreement else (),
            until=rfc3339(self.until),
            arguments=self.arguments,
            changeable=step.changeable,
            failed=self.failed[:SHOWN_FAILURES],
            digest=digest_of(self.digests) if self.digests else "",
            reversible=step.undo is not None,
            undoes_itself=self.undoes_itself,
            previews=self.previews,
            blast=self.blast,
            result=self.result,
            standing=self.standing,
        )

    def _request(self) -> Request | None:
        if self.request is None or self.agreement is None:
            return None
        return self.request.model_copy(update={"given": tuple(self.agreement.given.values())})


class Targets:
    """The targets of a `for_each`, made when they are needed: 100,000 of them at once would fill the worker."""

    def __init__(self, items: list[Any], make: Callable[[Any], dict[str, Any]]) -> None:
        self.items = items
        self._make = make

    def target(self, key: int, approved: str = "") -> Target:
        """One target with its arguments."""
        return Target(key=str(key), arguments=self._make(self.items[key]), approved=approved)

    def named(self, names: tuple[str, ...], among: list[int]) -> tuple[list[int], list[str]]:
        """The keys of the targets with these names, and the names that none has. A key is a name as well."""
        by_name = {**{str(key): key for key in among}, **{self.target(key).name: key for key in among}}
        return sorted({by_name[name] for name in names if name in by_name}), [
            name for name in names if name not in by_name
        ]


def rfc3339(moment: datetime | None) -> str:
    """A time as RFC 3339 UTC with milliseconds, or an empty string."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else ""
