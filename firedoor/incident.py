"""An incident: one run of one plan. Who acts in it, what crosses between workflow, activities and doors. Pure data."""

from enum import StrEnum
from typing import Any, Literal

from firedoor.campaign import Standing
from firedoor.canonical import digest_of
from firedoor.clock import ClockView
from firedoor.plan import Ask, Effect, Frozen, OnError, Plan, Verdict

NAME_ARGUMENTS = 2


class Responder(Frozen):
    """A person or system that acts.

    `principal` is who it is everywhere (`user:ada`), so that one person counts once however they come in. `identity` is
    how the front door knows them (`os:ada`, `slack:T01/U02`) and `auth` how it made sure: `os`, `slack`, `drill` ….
    `roles` and `groups` (`slack:@security`) are what the configuration and the front door say of the principal.
    """

    principal: str
    auth: str
    roles: tuple[str, ...] = ()
    identity: str = ""
    groups: tuple[str, ...] = ()

    def among(self, sources: tuple[str, ...]) -> bool:
        """Does one of a policy's sources name this person? Default deny."""
        names = {self.principal, *(f"role:{role}" for role in self.roles), *self.groups}
        return not names.isdisjoint(sources)


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


class Inverse(Frozen):
    """How one change is taken back: an action, with all its arguments. Recorded before the change is made."""

    action: str
    arguments: dict[str, Any] = {}

    def words(self) -> str:
        """As a person would type it."""
        return " ".join([self.action, *(f"{key}={value}" for key, value in self.arguments.items())])


class Dependent(Frozen):
    """Something that stops working with a change: `kind` is one of the blast radius, `name` tells which.

    `count` is how many it stands for: more than one where not each has a name, none where it could not be read.
    """

    kind: str
    name: str
    says: str = ""
    count: int = 1


class Preview(Frozen):
    """What a change would do: the state before and after, one line for the change, what it touches.

    `before` must hold whatever makes the change another one, and nothing that differs from one look to the next: an
    approval is bound to it. `blast` counts by kind: credentials, principals, sessions, services, customers, accounts;
    `dependents` names some of what is counted. `missing` are permissions that firedoor lacks for the change;
    `unchecked` says why that could not be found out. Without `inverse` nobody can take it back.
    """

    change: str
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    effect: Effect = Effect.REVERSIBLE
    inverse: Inverse | None = None
    blast: dict[str, int] = {}
    dependents: tuple[Dependent, ...] = ()
    missing: tuple[str, ...] = ()
    unchecked: str = ""

    def digest(self, action: str, arguments: dict[str, Any]) -> str:
        """What an approval of this change is bound to: the action, its arguments, the state before, what it touches."""
        return digest_of([action, arguments, self.before, self.effect.value, self.blast])


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
    """What one action acts on. `key` is stable over attempts: the index in the list of targets.

    `approved` is the digest of the preview that people approved; another one at the time of acting is refused. Empty
    where nothing was approved.
    """

    key: str
    arguments: dict[str, Any]
    approved: str = ""

    @property
    def name(self) -> str:
        """A printable name: of a credential its own, else the first arguments that are text. Never a secret."""
        credential = self.arguments.get("credential") or self.arguments.get("like")
        if isinstance(credential, dict) and "provider" in credential:
            parts = (credential.get(part, "") for part in ("provider", "name", "id"))
            return " ".join(str(part) for part in parts if part)
        words = [value for value in self.arguments.values() if isinstance(value, str) and value]
        return " ".join(words[:NAME_ARGUMENTS]) or self.key


