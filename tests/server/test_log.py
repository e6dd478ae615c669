"""Lines of the log that strangers can cause: few, short, and lines."""

import logging

import pytest

from firedoor.server.log import Bounded, Lines, Sparing, shown
from firedoor.server.metrics import MOST_ADDRESSES, Metrics


def test_the_next_minute_says_what_was_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """Twenty lines of a kind; another kind has its own."""
    now = 0.0
    sparing = Sparing(lambda: now)
    for number in range(30):
        sparing.warn("a", f"line {number}")
    sparing.warn("b", "line")
    assert [record.getMessage() for record in caplog.records][-2:] == ["a: line 19", "b: line"]
    now = 61.0
    caplog.clear()
    sparing.warn("a", "again")
    sparing.warn("b", "again")
    assert [record.getMessage() for record in caplog.records] == [
        "a: 10 more lines like the last one were left out",
        "a: again",
        "b: again",
    ]


def test_a_strangers_text_is_short_and_plain() -> None:
    """No line, no escape, no end."""
    assert shown("a\nb\x1b[2J\u202e") == "a b\ufffd[2J\ufffd"
    assert shown("x" * 500) == "x" * 120 + "…"


def test_addresses_are_counted_up_to_a_number() -> None:
    """A botnet does not fill the metrics."""
    metrics = Metrics()
    for number in range(MOST_ADDRESSES + 10):
        assert metrics.failed("door", f"192.0.2.{number}") == max(1, number - MOST_ADDRESSES + 1)
    assert metrics.failed("door", "192.0.2.1") == 2
    assert metrics.failed("another", "192.0.2.200") == 1
    value = metrics.registry.get_sample_value(
        "firedoor_failed_authentications_total", {"door": "door", "remote": "others"}
    )
    assert value == 10.0


def test_what_a_library_says_is_bounded() -> None:
    """Twenty lines a minute of a logger and a level, and then how many there were."""
    now = 0.0
    bounded = Bounded(lambda: now)

    def said(level: int) -> str:
        record = logging.LogRecord("uvicorn.error", level, "", 0, "Invalid %s", ("HTTP",), None)
        return record.getMessage() if bounded.filter(record) else ""

    assert [said(logging.WARNING) for _ in range(30)] == ["Invalid HTTP"] * 20 + [""] * 10
    assert said(logging.ERROR) == "Invalid HTTP"
    now = 61.0
    assert said(logging.WARNING) == "Invalid HTTP (10 more lines were left out)"
    assert said(logging.ERROR) == "Invalid HTTP"


def test_a_message_is_a_line() -> None:
    """Whoever has put a stranger's text into it, and whatever an error says: no second line, no escape."""
    said, why = "a title\n2026-11-29 CRITICAL forged\x1b[2J %s", ValueError("\x1b]0;forged\x07")
    record = logging.LogRecord(
        "firedoor.deliveries", logging.WARNING, "", 0, "dead: %s", (said,), (ValueError, why, None)
    )
    first, *rest = Lines("%(name)s %(message)s").format(record).splitlines()
    assert first == "firedoor.deliveries dead: a title 2026-11-29 CRITICAL forged\ufffd[2J %s"
    assert rest == ["ValueError: \ufffd]0;forged\ufffd"]
    assert record.getMessage() == f"dead: {said}"
