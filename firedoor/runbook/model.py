"""The language: what a runbook's YAML may say. The JSON Schema and the reference are generated from these models.

Values are as written, with durations in seconds. Whether names exist and expressions fit is the compiler's business.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from firedoor.plan import MAX_STARTS
from firedoor.runbook.campaign import CampaignSpec
from firedoor.runbook.clocks import ClockSpec
from firedoor.runbook.values import DAY, Condition, Duration, InputType, Name, Role, RunbookName, Spec


def _as_then(value: Any) -> Any:
    if value == "deny":
        return None
    if not isinstance(value, dict):
        allowed = "`deny`, {escalate: POLICY} or {proceed: 'why, in words'}"
        raise PydanticCustomError("not_allowed", "is not allowed", {"allowed": allowed})
    return value


class InputSpec(Spec):
    """A value that the runbook needs from whoever starts it. Required, unless it has a `default`."""

    type: InputType = Field(description="What it is. A list is a list of texts.")
    description: str = Field("", description="What it means, for whoever has to type it at three in the morning.")
    pattern: str = Field("", description="An RE2 regular expression that the whole value (each member) must match.")
    default: Any = Field(None, description="The value when none is given.")


class TriggerSpec(Spec):
    """What starts the runbook besides people at a terminal: an alert, or a word after the chat command."""

    alert: str | None = Field(None, description="An alert source: `guardduty`.")
    when: Condition | None = Field(None, description="Bare CEL over `alert`: which alerts; all of them if absent.")
    inputs: dict[str, Any] = Field({}, description="Input → value; `${{ alert.… }}` reads the alert.")
    slack: str | None = Field(None, pattern="^[a-z][a-z0-9-]{0,40}$", description="The word in chat: `aws-key`.")


class ThenSpec(Spec):
    """What happens when nobody has approved in time, other than `deny`. One of the two."""

    escalate: str | None = Field(None, description="The policy that is asked next.")
    proceed: str | None = Field(
        None, description="Go on without an approval, for this reason: a sentence that is shown and recorded."
    )


class ApprovalSpec(Spec):
    """Who may approve, how many of them it takes, and what happens when they do not."""

    sources: list[str] = Field(alias="from", description="`user:NAME`, `role:NAME`, `slack:@GROUP`.")
    count: int = Field(1, ge=1, le=20, description="How many different people must approve.")
    expires: Annotated[int, Duration(60, 30 * DAY, "between 1m and 30d")] = Field(
        0, description="How long an approval that was asked for stays open (1m to 30d); for ever if absent."
    )
    self_: bool = Field(False, alias="self", description="May whoever started the incident approve?")
    then: Annotated[ThenSpec | None, BeforeValidator(_as_then, json_schema_input_type=Literal["deny"] | ThenSpec)] = (
        Field(None, description="What happens when it expires: `deny` (as if absent), or a `ThenSpec`.")
    )
    remind: Annotated[int, Duration(60, DAY, "between 1m and 1d")] = Field(
        0, description="The pause between reminders of who has not answered (1m to 1d); none if absent."
    )
    break_glass: Role = Field(
        "",
        description="Who may go ahead alone, with a reason: `true` for the role `break-glass`, or `role:NAME`.",
    )


class AskField(Spec):
    """One field of a form. A `secret` is typed into a hidden prompt and goes straight into the places of `into`.

    Its value never enters Temporal, the timeline or a file: `steps.NAME.FIELD` is the credential without it.
    """

    type: Literal["string", "integer", "boolean", "secret"] = Field(description="What the answer is.")
    description: str = Field("", description="What is asked.")
    required: bool = Field(True, description="May the field stay empty? Then it is null in expressions.")
    choices: list[str] = Field([], description="For a string: the answers to choose from.")
    provider: str = Field("", description="For a secret: whose credential it is, `anthropic`; may hold `${{ }}`.")
    into: list[str] = Field(
        [],
        description="For a secret: the places that shall hold it, `aws-sm:NAME`; may hold `${{ }}`, and an expression "
        "that is a list stands for all its members.",
    )
    kind: str = Field("", description="For a secret: which kind of the provider's credentials; empty: the most usual.")
    scope: str = Field("", description="For a secret: what it belongs to there, a project or user; may hold `${{ }}`.")


class AskSpec(Spec):
    """A question to people, answered with a form."""

    prompt: str = Field(description="What they are asked; may hold `${{ }}`.")
    of: str = Field("", description="The approval policy whose people may answer; anybody if absent.")
    fields: dict[Name, AskField] = Field(description="The form. `steps.NAME.FIELD` reads an answer.")


class RetrySpec(Spec):
    """How Temporal tries again what a retry may cure. What is absent is the action's own."""

    attempts: int | None = Field(None, ge=1, le=100, description="How often at most, the first time included.")
    interval: Annotated[int, Duration(1, 3600, "between 1s and 1h")] | None = Field(
        None, description="The pause before the second attempt (1s to 1h)."
    )
    backoff: int | None = Field(None, ge=1, le=10, description="What each pause is multiplied by for the next.")
    ceiling: Annotated[int, Duration(1, DAY, "between 1s and 1d")] | None = Field(
        None, description="The longest pause (1s to 1d)."
    )


