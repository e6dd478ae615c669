"""The process and its HTTP: real connections, slow ones and broken ones, and an end that loses nothing."""

import asyncio
import contextlib
import ipaddress
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import httpx
import pytest

from firedoor.config import Settings
from firedoor.deliveries import Deliveries
from firedoor.drill.toml import toml
from firedoor.errors import FiredoorError, UsageError
from firedoor.server import guard, hooks
from firedoor.server.hooks import Answer
from firedoor.server.serving import listen, serve
from firedoor.server.site import Site
from tests.cli.conftest import ROOT
from tests.server.conftest import DOORS, NOWHERE, SECRETS, event, request, signed, stored
from tests.server.sns import Sns
from tests.server.wire import Served


async def test_a_delivery_over_the_wire(served: Served) -> None:
    """202; and nothing says which software answers."""
    answer = await served.answer(request(event()))
    assert answer.startswith(b"HTTP/1.1 202 ")
    assert b"\r\nserver:" not in answer.lower()


async def test_one_in_pieces(served: Served) -> None:
    """Chunked, without a length."""
    head = request(event(), "Transfer-Encoding: chunked").partition(b"Content-Length")[0]
    half = len(event()) // 2
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in (event()[:half], event()[half:], b""))
    assert (await served.answer(head + b"\r\n" + chunks)).startswith(b"HTTP/1.1 202 ")


async def test_lies_about_the_length(served: Served) -> None:
    """Less than was said is too slow; more is not read; two lengths, or none that is a number, are no HTTP."""
    short = await served.answer(request(event(), length=len(event()) + 1))
    assert short.startswith(b"HTTP/1.1 408 ")
    more = await served.answer(request(event(), length=10))
    assert more.startswith(b"HTTP/1.1 401 ")
    for wrong in ("Content-Length: 5", "Transfer-Encoding: gzip"):
        assert (await served.answer(request(event(), wrong))).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 "))
    assert await stored(served.site.deliveries) == []


async def test_too_much_over_the_wire(served: Served) -> None:
    """The sender of 3 MB gets to read why; one who says that there are 9 GB need not send them."""
    big = b"x" * 3_000_000
    assert (await served.answer(request(big))).startswith(b"HTTP/1.1 413 ")
    assert (await served.answer(request(b"x", length=9_000_000_000))).startswith(b"HTTP/1.1 413 ")


async def test_a_slow_body(served: Served) -> None:
    """A byte now and then keeps nothing open; it is counted."""
    whole = request(event())
    cut = whole.index(b"\r\n\r\n") + 4
    parts = [whole[:cut], *(whole[cut + n : cut + n + 1] for n in range(6))]
    assert (await served.answer(*parts, pause=0.1)).startswith(b"HTTP/1.1 408 ")
    assert b'result="too_slow"} 1.0' in served.site.metrics.text()


async def test_slow_headers(served: Served) -> None:
    """The connection is closed, also where it sends nothing at all, or goes on after its answer."""
    assert await served.answer(b"POST /hooks", *[b"x"] * 6, pause=0.1) == b""
    assert await served.answer() == b""
    lost = request(b"", path="/hooks/nobody", length=1000).replace(b"Connection: close", b"Connection: keep-alive")
    assert (await served.answer(lost, *[b"x"] * 6, pause=0.1)).startswith(b"HTTP/1.1 404 ")


async def test_headers_without_end(served: Served) -> None:
    """Too many are no request."""
    many = b"GET / HTTP/1.1\r\nHost: door\r\n" + b"X-A: " + b"a" * 100_000
    assert (await served.answer(many)).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 ", b""))


async def test_a_sender_that_goes_away(served: Served) -> None:
    """In the middle of its body: a line in the log, and a figure."""
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(request(event(), length=5000))
    await writer.drain()
    writer.close()
    async with asyncio.timeout(5):
        while b'result="gone"} 1.0' not in served.site.metrics.text():
            await asyncio.sleep(0.01)


async def test_a_crowd_that_says_nothing_keeps_nobody_out(served: Served) -> None:
    """Beyond a number of connections the slowest gives way: those that never finish a request, of headers or of body."""
    slow = (b"", b"POST /hooks", request(event(), length=5000), b"GET /healthz HTTP/1.1\r\nHost: door\r\n")
    held = []
    for number in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(slow[number % 4])
        await writer.drain()
        held.append(writer)
        assert (await served.answer(request(event()))).startswith(b"HTTP/1.1 202 ")
    for writer in held:
        writer.close()


