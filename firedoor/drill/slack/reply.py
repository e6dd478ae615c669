"""What an app answers to a delivery, and a way to wait for it from any thread or event loop."""

import asyncio
import concurrent.futures
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

#: Slack's limit for an acknowledgement, in seconds.
LIMIT = 3.0
#: Seconds before an event that nobody took is sent again: at once, after a minute, after five.
EVENT_RETRIES = (0, 60, 300)
#: And anything else, over sockets.
RETRIES = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Reply:
    """How an app took a delivery. `seconds` are Slack's seconds until it was acknowledged, `attempts` how often sent.

    `error` is empty, `timeout` (nobody acknowledged), `dispatch_failed` (nobody to deliver to) or `http STATUS`. What
    came after the limit of 3 seconds is `late`: whoever pressed has been told that it failed.
    """

    payload: Any = None
    error: str = ""
    seconds: float = 0.0
    attempts: int = 1

    @property
    def late(self) -> bool:
        """Whether it came too late for whoever waits at the screen."""
        return self.seconds > LIMIT

    @property
    def ok(self) -> bool:
        """Whether it was acknowledged in time."""
        return not self.error and not self.late


class Delivery:
    """Something on its way to the app: `wait()` in a thread of its own, `await` in an event loop.

    `dialog` is the text of the confirm dialog that was answered first; `sent` is False where it was answered with no.
    """

    def __init__(self, reply: "concurrent.futures.Future[Reply]", *, dialog: str = "", sent: bool = True) -> None:
        self._reply = reply
        self.dialog = dialog
        self.sent = sent

    def wait(self, timeout: float = 15.0) -> Reply:
        """The app's reply. Never call it in the event loop that the app runs in. Raises `TimeoutError`."""
        return self._reply.result(timeout)

    def __await__(self) -> Generator[Any, None, Reply]:
        return asyncio.wrap_future(self._reply).__await__()


def unsent(dialog: str) -> Delivery:
    """A delivery that was called off in the confirm dialog."""
    reply: concurrent.futures.Future[Reply] = concurrent.futures.Future()
    reply.set_result(Reply())
    return Delivery(reply, dialog=dialog, sent=False)
