"""Contracts for tests of the language: small, and with every type that an argument or a result can have."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from firedoor.plan import Effect, Retry
from firedoor.steps._step import Result, Step


class Token(Result):
    """A credential without its value."""

    provider: str
    id: str
    uses: int = 0
    note: str | None = None


class Found(Result):
    """What a search returns: one field of every kind."""

    owner: str
    nickname: str | None = None
    status: Literal["active", "inactive"] = "active"
    count: int
    share: float = 0.0
    live: bool
    tokens: tuple[Token, ...] = ()
    best: Token
    tags: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    where: str = Field(default="", json_schema_extra={"secret_reference": True})


class Search(Step):
    """Find things out."""

    action: ClassVar[str] = "test.search"
    effect: ClassVar[Effect] = Effect.READ
    result: ClassVar[type[Result]] = Found
    retry: ClassVar[Retry] = Retry(attempts=7)
    timeout: ClassVar[int] = 90

    query: str = Field(pattern=r"^[a-z]+$", description="What to look for.")
    limit: int = Field(default=10, ge=1, le=100)
    deep: bool = False
    tags: tuple[str, ...] = ()


class Revoked(Result):
    """The state after a revocation."""

    id: str


class Revoke(Step):
    """Shut one thing."""

    action: ClassVar[str] = "test.revoke"
    effect: ClassVar[Effect] = Effect.REVERSIBLE
    containment: ClassVar[bool] = True
    result: ClassVar[type[Result]] = Revoked

    id: str
    force: bool = False


class Rotate(Step):
    """Replace a token."""

    action: ClassVar[str] = "test.rotate"
    effect: ClassVar[Effect] = Effect.DESTRUCTIVE

    token: Token
    labels: dict[str, str] = {}
    tokens: tuple[Token, ...] = ()


class Store(Step):
    """Put a secret somewhere."""

    action: ClassVar[str] = "test.store"
    effect: ClassVar[Effect] = Effect.REVERSIBLE

    source: str = Field(
        pattern="^vault:", description="Where the value is.", json_schema_extra={"secret_reference": True}
    )
    name: str = ""


class Window(Step):
    """Two arguments that must go together."""

    action: ClassVar[str] = "test.window"
    effect: ClassVar[Effect] = Effect.READ

    first: int
    last: int

    @model_validator(mode="after")
    def _in_order(self) -> "Window":
        if self.first > self.last:
            raise ValueError("first lies after last")
        return self


TEST_STEPS: dict[str, type[Step]] = {one.action: one for one in (Search, Revoke, Rotate, Store, Window)}
