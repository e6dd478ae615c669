"""Provider: what firedoor knows of a company that issues credentials, and how each verb is done there.

Pure data. The compiler, the CLI, the docs and the settings read it; the doing is a module of the same name in
`activities/providers`. Third parties ship both halves as a package: see `CONTRIBUTING.md`, "Add a provider".
"""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A part of a provider's description."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Verb(StrEnum):
    """What can be asked of every provider, as `credential.VERB`."""

    INVENTORY = "inventory"
    VERIFY = "verify"
    REVOKE = "revoke"
    CREATE = "create"
    USAGE = "usage"


class ByApi(Part):
    """The provider's API does it: by which call, with which permission in the provider's own words."""

    how: Literal["api"] = "api"
    call: str
    permission: str = ""
    note: str = ""


class ByHand(Part):
    """There is no API for it: a person does it, at `link`, as `steps` say.

    `steps` may name {name}, {id}, {scope} and {owner} of the credential.
    """

    how: Literal["hand"] = "hand"
    steps: str
    link: str


class Never(Part):
    """Nobody can do it, or it makes no sense: `why` says so."""

    how: Literal["never"] = "never"
    why: str


Means = ByApi | ByHand | Never


class Kind(Part):
    """One kind of credential of a provider.

    `id_pattern` is what its ids look like; an id that does not match never reaches the provider. `scope` says what
    `Credential.scope` means for it (a project, a user), empty where it means nothing. `lag` is how many seconds the
    provider may go on accepting what was revoked; within it "still accepted" is `unknown`, not `not_contained`.
    `reversible`: revoking first disables, and `credential.enable` takes that back. `overlap`: an old and a new one can
    live side by side, so that a rotation needs no outage; `in_place` providers replace the value of the same credential
    at once. `slots`: a scope has a fixed number of them, always all there, each of which can be regenerated, and whose
    values the provider shows to firedoor. An id is `SCOPE/SLOT` then, a list of one scope has fingerprints, and a
    rotation without an outage takes another slot, whoever uses that. `named`: a new one bears the name that it was
    given, by which a lost answer is found; else it is what did not exist before, and every rotation begins with a list.
    `repeatable`: to create one of the same name again gives the same one with its value, so that what a lost answer
    made is used and not deleted. `needs`: what of the old one its successor cannot be made without, and what the
    provider forgets with it: a rotation that is not told looks it up before it revokes. `wavers`: for a while after a
    change the provider answers one way here and another way there, so that a refusal must hold over the settle window.
    Not `polled`: it limits the call that tries a value so strictly that one proves a revocation, and none is repeated.
    `batch`: one call revokes so many, by their values alone (`credential.revoke_values`); 0: one call revokes one.
    """

    name: str
    title: str
    id_pattern: str = r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,199}"
    value_pattern: str = ""
    scope: str = ""
    scope_pattern: str = r"[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,199}"
    inventory: Means
    verify: Means
    revoke: Means
    create: Means
    usage: Means
    replacement: Literal["overlap", "in_place", "slots", "by_hand"] = "overlap"
    reversible: bool = False
    named: bool = True
    repeatable: bool = False
    needs: tuple[Literal["scope", "owner"], ...] = ()
    lag: int = Field(default=0, ge=0, description="Seconds.")
    wavers: bool = False
    polled: bool = True
    batch: int = Field(default=0, ge=0)

    def means(self, verb: Verb) -> Means:
        """How a verb is done for this kind."""
        means: Means = getattr(self, verb.value)
        return means


class Setting(Part):
    """One setting of `[providers.NAME]`. A `secret` one holds a reference (`env:`, `file:`, `aws-sm:`, …), no value."""

    description: str
    secret: bool = False
    default: str = ""


class Provider(Part):
    """A provider. `kinds` stand with the most usual first: it is meant where a credential names none.

    `base_url` is empty where everybody has another: it must stand in the settings then. `rate` and `burst` are calls a
    second that its documentation allows an account, less a margin. `client` is for third parties: the module that does
    it, `package.module`. `http` is False for AWS, whose clients are boto3's.
    """

    name: str = Field(pattern="^[a-z][a-z0-9_]{1,30}$")
    title: str
    base_url: str = ""
    docs: str
    kinds: tuple[Kind, ...] = Field(min_length=1)
    settings: dict[str, Setting] = {}
    rate: float = Field(default=5, gt=0)
    burst: int = Field(default=10, ge=1)
    http: bool = True
    client: str = ""

    def kind(self, name: str) -> Kind:
        """The kind of a name; the first one for an empty name. Raises `LookupError`."""
        for one in self.kinds:
            if name in ("", one.name):
                return one
        raise LookupError(f"{self.title} has no {name!r}; it has {', '.join(one.name for one in self.kinds)}")
