"""Rate limits: the arithmetic, several processes on one file, hostile answers of providers, urgent before mass work."""

import datetime
import math
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities._bucket import (
    FARTHEST,
    LONGEST_PENALTY,
    LONGEST_URGENT_PENALTY,
    PENALTY,
    SECOND,
    Bucket,
    Rate,
    penalised,
    retry_after,
)
from activities._limits import BULK_PATIENCE, PATIENCE, Limits
from activities.aws.accounts import Accounts
from activities.aws.errors import AwsError
from firedoor.config import Aws, Limit
from firedoor.errors import StepError

ROOT = Path(__file__).parents[1]
NOW = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)

RATES = st.builds(Rate, interval=st.integers(1, 10 * SECOND), burst=st.integers(1, 50))
#: Calls: how long after the one before, how many tokens at once, and whether it is urgent.
CALLS = st.lists(st.tuples(st.integers(0, 5 * SECOND), st.integers(1, 8), st.booleans()), max_size=60)
ANY_INT = st.integers(-(2**63), 2**63 - 1)


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self, now: int = 1_000 * SECOND) -> None:
        self.now = now

    def clock(self) -> int:
        """Now, in nanoseconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += math.ceil(seconds * SECOND)


def limits(folder: Path, moment: Time, *, urgent: bool, rate: float = 2, burst: int = 4) -> Limits:
    """Limits whose CloudTrail may be called so often."""
    configured = {"aws.cloudtrail": Limit(rate=rate, burst=burst)}
    return Limits(folder / "limits.sqlite", configured, urgent=urgent, clock=moment.clock, sleep=moment.sleep)


@given(RATES, CALLS)
def test_no_window_has_more_than_the_burst_and_the_rate(rate: Rate, calls: list[tuple[int, int, bool]]) -> None:
    """Whatever the order of urgent calls and mass work: in any time no more calls than the provider allows."""
    bucket, now = Bucket(), 1_000 * SECOND
    moments: list[int] = []
    for gap, wanted, urgent in calls:
        now += gap
        bucket, grant = rate.take(bucket, now, wanted=wanted, patience=PATIENCE if urgent else None)
        moments += [now + grant.wait] * grant.tokens
    moments.sort()
    for first, start in enumerate(moments):
        for last in range(first, len(moments)):
            assert last - first + 1 <= rate.burst + (moments[last] - start) // rate.interval + 1


@given(RATES.filter(lambda rate: rate.burst > 1), CALLS)
def test_mass_work_leaves_a_token_to_the_urgent(rate: Rate, calls: list[tuple[int, int, bool]]) -> None:
    """After any amount of mass work the next urgent call waits not at all."""
    bucket, now = Bucket(), 1_000 * SECOND
    for gap, wanted, _ in calls:
        now += gap
        bucket, _grant = rate.take(bucket, now, wanted=wanted, patience=None)
    assert rate.take(bucket, now, wanted=1, patience=0)[1] == (1, 0)


@given(RATES, st.integers(0, 2**62), ANY_INT, ANY_INT, ANY_INT)
def test_no_state_of_the_file_stops_anybody_for_ever(rate: Rate, now: int, one: int, two: int, three: int) -> None:
    """The clock starts anew with the machine and the file may hold anything: the waits stay bounded."""
    bucket = Bucket(one, two, three)
    longest = FARTHEST + (rate.burst + 1) * rate.interval
    for patience in (PATIENCE, None):
        after, grant = rate.take(bucket, now, wanted=3, patience=patience)
        assert 0 <= grant.wait <= longest
        assert all(part < now + 2 * longest for part in after)


@given(st.floats())
def test_a_penalty_is_bounded_and_shortens_nothing(seconds: float) -> None:
    """Negative, NaN, infinite, 10^308: mass work waits 30 s at most, urgent calls 5 s, and never less than before."""
    bucket = penalised(Bucket(), 0, seconds)
    assert 0 <= bucket.urgent_from <= LONGEST_URGENT_PENALTY * SECOND
    assert bucket.urgent_from <= bucket.bulk_from <= LONGEST_PENALTY * SECOND
    again = penalised(bucket, 0, 0.001)
    assert again.bulk_from >= bucket.bulk_from


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 1.5 ", 1.5),
        ("Mon, 23 Nov 2026 00:00:20 GMT", 20),
        ("Mon, 23 Nov 2026 00:00:20 -0000", 20),
        ("Sun, 22 Nov 2026 00:00:00 GMT", PENALTY),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_PENALTY),
        ("Fri, 31 Dec 99999 23:59:59 GMT", PENALTY),
        ("1e308", LONGEST_PENALTY),
        ("inf", LONGEST_PENALTY),
        ("9" * 5000, LONGEST_PENALTY),
        ("-3", PENALTY),
        ("-inf", PENALTY),
        ("nan", PENALTY),
        ("", PENALTY),
        ("soon", PENALTY),
        ("\x00\ud800", PENALTY),
    ],
)
def test_what_a_provider_asks_for(header: str, seconds: float) -> None:
    """A number, a date, or nonsense: the seconds to wait."""
    assert retry_after(header, NOW) == seconds


@given(st.text())
def test_no_header_breaks_it(header: str) -> None:
    """Whatever a provider writes there."""
    assert 0 <= retry_after(header, NOW) <= LONGEST_PENALTY


def test_urgent_calls_stand_in_line_and_give_up(tmp_path: Path) -> None:
    """Beyond the burst each waits for its turn; the one that would wait too long is throttled, for Temporal to retry."""
    moment = Time()
    urgent = limits(tmp_path, moment, urgent=True)
    started: list[int] = []
    for _ in range(8):
        urgent.wait("aws.cloudtrail", "1")
        started.append(moment.now)
    assert {later - earlier for earlier, later in pairwise(started[4:])} == {SECOND // 2}
    still = Time(moment.now)
    crowd = limits(tmp_path, still, urgent=True)
    crowd._sleep = lambda seconds: None
    for _ in range(PATIENCE // (SECOND // 2)):
        crowd.wait("aws.cloudtrail", "1")
    with pytest.raises(StepError, match=r"So many calls of aws.cloudtrail in 1 are waiting") as caught:
        crowd.wait("aws.cloudtrail", "1")
    assert (caught.value.reason, caught.value.retryable) == ("throttled", True)
    crowd.wait("aws.cloudtrail", "another account")


def test_mass_work_waits_and_is_overtaken(tmp_path: Path) -> None:
    """Mass work that has used up its share waits; an urgent call beside it does not."""
    moment = Time()
    bulk, urgent = limits(tmp_path, moment, urgent=False), limits(tmp_path, moment, urgent=True)
    before = moment.now
    for _ in range(23):
        bulk.wait("aws.cloudtrail", "1")
    assert moment.now - before == pytest.approx(10 * SECOND, rel=0.01)
    now = moment.now
    urgent.wait("aws.cloudtrail", "1")
    assert moment.now == now


def test_mass_work_gives_up_where_containment_takes_everything(tmp_path: Path) -> None:
    """A thread is held for a bounded time only."""
    moment = Time()
    bulk = limits(tmp_path, moment, urgent=False, rate=0.01, burst=1)
    bulk.wait("aws.cloudtrail")
    with pytest.raises(StepError) as caught:
        bulk.wait("aws.cloudtrail")
    assert caught.value.reason == "throttled"
    assert moment.now < 1_000 * SECOND + BULK_PATIENCE


def test_a_penalty_reaches_the_other_workers(tmp_path: Path) -> None:
    """What one worker was told holds for all; mass work heeds all of it, containment a few seconds."""
    moment = Time()
    bulk, urgent = limits(tmp_path, moment, urgent=False), limits(tmp_path, moment, urgent=True)
    bulk.penalise("aws.cloudtrail", "1", 20)
    urgent.wait("aws.cloudtrail", "1")
    assert moment.now == 1_005 * SECOND
    bulk.wait("aws.cloudtrail", "1")
    assert moment.now == pytest.approx(1_020 * SECOND, rel=1e-6)


#: For each limiter that is asked for, calls as fast as it may for a while, in a process of its own; prints how often.
CALLER = """
import sys, time
from pathlib import Path
from activities._limits import Limits
from firedoor.config import Limit

