"""Step: what every contract says. Pure; the compiler, the CLI, the docs and the JSON Schema read it.

A contract is a frozen pydantic model. Its fields are the step's arguments (`with:`), its `Result` the fields that
`steps.NAME.…` can read, its docstring the documentation. The function that does it lives in `activities/`.
"""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from firedoor.plan import Effect, Retry


class Result(BaseModel):
    """The typed result of a step."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Credential(Result):
    """A credential, without its value: what may travel through Temporal, the timeline and chat.

    `fingerprint` is the start of the SHA-256 of the value, to tell two values apart.
    """

    provider: str = Field(description="Whose it is: `aws`, `openai`, ….")
    id: str = Field(default="", description="The provider's id of it: an access key id, the ARN of a secret.")
    fingerprint: str = Field(default="", description="`sha256:` and 16 hex digits; empty if the value was not seen.")
    where: str = Field(
        default="",
        description="A reference to the value: `aws-sm:NAME#VERSION`, `vault:MOUNT/PATH?field=NAME`.",
        json_schema_extra={"secret_reference": True},
    )
    kind: str = Field(default="", description="Which kind of the provider's credentials; empty: the most usual.")
    scope: str = Field(default="", description="What it belongs to there: a project, a user, an organization.")
    name: str = Field(default="", description="Its name at the provider.")
    owner: str = Field(default="", description="Whose it is: a person, a service account.")

    @property
    def label(self) -> str:
        """What a person calls it."""
        return " ".join(part for part in (self.name, self.id if self.id != self.name else "") if part) or self.where


class Step(BaseModel):
    """One thing that firedoor can do. See `CONTRIBUTING.md`, "Add a step"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: The name in runbooks and in Temporal: `provider.service.verb_object`.
    action: ClassVar[str]
    effect: ClassVar[Effect]
    #: Must its outcome carry a verdict? Then only `contained` passes without a person.
    containment: ClassVar[bool] = False
    #: The exact permissions it needs, in the provider's own words: `iam:UpdateAccessKey`.
    permissions: ClassVar[tuple[str, ...]] = ()
    #: The action that takes it back, or empty. Each preview names its arguments (`Preview.inverse`).
    undo: ClassVar[str] = ""
    #: Arguments that a person may change when retrying: how it is reached, never what is acted on.
    changeable: ClassVar[tuple[str, ...]] = ()
    #: Arguments that are the runbook's own keys of the same name where a step leaves them out.
    inherits: ClassVar[tuple[str, ...]] = ()
    #: What one call counts for in the blast radius, by kind.
    blast: ClassVar[dict[str, int]] = {}
    #: How the outcome is proved, in words: the provider's call that is read back.
    proof: ClassVar[str] = ""
    timeout: ClassVar[int] = 60
    retry: ClassVar[Retry] = Retry()
    #: Does it fail as `not_yet` while the provider takes its time? `retry` is for that; other failures end sooner.
    waits: ClassVar[bool] = False
    result: ClassVar[type[Result]] = Result