async def test_a_crowd_that_is_being_answered_is_not_joined(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose request is whole is not thrown out for somebody else: that one hears 503, and comes again."""
    done = asyncio.Event()

    async def later(*_: object) -> Answer:
        await done.wait()
        return Answer(202, "accepted")

    monkeypatch.setattr(hooks, "_taken", later)
    held: list[asyncio.Task[bytes]] = []
    async with asyncio.timeout(5):
        for number in range(1, 10):
            held.append(asyncio.create_task(served.answer(request(event(), path="/hooks/siem"))))
            while served.site.metrics.registry.get_sample_value("firedoor_requests_in_flight") != number:
                await asyncio.sleep(0.01)
    assert (await served.answer(request(event()))).startswith(b"HTTP/1.1 503 ")
    done.set()
    assert [(await one)[9:12] for one in held] == [b"202"] * 9


@pytest.mark.parametrize(
    "parts",
    [
        (b"\x16\x03\x01\x02\x00\x01\x00",),
        (b"GET /healthz HTTP/1.1\r\nHost: door\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\n\r\n",),
        (b"POST /hooks/nobody HTTP/1.1\r\nHost: door\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",),
        (b"POST /hooks/nobody HTTP/1.1\r\nHost: door\r\nTransfer-Encoding: chunked\r\n\r\n", b"zz\r\n"),
        (b"POST /hooks/siem HTTP/1.1\r\nHost: door\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\n", b"zz\r\n"),
        (b"POST /hooks/siem HTTP/1.1\r\nHost: door\r\nContent-Length: 2\r\n\r\n{}\x00\x00\r\n\r\n",),
    ],
)
async def test_what_is_no_http(served: Served, parts: tuple[bytes, ...], caplog: pytest.LogCaptureFixture) -> None:
    """Before an answer, while one is made and after it: the connection ends, and no traceback fills the log."""
    answer = await served.answer(*parts, pause=0.05)
    assert b" 500 " not in answer
    assert [one for one in caplog.records if one.exc_info or one.levelno > logging.WARNING] == []


async def test_a_request_in_flight_is_finished(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked to end, the server takes no new connection, and answers what has begun."""
    monkeypatch.setattr(guard, "BODY_SECONDS", 5.0)
    whole = request(event())
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(whole[:-20])
    await writer.drain()
    async with asyncio.timeout(5):
        while served.site.metrics.registry.get_sample_value("firedoor_requests_in_flight") != 1.0:
            await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(5):
        while True:
            try:
                _, another = await asyncio.open_connection("127.0.0.1", served.port)
                another.close()
            except ConnectionError:
                break
            await asyncio.sleep(0.01)
    writer.write(whole[-20:])
    assert (await reader.read()).startswith(b"HTTP/1.1 202 ")
    writer.close()
    await served.task


async def test_a_task_that_ends_ends_the_server(served: Served) -> None:
    """Deliveries that nobody dispatches would be accepted in vain: it stops, to be started again."""
    served.site.broken.set_result("dispatcher")
    with pytest.raises(FiredoorError, match="The server's dispatcher ended"):
        await served.task


async def test_a_task_that_fails(
    settings: Settings, near: Sns, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Why it did is in the log."""

    async def fails(site: Site) -> None:
        raise LookupError("a mistake of ours")

    monkeypatch.setattr(Site, "work", fails)
    with listen("127.0.0.1", 0) as listening, pytest.raises(FiredoorError, match="The server's dispatcher ended"):
        await serve(settings, listening, lambda site: None, near.fetch())
    assert "LookupError: a mistake of ours" in caplog.text


def test_a_port_in_use() -> None:
    """Who has it can be found out."""
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1, port {port}: Address already in use"):
            listen("127.0.0.1", port)
    with pytest.raises(UsageError, match=r"cannot listen on no\.such\.host\.invalid"):
        listen("no.such.host.invalid", 0)


@pytest.mark.parametrize("proxies", [["*"], ["proxy.example"]])
async def test_whom_to_believe_is_said_by_address(settings: Settings, near: Sns, proxies: list[str]) -> None:
    """`*` would let everybody be whom they like."""
    given = settings.model_copy(update={"server": settings.server.model_copy(update={"proxies": tuple(proxies)})})
    with listen("127.0.0.1", 0) as listening, pytest.raises(UsageError, match="neither an address nor a network"):
        await serve(given, listening, lambda site: None, near.fetch())


@pytest.mark.parametrize(("proxies", "remote"), [((), "127.0.0.1"), (("127.0.0.0/8",), "192.0.2.99")])
async def test_a_proxy_says_who_comes(
    settings: Settings, near: Sns, proxies: tuple[str, ...], remote: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Only one that the settings name is believed."""
    given = settings.model_copy(update={"server": settings.server.model_copy(update={"proxies": proxies})})
    opened: asyncio.Future[Site] = asyncio.get_running_loop().create_future()
    with listen("127.0.0.1", 0) as listening:
        task = asyncio.create_task(serve(given, listening, opened.set_result, near.fetch()))
        site = await opened
        forwarded = request(b"{}", "X-Forwarded-For: 192.0.2.99").replace(b"-signature: v1", b"-none: v1")
        await Served(listening.getsockname()[1], site, task).answer(forwarded)
        os.kill(os.getpid(), signal.SIGTERM)
        await task
    assert f"from {remote}: it has no signature" in caplog.text


# --- the process -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def process(home: Path, *options: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """`firedoor serve` as a process, and its address."""
    home.mkdir(exist_ok=True)
    (home / "firedoor.toml").write_text(toml({f"alerts.{name}": door for name, door in DOORS.items()}))
    environment = {**os.environ, **NOWHERE, **SECRETS, "FIREDOOR_HOME": str(home)}
    command = [sys.executable, "-m", "firedoor", "serve", "--port", "0", *options]
    with (home / "serve.log").open("w") as log:
        running = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        assert running.stdout is not None
        with running.stdout as output:
            try:
                first = output.readline()
                found = re.search(r"http://\S+", first)
                assert found, first + (home / "serve.log").read_text()
                yield running, found[0]
            finally:
                running.terminate()
                running.wait(30)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_COLOR", "1")
        with process(tmp_path_factory.mktemp("serve")) as (_, address):
            yield address


def test_what_is_where(running: str) -> None:
    """A page that says what this is, health, and no page of somebody else's."""
    with httpx.Client(base_url=running, trust_env=False) as client:
        assert "/hooks/DOOR" in client.get("/").text
        assert client.get("/healthz").text == "ok\n"
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json() == {
            "ready": False,
            "store": "ok",
            "temporal": "it has not answered since the server was started",
            "dispatcher": "it does not run",
        }
        assert [client.get(path).status_code for path in ("/docs", "/redoc", "/nothing")] == [404] * 3


def test_what_prometheus_gets(running: str) -> None:
    """The names of the figures are an interface."""
    with httpx.Client(base_url=running, trust_env=False) as client:
        assert client.post("/hooks/pagerduty", content=event(), headers=signed(event())).status_code == 202
        assert client.post("/hooks/pagerduty", content=event()).status_code == 401
        answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    for line in (
        'firedoor_deliveries_total{door="pagerduty",result="accepted"} 1.0',
        'firedoor_failed_authentications_total{door="pagerduty",remote="127.0.0.1"} 1.0',
        'firedoor_delivery_seconds_count{door="pagerduty"} 2.0',
        'firedoor_deliveries_stored{state="received"} 1.0',
        "firedoor_deliveries_waiting 1.0",
        "firedoor_requests_in_flight 1.0",
        "firedoor_temporal_connected 0.0",
    ):
        assert line in answer.text


async def test_what_was_accepted_survives_a_kill(tmp_path: Path) -> None:
    """Killed at once after each of a hundred was answered: every one that heard 202 is there."""
    home = tmp_path / "home"
    accepted: list[str] = []
    with process(home) as (server, address):

        def send(start: int) -> None:
            with contextlib.suppress(httpx.HTTPError), httpx.Client(base_url=address, trust_env=False) as client:
                for number in range(start, start + 1000):
                    answer = client.post("/hooks/pagerduty", content=event(number), headers=signed(event(number)))
                    if answer.status_code == 202:
                        accepted.append(answer.json()["id"])
                    if len(accepted) == 100:
                        server.kill()

        threads = [threading.Thread(target=send, args=(start,)) for start in (0, 1000, 2000, 3000)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(accepted) >= 100
    async with Deliveries.open(home / "deliveries.sqlite") as deliveries:
        for name in accepted:
            assert (await deliveries.find(name)).id == name


def test_the_process_says_what_it_does_and_ends_well(tmp_path: Path) -> None:
    """Where it listens, which doors are open and how they are locked; SIGTERM is exit code 0."""
    home = tmp_path / "home"
    with process(home) as (server, address):
        assert server.stdout is not None
        with httpx.Client(base_url=address, trust_env=False) as client:
            client.post("/hooks/siem/canary-canary-canary", content=b"{}")
        server.send_signal(signal.SIGTERM)
        said = server.stdout.read()
        assert server.wait(15) == 0
    assert "/hooks/pagerduty  pagerduty, locked with 1 secret" in said
    assert (
        "/hooks/guardduty  guardduty, locked with SNS's signature, for arn:aws:sns:us-east-1:111122223333:findings"
        in said
    )
    log = (home / "serve.log").read_text()
    assert "siem: unauthenticated: from 127.0.0.1: its address shows no secret" in log
    assert "canary" not in said + log


def test_it_warns_where_everybody_may_listen(tmp_path: Path) -> None:
    """Not on loopback there is nobody to do TLS."""
    home = tmp_path / "home"
    with process(home, "--host", str(ipaddress.IPv4Address(0))) as (server, _):
        server.send_signal(signal.SIGINT)
        assert server.wait(15) == 0
    assert "It listens on 0.0.0.0 without TLS" in (home / "serve.log").read_text()
