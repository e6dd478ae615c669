"""Contracts of the credential verbs: the same for every provider. `docs/reference/providers.md` says who has which.

The doing of a verb is in `activities/credentials`, what differs between providers in `activities/providers`.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from firedoor.plan import Effect, Retry
from firedoor.providers import providers
from firedoor.steps._step import Credential, Result, Step

#: How long an action goes on looking whether the provider refuses what it revoked: Google needs up to 23 minutes.
PATIENT = Retry(attempts=80, interval=2, backoff=2, ceiling=30)

ProviderName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{1,30}$", description="`openai`, `aws`, ….")]
#: A text that names a place and holds no value. Not a `SecretReference`: what is listed here is written to.
SinkReference = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+:[^\s]{1,2048}$")]
SINKS = "The sinks that take the value, as docs/reference/sinks.md lists them; empty: where the credential lives now."
WHICH = "Which one: its provider and id at least, or `where` its value lives."
OLD_VALUE = Field(
    default="",
    description=(
        "Where the leaked value can be read, to try it and to revoke by it: `env:FIREDOOR_SECRET_…`, `file:/…` or a "
        "sink such as `aws-sm:NAME`. Empty: where the credential lives."
    ),
    json_schema_extra={"secret_reference": True},
)


class Found(Result):
    """A credential that exists, without its value."""

    credential: Credential = Field(description="Its provider, kind, id, scope and name.")
    status: Literal["active", "inactive", "expired", "unknown"] = Field(description="What the provider says.")
    created: str = Field(default="", description="When it was made, RFC 3339 UTC.")
    changed: str = Field(default="", description="When its value last changed, RFC 3339 UTC; empty: not told.")
    last_used: str = Field(default="", description="When it was last used, RFC 3339 UTC; empty: never, or not told.")
    expires: str = Field(default="", description="When it ends by itself, RFC 3339 UTC; empty: never, or not told.")
    entries: tuple[str, ...] = Field(default=(), description="What the inventory calls it; empty: it does not know it.")
    places: tuple[str, ...] = Field(default=(), description="Where it lives, as the inventory says.")
    consumers: tuple[str, ...] = Field(default=(), description="Who uses it, as the inventory says.")
    customers: tuple[str, ...] = Field(default=(), description="Customers that depend on it, as the inventory says.")


class Inventory(Result):
    """The credentials of a provider."""

    provider: str = Field(description="The provider.")
    found: tuple[Found, ...] = Field(description="All that exist.")
    credentials: tuple[Credential, ...] = Field(description="The active ones among them, to rotate or revoke.")
    customers: tuple[str, ...] = Field(default=(), description="Every customer that depends on one of them.")
    unlisted: tuple[str, ...] = Field(default=(), description="Kinds that the provider lists for nobody.")


class Life(Result):
    """Whether a credential works."""

    credential: Credential = Field(description="The credential.")
    state: Literal["live", "dead", "unknown"] = Field(description="The provider's own answer.")
    last_used: str = Field(default="", description="When it was last used, RFC 3339 UTC; empty where not told.")
    settled: bool = Field(
        default=True,
        description="True once it is dead, or the time is over that the provider is known to need for a revocation.",
    )


class Revoked(Result):
    """A credential that was revoked."""

    credential: Credential = Field(description="The credential.")
    state: Literal["live", "dead", "unknown"] = Field(description="What the provider answered to it afterwards.")
    disabled: bool = Field(description="True: it can be enabled again (`credential.enable`).")


class RevokedValues(Result):
    """Many leaked values that were revoked; each is named by its fingerprint."""

    provider: str = Field(description="The provider.")
    kind: str = Field(description="Which kind of its credentials.")
    count: int = Field(description="How many different values there were.")
    dead: tuple[str, ...] = Field(description="Fingerprints of those that the provider refuses now.")
    live: tuple[str, ...] = Field(default=(), description="Fingerprints of those that it still accepts.")
    unknown: tuple[str, ...] = Field(default=(), description="Fingerprints of those of which it did not tell.")
    not_taken: tuple[str, ...] = Field(
        default=(),
        description="Fingerprints of those that it did not take for revocation; each is dead or not as well.",
    )


class Created(Result):
    """A credential that was made."""

    credential: Credential = Field(description="The new one; `where` is the first of the sinks.")
    places: tuple[str, ...] = Field(description="The sinks that hold its value, read back.")


class Rotated(Result):
    """A credential and what took its place."""

    old: Credential = Field(description="The old one.")
    new: Credential = Field(description="The new one; `where` is the first of the sinks.")
    places: tuple[str, ...] = Field(description="The sinks that hold the new value, read back.")
    destroyed: tuple[str, ...] = Field(default=(), description="Sinks whose old versions were destroyed.")
    state: Literal["live", "dead", "unknown"] = Field(description="What the provider answered to the old one.")


class Flag(Result):
    """Something in the use of a credential that a person should look at."""

    kind: Literal["spike", "new_model", "new_region", "new_address", "odd_hours", "malformed"] = Field(
        description="What is odd about it."
    )
    says: str = Field(description="The sentence for a person, with the figures.")
    since: str = Field(default="", description="When it began, RFC 3339 UTC.")


class Usage(Result):
    """How a credential was used, against its own days before."""

    credential: Credential = Field(description="The credential.")
    requests: int = Field(description="Requests in the window.")
    tokens: int = Field(description="Tokens in the window, where the provider counts them.")
    usual: int = Field(
        description="Requests, or tokens where only those are told, that a window as long had on the days before."
    )
    models: tuple[str, ...] = Field(default=(), description="Models that were used in the window.")
    regions: tuple[str, ...] = Field(default=(), description="Regions, where the provider tells.")
    addresses: tuple[str, ...] = Field(default=(), description="Addresses of callers, where the provider tells.")
    flags: tuple[Flag, ...] = Field(default=(), description="What a person should look at.")
    blind: tuple[str, ...] = Field(default=(), description="What this provider does not tell.")


class TakeInventory(Step):
    """List the credentials of a provider: what exists, whose it is, when it was last used, where it lives.

    What is listed comes from the provider; where it lives, who uses it and which customers depend on it from
    `inventory.yaml`. A kind that the provider lists for nobody is named in `unlisted`, never passed over.
    """

    action: ClassVar[str] = "credential.inventory"
    effect: ClassVar[Effect] = Effect.READ
    timeout: ClassVar[int] = 300
    result: ClassVar[type[Result]] = Inventory

    provider: ProviderName
    kind: str = Field(default="", description="Only this kind; empty: all.")
    scope: str = Field(default="", description="Only of this project, user, …; empty: all.")
    name_contains: str = Field(default="", description="Only those whose name or id contains this.")
    except_ids: tuple[str, ...] = Field(default=(), description="Never these.")
    unchanged_since: str = Field(
        default="",
        pattern=r"^(\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d))?$",
        description="Only those whose value is known not to have changed since this moment, RFC 3339.",
    )


class Verify(Step):
    """Ask whether a credential works: by trying its value where that is known, else by its id.

    An answer that is neither yes nor no is `unknown`: a timeout, a refusal for another reason, an HTML page.
    """

    action: ClassVar[str] = "credential.verify"
    effect: ClassVar[Effect] = Effect.READ
    changeable: ClassVar[tuple[str, ...]] = ("value",)
    result: ClassVar[type[Result]] = Life

    credential: Credential = Field(description=WHICH)
    value: str = OLD_VALUE
    revoked_at: str = Field(default="", description="When it was revoked, RFC 3339: `settled` counts from there.")


class ProveDead(Step):
    """Prove that a credential is refused. `contained` only if the provider itself says so.

    With `until: steps.NAME.settled` it looks again for as long as the provider is known to need.
    """

    action: ClassVar[str] = "credential.prove_dead"
    effect: ClassVar[Effect] = Effect.READ
    containment: ClassVar[bool] = True
    changeable: ClassVar[tuple[str, ...]] = ("value",)
    proof: ClassVar[str] = "the provider refuses the value, or no longer lists the id as active"
    result: ClassVar[type[Result]] = Life

    credential: Credential = Field(description=WHICH)
    value: str = OLD_VALUE
    revoked_at: str = Field(default="", description="When it was revoked, RFC 3339: `settled` counts from there.")


class Revoke(Step):
    """Make a credential useless, and prove it. Where the provider can disable, it is disabled, which can be undone.

    A provider that needs minutes until it refuses (Google: up to 23) is asked again for as long. A provider without an
    API for it makes the step ask a person, with what to do and where.
    """

    action: ClassVar[str] = "credential.revoke"
    effect: ClassVar[Effect] = Effect.DESTRUCTIVE
    containment: ClassVar[bool] = True
    undo: ClassVar[str] = "credential.enable"
    changeable: ClassVar[tuple[str, ...]] = ("value",)
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "the provider refuses the value, or no longer lists the id as active"
    timeout: ClassVar[int] = 120
    retry: ClassVar[Retry] = PATIENT
    waits: ClassVar[bool] = True
    result: ClassVar[type[Result]] = Revoked

    credential: Credential = Field(description=WHICH)
    value: str = OLD_VALUE


class RevokeValues(Step):
    """Revoke many leaked values of one kind with as few calls as the provider takes, and prove each dead.

    For kinds of which one call revokes many by their values alone: GitHub's tokens (1,000 a call) and Hugging Face's
    (100). Others are revoked one by one: `credential.revoke` with `for_each`. A list with a line that is no value of
    the kind is refused whole, by the numbers of its lines, and nothing is sent. Each value is tried once after it was
    revoked (again within seconds where it is still accepted and the provider does not mind). The provider's limits may
    leave some `unknown` that are revoked all the same: the step tried again later proves those that are left.
    """

    action: ClassVar[str] = "credential.revoke_values"
    effect: ClassVar[Effect] = Effect.DESTRUCTIVE
    containment: ClassVar[bool] = True
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "the provider refuses each of the values"
    timeout: ClassVar[int] = 1800
    result: ClassVar[type[Result]] = RevokedValues

    provider: ProviderName
    kind: str = Field(default="", description="Which kind of its credentials; empty: the most usual.")
    values: tuple[SinkReference, ...] = Field(
        min_length=1,
        max_length=1000,
        description=(
            "Where the leaked values can be read, one a line in each place: `file:/…` of the worker, "
            "`env:FIREDOOR_SECRET_…`, or a sink, as docs/reference/sinks.md lists them. A place is read up to 64 KiB; "
            "all together hold at most 5,000 values."
        ),
    )

    @model_validator(mode="after")
    def _in_batches(self) -> Self:
        known = providers().get(self.provider)
        if known is None:
            raise ValueError(f"firedoor knows no provider {self.provider!r}")
        try:
            kind = known.kind(self.kind)
        except LookupError as error:
            raise ValueError(f"there is no such kind: {error}") from None
        if not kind.batch:
            raise ValueError(
                f"no call of {known.title} revokes many of its {kind.name} by their values: revoke them one by one, "
                "credential.revoke with for_each"
            )
        return self


class Enable(Step):
    """Let a credential work again that `credential.revoke` disabled: its undo."""

    action: ClassVar[str] = "credential.enable"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    undo: ClassVar[str] = "credential.revoke"
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "the provider lists the id as active"
    timeout: ClassVar[int] = 120
    result: ClassVar[type[Result]] = Life

    credential: Credential = Field(description=WHICH)


class Create(Step):
    """Make a credential that can do what `like` can, and put its value into sinks.

    Its name is derived from the incident, so that an attempt whose answer was lost leaves no orphan: what it made is
    found by that name, and deleted, before another is made.
    """

    action: ClassVar[str] = "credential.create"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    undo: ClassVar[str] = ""
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "every sink returns the new value, and the provider accepts it"
    timeout: ClassVar[int] = 180
    result: ClassVar[type[Result]] = Created

    like: Credential = Field(description="The new one can do what this one can, at the same provider.")
    into: tuple[SinkReference, ...] = Field(default=(), description=SINKS)


class Rotate(Step):
    """Replace a credential: one ordered whole, which any crash may interrupt at any point.

    Mode `rotation`: create → store → verify the new one → switch the sinks → wait `grace` → revoke the old one → prove
    it dead. At no moment does no key work. Mode `breach`: revoke the old one → prove it dead → create → store → verify
    → switch → destroy the versions that hold the leak. At no moment does the old one work unnoticed. Where the provider
    is known to take minutes until it refuses what is revoked, the proof comes last, so that consumers do not wait for
    it. A provider that cannot create makes the step wait for a person who pastes the new value: `firedoor paste`.
    """

    action: ClassVar[str] = "credential.rotate"
    effect: ClassVar[Effect] = Effect.DESTRUCTIVE
    containment: ClassVar[bool] = True
    changeable: ClassVar[tuple[str, ...]] = ("value", "grace")
    inherits: ClassVar[tuple[str, ...]] = ("mode",)
    blast: ClassVar[dict[str, int]] = {"credentials": 1}
    proof: ClassVar[str] = "the provider refuses the old one and accepts the new one, which every sink returns"
    timeout: ClassVar[int] = 300
    retry: ClassVar[Retry] = PATIENT
    waits: ClassVar[bool] = True
    result: ClassVar[type[Result]] = Rotated

    credential: Credential = Field(description=WHICH)
    into: tuple[SinkReference, ...] = Field(default=(), description=SINKS)
    mode: Literal["breach", "rotation"] = Field(
        default="breach",
        description="Which comes first: `breach` revokes, `rotation` creates. Left out: the runbook's own `mode`.",
    )
    grace: int = Field(
        default=0, ge=0, le=1800, description="Seconds that consumers get to fetch the new value, in mode rotation."
    )
    gap: bool = Field(
        default=False,
        description=(
            "Mode rotation: go on where somebody is stopped by it. Where the provider can only replace in place, for "
            "seconds none works; where there are two for all, whoever uses the other one needs the new value."
        ),
    )
    value: str = OLD_VALUE


class TakeUsage(Step):
    """Compare how a credential was used with its own days before, and flag what is odd.

    Volume against its own baseline, models, regions and addresses that were new, odd hours, malformed requests; what
    the provider does not tell stands in `blind`.
    """

    action: ClassVar[str] = "credential.usage"
    effect: ClassVar[Effect] = Effect.READ
    timeout: ClassVar[int] = 300
    result: ClassVar[type[Result]] = Usage

    credential: Credential = Field(description=WHICH)
    since: str = Field(default="", description="The window's begin, RFC 3339; empty: `hours` ago.")
    hours: int = Field(default=24, ge=1, le=720, description="The length of the window, if `since` is empty.")
    baseline_days: int = Field(default=7, ge=1, le=30, description="Days before the window that are its baseline.")
