"""What a step function looks like, and what it is given.

A *read* is `def name(step: Contract, context: Context) -> Outcome`. A *change* is a generator that yields twice::

    @performs(DeactivateAccessKey)
    def deactivate_access_key(step: DeactivateAccessKey, context: Context) -> Performance:
        before = read_the_state(...)
        yield Preview(change="Active → Inactive", before=before, ...)
        # The intent, with the state before, is durable from here on. Plan mode never gets here.
        iam.update_access_key(...)
        yield Outcome(summary=..., verdict=..., evidence=...)

Both may be sync (run in a thread) or async. Failures are `StepError`; no function retries, Temporal does.
"""

import datetime
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from activities._clients import Clients
from activities.aws.accounts import Accounts
from firedoor.incident import Call, Outcome, Preview, Target
from firedoor.steps._step import Step
from firedoor.timeline.store import Timeline

NAMESPACE = uuid.UUID("6c1f3a52-7d1b-5f0e-9a53-0f1fe0d00123")

Performance = Iterator[Preview | Outcome]
AsyncPerformance = AsyncIterator[Preview | Outcome]

S = TypeVar("S", bound=Step)


@dataclass(frozen=True, slots=True)
class Context:
    """What a step function may use.

    `earlier` is the preview that an earlier attempt recorded as its intent and never finished: the change is in doubt,
    and `earlier.before` is the true state before it; `since` is when that attempt began. `begun` is the preview that an
    earlier round recorded, which failed and which a person has tried again: what it left may be there. `run` is the run
    of the incident. `timeline` is for reading.
    """

    clients: Clients
    call: Call
    target: Target
    earlier: Preview | None = None
    since: datetime.datetime | None = None
    begun: Preview | None = None
    run: str = ""
    timeline: Timeline | None = None

    @property
    def aws(self) -> Accounts:
        """The AWS accounts."""
        return self.clients.aws

    def token(self, purpose: str) -> str:
        """A UUID that is the same in every attempt at this target, and in no other: an idempotency token."""
        call = self.call
        parts = (call.incident, self.run, call.step, str(call.round), self.target.key, purpose)
        return str(uuid.uuid5(NAMESPACE, "\n".join(parts)))

    def lasting_token(self, purpose: str) -> str:
        """As `token`, and the same when a person has the step tried again: what it began is then continued."""
        parts = (self.call.incident, self.run, self.call.step, self.target.key, purpose)
        return str(uuid.uuid5(NAMESPACE, "\n".join(parts)))


class StepFunction(Protocol):
    """A function that performs a contract."""

    def __call__(self, step: Any, context: Context, /) -> Any:
        """Perform the step."""


@dataclass(frozen=True, slots=True)
class Action:
    """A contract and the function that performs it."""

    contract: type[Step]
    function: StepFunction


Function = (
    Callable[[S, Context], Outcome]
    | Callable[[S, Context], Coroutine[Any, Any, Outcome]]
    | Callable[[S, Context], Iterator[Preview | Outcome]]
    | Callable[[S, Context], AsyncIterator[Preview | Outcome]]
)


def performs(contract: type[S]) -> Callable[[Function[S]], Action]:
    """Declare that a function performs `contract`."""
    return lambda function: Action(contract, function)
