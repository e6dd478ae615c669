"""`clocks:`: what a runbook may say of legal and contractual deadlines."""

from typing import Annotated

from pydantic import Field

from firedoor.runbook.values import DAY, Condition, Duration, Spec

#: The longest time that a runbook itself may give, and the earliest reminder.
LONGEST = 400 * DAY
#: `met: by hand`, the same as no `met`.
BY_HAND = "by hand"


class ContractSpec(Spec):
    """A term of a contract: `hours`, or those that each customer of a `campaign` has in the registry."""

    hours: int | None = Field(None, ge=1, le=8760, description="The hours that pass until it is due.")
    campaign: str | None = Field(
        None, description="A step with `campaign`: one clock for each number of hours that its customers have."
    )


class ClockSpec(Spec):
    """One clock: of a `regime`, of a `contract`, or with a `due` of its own. Exactly one of the three."""

    title: str = Field("", description="One line for people; the regime's if absent.")
    regime: str | None = Field(None, description="What the data files call it: `gdpr`, `sec-8k-1.05`.")
    stage: str | None = Field(None, description="What of it; needed where the regime wants several things sent.")
    contract: ContractSpec | None = Field(None, description="A term of a contract: `{hours: 24}`, `{campaign: STEP}`.")
    due: Annotated[int, Duration(1, LONGEST, "between 1s and 400d")] | None = Field(
        None, description="A time of your own (1s to 400d)."
    )
    starts: str | None = Field(
        None,
        description="What starts it: `detected`, `aware`, `classified`, `materiality_decided`, `fix_available`, "
        "`ransom_paid`, or `CLOCK.met`. The regime's own if absent; `aware` for the others.",
    )
    remind: list[Annotated[int, Duration(1, LONGEST, "between 1s and 400d")]] = Field(
        [], description="How long before it is due people are reminded: `[24h, 4h]`."
    )
    to: list[str] = Field(
        description="Who is told: names of approval policies, `user:NAME`, `role:NAME`, `slack:@GROUP`."
    )
    met: Condition | None = Field(
        None, description="Bare CEL over `steps`: what counts as met; `by hand` (as if absent): a person says so."
    )
