"""A plan: a compiled runbook, immutable, with a digest. All that a workflow knows of a runbook.

Pure data. Made by `firedoor.compiler`, walked by `workflows`. Durations are whole seconds. Strings in `arguments` and
`prompt` may hold `${{ CEL }}`; `condition`, `until` and `items` are bare CEL.
"""

from enum import StrEnum
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from firedoor.canonical import canonical_bytes, sha256_hex

#: Mass work waits in a task queue of its own, named after the incident's: it never stands before a containment.
BULK = "-bulk"


class Frozen(BaseModel):
    """Immutable data that crosses into Temporal. Unknown fields are ignored, so that old histories stay readable."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Growing(Frozen):
    """A part of a plan that got fields after plans were first stored.

    Such a field is left out of the dump while it has its default, so that the plan of a running incident keeps the
    digest that it was started with.
    """

    later: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _without_what_says_nothing(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        dumped: dict[str, Any] = handler(self)
        fields = type(self).model_fields
        for name in self.later:
            if getattr(self, name) == fields[name].default:
                dumped.pop(name, None)
        return dumped


class Effect(StrEnum):
    """What a step may do to the world."""

    READ = "read"
    REVERSIBLE = "reversible"
    DESTRUCTIVE = "destructive"


class Verdict(StrEnum):
    """Is the door shut? Only the provider's own answer after the change may say so.

    `restored` and `not_restored` are the same question about an undo: is it as it was?
    """

    CONTAINED = "contained"
    NOT_CONTAINED = "not_contained"
    UNKNOWN = "unknown"
    RESTORED = "restored"
    NOT_RESTORED = "not_restored"


#: The verdicts that pass without a person.
PROVED = frozenset({Verdict.CONTAINED, Verdict.RESTORED})


class OnError(StrEnum):
    """What a `for_each` does when a target fails."""

    ASK = "ask"
    CONTINUE = "continue"
    STOP = "stop"


class Retry(Frozen):
    """Temporal's retry policy of a step; intervals in seconds."""

    attempts: int = 5
    interval: int = 1
    backoff: int = 2
    ceiling: int = 30


class Loop(Growing):
    """`for_each`: the CEL list, the name of one element, lanes at a time, what a failure does.

    `collect` is set where an expression of the runbook reads `steps.NAME.results`; without it the results of the
    targets stay in the timeline and only counts and failures come back. `canary` targets go first; people approve the
    rest after a look. With `spread` each element is the whole set of arguments.
    """

    later: ClassVar[frozenset[str]] = frozenset({"canary", "spread"})

    items: str
    name: str
    concurrency: int = 10
    on_error: OnError = OnError.ASK
    collect: bool = False
    canary: int = 0
    spread: bool = False


class Until(Frozen):
    """Repeat a read until the CEL expression holds, every so many seconds, for at most `within` seconds."""

    expression: str
    every: int
    within: int


class Field(Growing):
    """One field of a form that a person answers. The value of a `secret` never enters Temporal.

    It goes from a hidden prompt straight into the sinks of `into`; the answer is the credential without its value.
    `into`, `provider` and `scope` may hold `${{ CEL }}`.
    """

    later: ClassVar[frozenset[str]] = frozenset({"provider", "into", "kind", "scope"})

    type: Literal["string", "integer", "boolean", "secret"]
    description: str = ""
    required: bool = True
    choices: tuple[str, ...] = ()
    provider: str = ""
    into: tuple[str, ...] = ()
    kind: str = ""
    scope: str = ""


class Ask(Frozen):
    """A question to people. `of` names an approval policy, or is empty for anybody."""

    prompt: str
    of: str = ""
    fields: dict[str, Field]

    def secrets(self) -> dict[str, Field]:
        """The fields whose values go into sinks."""
        return {name: field for name, field in self.fields.items() if field.type == "secret"}


class Policy(Growing):
    """Who may approve: `user:NAME`, `role:NAME`, `slack:@group`; how many; for how long (seconds, 0 = for ever).

    When nobody has approved in time, the policy `escalate` is asked; or the step goes on, for the reason that `proceed`
    gives; with neither of them it counts as denied. `remind` is the pause between reminders in seconds, 0 for none.
    `break_glass` is the role that may go ahead alone, with a reason.
    """

    later: ClassVar[frozenset[str]] = frozenset({"escalate", "proceed", "remind", "break_glass"})

    sources: tuple[str, ...]
    count: int = 1
    expires: int = 0
    allow_self: bool = False
    escalate: str = ""
    proceed: str = ""
    remind: int = 0
    break_glass: str = ""


class Input(Frozen):
    """An input of a runbook. `default` is absent (None) where the input is required."""

    type: Literal["string", "integer", "boolean", "list"]
    description: str = ""
    pattern: str = ""
    default: Any = None
    required: bool = True


class Trigger(Frozen):
    """An alert source (`alert`, with the CEL `when`) or a Slack word (`slack`) that starts the runbook."""

    alert: str = ""
    when: str = ""
    slack: str = ""
    inputs: dict[str, Any] = {}


class Cohort(Frozen):
    """A part of a campaign's customers: those of whom the CEL over `customer` holds. The first that fits is theirs."""

    name: str
    when: str


