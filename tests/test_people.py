"""Notices: recorded before and after, delivered once, and never in the way of an incident."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.people import DELIVERY_SECONDS, PeopleActivities
from firedoor.cli.follow import LOOK_SECONDS, follow
from firedoor.config import Notify, Settings
from firedoor.notes import Notice
from firedoor.timeline.batch import Receipt
from firedoor.timeline.entry import Entry, Kind, Prepared, TimelineError
from firedoor.timeline.render import rows, unresolved
from firedoor.timeline.store import Timeline
from firedoor.timeline.writer import Writer

NOTICE = Notice(
    incident="inc-1",
    key="approval/delete/1",
    step="delete",
    to=("role:security", "user:eve"),
    sentence="delete waits for approval by 2 people.",
    command="firedoor approve inc-1 delete",
)


@pytest.fixture
def timeline(tmp_path: Path) -> Iterator[Timeline]:
    """An empty timeline."""
    with Timeline.open(tmp_path / "timeline.sqlite", tmp_path / "timeline.key", "firedoor.example/test") as opened:
        yield opened


def program(folder: Path, code: str) -> tuple[str, ...]:
    """A program that runs this Python, with the folder as `folder`."""
    script = folder / "page.py"
    script.write_text(f"import json, os, sys, time\nfolder = {str(folder)!r}\n{code}\n")
    return (sys.executable, str(script), "an argument")


def settings(folder: Path, *command: str) -> Settings:
    """Settings whose notices go to a program."""
    return Settings(home=folder, roles={"security": ("user:ada", "user:grace")}, notify=Notify(command=command))


async def tell(timeline: Timeline, configured: Settings, notice: Notice = NOTICE) -> str:
    """Run the activity as a worker does."""
    async with Writer(timeline) as writer:
        answer: str = await ActivityEnvironment().run(PeopleActivities(writer, configured).tell, notice)
    return answer


def entries(timeline: Timeline) -> list[Entry]:
    """What the timeline says."""
    return [stored.entry for stored in timeline.entries(incident="inc-1")]


async def test_a_notice_is_recorded_delivered_and_recorded(
    timeline: Timeline, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program gets the notice and who is meant, nothing of the worker's environment; the timeline has both ends."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "fake-secret")
    code = "json.dump([json.load(sys.stdin), dict(os.environ), sys.argv[1:]], open(folder + '/got', 'w'))"
    assert await tell(timeline, settings(tmp_path, *program(tmp_path, code))) == "delivered"

    message, environment, arguments = json.loads((tmp_path / "got").read_text())
    assert message == {
        **NOTICE.model_dump(mode="json"),
        "people": ["user:ada", "user:eve", "user:grace"],
        "again": False,
    }
    assert {"PATH", "LANG"} <= set(environment) <= {"PATH", "LANG", "LC_CTYPE"}
    assert arguments == ["an argument"]
    intent, outcome = entries(timeline)
    assert (intent.kind, outcome.kind) == (Kind.NOTIFICATION_INTENT, Kind.NOTIFICATION_OUTCOME)
    assert (intent.part("notice")["to"], intent.part("cause")["step"]) == (["role:security", "user:eve"], "delete")
    assert outcome.ref == intent.id
    assert outcome.part("result") == {"status": "ok", "summary": "delivered"}
    assert unresolved([intent, outcome]) == []
    assert rows([intent])[0].say.startswith("Tells role:security, user:eve: delete waits for approval")
    [line] = [record.getMessage() for record in caplog.records if record.name == "firedoor.notice"]
    assert line == f"inc-1: {NOTICE.sentence} {NOTICE.command}"


async def test_told_once(timeline: Timeline, tmp_path: Path) -> None:
    """A retry that finds the outcome does nothing, and answers as the first did; another key is another notice."""
    code = "open(folder + '/count', 'a').write('x')"
    configured = settings(tmp_path, *program(tmp_path, code))
    assert [await tell(timeline, configured) for _ in range(3)] == ["delivered"] * 3
    assert (tmp_path / "count").read_text() == "x"
    assert len(entries(timeline)) == 2
    await tell(timeline, configured, NOTICE.model_copy(update={"key": "approval/delete/2"}))
    assert (tmp_path / "count").read_text() == "xx"
    assert len(entries(timeline)) == 4


class Fault:
    """Makes the timeline refuse entries of one kind, once."""

    def __init__(self, timeline: Timeline, patch: pytest.MonkeyPatch, kind: Kind) -> None:
        self._commit: Callable[[Sequence[Prepared]], list[Receipt]] = timeline.commit
        self._kind: Kind | None = kind
        patch.setattr(timeline, "commit", self.commit)

    def commit(self, prepared: Sequence[Prepared]) -> list[Receipt]:
        """Refuse it."""
        if any(item.draft.kind is self._kind for item in prepared):
            self._kind = None
            raise TimelineError("The disk is full.", changed="Nothing was recorded.", next="Make room.")
        return self._commit(prepared)


async def test_a_crash_in_between_is_told_again_and_says_so(
    timeline: Timeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An intent without outcome: nobody knows whether people heard, so they hear it again, marked."""
    Fault(timeline, monkeypatch, Kind.NOTIFICATION_OUTCOME)
    code = "print(json.load(sys.stdin)['again'], file=open(folder + '/again', 'a'))"
    configured = settings(tmp_path, *program(tmp_path, code))
    with pytest.raises(ApplicationError, match=r"The disk is full") as caught:
        await tell(timeline, configured)
    assert caught.value.type == "record_failed"
    assert not caught.value.non_retryable
    assert await tell(timeline, configured) == "delivered"
    assert (tmp_path / "again").read_text() == "False\nTrue\n"
    intent, outcome = entries(timeline)
    assert outcome.ref == intent.id
    assert outcome.part("result")["again"] is True