class StepSpec(Spec):
    """One step: `uses`, `ask`, `wait`, `run`, `campaign`, or `approval` alone."""

    title: str = Field("", description="One line for people.")
    description: str = Field("", description="Why it is there; for readers of the runbook.")
    uses: str | None = Field(None, description="Do something: the name of an action.")
    ask: AskSpec | None = Field(None, description="Ask people.")
    wait: Annotated[int, Duration(1, 365 * DAY, "between 1s and 365d")] | None = Field(
        None, description="A durable timer (1s to 365d)."
    )
    run: str | None = Field(None, description="Run another runbook, as a child.")
    campaign: CampaignSpec | None = Field(None, description="Tell customers, and follow them until they are done.")
    approval: str | None = Field(None, description="The policy that must approve before it acts; alone, a gate.")
    with_: dict[str, Any] = Field({}, alias="with", description="Arguments; texts may hold `${{ }}`.")
    needs: list[str] = Field([], description="Steps to wait for, beyond those that the expressions mention.")
    if_: Condition | None = Field(None, alias="if", description="Bare CEL: skipped unless true.")
    for_each: str | list[Any] | None = Field(None, description="Do it for each element of a list: `${{ list }}`.")
    as_: Name | None = Field(None, alias="as", description="The name of the element in `with`.")
    concurrency: int | None = Field(None, ge=1, le=1000, description="How many elements at a time.")
    on_error: Literal["ask", "continue", "stop"] | None = Field(None, description="What the failure of one does.")
    canary: int | None = Field(
        None, ge=1, le=1000, description="So many elements first; people look, and approve the rest."
    )
    until: Condition | None = Field(None, description="Bare CEL over the step's own result: read again until true.")
    every: Annotated[int, Duration(1, DAY, "between 1s and 1d")] | None = Field(
        None, description="The pause between two reads (1s to 1d)."
    )
    within: Annotated[int, Duration(1, 30 * DAY, "between 1s and 30d")] | None = Field(
        None, description="How long to go on reading (1s to 30d)."
    )
    retry: RetrySpec | None = Field(None, description="How a failure is tried again.")
    timeout: Annotated[int, Duration(1, DAY, "between 1s and 1d")] | None = Field(
        None, description="How long one attempt may take (1s to 1d)."
    )
    temporary: Annotated[int, Duration(60, 365 * DAY, "between 1m and 365d")] | None = Field(
        None, description="How long the change lasts before it is taken back by itself (1m to 365d)."
    )
    always: bool = Field(False, description="Run it at the end, however the rest ends.")


class SlackSpec(Spec):
    """Where the incidents of a runbook are told in Slack, besides the incident channel of the settings."""

    channel: Literal["create"] | None = Field(None, description="`create`: a channel of its own for each incident.")


class Runbook(Spec):
    """A firedoor runbook."""

    name: RunbookName = Field(description="Its name everywhere: kebab-case or snake_case.")
    title: str = Field("", description="One line for people.")
    description: str = Field("", description="When to use it, what it does, what it does not.")
    severity: Literal["critical", "high", "medium", "low"] = Field("high", description="How bad it is.")
    mode: Literal["breach", "rotation"] = Field(
        "breach", description="breach: revoke first, replace after; rotation: replace first, revoke after."
    )
    inputs: dict[Name, InputSpec] = Field({}, description="What it needs to know.")
    identity: list[str] = Field([], description="Inputs whose same values mean the same incident.")
    triggers: list[TriggerSpec] = Field([], description="What starts it besides people.")
    auto: Literal["contain", "ask", "off"] = Field(
        "contain",
        description="What an alert may start without a person: reads and what can be undone (`contain`), reads only "
        "(`ask`), nothing (`off`). The rest waits for the runbook's first approval policy.",
    )
    max_starts: int = Field(
        MAX_STARTS, ge=1, le=1000, description="Incidents an hour that alerts may start. More wait for a person."
    )
    slack: SlackSpec | None = Field(None, description="Where its incidents are told in Slack.")
    approvals: dict[Name, ApprovalSpec] = Field({}, description="Who may approve what.")
    clocks: dict[Name, ClockSpec] = Field({}, description="Legal and contractual deadlines. No legal advice.")
    steps: dict[Name, StepSpec] = Field(min_length=1, description="The steps, each by its name.")
