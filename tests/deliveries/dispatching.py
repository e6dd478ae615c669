"""A dispatcher as a process of its own: `python -m tests.deliveries.dispatching [PLACE NUMBER]`.

It kills itself (SIGKILL) at the NUMBERth time that it comes to a PLACE: `claimed`, `reported`, `settled`.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from firedoor.config import load
from firedoor.deliveries import Deliveries, Dispatcher
from firedoor.deliveries.reporting import Reporter
from firedoor.engine import Engine
from firedoor.engine.reports import Reports

Call = Callable[..., Awaitable[Any]]
PLACES: dict[str, tuple[type, str, bool]] = {
    "claimed": (Reporter, "deliver", True),
    "reported": (Reports, "report", False),
    "settled": (Reporter, "deliver", False),
}


def dying(call: Call, number: int, *, before: bool) -> Call:
    """The call, which kills this process before or after its NUMBERth time."""
    left = [number]

    async def wrapped(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        # Several calls may be under way at once: it is this one's number that counts.
        mine = left[0]
        if mine == 0 and before:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = await call(*arguments, **named)
        if mine == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return wrapped


def arm(place: str, number: int) -> None:
    """Have this process die there."""
    owner, name, before = PLACES[place]
    setattr(owner, name, dying(getattr(owner, name), number, before=before))


async def main() -> None:
    """Dispatch until killed."""
    settings = load()
    engine = await Engine.connect(settings)
    async with Deliveries.open(settings.deliveries_path) as deliveries:
        await Dispatcher(engine, deliveries, settings).run()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        arm(sys.argv[1], int(sys.argv[2]))
    asyncio.run(main())
