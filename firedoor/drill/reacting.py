"""What simulated customers do: they read their mail and their channels, acknowledge, and replace keys, or do not.

Each acts by itself, by HTTP, as a stranger would: on the page that its own link leads to, and at the store, where it
puts a new key in the place of the old one. `day` is how long a simulated day takes, in seconds.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from firedoor.drill.clientele import Client, Habit
from firedoor.drill.emulators import NO_TLS
from firedoor.drill.mailbox import Mail, Mailbox
from firedoor.drill.slack.local import LocalSlack

#: Where a personal link leads.
LINK: Final = re.compile(r"https?://[^\s<>\"')|\]\\]+/n/[A-Za-z0-9._~-]+")
#: How often channels are looked at; how many customers act at the same moment.
LOOK, AT_ONCE = 0.3, 8
#: Days until they act, from and to; each customer has its own share of that.
PROMPT, READ, AFTER_READING, REMINDED = (0.05, 0.9), (0.05, 0.5), (0.3, 1.0), (0.05, 0.4)
STEPS: Final = 23
#: Answers of the page that say: later.
BUSY: Final = frozenset({httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE})
TRIES: Final = 20

#: Replaces the keys of one customer.
Rotate = Callable[[Client, httpx.AsyncClient], Awaitable[None]]


@dataclass
class Seen:
    """What came to a customer so far; `links` are the personal links in it. `at_it`: it has begun to act."""

    messages: int = 0
    links: list[str] = field(default_factory=list)
    at_it: bool = False


class Reactions:
    """All customers. `rotate` replaces the keys of one; `replaced` and `acknowledged` are who has."""

    def __init__(self, clients: Sequence[Client], mailbox: Mailbox, day: float, rotate: Rotate) -> None:
        self.replaced: set[str] = set()
        self.acknowledged: set[str] = set()
        self.seen: dict[str, Seen] = defaultdict(Seen)
        self.faults: list[str] = []
        self._day = day
        self._rotate = rotate
        self._by_address = _by_address(clients)
        self._by_channel = {one.channel: one for one in clients if one.channel}
        self._mailbox = mailbox
        self._tasks: set[asyncio.Task[None]] = set()
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._http = httpx.AsyncClient(trust_env=False, verify=NO_TLS, timeout=30.0)

    def watch(self, slack: LocalSlack | None) -> None:
        """Begin to read."""
        loop = asyncio.get_running_loop()

        def came(mail: Mail) -> None:
            loop.call_soon_threadsafe(self._mailed, mail)

        self._mailbox.watchers.append(came)
        if slack is not None:
            self._start(self._read_channels(slack))

    async def stop(self) -> None:
        """Everybody stops, whatever they are at."""
        self._mailbox.watchers.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    # --- reading ---

    def _mailed(self, mail: Mail) -> None:
        text = mail.text
        owners = self._by_address.get(mail.recipient.casefold(), [])
        # An agency reads the mail of several customers, and sees by the name whom it is about.
        owner = next((one for one in owners if one.customer.name in text), next(iter(owners), None))
        if owner is None:
            self.faults.append(f"A message went to {mail.recipient}, who is no customer.")
        else:
            self._told(owner, text)

    async def _read_channels(self, slack: LocalSlack) -> None:
        read = dict.fromkeys(self._by_channel, 0)
        while True:
            with slack.workspace.lock:
                came = {name: list(slack.workspace.messages(name)) for name in read}
            for name, messages in came.items():
                for message in messages[read[name] :]:
                    self._told(self._by_channel[name], f"{message.text} {message.blocks}")
                read[name] = len(messages)
            await asyncio.sleep(LOOK)

    def _told(self, client: Client, text: str) -> None:
        seen = self.seen[client.customer.id]
        seen.messages += 1
        seen.links += LINK.findall(text)
        if not seen.at_it and (days := _days(client, seen.messages)):
            seen.at_it = True
            self._start(self._act(client, seen, *days))

    # --- acting ---

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _act(self, client: Client, seen: Seen, reads: float, replaces: float) -> None:
        """Acknowledge after so many days, where that is not 0, and replace the keys after so many more."""
        try:
            if reads:
                await asyncio.sleep(reads * self._day)
                async with self._gate:
                    await self._acknowledge(client, seen)
            await asyncio.sleep(replaces * self._day)
            async with self._gate:
                await self._rotate(client, self._http)
            self.replaced.add(client.customer.id)
        except httpx.HTTPError as error:
            self.faults.append(f"{client.customer.id} got nowhere: {type(error).__name__}.")

    async def _acknowledge(self, client: Client, seen: Seen) -> None:
        """Open the page that its link leads to, and press its button."""
        if not seen.links:
            self.faults.append(f"{client.customer.id} found no link in what it got.")
            return
        # As a reverse proxy says it: each customer comes from an address of its own.
        headers = {"x-forwarded-for": f"2001:db8:{client.number:x}::1"}
        status = 0
        for _ in range(TRIES):
            page = await self._http.get(seen.links[-1], headers=headers)
            status = page.status_code
            if status in BUSY:
                await asyncio.sleep(self._day / STEPS)
                continue
            answer = await self._http.post(seen.links[-1], headers=headers)
            status = answer.status_code
            if page.is_success and not answer.is_error:
                self.acknowledged.add(client.customer.id)
                return
            if status not in BUSY:
                break
        self.faults.append(f"{client.customer.id} could not acknowledge: {status}.")


def _days(client: Client, messages: int) -> tuple[float, float] | None:
    """After how many days it acknowledges (0: never) and replaces its keys; None: not yet."""
    share = client.number * 7 % STEPS / STEPS
    match client.habit:
        case Habit.PROMPT:
            return 0.0, _between(PROMPT, share)
        case Habit.ACKNOWLEDGES:
            return _between(READ, share), _between(AFTER_READING, share)
        case Habit.REMINDED if messages > 1 + client.number % 2:
            return 0.0, _between(REMINDED, share)
        case _:
            return None


def _between(bounds: tuple[float, float], share: float) -> float:
    return bounds[0] + (bounds[1] - bounds[0]) * share


def _by_address(clients: Iterable[Client]) -> dict[str, list[Client]]:
    found: dict[str, list[Client]] = defaultdict(list)
    for client in clients:
        for contact in client.customer.contacts:
            found[contact.address.casefold()].append(client)
    return found
