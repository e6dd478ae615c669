"""What is known of posted messages and handled envelopes: durable, shared, private, and not for ever."""

import multiprocessing
import sqlite3
import stat
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from firedoor.errors import UsageError
from firedoor.slack.store import Conversation, MessageState, Store, StoreError

DAY = 86_400.0


def claims(path: Path) -> int:
    """How many of a hundred envelopes a process is the first to claim."""
    with Store.open(path) as store:
        return sum(store.claim(f"e{number}") for number in range(100))


def test_an_envelope_is_claimed_once_by_all_processes(tmp_path: Path) -> None:
    """Three processes claim the same hundred envelopes at the same time: each goes to one of them."""
    path = tmp_path / "slack.sqlite"
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert sum(pool.map(claims, [path] * 3)) == 100


def test_claims_expire(tmp_path: Path) -> None:
    """After a day a claim is forgotten; one that is released is free at once."""
    with Store.open(tmp_path / "slack.sqlite", clock=lambda: 0.0) as store:
        assert store.claim("a")
        assert not store.claim("a")
        store.release("a")
        assert store.claim("a")
        store.clock = lambda: DAY + 1
        assert store.claim("a")


def test_the_file_is_private(tmp_path: Path) -> None:
    """Nobody else may read it."""
    path = tmp_path / "slack.sqlite"
    with Store.open(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_life_of_a_message(tmp_path: Path) -> None:
    """Intent, doubt, refusal, success: and who else may send it meanwhile."""
    with Store.open(tmp_path / "slack.sqlite") as store, Store.open(tmp_path / "slack.sqlite") as other:
        assert store.take("k", "C1").state is MessageState.OPEN
        assert other.busy(other.take("k", "C1"))
        other.unsent("k")
        assert other.busy(other.take("k", "C1"))
        store.doubted("k")
        before = other.take("k", "C1")
        assert (before.state, other.busy(before)) == (MessageState.SENDING, False)
        other.unsent("k")
        assert store.take("k", "C1", "1.1").state is MessageState.OPEN
        store.posted("k", "1.2")
        assert other.take("k", "C1").ts == "1.2"
        assert [one.thread for one in other.posts("k")] == ["1.1"]
        other.settled("k")
        assert not store.posts("k")
        assert store.take("k", "C1").state is MessageState.CLOSED


def test_what_is_over_is_forgotten(tmp_path: Path) -> None:
    """Conversations that have ended, their messages and facts; never those that go on."""
    with Store.open(tmp_path / "slack.sqlite", clock=lambda: 0.0) as store:
        for name, ended in (("old", True), ("open", False)):
            store.keep(Conversation(name, "r", "C1", "1.1", ended=ended))
            store.take(f"{name}/r/message/0", "C1")
            store.posted(f"{name}/r/message/0", "1.1")
            store.remember(f"topic {name}/r", "x")
        store.take("answer/1", "D1")
        store.clock = lambda: 40 * DAY
        store.keep(Conversation("new", "r", "C1", "1.3", ended=True))
        store.forget(30 * DAY)
        assert {one.incident for one in store.conversations()} == {"open", "new"}
        assert store.message("old/r/message/0") is None
        assert store.message("answer/1") is None
        assert store.message("open/r/message/0")
        assert (store.fact("topic old/r"), store.fact("topic open/r")) == ("", "x")


def begins(path: Path) -> float:
    """Begin to post a message, and end with it; when that was."""
    with Store.open(path) as store:
        store.take("a", "C1")
        return store.clock()


def test_what_a_dead_process_was_posting_is_not_waited_for(tmp_path: Path) -> None:
    """Only until what it had sent must have arrived; one that lives may take its time."""
    path = tmp_path / "slack.sqlite"
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        began = pool.submit(begins, path).result()
    with Store.open(path) as store, Store.open(path) as other:
        left = store.message("a")
        assert left is not None
        store.clock = lambda: began + 1
        assert store.busy(left)
        store.clock = other.clock = lambda: began + 10
        assert not store.busy(left)
        assert other.take("a", "C1").state is MessageState.SENDING
        taken = store.message("a")
        assert taken is not None
        store.clock = lambda: began + 20
        assert store.busy(taken)


def test_another_file_is_not_touched(tmp_path: Path) -> None:
    """A database of something else, and no database at all."""
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE theirs (x)")
    with pytest.raises(UsageError, match="does not hold what was posted to Slack"):
        Store.open(path)
    words = tmp_path / "words"
    words.write_text("these are words, and no database of anything " * 50)
    with pytest.raises(StoreError, match="does not work"):
        Store.open(words)
    with pytest.raises(StoreError, match="does not work"):
        Store.open(words / "below")
