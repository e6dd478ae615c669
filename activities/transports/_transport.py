"""What a transport is: it takes a letter to a provider and says what became of it. It keeps no state of its own.

Exactly one message for each row is the sender's business (`activities.campaigns.send`): it writes the intent before
`send` and the outcome after. A transport never tries again by itself and never guesses: what is not known is
`DoubtError`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from firedoor.errors import FiredoorError
from firedoor.notices.rendered import Rendered


@dataclass(frozen=True, slots=True)
class Letter:
    """One message on its way. `key` is the same whenever this row is sent; `row` is its number in the outbox."""

    row: int
    key: str
    campaign: str
    incident: str
    customer: str
    channel: str
    address: str
    recipient: str
    language: str
    rendered: Rendered
    drill: bool = False
    informational: bool = False
    """Not a security notice: then it carries List-Unsubscribe."""
    unsubscribe: str = ""
    """The URL at which this reader unsubscribes, for informational notices."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider has it. `delivered` where its answer means that the reader has it too (Slack)."""

    provider_id: str
    delivered: bool = False


class TransportError(FiredoorError):
    """The letter was not taken, or it is not known whether it was."""

    reason = "transport"


class BouncedError(TransportError):
    """This recipient cannot be reached this way, now or later: 5xx at RCPT, channel gone, user deactivated."""

    reason = "bounced"


class RejectedError(TransportError):
    """The way refuses this message for what it says, not for whom it is to: 5xx after DATA, too large. It fails."""

    reason = "rejected"

    def __init__(self, what: str, *, changed: str = "Nothing was sent.", next: str = "") -> None:
        super().__init__(what, changed=changed, next=next)


class LaterError(TransportError):
    """Not now: 4xx, 429. `seconds` is when to try again. Nothing was sent."""

    reason = "later"

    def __init__(self, what: str, *, seconds: float, changed: str = "Nothing was sent.", next: str = "") -> None:
        super().__init__(what, changed=changed, next=next)
        self.seconds = seconds


class DoubtError(TransportError):
    """The answer was lost after the message had left us: it may have been sent. Never sent again by itself."""

    reason = "in_doubt"


class BrokenError(TransportError):
    """The way itself is broken for everybody: refused log-in, no such host, revoked token. The campaign halts.

    `seconds` is how long to wait before this way is tried again; 0: a person has to see to it first.
    """

    reason = "broken"

    def __init__(self, what: str, *, seconds: float = 0, changed: str = "Nothing was sent.", next: str = "") -> None:
        super().__init__(what, changed=changed, next=next)
        self.seconds = seconds


class Transport(Protocol):
    """A way to customers. Made once for each piece of work, for one event loop; `close` it there."""

    @property
    def lanes(self) -> int:
        """Letters that may be on their way at once; each is one lane."""
        ...

    @property
    def batch(self) -> int:
        """Letters that one call carries: more than 1 for SES, once it has told its rate. Look before each call."""
        ...

    def pace(self, address: str) -> Sequence[tuple[str, float]]:
        """The limits that a letter to this address counts for: a name, and messages a second (0: no limit)."""
        ...

    async def send(self, letters: Sequence[Letter]) -> Sequence[Receipt | TransportError]:
        """Send up to `batch` letters; what became of each, in their order. Raises `BrokenError` for all of them.

        A `BrokenError` may also be one of many outcomes: SES has taken others of the same call.
        """
        ...

    async def find(self, letter: Letter) -> Receipt | None:
        """What became of a letter in doubt. None: it was certainly not sent. Raises `DoubtError`: cannot be known."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
