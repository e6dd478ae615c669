"""A campaign: customers told of an incident, and followed. What crosses between its workflow, activities and doors.

Pure data. The rows themselves — who is written to, where, what became of it — stay in the store (`firedoor.outbox`);
what travels are counts, so that a campaign of 100,000 is as small in Temporal as one of ten.
"""

from enum import StrEnum
from typing import Any

from pydantic import Field

from firedoor.plan import Campaign, Frozen
from firedoor.words import plural


class Exposure(StrEnum):
    """How sure it is that a customer's credentials are in wrong hands."""

    CONFIRMED = "confirmed"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Channel(StrEnum):
    """The ways to a customer."""

    SLACK = "slack"
    EMAIL = "email"
    WEBHOOK = "webhook"


class MessageState(StrEnum):
    """The life of one message. What is `in_doubt` may have been sent, and is never sent again by itself.

    `failed`: the way itself refused it (not the recipient); `unsent`: the campaign was stopped before its turn.
    """

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    UNSENT = "unsent"
    ACKNOWLEDGED = "acknowledged"
    REMEDIATED = "remediated"


#: The states of a message that has left us.
LEFT = frozenset({MessageState.SENT, MessageState.DELIVERED, MessageState.ACKNOWLEDGED, MessageState.REMEDIATED})
#: The states of a message that did not reach anybody, as far as is known: the next contact or channel is tried.
LOST = frozenset({MessageState.BOUNCED, MessageState.FAILED})


class Found(StrEnum):
    """What a look at an exposed credential of a customer has found. Only the provider's or the store's answer counts.

    `changed`: its place holds a newer value. `gone`: its place holds none any more. `refused`: its provider refuses the
    old value. `same`: it is as it was. `unknown`: that could not be told.
    """

    CHANGED = "changed"
    GONE = "gone"
    REFUSED = "refused"
    SAME = "same"
    UNKNOWN = "unknown"


#: Whoever has stolen a credential of which this was found can do nothing with it, or not from us.
REPLACED = frozenset({Found.CHANGED, Found.GONE, Found.REFUSED})


class Flow(StrEnum):
    """Does a campaign send? `halted` it has itself, because too much did not arrive; people pause and stop it."""

    PREPARED = "prepared"
    RUNNING = "running"
    PAUSED = "paused"
    HALTED = "halted"
    STOPPED = "stopped"
    ENDED = "ended"


class Audience(Frozen):
    """Whom a campaign may be sent to: a list that is kept in the store under its digest. `count` customers.

    `exposures` counts them by exposure; `unknown` are credentials or places of which no customer is known.
    """

    list: str = Field(description="The digest (SHA-256) under which the list is kept.")
    count: int = Field(description="How many customers are on it.")
    exposures: dict[str, int] = Field(default={}, description="How many of each exposure.")
    unknown: int = Field(default=0, description="Credentials and places of which no customer is known.")


class Remaining(Frozen):
    """A credential of a customer for whom `until` does not hold, as `steps.NAME.remaining` has it: never its value.

    The fields of a credential (`firedoor.steps._step.Credential`), whose customer it is, and `since` when (RFC 3339) a
    change of it counts as the replacement that was asked for. `where` is where we keep it.
    """

    customer: str
    provider: str
    id: str = ""
    fingerprint: str = ""
    where: str = Field(default="", json_schema_extra={"secret_reference": True})
    kind: str = ""
    scope: str = ""
    name: str = ""
    owner: str = ""
    since: str = ""


class PrepareCall(Frozen):
    """Ask for a campaign to be made ready. `store` is False in plan mode: nothing is kept.

    `campaign` is its id, `INCIDENT.STEP`; `values` are the runbook's own variables of the notice, rendered.
    """

    campaign: str
    incident: str
    step: str
    spec: Campaign
    to: Any
    values: dict[str, Any] = {}
    drill: bool = False
    store: bool = True


class Sample(Frozen):
    """A letter as people read it before they approve, with `‹…›` for all that is its reader's own.

    `to` says how many customers of which kinds get it, as in `1,200 customers (confirmed, en)`.
    """

    to: str
    subject: str
    text: str


class Preparation(Frozen):
    """A campaign that is ready to be approved. `digest` is of the rendered content and of every recipient.

    `nobody` counts customers without any contact: each is a task for a person. `unsubscribed` counts those who are not
    written to, for the notice is informational and they want none. `samples` are the letters whose words differ, that
    of the most customers first; `unshown` counts customers who get one that is not among them. `problems` are
    sentences; with any of them nothing can be sent; `warnings` keep it from nothing, and whoever approves is to know
    them. `notice` and `public` are SHA-256 (hex) of the notice and of its public copy; the latter is empty where none
    was kept.
    """

    digest: str
    customers: int
    nobody: int = 0
    unsubscribed: int = 0
    cohorts: dict[str, int] = {}
    channels: dict[str, int] = {}
    exposures: dict[str, int] = {}
    samples: tuple[Sample, ...] = ()
    unshown: int = 0
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notice: str = ""
    public: str = ""


