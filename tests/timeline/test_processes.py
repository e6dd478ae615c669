"""The store under several processes, and under a process that is killed."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.store import Timeline

ROOT = Path(__file__).resolve().parents[2]
LOG = "firedoor.example/test"

#: Appends for ever, in groups of growing and shrinking size; prints the index and id of each durable entry.
APPENDER = """
import itertools, sys
from pathlib import Path
from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.store import Timeline

folder, name = Path(sys.argv[1]), sys.argv[2]
timeline = Timeline.open(folder / "timeline.sqlite", folder / "timeline.key", "firedoor.example/test")
print("open", flush=True)
for call in itertools.count():
    drafts = [
        Draft(Kind.NOTE, "inc-1", f"{name}/{call}/{item}", {"say": "x" * 500}, attachments=(b"%d" % call,))
        for item in range(1 + call % 7)
    ]
    for receipt in timeline.append(drafts):
        print(receipt.idx, receipt.id)
    sys.stdout.flush()
"""

#: Takes the write lock and keeps it.
HOLDER = f"""
import sys, time
from pathlib import Path
from firedoor.timeline.store import Timeline

folder = Path(sys.argv[1])
timeline = Timeline.open(folder / "timeline.sqlite", folder / "timeline.key", "{LOG}")
timeline._database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(60)
"""


def start(folder: Path, name: str) -> subprocess.Popen[str]:
    """A process that appends until it is killed."""
    return subprocess.Popen(
        [sys.executable, "-c", APPENDER, str(folder), name], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def opened(folder: Path) -> Timeline:
    """The timeline in a folder; opening it hashes every entry again."""
    return Timeline.open(folder / "timeline.sqlite", folder / "timeline.key", LOG)


@pytest.mark.parametrize("receipts", [1, 40, 333])
def test_kill_9_loses_nothing_acknowledged(tmp_path: Path, receipts: int) -> None:
    """Two processes append and are killed in the middle: every receipt they printed is there, and the log is whole."""
    processes = [start(tmp_path, "one"), start(tmp_path, "two")]
    printed: list[str] = []
    for process in processes:
        assert process.stdout is not None
        printed += [process.stdout.readline() for _ in range(1 + receipts)]
        process.send_signal(signal.SIGKILL)
    for process in processes:
        assert process.stdout is not None
        printed += process.stdout.readlines()
        process.stdout.close()
        assert -signal.SIGKILL == process.wait(10)
    acknowledged = {line.strip() for line in printed if " " in line and line.endswith("\n")}
    assert len(acknowledged) >= 2 * receipts
    with opened(tmp_path) as timeline:
        stored = timeline.entries()
        assert acknowledged <= {f"{item.idx} {item.entry.id}" for item in stored}
        assert list(range(len(stored))) == [item.entry.seq for item in stored]
        timeline.append([Draft(Kind.NOTE, "inc-1", "after", {"say": "It goes on."})])


def test_kill_9_never_leaves_half_a_transaction(tmp_path: Path) -> None:
    """A call's entries are there together or not at all."""
    process = start(tmp_path, "one")
    assert process.stdout is not None
    for _ in range(60):
        process.stdout.readline()
    process.kill()
    process.wait(10)
    process.stdout.close()
    with opened(tmp_path) as timeline:
        assert timeline.entries()
    database = sqlite3.connect(tmp_path / "timeline.sqlite")
    idems = [row[0] for row in database.execute("SELECT idem FROM entry ORDER BY idx")]
    database.close()
    calls = [int(idem.split("/")[1]) for idem in idems]
    assert all(calls.count(call) == 1 + call % 7 for call in set(calls))


def append_many(folder: Path, name: str, together: Callable[[], int]) -> None:
    """Open and append 50 entries one by one, beginning at the same moment as the others."""
    together()
    with opened(folder) as timeline:
        for number in range(50):
            timeline.append([Draft(Kind.NOTE, "inc-1", f"{name}/{number}", {"say": "hello"})])


def test_processes_that_start_together(tmp_path: Path) -> None:
    """Several processes create the same timeline and append at once: one key, one chain, no gap, no loss."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    processes = [context.Process(target=append_many, args=(tmp_path, name, barrier.wait)) for name in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert 0 == process.exitcode
    with opened(tmp_path) as timeline:
        assert list(range(150)) == [item.entry.seq for item in timeline.entries("inc-1")]


def test_a_killed_process_releases_the_file(tmp_path: Path) -> None:
    """A process killed while it holds the write lock does not keep others out."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert "held\n" == holder.stdout.readline()
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait(10)
    holder.stdout.close()
    started = time.monotonic()
    with opened(tmp_path) as timeline:
        timeline.append([Draft(Kind.NOTE, "inc-1", "x", {"say": "hello"})])
    assert time.monotonic() - started < 5