class Call(Frozen):
    """The input of every action's activity: one target, or a slice of a `for_each`.

    `round` grows when a person retries or an `until` loop reads again, so that recorded outcomes of an earlier round
    are not adopted. `slice` names the slice inside the step. What `restores` has to show evidence of it.
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
    restores: bool = False


class FailedTarget(Frozen):
    """A target that failed, by its key and a printable name. `arguments` are there where they were asked for."""

    key: str
    name: str
    failure: Failure
    arguments: dict[str, Any] = {}


class Report(Frozen):
    """The answer of an activity: `outcome` for one target, counts and failures for a slice.

    A containment whose verdict is not `contained` counts as failed, with the verdict as its reason. `not_started` holds
    keys of targets that `on_error: stop` left untouched.

    In plan mode a slice brings its first previews, what all of them together touch, and by each target's key the digest
    of its preview.
    """

    outcome: Outcome | None = None
    done: int = 0
    adopted: int = 0
    failed: tuple[FailedTarget, ...] = ()
    not_started: tuple[str, ...] = ()
    results: tuple[dict[str, Any], ...] = ()
    previews: tuple[Preview, ...] = ()
    blast: dict[str, int] = {}
    digests: dict[str, str] = {}


class Attachment(Frozen):
    """A file that a person adds to the record, base64."""

    name: str
    type: str = "application/octet-stream"
    data: str


class StepState(StrEnum):
    """The life of a step."""

    PENDING = "pending"
    WAITING_APPROVAL = "waiting_approval"
    WAITING_ANSWER = "waiting_answer"
    SLEEPING = "sleeping"
    PAUSED = "paused"
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


class Request(Frozen):
    """An approval that is asked for, and the `digest` of what is shown with it: an approval has to name it.

    It is about `targets` of `total`; `names` the first of them. `part` says which part of a `for_each` that is: the
    canary, the rest, those that were chosen by name. `changed`: why it is asked again; `caution`: what nobody knows.
    """

    policy: str
    digest: str
    needed: int
    given: tuple[Responder, ...] = ()
    sources: tuple[str, ...] = ()
    allow_self: bool = False
    break_glass: str = ""
    asked: str = ""
    expires: str = ""
    reminders: int = 0
    targets: int = 0
    total: int = 0
    names: tuple[str, ...] = ()
    part: str = ""
    changed: str = ""
    caution: str = ""


class StepView(Frozen):
    """What a front door shows of one step. Times are RFC 3339 UTC. `arguments` are those of a step on one target.

    `ask` is there while it waits for an answer, `request` for approval, `until` while it sleeps; `approved`: by whom.
    `standing` is that of a campaign that was opened, as it last told.
    """

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
    request: Request | None = None
    approved: tuple[str, ...] = ()
    until: str = ""
    arguments: dict[str, Any] = {}
    changeable: tuple[str, ...] = ()
    failed: tuple[FailedTarget, ...] = ()
    digest: str = ""
    reversible: bool = False
    undoes_itself: str = ""
    previews: tuple[Preview, ...] = ()
    blast: dict[str, int] = {}
    result: dict[str, Any] = {}
    standing: Standing | None = None


class IncidentState(StrEnum):
    """`running` has work in flight; `waiting` only waits for people; `paused` starts nothing; the rest are ends."""

    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    NEEDS_ATTENTION = "needs_attention"
    COMPLETED = "completed"
    ABORTED = "aborted"


class IncidentView(Frozen):
    """What a front door shows of an incident, and the result of its workflow. `alert` says what the first alert does.

    `review` is what somebody has to look at afterwards, such as broken glass. `undo` takes it back after an abort.
    `timekeeper` is the workflow that keeps the clocks which were open when it ended.
    """

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
    alert: str = ""
    alerts: int = 0
    paused: str = ""
    commander: str = ""
    responders: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    undo: str = ""
    undoes: str = ""
    steps: tuple[StepView, ...] = ()
    clocks: tuple[ClockView, ...] = ()
    timekeeper: str = ""


class IncidentInput(Frozen):
    """What an incident's workflow starts with. `digest` must be the plan's, or the workflow refuses to run.

    `shown` has the digests of a saved plan's steps: what would change anything else asks. `batch`: of which alerts.
    `forecast` is the run in plan mode that its starter was shown.
    """

    incident: str
    plan: Plan
    digest: str
    inputs: dict[str, Any] = {}
    starter: Responder
    alert: dict[str, Any] = {}
    mode: Mode = Mode.RUN
    drill: bool = False
    shown: dict[str, str] = {}
    batch: str = ""
    forecast: str = ""


class AlertReport(Frozen):
    """An alert, who reports it, of how many deliveries. An incident which that batch started has counted the first."""

    source: str
    id: str
    title: str = ""
    responder: Responder | None = None
    count: int = 1
    batch: str = ""


class Decision(Frozen):
    """A human action on an incident or on one step: who, why, and what the verb needs besides.

    `answers`: the form's values (answer). `digest`: what was shown (approve). `targets`: by name (approve, retry).
    `failed`: those that failed (retry). `arguments`: other values (retry). `break_glass`: alone (approve). `undo`: take
    back what was done (abort). `seconds`: longer (extend). `person`: whom (invite, handover). `attachments`: files.
    `moment`: what happened (declare). `clock`: which (meet, waive). `at`: when, RFC 3339; now if empty.
    """

    responder: Responder
    step: str = ""
    reason: str = ""
    answers: dict[str, Any] = {}
    digest: str = ""
    targets: tuple[str, ...] = ()
    failed: bool = False
    arguments: dict[str, Any] = {}
    break_glass: bool = False
    undo: bool = False
    seconds: int = 0
    person: str = ""
    attachments: tuple[Attachment, ...] = ()
    clock: str = ""
    moment: str = ""
    at: str = ""


#: What a person decides of steps, and of the whole incident.
Deciding = Literal["approve", "deny", "answer", "retry", "skip", "extend"]
Steering = Literal["abort", "note", "alert", "pause", "resume", "invite", "handover"]
Verb = Literal[Deciding, Steering]
#: What a person says of an incident's clocks.
Timing = Literal["declare", "meet", "waive"]