class Campaign(Growing):
    """Telling customers, and following them until each has done what it is told. Durations are seconds.

    `to` is an `Audience` or a list of customers' names, mostly as `${{ CEL }}`. `channels` are tried in their order
    until one reaches the customer; with `every` all of them are used. After `canary` customers the rest follows in
    waves, each `settle` seconds after the one before; over `halt` percent of messages that did not arrive it stops by
    itself. `until` is bare CEL over `customer`: while it does not hold they are looked at every `recheck` seconds and
    reminded `remind` seconds after their notice, for at most `within`. `quiet` are local hours (`22:00`, `07:00`) in
    which nobody is written to; empty: none. `corrects` names an earlier campaign, whose readers get this one.
    `escalates` seconds after the beginning what is left is another step's. `collect` is set where an expression of the
    runbook reads `steps.NAME.remaining`: without it that list, which may be long, stays in the store.
    """

    later: ClassVar[frozenset[str]] = frozenset()

    notice: str
    version: int = 1
    to: Any = ()
    cohorts: tuple[Cohort, ...] = ()
    channels: tuple[str, ...] = ("email",)
    every: bool = False
    canary: int = 0
    settle: int = 60
    halt: int = 5
    until: str = ""
    remind: tuple[int, ...] = ()
    recheck: int = 3600
    within: int = 30 * 86400
    escalates: int = 0
    quiet: tuple[str, ...] = ()
    corrects: str = ""
    collect: bool = False


class Undo(Frozen):
    """The action that takes a step's change back, as far as a workflow has to know it."""

    action: str
    effect: Effect
    timeout: int = 60
    retry: Retry = Retry()


class PlannedStep(Growing):
    """One step. `needs` is everything it waits for; `mentions` the steps whose results its expressions read.

    `undo` is there where the change can be taken back; `temporary` seconds later it is, by itself. `changeable` names
    the arguments that a person may change when retrying. `always` steps run at the end, however it ends. The action of
    a step that `restores` is the undo of another's: it owes a verdict as a containment does.
    """

    later: ClassVar[frozenset[str]] = frozenset({"undo", "temporary", "changeable", "always", "restores", "campaign"})

    id: str
    kind: Literal["uses", "ask", "wait", "approval", "run", "campaign"]
    title: str = ""
    action: str = ""
    effect: Effect = Effect.READ
    containment: bool = False
    arguments: dict[str, Any] = {}
    needs: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    condition: str = ""
    approval: str = ""
    loop: Loop | None = None
    until: Until | None = None
    retry: Retry = Retry()
    timeout: int = 60
    ask: Ask | None = None
    wait: int = 0
    child: "Plan | None" = None
    undo: Undo | None = None
    temporary: int = 0
    changeable: tuple[str, ...] = ()
    always: bool = False
    restores: bool = False
    campaign: Campaign | None = None


class Limit(Frozen):
    """One limit of a clock: `amount` of `unit` after a moment. A clock with several runs out at the earliest.

    `after` is a moment (`aware`), or `NAME.met`: the clock NAME was met. `zone` (IANA), `calendar` (whose public
    holidays: `US`, `DE-BE`; none: weekends only) and `at` (the local time on the last day, `17:30`; empty: that of the
    start) matter for days, business days and months; hours are hours that pass. An amount of 0 is "without undue
    delay": no time is given.
    """

    after: str
    amount: int = 0
    unit: Literal["seconds", "hours", "days", "business_days", "months"] = "hours"
    zone: str = "UTC"
    calendar: str = ""
    at: str = ""


class Clock(Growing):
    """A legal or contractual clock. What the data files say of its regime is part of the plan, as of `data`.

    With `campaign`, the step of one, it stands for the hours in the contracts of that campaign's customers.
    `remind` are seconds before it is due at which `to` (sources of a policy) is told. `met` is bare CEL over `steps`;
    empty: a person says so. `confidence` is `source`, `unverified`, or `own` where the runbook itself says the limit.
    """

    later: ClassVar[frozenset[str]] = frozenset()

    name: str
    title: str = ""
    limits: tuple[Limit, ...]
    remind: tuple[int, ...] = ()
    to: tuple[str, ...] = ()
    met: str = ""
    mentions: tuple[str, ...] = ()
    campaign: str = ""
    regime: str = ""
    stage: str = ""
    jurisdiction: str = ""
    says: str = ""
    source: str = ""
    reviewed: str = ""
    confidence: Literal["source", "unverified", "own"] = "own"
    data: str = ""


class Auto(StrEnum):
    """What an alert may start without a person.

    `contain`: reads and what can be undone; `ask`: reads; `off`: nothing, an alert does not start the runbook.
    """

    CONTAIN = "contain"
    ASK = "ask"
    OFF = "off"


#: Incidents an hour that alerts may start of one runbook, unless it says otherwise.
MAX_STARTS = 20


class Plan(Growing):
    """A compiled runbook. `steps` stand in an order in which each comes after what it needs.

    `undoes` is the incident that this plan takes back, for the plans that `firedoor.undo` makes. `auto` and
    `max_starts` (incidents an hour) say what alerts may start. `channel` is `create` where each incident gets a Slack
    channel.
    """

    later: ClassVar[frozenset[str]] = frozenset({"auto", "channel", "clocks", "max_starts", "undoes"})

    version: Literal[1] = 1
    name: str
    title: str = ""
    description: str = ""
    severity: Literal["critical", "high", "medium", "low"] = "high"
    mode: Literal["breach", "rotation"] = "breach"
    runbook_sha256: str
    inputs: dict[str, Input] = {}
    identity: tuple[str, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    policies: dict[str, Policy] = {}
    steps: tuple[PlannedStep, ...]
    undoes: str = ""
    auto: Auto = Auto.CONTAIN
    max_starts: int = MAX_STARTS
    channel: Literal["", "create"] = ""
    clocks: tuple[Clock, ...] = ()

    def canonical(self) -> bytes:
        """The plan's canonical JSON: what its digest is taken of."""
        return canonical_bytes(self.model_dump(mode="json"))

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, as hex."""
        return sha256_hex(self.canonical())


# A step may hold a plan: whole from the start, for the workflow's sandbox cannot finish it on first use.
PlannedStep.model_rebuild()
