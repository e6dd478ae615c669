"""For whom a campaign's `until` holds: the one place that says what `customer` is there. Pure.

`customer` has what can be told of everybody without a look at the registry: `exposure`, `cohort`, and whether it was
`reached`, has `acknowledged` and has `remediated`. Out of 100,000 customers that makes a few dozen cases, and each of
them is judged once.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from firedoor.expressions import ExpressionError, evaluate
from firedoor.recipient import Recipient


@dataclass(frozen=True, slots=True)
class Case:
    """What `customer` says in `until`: customers of one case are held, or not, all together."""

    exposure: str
    cohort: str
    reached: bool
    acknowledged: bool
    remediated: bool

    @classmethod
    def of(cls, recipient: Recipient) -> "Case":
        """The case of a customer."""
        return cls(
            recipient.exposure,
            recipient.cohort,
            bool(recipient.reached),
            bool(recipient.acknowledged),
            bool(recipient.remediated),
        )

    def scope(self) -> dict[str, Any]:
        """`customer`, as the expression sees it."""
        return {
            "exposure": self.exposure,
            "cohort": self.cohort,
            "reached": self.reached,
            "acknowledged": self.acknowledged,
            "remediated": self.remediated,
        }


#: The names that `customer` has in `until`.
NAMES = frozenset(Case("", "", reached=False, acknowledged=False, remediated=False).scope())


@lru_cache(maxsize=4096)
def held(until: str, case: Case) -> bool:
    """Is a customer of this case still waited for? Nobody is where a campaign has no `until`.

    What cannot be judged holds: that a customer is done is never assumed.
    """
    if not until:
        return False
    try:
        return evaluate(until, {"customer": case.scope()}) is not True
    except ExpressionError:
        return True
