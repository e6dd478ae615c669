"""What comes from Slack, by whichever transport: acknowledged at once, handled once, and never a dead end.

A form is checked before it is acknowledged, because Slack shows its mistakes in place; that needs no Temporal. All else
happens after the acknowledgement, in tasks that are kept, bounded in number, and waited for at the end.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from firedoor.errors import FiredoorError
from firedoor.slack.inbound.replies import Place, Replies, place_of, sentences
from firedoor.slack.payload import part, parts, word
from firedoor.slack.store import Store

#: Envelopes that are worked on at once. More wait, within reason.
AT_ONCE = 100
MOST_WAITING = 1000
#: Seconds that the work under way is given when firedoor ends.
PATIENCE = 10.0
BUSY = "firedoor has more to do than it can. Nothing was done. Try again in a minute."

_LOG = logging.getLogger("firedoor.slack")


@dataclass(frozen=True, slots=True)
class Envelope:
    """One thing that Slack says. `kind` is `slash_commands`, `interactive` or `events_api`; `id` the envelope's own."""

    kind: str
    payload: Mapping[str, Any]
    id: str = ""

    @property
    def key(self) -> str:
        """The same for the same thing, however often and by whichever connection it is sent."""
        for name in ("event_id", "trigger_id"):
            if isinstance(value := self.payload.get(name), str) and value:
                return f"{name}/{value}"
        return f"envelope/{self.id}"

    @property
    def type(self) -> str:
        """What of its kind it is: `block_actions`, `view_submission`, …"""
        if self.kind != "interactive":
            return self.kind
        found = self.payload.get("type")
        return found if isinstance(found, str) else ""


class Handler(Protocol):
    """What is done with an envelope."""

    async def check(self, envelope: Envelope) -> dict[str, Any]:
        """What a submitted form is answered with at once: mistakes, or nothing. Quick; raises `FiredoorError`."""
        ...

    async def handle(self, envelope: Envelope) -> None:
        """Do it. Raises `FiredoorError` with what the person is told."""
        ...


class Router:
    """Takes envelopes. `close` waits for what is under way."""

    def __init__(self, handler: Handler, store: Store, replies: Replies) -> None:
        self._handler = handler
        self._store = store
        self._replies = replies
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(AT_ONCE)

    async def take(self, envelope: Envelope) -> dict[str, Any]:
        """What the acknowledgement says (empty: nothing). The work goes on behind it."""
        if len(self._tasks) >= MOST_WAITING:
            _LOG.warning("more is asked for by Slack than can be done: %s was not taken", envelope.type)
            return _busy(envelope)
        if envelope.type == "view_submission" and (answer := await self._checked(envelope)):
            return answer
        self._keep(self._work(envelope), envelope)
        return {}

    async def _checked(self, envelope: Envelope) -> dict[str, Any]:
        """The mistakes of a form. What fails in looking for them stands in the form too."""
        checking = asyncio.ensure_future(self._handler.check(envelope))
        await asyncio.wait({checking})
        error = checking.exception()
        if error is None:
            return checking.result()
        if isinstance(error, FiredoorError):
            return _in_form(envelope, " ".join(sentences(error)))
        _LOG.error("firedoor itself failed at a form from Slack", exc_info=error)
        return _in_form(envelope, f"firedoor itself failed at this ({type(error).__name__}). Nothing was changed.")

    def _keep(self, work: Any, envelope: Envelope | None) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._done(done, envelope))

    async def _work(self, envelope: Envelope) -> None:
        async with self._places:
            place = place_of(envelope.payload)
            try:
                if await asyncio.to_thread(self._store.claim, envelope.key):
                    await self._handler.handle(envelope)
            except FiredoorError as error:
                # Not the sentence: it may repeat what was typed.
                _LOG.info("%s of %s was answered with an error: %s", envelope.type, place.user, error.reason)
                await self._replies.say(place, *sentences(error))

    def _done(self, task: asyncio.Task[None], envelope: Envelope | None) -> None:
        """What nobody expected is in the log, and the person is told that it is."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        _LOG.error("firedoor itself failed at something from Slack", exc_info=error)
        if envelope:
            self._keep(self._own_fault(place_of(envelope.payload), type(error).__name__), None)

    async def _own_fault(self, place: Place, kind: str) -> None:
        await self._replies.say(
            place,
            f"firedoor itself failed at this ({kind}).",
            "Incidents go on. What was changed until then stands in their timelines.",
            "The log of `firedoor serve` has the details. Try it again, or use the command line.",
        )

    async def close(self, patience: float = PATIENCE) -> None:
        """Wait until what is under way is done, for `patience` seconds; then it is cancelled."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=patience)
        left = set(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def _busy(envelope: Envelope) -> dict[str, Any]:
    if envelope.kind == "slash_commands":
        return {"response_type": "ephemeral", "text": BUSY}
    return _in_form(envelope, BUSY) if envelope.type == "view_submission" else {}


def _in_form(envelope: Envelope, sentence: str) -> dict[str, Any]:
    """A sentence below the first field of a submitted form."""
    blocks = parts(part(envelope.payload, "view"), "blocks")
    names = [word(block, "block_id") for block in blocks if word(block, "type") == "input"]
    return {"response_action": "errors", "errors": {names[0]: sentence}} if names else {}
