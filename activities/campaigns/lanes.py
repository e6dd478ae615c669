"""The lanes on which messages leave: each carries one message at a time, and none waits for another.

A lane claims its next message in the transaction that writes down what became of its last one. So no more messages are
`sending` than there are lanes, and a kill leaves no more than that in doubt. Messages are made ready before: rendered,
and their intent recorded; a message that is not in the timeline is not sent.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from activities.campaigns.answers import outcome, untried
from activities.campaigns.commits import Commits
from activities.campaigns.letters import Letters
from activities.campaigns.pacing import Line, Lines, Pace
from activities.campaigns.quiet import quiet_until
from activities.transports._transport import BrokenError, Letter, Transport
from firedoor.errors import FiredoorError
from firedoor.outbox import claims, halting, steering
from firedoor.outbox.claims import Due, Outcome
from firedoor.outbox.publishing import MOST, Publisher
from firedoor.outbox.store import Outbox, StoreError
from firedoor.recipient import Message, Recipient

#: Messages that are ready, at which more are made ready; and at most, where those that are ready have to wait.
LOW, HIGH = 500, 4_000
#: Seconds between two makings of a few.
BREATH = 0.05
#: A lane that waits looks at least so often. Seconds.
LOOK = 1.0
#: A way that is broken is tried again for so long before the campaign halts. Seconds.
PATIENCE = 7_200.0
#: What became of messages is tried to be written down for so long, once a second, before it is given up. Seconds.
PERSIST = 60

#: Letters that are written while lanes wait, for an answer or for the disk, and kept until their turn comes.
AHEAD = 100


@dataclass(slots=True)
class Item:
    """A message that may be sent, whose it is, and its letter, as soon as that is written."""

    message: Message
    recipient: Recipient
    letter: Letter | None = None
    taken: bool = False


@dataclass(slots=True)
class Way:
    """One channel: its transport, the messages that go by it, and whether it is broken."""

    channel: str
    transport: Transport
    pace: Pace = field(default_factory=Pace)
    lines: Lines[Item] = field(default_factory=lambda: Lines[Item]((), Pace()))
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    unwritten: deque[Item] = field(default_factory=deque[Item])
    written: int = 0
    few: asyncio.Event = field(default_factory=asyncio.Event)
    broken_since: float = 0.0
    rests_until: float = 0.0
    why: str = ""
    probing: bool = False

    def wake(self) -> None:
        """Let all lanes that wait look again."""
        self.woken.set()
        self.woken.clear()

    def put(self, line: Line[Item], item: Item, now: float) -> None:
        """A message is ready."""
        self.lines.put(line, item, now)
        self.unwritten.append(item)
        self.few.set()

    def next(self, now: float) -> tuple[Item | None, float]:
        """The message whose turn it is, or None and the seconds until there may be one."""
        item, wait = self.lines.next(now)
        if item is not None:
            item.taken = True
            self.written -= item.letter is not None
            if self.written < AHEAD // 2:
                self.few.set()
        return item, wait

    def rest(self, now: float) -> float:
        """Seconds for which nothing may be sent because the way is broken. After that one lane tries it."""
        if not self.broken_since:
            return 0.0
        return LOOK if self.probing else max(0.0, self.rests_until - now)


@dataclass(slots=True)
class Sender:
    """Sends the messages of one campaign. Made for one piece of work, in one event loop."""

    outbox: Outbox
    publisher: Publisher
    letters: Letters
    commits: Commits
    ways: dict[str, Way]
    clock: Callable[[], float] = time.time
    going: bool = True
    error: FiredoorError | None = None
    _making: set[str] = field(default_factory=set[str])
    _noting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def campaign(self) -> str:
        """The campaign's id."""
        return self.letters.campaign.id

    def stop(self, error: FiredoorError | None = None) -> None:
        """Begin no message any more. What is on its way comes to its end."""
        self.going = False
        self.error = self.error or error
        for way in self.ways.values():
            way.wake()

    async def send(self, due: Sequence[Due]) -> None:
        """Send these messages. Returns when each was sent or may not be sent now; what went wrong is in `error`."""
        for channel in dict.fromkeys(one.channel for one in due):
            if channel not in self.ways:
                await self._halt(f"{channel} is not set up here, and there are messages to be sent by it. Set it up.")
                return
        self.commits.lanes = 0
        tasks: list[asyncio.Task[None]] = []
        writing: list[asyncio.Task[None]] = []
        for way in self.ways.values():
            own = [one for one in due if one.channel == way.channel]
            if own:
                way.lines = Lines(((one.id, way.transport.pace(one.address)) for one in own), way.pace)
                writing.append(asyncio.create_task(self._write(way)))
                tasks.append(asyncio.create_task(self._make_ready(way)))
                lanes = min(way.transport.lanes, len(own))
                self.commits.lanes += lanes
                tasks += [asyncio.create_task(self._lane(way)) for _ in range(lanes)]
        try:
            await self._ended(tasks)
        finally:
            for task in writing:
                task.cancel()
            await asyncio.gather(*writing, return_exceptions=True)

    async def _ended(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Wait for all lanes. Where one breaks down the others end what they have begun: else that is in doubt."""
        for task in tasks:
            task.add_done_callback(self._look_at)
        try:
            await asyncio.wait(tasks)
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end

    def _look_at(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception():
            self.stop()

    # --- making ready -------------------------------------------------------------------------------------------------

    async def _make_ready(self, way: Way) -> None:
        """Keep some messages ready, until all of them were."""
        self._making.add(way.channel)
        try:
            while self.going and way.lines.left:
                wanted = way.lines.wanted(MOST) if way.lines.ready < HIGH else []
                if wanted:
                    await self._make(way, wanted)
                if len(wanted) < MOST or way.lines.ready > LOW:
                    await asyncio.sleep(BREATH)
        except FiredoorError as error:
            self.stop(error)
        finally:
            self._making.discard(way.channel)
            way.wake()

    async def _make(self, way: Way, wanted: Sequence[tuple[int, Line[Item]]]) -> None:
        items = await asyncio.to_thread(self._intend, [id for id, _ in wanted])
        now = asyncio.get_running_loop().time()
        for id, line in wanted:
            if id in items:
                way.put(line, items[id], now)
        way.wake()

    async def _write(self, way: Way) -> None:
        """Write letters in advance, one in each turn of the loop, so that no lane waits for more than one."""
        way.unwritten.clear()
        way.written = 0
        while True:
            way.few.clear()
            while way.unwritten and way.written < AHEAD:
                item = way.unwritten.popleft()
                if not item.taken:
                    # What cannot be written is told when its turn comes.
                    with contextlib.suppress(FiredoorError):
                        item.letter = self.letters.letter(item.message, item.recipient)
                        way.written += 1
                    await asyncio.sleep(0)
            await way.few.wait()

    def _intend(self, ids: Sequence[int]) -> dict[int, Item]:
        """Read messages, fill in what those say that were queued without, and record their intents."""
        items = self.outbox.look(claims.letters, ids)
        blank = [(message.id, self.letters.digest(message, whose)) for message, whose in items if not message.content]
        if blank:
            self.outbox.change(claims.fill, blank)
            items = self.outbox.look(claims.letters, ids)
        self.publisher.intend(self.campaign, ids)
        return {message.id: Item(message, whose) for message, whose in items}

    # --- sending ------------------------------------------------------------------------------------------------------

    async def _lane(self, way: Way) -> None:
        """Send one message after the other until there is none."""
        outcomes: list[Outcome] = []
        try:
            while self.going:
                letters, wait = await self._next(way)
                if letters:
                    claimed = await self._settle(outcomes, list(letters))
                    outcomes = await self._carry(way, [letters[id] for id in claimed]) if claimed else []
                elif outcomes:
                    await self._settle(outcomes, [])
                    outcomes = []
                elif wait == float("inf") and not way.lines.ready and way.channel not in self._making:
                    return
                else:
                    await self._wait(way, wait)
            await self._settle(outcomes, [])
        except FiredoorError as error:
            self.stop(error)

    async def _next(self, way: Way) -> tuple[dict[int, tuple[Letter, int]], float]:
        """The letters whose turn it is, with the number of this attempt; or the seconds until there may be one."""
        now = asyncio.get_running_loop().time()
        if rest := way.rest(now):
            return {}, rest
        found: dict[int, tuple[Letter, int]] = {}
        wait = 0.0
        while len(found) < way.transport.batch:
            item, wait = way.next(now)
            if item is None:
                break
            message, recipient = item.message, item.recipient
            if until := quiet_until(self.letters.campaign.spec.quiet, recipient.zone, self.clock()):
                await asyncio.to_thread(self.outbox.change, claims.postpone, [message.id], until, self.clock())
                continue
            try:
                letter = item.letter or self.letters.letter(message, recipient)
            except FiredoorError as error:
                await self._halt(_why(error))
                return {}, 0.0
            found[message.id] = letter, message.attempts + 1
        if found and way.broken_since:
            way.probing = True
        return found, wait

    async def _carry(self, way: Way, letters: Sequence[tuple[Letter, int]]) -> list[Outcome]:
        """Hand letters to the transport; what became of each."""
        try:
            answers = await way.transport.send([letter for letter, _ in letters])
        except BrokenError as error:
            await self._broke(way, error)
            return [untried(letter.row, error.what, self.clock()) for letter, _ in letters]
        finally:
            way.probing = False
        if way.broken_since:
            way.broken_since = 0.0
            way.wake()
            await self._note()
        now = self.clock()
        return [
            outcome(letter.row, attempt, answer, now)
            for (letter, attempt), answer in zip(letters, answers, strict=True)
        ]

    async def _settle(self, outcomes: Sequence[Outcome], wanted: Sequence[int]) -> list[int]:
        """Write down what became of messages, and claim others. What is known is not given up for a full disk."""
        if not outcomes and not wanted:
            return []
        for _ in range(PERSIST):
            try:
                return await self.commits.settle(outcomes, wanted)
            except StoreError as error:
                self.stop(error)
                wanted = ()
                if not outcomes:
                    raise
            await asyncio.sleep(1)
        return await self.commits.settle(outcomes, ())

    async def _wait(self, way: Way, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, LOOK)):
                await way.woken.wait()

    async def _broke(self, way: Way, error: BrokenError) -> None:
        """The way is broken for everybody: leave it alone for a while, and halt if that goes on."""
        now = asyncio.get_running_loop().time()
        way.broken_since = way.broken_since or now
        way.rests_until = now + error.seconds
        if not error.seconds or now - way.broken_since > PATIENCE:
            await self._halt(_why(error))
            return
        since = time.strftime("%H:%M:%S", time.gmtime(self.clock() - (now - way.broken_since)))
        way.why = f"{error.what} It is tried again every {error.seconds:.0f} s since {since} UTC."
        await self._note()

    async def _note(self) -> None:
        """Keep why messages wait. One after the other, and as it is then: a late note must not stand for ever."""
        async with self._noting:
            why = " ".join(way.why for way in self.ways.values() if way.broken_since)
            await asyncio.to_thread(self.outbox.change, steering.waits, self.campaign, why)

    async def _halt(self, why: str) -> None:
        await asyncio.to_thread(self.outbox.change, halting.halt, self.campaign, why, self.clock())
        self.stop()


def _why(error: FiredoorError) -> str:
    """Why it halts, and what whoever looks at it is to do."""
    return f"{error.what} {error.next}".strip()