class CampaignInput(Frozen):
    """What a campaign's workflow starts with: what was approved, by whom."""

    campaign: str
    incident: str
    step: str
    spec: Campaign
    digest: str
    customers: int
    approved: tuple[str, ...] = ()
    drill: bool = False
    #: Seconds since the epoch at which the first message could leave; 0 until it has begun (continue-as-new keeps it).
    began: float = 0
    #: How many waves and reminders are done already, and how many pieces of work were asked for.
    waves: int = 0
    reminders: int = 0
    round: int = 1
    again: int = 0
    #: Is it paused because its incident is? Then it goes on with that.
    held: bool = False


class Work(Frozen):
    """One piece of work of a campaign: `upto` is how many of its customers may have been written to when it is done.

    `number` is the wave, reminder or look that it is; `again` grows when the same work is asked for once more.
    """

    campaign: str
    incident: str
    step: str
    digest: str = ""
    upto: int = 0
    number: int = 0
    again: int = 0
    drill: bool = False


class Tally(Frozen):
    """How far a part of the customers is: a cohort, or the credentials of a provider."""

    total: int
    reached: int = 0
    acknowledged: int = 0
    remediated: int = 0


class Steer(Frozen):
    """Somebody pauses, resumes, halts or stops a campaign."""

    campaign: str
    flow: Flow
    by: str
    reason: str = ""


class Goal(StrEnum):
    """What a campaign waits for of each customer, and so what is counted of them all."""

    REACHED = "reached"
    ACKNOWLEDGED = "acknowledged"
    ROTATED = "rotated"

    @classmethod
    def of(cls, until: str) -> "Goal":
        """The goal of an `until`: that the keys are replaced, where it does not wait for less."""
        if not until:
            return cls.REACHED
        return cls.ACKNOWLEDGED if "acknowledged" in until and "remediated" not in until else cls.ROTATED


class Standing(Frozen):
    """Where a campaign stands, from its rows. `messages` counts them by state, `nobody` customers without a contact.

    `wait` is the number of seconds until the next message is due, where some had to be put off. `holding` is how many
    customers `until` does not hold for yet. `by_hand` of those who are `reached` somebody has reached another way.
    Once it is over, `unseen` are the credentials that are left of which nobody knows whether they are replaced, by why
    (empty: nobody has looked); it is of no matter where the `goal` is another.
    """

    campaign: str
    flow: Flow
    reason: str = ""
    customers: int = 0
    written: int = 0
    reached: int = 0
    by_hand: int = 0
    acknowledged: int = 0
    remediated: int = 0
    holding: int = 0
    nobody: int = 0
    tasks: int = 0
    messages: dict[str, int] = {}
    cohorts: dict[str, Tally] = {}
    providers: dict[str, Tally] = {}
    queued: int = 0
    wait: float = 0
    goal: Goal = Goal.ROTATED
    unseen: dict[str, int] = {}

    @property
    def done(self) -> int:
        """Of how many customers the goal is reached."""
        counted = {Goal.REACHED: self.reached, Goal.ACKNOWLEDGED: self.acknowledged, Goal.ROTATED: self.remediated}
        return counted[self.goal]

    def counts(self) -> dict[str, str | int]:
        """What expressions read of it, while it lasts those of clocks."""
        return {
            "campaign": self.campaign,
            "customers": self.customers,
            "reached": self.reached,
            "acknowledged": self.acknowledged,
            "remediated": self.remediated,
            "tasks": self.tasks,
        }

    def sentence(self) -> str:
        """For a person: percent done what they were told, not percent sent."""
        if not self.customers:
            return "nobody to tell"
        share, said = 100 * self.done // self.customers, f"{self.done:,} of {self.customers:,} customers"
        if self.goal is Goal.REACHED:
            said += " reached"
        else:
            said += f" have {self.goal.value} ({share} %); {self.reached:,} reached"
        said += f", {self.by_hand:,} of them by hand" if self.by_hand else ""
        doubt = self.messages.get(MessageState.IN_DOUBT, 0)
        rest = [f"{self.tasks:,} {'needs' if self.tasks == 1 else 'need'} a person"] if self.tasks else []
        rest += [f"{plural(doubt, 'messages')} in doubt"] if doubt else []
        unseen = sum(self.unseen.values())
        rest += [f"{plural(unseen, 'credentials')} could not be looked at"] if unseen else []
        stands = f"{self.flow.value}: {self.reason}" if self.reason else self.flow.value
        rest += [stands] if self.flow in STILL or self.reason else []
        return "; ".join([said, *rest])

    def blind(self) -> str:
        """For whoever decides on what is left: how much of it nobody has seen, and why; empty where all was seen."""
        if not self.unseen:
            return ""
        why = "; ".join(f"{says or 'nobody has looked'} ({count:,})" for says, count in self.unseen.items())
        unseen = plural(sum(self.unseen.values()), "credentials")
        return f"Of what is left {unseen} could not be looked at, and may have been replaced already. Why: {why}."


#: A campaign in these does not send.
STILL = frozenset({Flow.PAUSED, Flow.HALTED, Flow.STOPPED})