async def test_without_a_record_nobody_is_told(
    timeline: Timeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No action without a record: the intent cannot be stored, so nothing is sent."""
    Fault(timeline, monkeypatch, Kind.NOTIFICATION_INTENT)
    configured = settings(tmp_path, *program(tmp_path, "open(folder + '/told', 'w')"))
    with pytest.raises(ApplicationError, match=r"The disk is full"):
        await tell(timeline, configured)
    assert not (tmp_path / "told").exists()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("sys.exit(7)", "ended with code 7"),
        ("print('fake-secret'); print('fake-secret', file=sys.stderr); sys.exit(1)", "ended with code 1"),
        ("os.kill(os.getpid(), 9)", "ended with code -9"),
        ("time.sleep(600)", "did not end within"),
    ],
)
async def test_a_failure_is_recorded_and_returned(
    timeline: Timeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, reason: str
) -> None:
    """The program fails or hangs: the incident goes on, and the timeline says it; its output is nowhere."""
    monkeypatch.setattr("activities.people.DELIVERY_SECONDS", 1.0 if "sleep" in code else DELIVERY_SECONDS)
    answer = await tell(timeline, settings(tmp_path, *program(tmp_path, code)))
    assert answer.startswith("failed: ")
    assert reason in answer
    outcome = entries(timeline)[1]
    assert outcome.part("result")["status"] == "failed"
    assert rows([outcome])[0].say.startswith("Failed: failed: ")
    assert b"fake-secret" not in b"".join(entry.data for entry in entries(timeline))


async def test_nothing_of_the_program_stays(timeline: Timeline, tmp_path: Path) -> None:
    """What it leaves running is ended with it: notices must not fill a machine with processes."""
    code = """
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(folder + "/child", "w").write(str(child.pid))
os._exit(0)
"""
    assert await tell(timeline, settings(tmp_path, *program(tmp_path, code))) == "delivered"
    child = Path("/proc", (tmp_path / "child").read_text(), "stat")
    deadline = time.monotonic() + 10
    while child.exists() and child.read_text().rpartition(")")[2].split()[0] not in "ZX":
        assert time.monotonic() < deadline
        os.sched_yield()


async def test_a_program_that_is_not_there(timeline: Timeline, tmp_path: Path) -> None:
    """Said by name, and recorded."""
    answer = await tell(timeline, settings(tmp_path, "/no/such/program"))
    assert answer == "failed: /no/such/program cannot be started (FileNotFoundError)"


async def test_a_program_that_does_not_read(timeline: Timeline, tmp_path: Path) -> None:
    """A long notice and a program that ends at once: delivered, for its exit code says so."""
    long = NOTICE.model_copy(update={"sentence": "x" * 500_000, "key": "long"})
    configured = settings(tmp_path, *program(tmp_path, "sys.exit(0)"))
    assert await tell(timeline, configured, long) == "delivered"
    assert all(len(entry.data) < 10_000 for entry in entries(timeline))


async def test_control_characters_steer_no_terminal(
    timeline: Timeline, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A sentence may quote an attacker: in the log it is one line without them."""
    nasty = NOTICE.model_copy(update={"sentence": "user \x1b[2Jx\nfiredoor.notice forged \ud800"})
    assert await tell(timeline, settings(tmp_path), nasty) == "delivered"
    [line] = [record.getMessage() for record in caplog.records if record.name == "firedoor.notice"]
    assert "\x1b" not in line
    assert "\n" not in line


async def test_a_notice_and_its_command_are_two_sentences(
    timeline: Timeline, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The title of a step has no full stop: what to type must not run into it."""
    await tell(timeline, settings(tmp_path), NOTICE.model_copy(update={"sentence": "delete waits: Delete the key"}))
    [line] = [record.getMessage() for record in caplog.records if record.name == "firedoor.notice"]
    assert line == f"inc-1: delete waits: Delete the key. {NOTICE.command}"


async def test_the_terminal_of_up_shows_notices(tmp_path: Path) -> None:
    """Those that come from now on, whole lines only, whatever else the worker logs."""
    log, shown = tmp_path / "worker.log", list[str]()
    before = "2026-11-23 WARNING firedoor.notice inc-0: long ago\n"
    log.write_text(before)
    following = asyncio.create_task(follow(log, shown.append))
    await asyncio.sleep(0)
    with log.open("a") as file:
        file.write("2026-11-23 INFO firedoor worker ready\n2026-11-23 WARNING firedoor.notice inc-1: delete waits")
        file.flush()
        await asyncio.sleep(LOOK_SECONDS * 2)
        assert shown == []
        file.write(" for approval.\n")
    async with asyncio.timeout(10):
        while not shown:
            await asyncio.sleep(0.05)
    following.cancel()
    assert shown == ["inc-1: delete waits for approval."]
