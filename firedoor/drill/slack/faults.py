"""What can be put in the way of calls: Slack slow, too busy, out of order, or with its answers lost."""

import re
from dataclasses import dataclass


@dataclass
class Fault:
    """What goes wrong with the next `times` calls of methods that match.

    `status` is answered instead; `lose_reply` closes the connection after the work was done, `drop` before; `slow` are
    seconds before the work.
    """

    method: str
    times: int = 1
    status: int = 0
    retry_after: int = 0
    lose_reply: bool = False
    drop: bool = False
    slow: float = 0.0

    @property
    def word(self) -> str:
        """What it is called in the log."""
        if self.lose_reply or self.drop:
            return "lost reply" if self.lose_reply else "dropped"
        return "instead" if self.status else "slow"


class Faults:
    """The faults that wait for their call. `method` is a name such as `chat.postMessage`, or an expression: `.*`."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        #: While it is set, nobody is answered at all.
        self.down = False

    def lose_reply(self, method: str, times: int = 1) -> None:
        """Do what is asked, and drop the connection: slack_sdk asks again on its own."""
        self._waiting.append(Fault(method, times, lose_reply=True))

    def drop(self, method: str, times: int = 1) -> None:
        """Drop the connection before anything is done."""
        self._waiting.append(Fault(method, times, drop=True))

    def unavailable(self, method: str = ".*", times: int = 1, status: int = 503) -> None:
        """Answer 503, or another status, and do nothing."""
        self._waiting.append(Fault(method, times, status=status))

    def storm(self, method: str = ".*", times: int = 1, retry_after: int = 1) -> None:
        """Answer 429, whatever the limits are."""
        self._waiting.append(Fault(method, times, status=429, retry_after=retry_after))

    def slow(self, method: str, seconds: float, times: int = 1) -> None:
        """Take so long before doing it."""
        self._waiting.append(Fault(method, times, slow=seconds))

    def clear(self) -> None:
        """Nothing is in the way any more."""
        self._waiting.clear()
        self.down = False

    def waiting(self, method: str) -> bool:
        """Is there still something in the way of the next call of a method?"""
        return any(fault.times > 0 and fault.method == method for fault in self._waiting)

    def take(self, method: str) -> Fault | None:
        """The fault whose turn it is with a call of this method, if any."""
        for fault in self._waiting:
            if fault.times > 0 and (fault.method == method or re.fullmatch(fault.method, method)):
                fault.times -= 1
                return fault
        return None