print("ready", flush=True)
for line in sys.stdin:
    file, _, kind = line.strip().rpartition(" ")
    limits = Limits(Path(file), {"aws.sts": Limit(rate=400, burst=20)}, urgent=kind == "urgent")
    end, count = time.monotonic() + 1.5, 0
    while time.monotonic() < end:
        limits.wait("aws.sts", "1")
        count += 1
    print(count, flush=True)
"""


@pytest.fixture(scope="module")
def callers() -> Generator[list[subprocess.Popen[str]]]:
    """Three such processes. What they import takes longer than what they do."""
    command, pipe = (sys.executable, "-c", CALLER), subprocess.PIPE
    started = [subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
    assert [_line(caller) for caller in started] == ["ready\n"] * 3
    yield started
    for caller in started:
        caller.communicate(timeout=60)


def _line(caller: subprocess.Popen[str]) -> str:
    assert caller.stdout
    return caller.stdout.readline()


@pytest.mark.parametrize("kinds", [("urgent", "urgent", "urgent"), ("urgent", "bulk", "bulk")])
def test_the_sum_of_all_processes_holds(
    tmp_path: Path, callers: list[subprocess.Popen[str]], kinds: tuple[str, ...]
) -> None:
    """Three workers that call as fast as they may stay together under the limit, and use most of it."""
    began = time.monotonic()
    for caller, kind in zip(callers, kinds, strict=True):
        assert caller.stdin
        caller.stdin.write(f"{tmp_path / 'limits.sqlite'} {kind}\n")
        caller.stdin.flush()
    counts = [int(_line(caller)) for caller in callers]
    allowed = 400 * (time.monotonic() - began) + 20
    assert sum(counts) <= allowed
    assert sum(counts) > 300


def test_a_broken_file_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Containment goes on with limits of its own, and the log says what to do."""
    (tmp_path / "limits.sqlite").write_bytes(b"not a database, and longer than one header of a page" * 10)
    moment = Time()
    urgent = limits(tmp_path, moment, urgent=True)
    for _ in range(6):
        urgent.wait("aws.cloudtrail", "1")
    assert moment.now == 1_001 * SECOND
    assert caplog.text.count("delete the file, and start them again") == 1


