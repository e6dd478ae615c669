"""What the server asks of SNS: nobody else, at public addresses only, nothing that is large, slow or elsewhere."""

import contextlib
import ipaddress
import itertools
import socket
import threading
from collections.abc import Generator, Iterator

import pytest

from firedoor.addresses import addresses, public
from firedoor.alerts import UnauthenticatedError
from firedoor.server import fetch as fetching
from firedoor.server.fetch import Fetch, OutOfReachError, checked
from tests.server.sns import CERTIFICATE, HOST, Sns, sns

URL = f"https://{HOST}{CERTIFICATE}"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sns]:
    """SNS on this machine."""
    with sns(tmp_path_factory.mktemp("sns")) as found:
        yield found


@pytest.fixture
def far(running: Sns) -> Sns:
    """SNS, asked nothing yet, which gives its certificate."""
    running.asked.clear()
    running.answer = lambda path: (200, {}, running.pem)
    return running


@contextlib.contextmanager
def fetch(far: Sns) -> Generator[Fetch]:
    """A way to it that is closed."""
    way = far.fetch()
    try:
        yield way
    finally:
        way.close()


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}{CERTIFICATE}",
        f"https://{HOST}:8443{CERTIFICATE}",
        f"https://{HOST}:x{CERTIFICATE}",
        f"https://user:pass@{HOST}{CERTIFICATE}",
        f"https://user@{HOST}{CERTIFICATE}",
        f"https://evil.example\\@{HOST}{CERTIFICATE}",
        f"https://{HOST}@evil.example{CERTIFICATE}",
        f"https://{HOST}.evil.example{CERTIFICATE}",
        f"https://evil.example/{HOST}{CERTIFICATE}",
        f"https://evil.example?{HOST}{CERTIFICATE}",
        f"https://evil.example#{HOST}{CERTIFICATE}",
        f"https://{HOST}{CERTIFICATE}#a",
        f"https://{HOST}{CERTIFICATE}?a=b",
        f"https://{HOST}/a.pem\r\nHost: evil.example",
        f"https://{HOST}/a b.pem",
        f"https://{HOST}/",
        "https://sns.us-east-1.amazonaws.com.evil/a.pem",
        "https://sns.us-east-1.amazonaws.community/a.pem",
        "https://sns.us-east-1.amazonaws.com./a.pem",
        "https://snsxus-east-1.amazonaws.com/a.pem",
        "https://sns.evil.us-east-1.amazonaws.com/a.pem",
        "https://s3.us-east-1.amazonaws.com/a.pem",
        "https://sns.us-east-1.аmazonaws.com/a.pem",
        "https://169.254.169.254/latest/meta-data/a.pem",
        "https://[::1]/a.pem",
        "https://[oops/a.pem",
        "file:///etc/passwd",
        "",
    ],
)
def test_only_sns_is_asked(far: Sns, url: str) -> None:
    """Look-alikes, other ports and schemes, credentials, control characters: nothing is sent."""
    with fetch(far) as way, pytest.raises(UnauthenticatedError):
        way.certificate(url)
    assert far.asked == []


def test_the_hosts_of_all_partitions() -> None:
    """Also those of China and of the sovereign cloud in Europe."""
    for host in (HOST, "sns.cn-north-1.amazonaws.com.cn", "sns.eusc-de-east-1.amazonaws.eu"):
        assert checked(f"https://{host}{CERTIFICATE}").hostname == host
        assert checked(f"https://{host}:443/?Action=ConfirmSubscription").hostname == host


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.5",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "100.64.0.1",
        "0.0.0.1",
        "255.255.255.255",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::",
    ],
)
def test_addresses_of_our_own_are_not_asked(far: Sns, address: str) -> None:
    """Whatever a name leads to: this machine, this network, a metadata service, in any spelling."""
    assert not public(ipaddress.ip_address(address))
    way = Fetch(lookup=lambda name: ("54.239.26.128", address), port=far.port, ca_file=far.ca_file)
    with pytest.raises(OutOfReachError, match="which is not a public address"):
        way.certificate(URL)
    way.close()
    assert far.asked == []


@pytest.mark.parametrize("address", ["54.239.26.128", "2600:1f18::1", "64:ff9b::36ef:1a80", "::ffff:54.239.26.128"])
def test_addresses_of_the_internet_are(address: str) -> None:
    """IPv4, IPv6, and IPv4 inside IPv6."""
    assert public(ipaddress.ip_address(address))


