"""Contracts of steps that look at campaigns: what has become of the customers who were told."""

from typing import ClassVar

from pydantic import Field

from firedoor.plan import Effect
from firedoor.steps._step import Result, Step


class Remediation(Result):
    """How far the customers of a campaign are. All counts are customers, but for those that say otherwise."""

    campaign: str = Field(description="The campaign.")
    customers: int = Field(description="Who was to be told.")
    reached: int = Field(description="Whom a message has reached, as far as is known.")
    acknowledged: int = Field(description="Who has said that it was read.")
    remediated: int = Field(description="Who has replaced every exposed credential, by the provider's own answer.")
    holding: int = Field(description="For whom the campaign's `until` does not hold yet.")
    tasks: int = Field(description="Whom a person has to see to.")
    providers: dict[str, int] = Field(description="Credentials that are not replaced yet, by their provider.")


class Measure(Step):
    """Look now whether the customers of a campaign have replaced their credentials, and count.

    What counts is when a stored value changed (`secret_updated_at` at Braintrust, the version in our own store) or that
    its provider refuses the old one; no customer's word. A campaign looks by itself every `recheck`; this is for a gate
    or a report that needs it now. What cannot be checked stays as it was last known, and replaces nothing. Reads what
    docs/reference/sinks.md says of each store; for a hundred places or more in AWS also secretsmanager:ListSecrets and
    ssm:DescribeParameters.
    """

    action: ClassVar[str] = "customers.measure"
    effect: ClassVar[Effect] = Effect.READ
    timeout: ClassVar[int] = 3600
    result: ClassVar[type[Result]] = Remediation

    campaign: str = Field(min_length=1, description="The campaign: `${{ steps.NAME.campaign }}`.")
