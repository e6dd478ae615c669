"""`kill -9` of a real sender in the middle of its work, against a real mail server: nothing twice, nothing lost."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.campaign_sender import CAMPAIGN, CONNECTIONS, INCIDENT, prepare
from firedoor.campaign import MessageState
from firedoor.outbox.store import Outbox
from firedoor.timeline.store import Timeline

CUSTOMERS = 600
ROOT = Path(__file__).parents[3]


def started(module: str, *arguments: object) -> "subprocess.Popen[bytes]":
    """A module of ours as a process."""
    return subprocess.Popen([sys.executable, "-m", module, *map(str, arguments)], cwd=ROOT, stdout=subprocess.DEVNULL)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The port of a mail server in another process."""
    with started("tests.mail_server", tmp_path) as server:
        until((tmp_path / "port").exists)
        yield int((tmp_path / "port").read_text())
        server.kill()


def until(done: object, seconds: float = 60.0) -> None:
    """Wait until something is so."""
    assert callable(done)
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.01)


def accepted(home: Path) -> list[str]:
    """The ids of the messages that the server has accepted, one for each time."""
    file = home / "accepted"
    return file.read_text().split() if file.exists() else []


def test_a_killed_sender_sends_nothing_twice_and_loses_nothing(tmp_path: Path, port: int) -> None:
    """Killed three times, each time somewhere else; what is in doubt is no more than connections were open."""
    prepare(tmp_path, CUSTOMERS)
    doubts = 0
    for kill in range(4):
        before = len(accepted(tmp_path))
        with started("benchmarks.campaign_sender", tmp_path, "send", CUSTOMERS, port, 0, 0) as sender:
            if kill < 3:
                until(
                    lambda before=before, sender=sender: (
                        len(accepted(tmp_path)) > before + 40 or sender.poll() is not None
                    )
                )
                sender.kill()
            assert sender.wait() == (-9 if kill < 3 else 0)
        with Outbox.open(tmp_path / "outbox.sqlite") as outbox:
            counts = outbox.standing(CAMPAIGN, 0).messages
        sending, doubt = counts.get("sending", 0), counts.get("in_doubt", 0)
        assert doubt + sending - doubts <= CONNECTIONS
        doubts = doubt + sending
    with Outbox.open(tmp_path / "outbox.sqlite") as outbox:
        messages = outbox.messages(CAMPAIGN, limit=CUSTOMERS + 1)
    times = Counter(accepted(tmp_path))
    assert set(times.values()) == {1}
    for message in messages:
        assert message.state in (MessageState.SENT, MessageState.IN_DOUBT)
        assert message.state is MessageState.IN_DOUBT or times[f"<{message.key}@acme.example>"] == 1
    check_told(tmp_path, {message.id: message.state.value for message in messages})


def check_told(home: Path, states: dict[int, str]) -> None:
    """The timeline has the intent of every message, and the state of each as the last that happened to it."""
    with Timeline.open(home / "timeline.sqlite", home / "timeline.key", "firedoor.local/timeline") as timeline:
        entries = [stored.entry for stored in timeline.entries(incident=INCIDENT)]
    intended = [item["row"] for one in entries if one.kind == "notification.intent" for item in one.body["messages"]]
    assert sorted(intended) == sorted(states)
    last = {
        item["row"]: item["went"][-1][0]
        for one in entries
        if one.kind == "notification.outcome"
        for item in one.body["messages"]
    }
    assert last == states
    assert not [one for one in entries if one.kind == "conflict"]
