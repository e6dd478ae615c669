"""An incident: one run of one plan. Its state, who acts in it, and what crosses between workflow and activities.

Pure data, shared by the workflow, the activities and the front doors.
"""

from enum import StrEnum
from typing import Any, Literal

from firedoor.plan import Ask, Effect, Frozen, OnError, Plan, Verdict


class Responder(Frozen):
    """A person or system that acts. `auth` says how the front door established who it is: `os`, `drill`, `alert`."""

    principal: str
    auth: str
    roles: tuple[str, ...] = ()


class Mode(StrEnum):
    """`run` acts; `plan` reads for real and previews the rest."""

    RUN = "run"
    PLAN = "plan"


class Evidence(Frozen):
    """The provider's own answer: the call (`iam:ListAccessKeys`), what it said, when (RFC 3339), its request id."""

    source: str
    says: str
    observed_at: str = ""
    request_id: str = ""


class Preview(Frozen):
    """What a change would do: the state before, one line for the change, what it touches.

    `blast` counts by kind: credentials, principals, sessions, services, customers, accounts.
    """

    change: str
    before: dict[str, Any] = {}
    effect: Effect = Effect.REVERSIBLE
    undo: str = ""
    blast: dict[str, int] = {}
    permission_missing: str = ""


class Failure(Frozen):
    """Why a step or target failed: `reason` for machines, the rest for a person."""

    reason: str
    what: str
    changed: str = ""
    next: str = ""


class Outcome(Frozen):
    """What came of one action on one target. `result` fits the contract's `Result`.

    `verdict` is set by containment steps only. `changed` is False where the world already was as wanted.
    """

    summary: str
    result: dict[str, Any] = {}
    verdict: Verdict | None = None
    changed: bool = False
    evidence: tuple[Evidence, ...] = ()
    before: dict[str, Any] = {}
    preview: Preview | None = None


class Target(Frozen):
    """What one action acts on. `key` is stable over attempts: the index in the list of targets."""

    key: str
    arguments: dict[str, Any]


class Call(Frozen):
    """The input of every action's activity: one target, or a slice of a `for_each`.

    `round` grows when a person retries or an `until` loop reads again, so that recorded outcomes of an earlier round
    are not adopted. `slice` names the slice inside the step.
    """

    incident: str
    plan: str
    step: str
    round: int = 1
    slice: str = ""
    targets: tuple[Target, ...]
    lanes: int = 1
    attempts: int = 1
    on_error: OnError = OnError.ASK
    collect: bool = False
    mode: Mode = Mode.RUN
    drill: bool = False


class FailedTarget(Frozen):
    """A target that failed, by its key and a printable name."""

    key: str
    name: str
    failure: Failure


class Report(Frozen):
    """The answer of an activity: `outcome` for one target, counts and failures for a slice.

    A containment whose verdict is not `contained` counts as failed, with the verdict as its reason. `not_started` holds
    keys of targets that `on_error: stop` left untouched.

    In plan mode a slice brings its first previews, and what all of them together touch.
    """

    outcome: Outcome | None = None
    done: int = 0
    adopted: int = 0
    failed: tuple[FailedTarget, ...] = ()
    not_started: tuple[str, ...] = ()
    results: tuple[dict[str, Any], ...] = ()
    previews: tuple[Preview, ...] = ()
    blast: dict[str, int] = {}


class Note(Frozen):
    """An entry that a workflow or a person adds to the timeline: see `firedoor.timeline.entry` for the kinds.

    `key` is unique in the incident's run: the same key recorded twice is one entry.
    """

    incident: str
    key: str
    kind: str
    actor: Responder | None = None
    body: dict[str, Any] = {}
    step: str = ""


class StepState(StrEnum):
    """The life of a step."""

    PENDING = "pending"
    WAITING_APPROVAL = "waiting_approval"
    WAITING_ANSWER = "waiting_answer"
    SLEEPING = "sleeping"
    RUNNING = "running"
    NEEDS_ATTENTION = "needs_attention"
    DONE = "done"
    SKIPPED = "skipped"
    ABORTED = "aborted"


FINAL_STATES = frozenset({StepState.DONE, StepState.SKIPPED, StepState.ABORTED})


class Progress(Frozen):
    """Counts of a `for_each`."""

    total: int
    done: int = 0
    failed: int = 0


class StepView(Frozen):
    """What a front door shows of one step. Times are RFC 3339 UTC. `ask` is there while it waits for an answer."""

    id: str
    kind: str
    title: str
    action: str = ""
    state: StepState
    started: str = ""
    ended: str = ""
    attempts: int = 0
    summary: str = ""
    verdict: Verdict | None = None
    failure: Failure | None = None
    progress: Progress | None = None
    evidence: tuple[Evidence, ...] = ()
    waits_for: str = ""
    ask: Ask | None = None
    previews: tuple[Preview, ...] = ()
    blast: dict[str, int] = {}
    result: dict[str, Any] = {}


class IncidentState(StrEnum):
    """`running` has work in flight; `waiting` only waits for people; the rest are ends."""

    RUNNING = "running"
    WAITING = "waiting"
    NEEDS_ATTENTION = "needs_attention"
    COMPLETED = "completed"
    ABORTED = "aborted"


class IncidentView(Frozen):
    """What a front door shows of an incident, and the result of its workflow."""

    id: str
    runbook: str
    title: str = ""
    severity: str = ""
    plan: str
    mode: Mode = Mode.RUN
    drill: bool = False
    state: IncidentState
    verdict: Verdict | None = None
    sentence: str = ""
    started: str = ""
    ended: str = ""
    starter: Responder
    inputs: dict[str, Any] = {}
    alerts: int = 0
    steps: tuple[StepView, ...] = ()


class IncidentInput(Frozen):
    """What an incident's workflow starts with. `digest` must be the plan's, or the workflow refuses to run."""

    incident: str
    plan: Plan
    digest: str
    inputs: dict[str, Any] = {}
    starter: Responder
    alert: dict[str, Any] = {}
    mode: Mode = Mode.RUN
    drill: bool = False


class AlertReport(Frozen):
    """An alert that belongs to a running incident."""

    source: str
    id: str
    title: str = ""


class Decision(Frozen):
    """A human action on an incident or on one step: who, why, and for `answer` the form's values."""

    responder: Responder
    step: str = ""
    reason: str = ""
    answers: dict[str, Any] = {}


Verb = Literal["approve", "deny", "answer", "retry", "skip", "abort", "note", "alert"]
