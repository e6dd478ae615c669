"""Alerts that wait for a person are told in Slack's channel: what is held or dead must not be found by chance."""

import asyncio
import time
from collections.abc import Callable, Sequence

from firedoor.config import Settings
from firedoor.deliveries import Deliveries, Delivery, State, ledger
from firedoor.errors import FiredoorError
from firedoor.server.chat import Chat
from firedoor.server.log import Sparing
from firedoor.slack.api.client import Slack
from firedoor.slack.drawing.markup import bold, safe, section
from firedoor.words import plural

#: Seconds between two looks, and between two posts: a storm of dead letters is one line.
LOOK, QUIET = 5.0, 600.0
STATES = (State.HELD, State.DEAD)
#: As many are named, and as many are counted.
NAMED, MOST = 3, 1000
WORDS = {State.HELD: "held", State.DEAD: "dead"}


class Stranded:
    """Tells of them, each once, and at most once in ten minutes."""

    def __init__(
        self, settings: Settings, deliveries: Deliveries, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._channel = settings.slack.channel
        self._deliveries = deliveries
        self._clock = clock
        self._posted = float("-inf")
        self._newest = ""

    async def run(self, chat: Chat, sparing: Sparing) -> None:
        """Tell of them while Slack is open, until cancelled."""
        while True:
            await asyncio.sleep(LOOK)
            if chat.service is None or not self._channel:
                continue
            try:
                await self.tell(chat.service.door.slack)
            except FiredoorError as error:
                sparing.warn("stranded", f"Slack was not told of the alerts that wait for a person: {error.what}")

    async def tell(self, slack: Slack) -> None:
        """Post what is new. Raises `FiredoorError`."""
        if self._clock() - self._posted < QUIET:
            return
        found = await self._deliveries.look(ledger.listed, list(STATES), MOST)
        newest = max((one.handled_at for one in found), default="")
        if newest <= self._newest:
            return
        fresh = [one for one in found if one.handled_at > self._newest]
        lines = _lines(fresh, len(found))
        # The same key after a restart: what was told before is not told again.
        await slack.post(self._channel, lines[0], [section(bold(lines[0]), *lines[1:])], key=f"stranded/{newest}")
        self._newest, self._posted = newest, self._clock()


def _lines(fresh: Sequence[Delivery], waiting: int) -> list[str]:
    counts = [f"{sum(one.state is state for one in fresh)} {WORDS[state]}" for state in STATES]
    head = f"{plural(len(fresh), 'alerts')} may need a person: {', '.join(counts)}"
    lines = [
        f"`{safe(one.id)}` {safe(one.door)}: {safe(one.name, 80)} — {safe(one.reason, 300)}" for one in fresh[:NAMED]
    ]
    more = f"{waiting} wait in all. " if waiting > len(lines) else ""
    return [
        head,
        *lines,
        f"{more}At a terminal: `firedoor alerts --state held`, `--state dead`, then `replay` or `dismiss`.",
    ]
