"""Keeps Slack at where all incidents stand: one process at a time, whatever dies or does not answer meanwhile."""

import asyncio
import datetime
import functools
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from firedoor.config import Settings
from firedoor.engine import Summary
from firedoor.errors import FiredoorError, UnreachableError
from firedoor.incident import IncidentView
from firedoor.slack.api.client import Slack
from firedoor.slack.api.faults import SlackError, SlackUnreachableError
from firedoor.slack.drawing.picture import ENDS
from firedoor.slack.outbound.telling import Run, Source, Telling, utc_now
from firedoor.slack.store import Store, StoreError
from firedoor.turn import Turn

#: Incidents that are looked at, those that run first; and how many at once.
MOST_INCIDENTS, FEWEST_INCIDENTS, AT_ONCE = 1600, 100, 8
#: What has ended is remembered so long, in seconds; looked through once an hour.
REMEMBERED, HOUR = 30 * 86_400.0, 3600.0
#: Since when incidents are told that have ended unseen: those from before firedoor knew this Slack are not.
SINCE = "since"

_LOG = logging.getLogger("firedoor.slack")


@dataclass(frozen=True, slots=True)
class Tempo:
    """Seconds.

    `poll`: between two looks at the list. `idle`: the longest between two at an incident where nothing happens. `again`
    and `longest`: the first pause after a failure, and the longest.
    """

    poll: float = 2.0
    idle: float = 10.0
    again: float = 2.0
    longest: float = 30.0


@dataclass(slots=True)
class _Due:
    """When an incident is looked at next (of the event loop's clock), how long that pause was, what failed last.

    `view` is how it stood when it was looked at last: what moves is looked at often.
    """

    at: float = 0.0
    pause: float = 0.0
    state: str = ""
    failed: str = ""
    view: IncidentView | None = None


