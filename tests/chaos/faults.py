"""Fail points of a worker process, put in from outside: nothing in the product knows of them.

A point is a moment in the life of a step, `MOMENT.PLACE`: the moments are the entries that are recorded (`opened`,
`intent`, `outcome`, `closed`) and the `effect`, the call that changes the provider. The places of an entry are `before`
its transaction, inside it (`begin`, `entry`, `checkpoint`, `commit`: before that statement runs), and `after`.
"""

import os
import resource
import signal
import sqlite3
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Self

from botocore import handlers
from pydantic import BaseModel, ConfigDict

from firedoor.timeline.batch import Receipt
from firedoor.timeline.entry import Kind, Prepared, TimelineError
from firedoor.timeline.store import Timeline, utc_now

MOMENTS = {
    Kind.INCIDENT_OPENED: "opened",
    Kind.ACTION_INTENT: "intent",
    Kind.ACTION_OUTCOME: "outcome",
    Kind.INCIDENT_CLOSED: "closed",
}
#: How the statements of an append begin, in their order.
STATEMENTS = {
    "BEGIN IMMEDIATE": "begin",
    "INSERT OR ROLLBACK INTO entry": "entry",
    "INSERT OR ROLLBACK INTO checkpoint": "checkpoint",
    "COMMIT": "commit",
}
CHANGES = ("iam.UpdateAccessKey",)
#: SQLite's own default: no limit that a test could reach.
ROOMY = 0xFFFFFFFE

Deed = Literal["kill worker", "kill server", "kill both", "database full", "file too large", "clock back"]


class Fault(BaseModel):
    """What goes wrong, the `at`-th time that `point` is reached; once.

    A disk stays full for `failures` transactions, or until the file `lifted` is there if that is 0. `server` is the
    process id of the Temporal server.
    """

    model_config = ConfigDict(frozen=True)

    point: str
    does: Deed
    at: int = 1
    failures: int = 0
    server: int = 0


class Fuse:
    """The fault that `home` is armed with, if any. Several processes may share it: the first to get there fires it."""

    def __init__(self, home: Path) -> None:
        self._armed = home / "fault.json"
        self._fired = home / "fired.json"
        self._lifted = home / "lifted"
        self._failed = home / "failed"
        self._lock = threading.Lock()
        self._seen = 0
        self.fault = Fault.model_validate_json(self._armed.read_bytes()) if self._armed.exists() else None
        #: What a fault does to the disk of the timeline, and how it is undone.
        self.disk: Callable[[Deed], None] = lambda _: None
        self.failed = 0

    @staticmethod
    def arm(home: Path, fault: Fault) -> None:
        """Arm the workers that will be started in `home`."""
        (home / "fault.json").write_text(fault.model_dump_json())

    def reach(self, point: str, times: int = 1) -> None:
        """A point is reached, by as many targets as `times`; kills if it is the fault's."""
        fault = self.fault
        if fault is None or fault.point != point:
            return
        with self._lock:
            self._seen += times
            if self._seen < fault.at or not self._take():
                return
        self._do(fault)

    def recovered(self) -> bool:
        """Is there room on the disk again?"""
        fault = self.fault
        return self._lifted.exists() or (fault is not None and 0 < fault.failures <= self.failed)

    def fail(self) -> None:
        """A transaction failed because of the fault."""
        self.failed += 1
        self._failed.write_text(str(self.failed))

    def _take(self) -> bool:
        try:
            self._armed.rename(self._fired)
        except FileNotFoundError:
            return False
        return True

    def _do(self, fault: Fault) -> None:
        if fault.does in {"kill server", "kill both"}:
            os.kill(fault.server, signal.SIGKILL)
        if fault.does in {"kill worker", "kill both"}:
            os.kill(os.getpid(), signal.SIGKILL)
        self.disk(fault.does)


class FrailTimeline(Timeline):
    """A timeline that reaches points, whose disk may be full, and whose clock may go back an hour.

    The clock stays back in the next process, as it would on a machine: the file `clock` in its folder says so.
    """

    fuse: Fuse
    _moments: tuple[tuple[str, int], ...] = ()
    _sick: Deed | None = None

    @classmethod
    def of(cls, timeline_path: Path, key_path: Path, log: str, fuse: Fuse) -> Self:
        """Open it."""
        timeline = cls.open(timeline_path, key_path, log)
        timeline.fuse = fuse
        timeline.clock = timeline.skewed
        fuse.disk = timeline.sicken
        timeline._database.set_trace_callback(timeline._traced)
        return timeline

    def commit(self, prepared: Sequence[Prepared], *, expect: tuple[str, int] | None = None) -> list[Receipt]:
        """As ever, with the points around it."""
        kinds = [MOMENTS[item.draft.kind] for item in prepared if item.draft.kind in MOMENTS]
        moments = tuple((moment, kinds.count(moment)) for moment in dict.fromkeys(kinds))
        for moment, times in moments:
            self.fuse.reach(f"{moment}.before", times)
        if self._sick and self.fuse.recovered():
            self._heal()
        self._moments = moments
        try:
            receipts = super().commit(prepared, expect=expect)
        except TimelineError:
            if self._sick:
                self.fuse.fail()
            raise
        finally:
            self._moments = ()
        for moment, times in moments:
            self.fuse.reach(f"{moment}.after", times)
        return receipts

    def sicken(self, deed: Deed) -> None:
        """Take the room away, or set the clock back."""
        self._sick = deed
        if deed == "database full":
            self._pages(1)  # SQLite takes what the file has now.
        elif deed == "file too large":
            size = self.path.with_name(f"{self.path.name}-wal").stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        else:
            self.path.with_name("clock").touch()

    def skewed(self) -> datetime:
        """The wall clock of this machine."""
        back = self.path.with_name("clock").exists()
        return utc_now() - timedelta(hours=1) if back else utc_now()

    def _heal(self) -> None:
        self._pages(ROOMY)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self._sick = None

    def _pages(self, count: int) -> None:
        database: sqlite3.Connection = self._database
        database.execute(f"PRAGMA max_page_count={count}")

    def _traced(self, statement: str) -> None:
        for start, place in STATEMENTS.items():
            if statement.startswith(start):
                for moment, times in self._moments:
                    self.fuse.reach(f"{moment}.{place}", times)


def watch_aws(fuse: Fuse) -> None:
    """Reach `effect.before` when a change is about to be sent to AWS, and `effect.after` when AWS has answered it.

    Every session of botocore that is made from now on does so.
    """

    def sending(**_: Any) -> None:
        fuse.reach("effect.before")

    def answered(**_: Any) -> None:
        fuse.reach("effect.after")

    for call in CHANGES:
        handlers.BUILTIN_HANDLERS.append((f"before-send.{call}", sending))
        handlers.BUILTIN_HANDLERS.append((f"after-call.{call}", answered))
