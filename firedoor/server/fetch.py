"""What the server asks for at addresses that a payload names: SNS's signing certificates, and confirmations.

Whoever can send something to a door chooses these addresses. So only SNS's own hosts are asked, over TLS that is
verified, at an address that is public and stays the one that was looked at; no redirect is followed, no proxy asked, no
more than 64 KiB read, and no longer waited than 5 s.
"""

import http.client
import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from dataclasses import dataclass
from time import monotonic
from urllib.parse import SplitResult, urlsplit

import httpx

from firedoor.addresses import Address, addresses, public
from firedoor.alerts import UnauthenticatedError

SECONDS = 5.0
MOST_BYTES = 65_536
#: AWS rotates its certificates a few times a year, with one for each region.
MOST_CACHED = 64
#: Seconds. A certificate is asked for again after a day; one that could not be had, after a moment.
KEPT, KEPT_FAILURE = 86_400.0, 10.0
#: At once. More would let forged messages make a crowd of us.
ASKED_AT_ONCE = 2
MOST_WAITING = 8
#: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
HOST = re.compile(r"sns\.[a-z0-9-]{3,}\.(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu)")


class OutOfReachError(UnauthenticatedError):
    """What was asked for could not be had now: it may be there later, so the sender should try again."""

    reason = "unreachable"


@dataclass(frozen=True, slots=True)
class _Kept:
    certificate: Future[bytes]
    since: float


class Fetch:
    """Asks SNS. Everything may be called from any thread, and blocks it for at most 6 s.

    `lookup`, `permitted`, `port` and `ca_file` (PEM) exist so that a rehearsal can put SNS on this machine; no setting
    reaches them.
    """

    def __init__(
        self,
        *,
        lookup: Callable[[str], Sequence[str]] = addresses,
        permitted: Callable[[Address], bool] = public,
        port: int = 443,
        ca_file: str = "",
    ) -> None:
        self._lookup = lookup
        self._permitted = permitted
        self._port = port
        self._tls = ssl.create_default_context(cafile=ca_file) if ca_file else httpx.create_ssl_context()
        self._threads = ThreadPoolExecutor(ASKED_AT_ONCE, thread_name_prefix="fetch")
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        """Ask nothing any more."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    def certificate(self, url: str) -> bytes:
        """The PEM at the URL of a signing certificate, asked for once a day.

        Raises `UnauthenticatedError` for a URL that is not SNS's, `OutOfReachError` where there is no answer.
        """
        parts = checked(url)
        if parts.query or not parts.path.endswith(".pem"):
            raise UnauthenticatedError("its certificate's address is not that of a certificate")
        return _answer(self._certificate(url, parts))

    def confirm(self, url: str) -> None:
        """Confirm a subscription: one GET, whose answer must be 200. Raises as `certificate`."""
        _answer(self._asked(checked(url)))

    def _certificate(self, url: str, parts: SplitResult) -> Future[bytes]:
        """The one request for a URL that runs, or has run: many deliveries may wait for it."""
        with self._lock:
            now = monotonic()
            found = self._kept.get(url)
            if found and now - found.since < (KEPT_FAILURE if _failed(found.certificate) else KEPT):
                return found.certificate
            self._kept.pop(url, None)
            if sum(not one.certificate.done() for one in self._kept.values()) >= MOST_WAITING:
                raise OutOfReachError("too many certificates are being asked for")
            while len(self._kept) >= MOST_CACHED:
                del self._kept[self._dispensable()]
            future = self._asked(parts)
            self._kept[url] = _Kept(future, now)
            return future

    def _asked(self, parts: SplitResult) -> Future[bytes]:
        if self._closed:
            raise OutOfReachError("the server is being stopped")
        return self._threads.submit(self._get, parts)

    def _dispensable(self) -> str:
        """What is forgotten first: a failure, so that forgeries never drive out a certificate; else the oldest."""
        return next((url for url, one in self._kept.items() if _failed(one.certificate)), next(iter(self._kept)))

    def _get(self, parts: SplitResult) -> bytes:
        host = parts.hostname or ""
        target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        until = monotonic() + SECONDS
        connection = _Connection(host, self._checked_address(host), self._port, self._tls)
        try:
            connection.request("GET", target, headers={"Host": host, "User-Agent": "firedoor"})
            with connection.getresponse() as answer:
                if answer.status != http.client.OK:
                    raise OutOfReachError(f"{host} answered {answer.status}")
                return _body(answer, until)
        except (OSError, http.client.HTTPException) as error:
            raise OutOfReachError(f"{host} cannot be reached ({type(error).__name__})") from None
        finally:
            connection.close()

    def _checked_address(self, host: str) -> str:
        try:
            found = self._lookup(host)
        except OSError:
            raise OutOfReachError(f"{host} has no address") from None
        for one in found:
            # An interface may stand behind the address, as in `fe80::1%eth0`.
            if not self._permitted(ipaddress.ip_address(one.partition("%")[0])):
                raise OutOfReachError(f"{host} leads to {one}, which is not a public address")
        if not found:
            raise OutOfReachError(f"{host} has no address")
        return found[0]


class _Connection(http.client.HTTPSConnection):
    """To one address, whatever the name says by now; the certificate must be that of the name."""

    def __init__(self, host: str, address: str, port: int, tls: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=SECONDS, context=tls)
        self._address = address
        self._tls = tls

    def connect(self) -> None:
        # As `sock` it is closed with the connection, also where the other end cannot prove who it is.
        self.sock = socket.create_connection((self._address, self.port), SECONDS)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)


def checked(url: str) -> SplitResult:
    """The parts of a URL that is one of SNS's. Raises `UnauthenticatedError` for any other."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UnauthenticatedError("it names an address that is none") from None
    plain = url.isascii() and url.isprintable() and not set(' "<>\\^`{|}') & set(url)
    if parts.scheme != "https" or not plain or parts.username is not None or parts.fragment or port not in {None, 443}:
        raise UnauthenticatedError("it names an address that is not SNS's")
    if not HOST.fullmatch(parts.netloc.removesuffix(":443")):
        raise UnauthenticatedError("it names a host that is not SNS's")
    return parts


def _answer(future: Future[bytes]) -> bytes:
    try:
        return future.result(SECONDS + 1)
    except LateError:
        raise OutOfReachError("SNS took too long") from None
    except CancelledError:
        raise OutOfReachError("the server is being stopped") from None


def _failed(future: Future[bytes]) -> bool:
    return future.done() and (future.cancelled() or future.exception() is not None)


def _body(answer: http.client.HTTPResponse, until: float) -> bytes:
    """The whole body. Raises `OutOfReachError` where it is too large or too slow."""
    data = b""
    while part := answer.read1(MOST_BYTES + 1):
        data += part
        if len(data) > MOST_BYTES:
            raise OutOfReachError(f"SNS sent more than {MOST_BYTES} bytes")
        if monotonic() > until:
            raise OutOfReachError("SNS took too long")
    return data