class Reconciler:
    """Run `run` for as long as the process lives; cancel it to end. It needs a Slack that is open in the same loop."""

    def __init__(
        self, engine: Source, slack: Slack, store: Store, settings: Settings, *, tempo: Tempo | None = None
    ) -> None:
        self._engine = engine
        self._store = store
        self._tempo = tempo or Tempo()
        self._telling = Telling(engine, slack, settings)
        self._turn = Turn(settings.slack_path.with_name("slack.lock"))
        self._due: dict[str, _Due] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(AT_ONCE)
        self._woken = asyncio.Event()
        self._most = FEWEST_INCIDENTS
        self._tidied = float("-inf")
        self._quiet = 0.0
        self._trouble = ""
        self._down = False

    def wake(self, incident: str) -> None:
        """Look at an incident now: something was done to it."""
        for base, due in self._due.items():
            if base.startswith(f"{incident}/"):
                due.at = 0.0
        self._woken.set()

    async def run(self) -> None:
        """Keep Slack up to date until it is cancelled. Waits for its turn where another process has it."""
        try:
            while True:
                self._woken.clear()
                await self._round()
                # A wake is not answered in less than a fifth of the usual pause: presses come in bursts.
                await asyncio.sleep(self._tempo.poll / 5)
                # Not wait_for: before Python 3.12 it forgets a cancellation that comes with the wake.
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._tempo.poll * 4 / 5):
                        await self._woken.wait()
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            self._turn.give()

    async def _round(self) -> None:
        try:
            if not self._turn.take():
                return
            runs = await self._runs()
        except FiredoorError as error:
            self._note(error.what)
            return
        self._note("")
        now = asyncio.get_running_loop().time()
        if now < self._quiet:
            return
        for run, state in runs:
            due = self._due.setdefault(run.base, _Due())
            if due.state != state:
                due.at, due.state = min(due.at, now), state
            if due.at <= now and run.base not in self._tasks:
                task = asyncio.create_task(self._tell(run, due))
                self._tasks[run.base] = task
                task.add_done_callback(functools.partial(self._done, run.base))
        current = {run.base for run, _ in runs}
        self._due = {base: due for base, due in self._due.items() if base in current or base in self._tasks}

    async def _runs(self) -> list[tuple[Run, str]]:
        """What is to be told: whatever is open, and what has ended and has not been told to its end."""
        summaries = await self._engine.incidents(limit=self._most)
        if len(summaries) >= self._most and not any(one.ended for one in summaries):
            self._most = min(MOST_INCIDENTS, self._most * 2)
        since = await self._since()
        told = await asyncio.to_thread(self._store.conversations)
        found = dict(_wanted(summaries, {(one.incident, one.run): one.ended for one in told}, since))
        # An incident that has fallen off the list is told to its end all the same.
        left = (Run(one.incident, one.run) for one in told if not one.ended)
        listed = {run.base for run in found}
        return [*found.items(), *((run, "") for run in left if run.base not in listed)]

    async def _since(self) -> str:
        """Since when endings are told. It moves on with what is forgotten, or that would be told anew."""
        since = await asyncio.to_thread(self._store.fact, SINCE)
        loop = asyncio.get_running_loop()
        if since and loop.time() - self._tidied < HOUR:
            return since
        self._tidied = loop.time()
        horizon = (utc_now() - datetime.timedelta(seconds=REMEMBERED)).isoformat()
        since = max(since, horizon) if since else utc_now().isoformat()
        await asyncio.to_thread(self._store.remember, SINCE, since)
        await asyncio.to_thread(self._store.forget, REMEMBERED)
        return since

    async def _tell(self, run: Run, due: _Due) -> None:
        loop = asyncio.get_running_loop()
        async with self._places:
            try:
                view, left = await self._telling.tell(run)
            except SlackUnreachableError as error:
                self._postpone(due, error.seconds)
                # One call more for each incident would help nobody, and one line of the log says it for all.
                self._quiet = max(self._quiet, due.at)
                self._silent(error.what)
            except (SlackError, StoreError, UnreachableError) as error:
                self._failed(due, error)
            except FiredoorError as error:
                self._failed(due, error)
                await self._over(run, error)
            else:
                self._silent("")
                due.failed = ""
                moved, due.view = view != due.view, view
                quiet = self._tempo.idle if view.state in ENDS else max(self._tempo.poll, due.pause * 1.5)
                due.pause = self._tempo.poll if moved else min(self._tempo.idle, quiet)
                due.at = loop.time() + (left or due.pause)

    def _postpone(self, due: _Due, seconds: float = 0.0) -> None:
        """Try it again later, each time a little later."""
        due.pause = seconds or min(self._tempo.longest, max(self._tempo.again, due.pause * 2))
        due.at = asyncio.get_running_loop().time() + due.pause

    def _silent(self, why: str) -> None:
        """Say once that Slack does not answer, and that it does again."""
        if why and not self._down:
            _LOG.warning("%s Incidents go on without it, and it is told as soon as it answers.", why)
        elif self._down and not why:
            _LOG.warning("Slack answers again, and is told what it has missed.")
        self._down = bool(why)

    def _failed(self, due: _Due, error: FiredoorError) -> None:
        """Try it again later; the log says each trouble of an incident once."""
        self._postpone(due)
        if due.failed != error.what:
            _LOG.warning("Slack is not told: %s %s", error.what, error.next)
        due.failed = error.what

    async def _over(self, run: Run, error: FiredoorError) -> None:
        """An incident that did not end by itself."""
        try:
            await self._telling.ended_outside(run, error)
        except (SlackError, StoreError) as trouble:
            _LOG.warning("%s", trouble.what)

    def _done(self, base: str, task: asyncio.Task[None]) -> None:
        """What nobody expected is in the log, and is tried again after the longest pause."""
        self._tasks.pop(base, None)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        _LOG.error("firedoor itself failed at telling Slack of %s", base, exc_info=error)
        if due := self._due.get(base):
            due.at = task.get_loop().time() + self._tempo.longest

    def _note(self, trouble: str) -> None:
        """Say once what keeps the list from being read, and that it is over."""
        if trouble != self._trouble:
            _LOG.warning("%s", trouble or "the list of incidents is read again")
        self._trouble = trouble


def _wanted(
    summaries: Iterable[Summary], told: Mapping[tuple[str, str], bool], since: str
) -> Iterator[tuple[Run, str]]:
    """The runs that are to be told of, with their states: those that are open, and those that ended `since` then."""
    for one in summaries:
        known = told.get((one.id, one.run))
        fresh = one.ended is None or one.ended.isoformat() > since
        if known is False or (known is None and fresh):
            yield Run(one.id, one.run, one.parent), one.state
