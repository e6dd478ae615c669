"""Tell people: a notice of an incident reaches those who are asked, or the timeline says that it did not."""

import asyncio
import contextlib
import json
import logging
import os
import signal
from dataclasses import dataclass
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from firedoor.config import Settings
from firedoor.errors import FiredoorError
from firedoor.notes import Notice
from firedoor.timeline.entry import Draft, Entry, Kind
from firedoor.timeline.render import printable
from firedoor.timeline.writer import Writer
from firedoor.words import full_stop

#: `firedoor up` shows the lines of this logger in its terminal.
LOG = logging.getLogger("firedoor.notice")
DELIVERY_SECONDS = 10.0
#: What the timeline keeps of a sentence or a list of sources: a notice that is too long must not stop an incident.
LONGEST = 2_000
MOST = 50
#: All that the configured program gets to know of the worker's environment, which holds credentials.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class PeopleActivities:
    """Activities that reach people."""

    writer: Writer
    settings: Settings

    @activity.defn(name="people.tell")
    async def tell(self, notice: Notice) -> str:
        """Deliver a notice once: to the worker's log, and to the program of `[notify]` if there is one.

        Returns `delivered`, or `failed: ` with the reason: a notice that reaches nobody must not stop an incident.
        The same key in the same run is one notice; only after a crash in between is it delivered again, and says so.
        Raises a retryable failure while the timeline cannot be written or read.
        """
        scope = _scope(notice)
        try:
            known = [stored.entry for stored in self.writer.timeline.entries(scope=scope)]
            for entry in known:
                if entry.kind == Kind.NOTIFICATION_OUTCOME:
                    return str(entry.part("result")["summary"])
            [intent] = await self.writer.append(_draft(notice, Kind.NOTIFICATION_INTENT, _said(notice)))
            problem = await self._deliver(notice, again=bool(known))
            await self.writer.append(_outcome(notice, intent.id, problem, known))
        except FiredoorError as error:
            raise ApplicationError(error.what, type="record_failed") from error
        return _summary(problem)

    async def _deliver(self, notice: Notice, *, again: bool) -> str:
        """Deliver by every channel; what went wrong, or an empty text."""
        words = [full_stop(notice.sentence), notice.command, "(sent again: an earlier attempt died)" if again else ""]
        LOG.warning("%s: %s", printable(notice.incident), printable(" ".join(word for word in words if word)))
        command = self.settings.notify.command
        if not command:
            return ""
        people = self.settings.members(notice.to)
        message = {**notice.model_dump(mode="json"), "people": people, "again": again}
        problem = await run(command, json.dumps(message).encode())
        if problem:
            LOG.error("%s: the notice was not delivered: %s", printable(notice.incident), problem)
        return problem


async def run(command: tuple[str, ...], message: bytes) -> str:
    """Run a program with `message` on its standard input; what went wrong, or an empty text. Its output is dropped."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=ENVIRONMENT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return f"{command[0]} cannot be started ({type(error).__name__})"
    try:
        async with asyncio.timeout(DELIVERY_SECONDS):
            await process.communicate(message)
    except TimeoutError:
        return f"{command[0]} did not end within {DELIVERY_SECONDS:.0f} s"
    finally:
        # With whatever it has started: nothing of it outlives the notice.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    return f"{command[0]} ended with code {process.returncode}" if process.returncode else ""


def _scope(notice: Notice) -> str:
    info = activity.info()
    return f"{info.workflow_id}/{info.workflow_run_id}/notice/{notice.key}"


def _summary(problem: str) -> str:
    return f"failed: {problem}" if problem else "delivered"


def _said(notice: Notice) -> dict[str, Any]:
    """What an intent says: to whom, and what."""
    sources = [_short(source) for source in notice.to[:MOST]]
    told = {"to": sources, "command": _short(notice.command), "urgent": notice.urgent}
    whom = _short(", ".join(sources)) or "whoever looks"
    return {"say": f"Tells {whom}: {_short(notice.sentence)}", "notice": told}


def _short(text: str) -> str:
    return printable(text[:LONGEST])


def _outcome(notice: Notice, intent: str, problem: str, known: list[Entry]) -> Draft:
    result: dict[str, Any] = {"status": "failed" if problem else "ok", "summary": _summary(problem)}
    if known:
        result["again"] = True
        result["note"] = "An earlier attempt died before its outcome was recorded; people may have been told twice."
    return _draft(notice, Kind.NOTIFICATION_OUTCOME, {"result": result}, ref=intent)


def _draft(notice: Notice, kind: Kind, body: dict[str, Any], ref: str = "") -> Draft:
    info = activity.info()
    cause: dict[str, Any] = {"ns": info.namespace, "wf": info.workflow_id, "run": info.workflow_run_id}
    if notice.step:
        cause["step"] = notice.step
    return Draft(
        kind=kind,
        incident=notice.incident,
        idem=f"{info.namespace}/{info.workflow_id}/{info.workflow_run_id}/{kind}/{notice.key}",
        body={"actor": {"kind": "workflow", "id": notice.incident}, "cause": cause, **body},
        scope=_scope(notice),
        ref=ref,
    )
