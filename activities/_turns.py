"""Whose turn it is among the targets of a slice: the next one of those on which the fewest lanes work.

Targets stand as an inventory lists them, provider by provider. Taken in that order, all lanes would wait for the limit
of one provider while the others have nothing to do.
"""

from collections import Counter, deque
from collections.abc import Iterable

from firedoor.incident import Target


class Turns:
    """The targets that wait, by whose limits their calls count against. In their own order where that is the same."""

    def __init__(self, targets: Iterable[Target]) -> None:
        self._waiting: dict[str, deque[Target]] = {}
        self._at_work = Counter[str]()
        for target in targets:
            self._waiting.setdefault(_whose(target), deque()).append(target)

    def begin(self) -> Target | None:
        """The target whose turn it is; None where none waits."""
        if not self._waiting:
            return None
        whose = min(self._waiting, key=self._at_work.__getitem__)
        target = self._waiting[whose].popleft()
        if not self._waiting[whose]:
            del self._waiting[whose]
        self._at_work[whose] += 1
        return target

    def end(self, target: Target) -> None:
        """Nobody works on this one any more."""
        self._at_work[_whose(target)] -= 1


def _whose(target: Target) -> str:
    """The provider of a target's credential; empty where it has none: then all are of one step of one provider."""
    credential = target.arguments.get("credential") or target.arguments.get("like")
    return str(credential.get("provider", "")) if isinstance(credential, dict) else ""
