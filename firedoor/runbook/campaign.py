"""`campaign:` of a step: telling customers, and following them."""

from typing import Annotated, Any

from pydantic import Field

from firedoor.runbook.values import CHANNEL_FORMS, DAY, Channels, Condition, Duration, LocalTime, Name, Spec


class QuietSpec(Spec):
    """Hours of the customer's own clock in which it is not written to. They may go over midnight."""

    from_: LocalTime = Field(alias="from", description="From this time on: `22:00`.")
    to: LocalTime = Field(description="Until this time: `07:00`.")


class EscalateSpec(Spec):
    """What happens to those who have not done what they were told: a step of its own, `NAME_escalation`.

    It runs once for each credential that is left, which `${{ credential }}` names, after its own approval.
    """

    after: Annotated[int, Duration(1, 365 * DAY, "between 1s and 365d")] = Field(
        description="So long after the campaign began; after the last reminder (1s to 365d)."
    )
    uses: str = Field(description="The action: `braintrust.disable_secret`.")
    with_: dict[str, Any] = Field(
        {}, alias="with", description="Its arguments; `credential` is there by itself where the action takes one."
    )
    approval: str | None = Field(None, description="The policy that must approve before it acts.")


class CampaignSpec(Spec):
    """Tell customers, and follow each until it has done what it was told.

    The step's `with` has the notice's own variables. `steps.NAME` returns `campaign` (its id), the counts `customers`,
    `reached`, `acknowledged`, `remediated` and `tasks`, and `remaining`: the credentials of whom `until` does not hold.
    """

    notice: str = Field(description="The notice: the name of its folder.")
    version: int = Field(1, ge=1, le=1000, description="Which version of it; corrections are version 2.")
    to: str | list[str] | None = Field(
        None, description="Whom: what `customers.affected_by` returned, or a list of customers' names."
    )
    cohorts: dict[Name, Condition] = Field(
        {}, description="Parts of the customers, by bare CEL over `customer`: the first that fits is theirs."
    )
    channels: Channels = Field(Channels(("email",)), description=f"{CHANNEL_FORMS}. Left out: email.")
    approval: str | None = Field(
        None, description="The policy that must approve what is sent to whom: content and recipients, by their digest."
    )
    canary: int = Field(
        0, ge=0, le=10_000, description="So many customers first, then 1 %, 10 % and the rest; 0: all at once."
    )
    settle: Annotated[int, Duration(1, DAY, "between 1s and 1d")] = Field(
        60, description="The pause after each wave, in which bounces come back (1s to 1d). Left out: 1m."
    )
    halt: int = Field(
        5, ge=1, le=100, description="It halts when more than this percentage of messages did not arrive."
    )
    until: Condition | None = Field(
        None,
        description="Bare CEL over `customer`: followed until it holds (`customer.remediated`). Left out: just told.",
    )
    remind: list[Annotated[int, Duration(1, 365 * DAY, "between 1s and 365d")]] = Field(
        [], description="So long after the campaign began those are reminded for whom `until` does not hold."
    )
    recheck: Annotated[int, Duration(1, 7 * DAY, "between 1s and 7d")] = Field(
        3600, description="The pause between two looks at who has done it (1s to 7d). Left out: 1h."
    )
    within: Annotated[int, Duration(1, 365 * DAY, "between 1s and 365d")] = Field(
        30 * DAY, description="It is followed no longer than this (1s to 365d). Left out: 30d."
    )
    quiet: QuietSpec | None = Field(
        None, description="Hours in which nobody is written to. Left out: none, for a breach is no time to be polite."
    )
    corrects: str = Field(
        "", description="An earlier campaign, `${{ steps.NAME.campaign }}`: those who got it get this one, nobody else."
    )
    escalate: EscalateSpec | None = Field(None, description="What happens to those that are left.")