def test_a_name_that_leads_elsewhere_a_moment_later(far: Sns) -> None:
    """The name is looked up once, and the address that was checked is the one that is asked."""
    answers = iter([("127.0.0.1",), ("127.0.0.2",)])
    checked_ones: list[str] = []

    def permitted(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        checked_ones.append(str(address))
        return True

    way = Fetch(lookup=lambda name: next(answers), permitted=permitted, port=far.port, ca_file=far.ca_file)
    assert way.certificate(URL) == far.pem
    way.close()
    assert checked_ones == ["127.0.0.1"]
    assert next(answers) == ("127.0.0.2",)


def test_names_without_an_address() -> None:
    """The resolver knows none, or says nothing."""

    def unknown(name: str) -> tuple[str, ...]:
        raise socket.gaierror

    for lookup in (unknown, lambda name: ()):
        way = Fetch(lookup=lookup)
        with pytest.raises(OutOfReachError, match="has no address"):
            way.certificate(URL)
        way.close()


def test_the_systems_resolver() -> None:
    """It is what is asked where nothing else is given."""
    assert "127.0.0.1" in addresses("127.0.0.1")


def test_a_certificate_is_asked_for_once(far: Sns) -> None:
    """Also by many at once."""
    with fetch(far) as way:
        found: list[bytes] = []
        threads = [threading.Thread(target=lambda: found.append(way.certificate(URL))) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [far.pem] * 10
    assert far.asked == [CERTIFICATE]


def test_a_failure_is_remembered_for_a_moment(far: Sns, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd of forgeries makes one request; then it is tried again."""
    far.answer = lambda path: (503, {}, b"")
    with fetch(far) as way:
        for _ in range(3):
            with pytest.raises(OutOfReachError, match="answered 503"):
                way.certificate(URL)
        assert len(far.asked) == 1
        monkeypatch.setattr(fetching, "KEPT_FAILURE", 0.0)
        far.answer = lambda path: (200, {}, far.pem)
        assert way.certificate(URL) == far.pem


def test_forgeries_do_not_drive_out_certificates(far: Sns, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache is bounded, and forgets failures first, then the oldest."""
    monkeypatch.setattr(fetching, "MOST_CACHED", 3)
    far.answer = lambda path: (200, {}, far.pem) if "good" in path else (404, {}, b"")
    with fetch(far) as way:
        for name in ("good-1", "good-2", "bad-1", "bad-2", "bad-3", "good-1"):
            with contextlib.suppress(OutOfReachError):
                way.certificate(f"https://{HOST}/{name}.pem")
        assert far.asked.count("/good-1.pem") == 1
        for name in ("good-3", "good-4", "good-1"):
            way.certificate(f"https://{HOST}/{name}.pem")
        assert far.asked.count("/good-1.pem") == 2


def test_no_redirect_is_followed(far: Sns) -> None:
    """Wherever it leads."""
    far.answer = lambda path: (302, {"Location": f"https://{HOST}/elsewhere.pem"}, b"")
    with fetch(far) as way:
        with pytest.raises(OutOfReachError, match="answered 302"):
            way.certificate(URL)
        with pytest.raises(OutOfReachError, match="answered 302"):
            way.confirm(f"https://{HOST}/?Action=ConfirmSubscription")
    assert far.asked == [CERTIFICATE, "/?Action=ConfirmSubscription"]


def test_no_more_than_64_kib_are_read(far: Sns) -> None:
    """Whoever sends more is not heard."""
    far.answer = lambda path: (200, {}, b"x" * 70_000)
    with fetch(far) as way, pytest.raises(OutOfReachError, match="more than 65536 bytes"):
        way.certificate(URL)


def test_the_certificate_of_the_server_must_be_sns(far: Sns) -> None:
    """Neither an authority that nobody knows nor the name of another host will do."""
    strange = Fetch(lookup=lambda name: ("127.0.0.1",), permitted=lambda address: True, port=far.port)
    with pytest.raises(OutOfReachError, match="SSLCertVerificationError"):
        strange.certificate(URL)
    strange.close()
    with fetch(far) as way, pytest.raises(OutOfReachError, match="SSLCertVerificationError"):
        way.certificate(f"https://sns.eu-west-1.amazonaws.com{CERTIFICATE}")
    assert far.asked == []


def test_nobody_waits_for_long(far: Sns, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that says nothing, and one that says it slowly; and no crowd waits for certificates."""
    monkeypatch.setattr(fetching, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        way = Fetch(lookup=lambda name: ("127.0.0.1",), permitted=lambda address: True, port=port)
        with pytest.raises(OutOfReachError, match="TimeoutError"):
            way.certificate(URL)
        monkeypatch.setattr(fetching, "MOST_WAITING", 0)
        with pytest.raises(OutOfReachError, match="too many certificates"):
            way.certificate(f"https://{HOST}/another.pem")
        way.close()


def test_what_is_late_is_not_taken(far: Sns, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole answer has its time, not each of its bytes."""
    ticks = itertools.count(0.0, 10.0)
    monkeypatch.setattr(fetching, "monotonic", lambda: next(ticks))
    with fetch(far) as way, pytest.raises(OutOfReachError, match="SNS took too long"):
        way.certificate(URL)


def test_after_its_end_nothing_is_asked(far: Sns) -> None:
    """A server that is being stopped leaves nobody waiting."""
    way = far.fetch()
    way.close()
    with pytest.raises(OutOfReachError, match="is being stopped"):
        way.confirm(f"https://{HOST}/?Action=ConfirmSubscription")
    with pytest.raises(OutOfReachError, match="is being stopped"):
        way.certificate(URL)
