"""Contracts of steps on Braintrust as the store of others' secrets."""

from typing import ClassVar, Literal

from pydantic import Field

from firedoor.plan import Effect
from firedoor.steps._step import Credential, Result, Step


class DisabledSecret(Result):
    """A stored secret that is no longer used."""

    credential: Credential = Field(description="Whose copy it was; `where` is its place.")
    state: Literal["removed", "replaced", "stored"] = Field(
        description="`removed`: its place holds nothing. `replaced`: it holds a newer value. `stored`: it is there."
    )
    changed: str = Field(default="", description="When its value was last changed, RFC 3339 UTC; empty if not told.")


class DisableSecret(Step):
    """Take a copy of a customer's secret out of Braintrust that its owner has not replaced.

    Whatever needs it fails from then on, until its owner stores a new one. It lives on at its provider: only its owner
    can revoke it there. Braintrust knows no disabling: the copy is deleted (DELETE /v1/ai_secret/{id} and
    /v1/env_var/{id}, https://www.braintrust.dev/docs/api-reference), and nobody can bring it back. What was written
    after `unchanged_since` is left alone, for that is the new value; Braintrust cannot look and delete in one call, so
    that a value which is written in the very moment of the deletion is lost with the old one.
    """

    action: ClassVar[str] = "braintrust.disable_secret"
    effect: ClassVar[Effect] = Effect.DESTRUCTIVE
    containment: ClassVar[bool] = True
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "Braintrust no longer lists the secret, or a later time of its last change"
    result: ClassVar[type[Result]] = DisabledSecret

    credential: Credential = Field(description="The credential whose copy it is; `where` is `braintrust:…`.")
    unchanged_since: str = Field(
        default="", description="Leave what was changed after this time (RFC 3339); empty: whatever is there."
    )