def test_a_file_that_another_worker_is_just_making_is_shared(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Workers that start together wait for each other: none of them counts alone for as long as it lives."""
    with closing(sqlite3.connect(tmp_path / "limits.sqlite", isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE anything (x)")
        # SQLite does not wait for a writer where the journal is changed, whatever its time-out.
        other.execute("BEGIN IMMEDIATE")
        ended = threading.Timer(0.1, other.execute, ("COMMIT",))
        ended.start()
        limits(tmp_path, Time(), urgent=True).wait("aws.sts", "1")
        ended.join()
        assert other.execute("SELECT key FROM bucket").fetchall() == [("aws.sts 1",)]
    assert not caplog.text


def test_unknown_providers_are_limited_too(tmp_path: Path) -> None:
    """One that nobody has listed has the limit of the others: 10 at once, then 5/s."""
    moment = Time()
    urgent = limits(tmp_path, moment, urgent=True)
    for _ in range(15):
        urgent.wait("somebody.new")
    assert moment.now == 1_001 * SECOND


THROTTLED = (
    b"<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error>"
    b"<RequestId>r</RequestId></ErrorResponse>"
)


@contextmanager
def throttling(header: str) -> Generator[str]:
    """A server that refuses every call because there were too many; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Refuse."""
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(429)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(THROTTLED)))
            self.send_header("Retry-After", header)
            self.end_headers()
            self.wfile.write(THROTTLED)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("header", "pause"), [("3", 3), ("nonsense", PENALTY), ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_URGENT_PENALTY)]
)
def test_an_answer_that_throttles_is_heeded(tmp_path: Path, header: str, pause: float) -> None:
    """AWS refuses a call: the next one waits as long as AWS asks, within bounds."""
    moment = Time()
    session = boto3.Session("AKIAEXAMPLE", "fake", region_name="us-east-1")
    with throttling(header) as address:
        accounts = Accounts(Aws(endpoint_url=address), session, limits=limits(tmp_path, moment, urgent=True))
        iam = accounts.service("iam")
        with pytest.raises(AwsError) as caught:
            iam("ListUsers")
        assert caught.value.reason == "throttled"
        assert moment.now == 1_000 * SECOND
        with pytest.raises(AwsError):
            iam("ListUsers")
    assert moment.now == pytest.approx((1_000 + pause) * SECOND, rel=1e-6)


def per_call(urgent: Limits, times: int) -> float:
    """Microseconds of a call that need not wait."""
    began = time.perf_counter()
    for _ in range(times):
        urgent.wait("aws.sts", "1")
    return (time.perf_counter() - began) / times * 1e6


@pytest.mark.parametrize(("rate", "most"), [(10_000, 200), (10, 1000)])
def test_a_turn_costs_little(tmp_path: Path, rate: int, most: float) -> None:
    """Far less than any call of a provider: about 2 µs from a lease, 30 µs from the file."""
    urgent = Limits(tmp_path / "limits.sqlite", {"aws.sts": Limit(rate=rate, burst=10_000)})
    assert min(per_call(urgent, 300) for _ in range(5)) < most
