"""Mail by SMTP (RFC 5321): a few connections that stay open, one message after another on each, one recipient each.

Needs an account that may send as `[mail] sender`. A lost connection is opened again; one that had carried messages and
ends before the next was begun (an idle limit, `421 too many messages`) costs no message an attempt. SMTP has no way of
asking what became of a message, so what is in doubt stays so until somebody looks into the server's log.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address

from pydantic import SecretStr

from activities.transports._connection import Connection, Endpoint
from activities.transports._replies import DroppedError, Stage
from activities.transports._transport import (
    BrokenError,
    DoubtError,
    Letter,
    Receipt,
    TransportError,
)
from activities.transports.dkim import Signer, open_signer
from activities.transports.message import Message, Sender, domain_of, sender_of, write
from firedoor.errors import UsageError
from firedoor.mailing import Mail

#: Seconds after which a connection that nobody used is not trusted any more.
IDLE_SECONDS = 60.0


class Smtp:
    """The transport. `lanes` letters may be on their way at once, each on a connection of its own."""

    batch = 1

    def __init__(
        self,
        endpoint: Endpoint,
        sender: Sender,
        signer: Signer | None = None,
        *,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self.lanes = endpoint.mail.connections
        self._endpoint = endpoint
        self._sender = sender
        self._signer = signer
        self._now = now or _now
        self._idle: list[Connection] = []

    def pace(self, address: str) -> Sequence[tuple[str, float]]:
        """All mail, and all mail to the address's domain."""
        return paces(self._endpoint.mail, address)

    async def send(self, letters: Sequence[Letter]) -> Sequence[Receipt | TransportError]:
        """Send letters one after the other on one connection. Raises `BrokenError`."""
        outcomes: list[Receipt | TransportError] = []
        for letter in letters:
            try:
                outcomes.append(Receipt(await self._sent(letter)))
            except BrokenError:
                raise
            except TransportError as error:
                outcomes.append(error)
        return outcomes

    async def find(self, letter: Letter) -> Receipt | None:
        """Raises `DoubtError`: no mail server tells."""
        raise DoubtError(
            "No mail server tells what became of a message.",
            changed="It may have been sent: firedoor does not send it again by itself.",
            next=f"Look for {letter.key} in the server's log.",
        )

    async def close(self) -> None:
        """Say goodbye on every connection."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.close() for connection in idle))
        # The loop closes sockets in its next turn, and this may be its last.
        await asyncio.sleep(0)

    async def check(self) -> str:
        """Connect, encrypt and sign in, without sending; what the server is, for a person. Raises `TransportError`."""
        connection = await Connection.open(self._endpoint)
        await connection.close()
        mail = self._endpoint.mail
        signed_in = f", signed in as {mail.username}" if mail.username else ", without a log-in"
        return f"{self._endpoint.place} answers by {mail.security}{signed_in}"

    async def _sent(self, letter: Letter) -> str:
        message = write(letter, self._sender, self._now())
        if self._signer:
            message = Message(message.sender, message.recipient, self._signer.sign(message.data))
        connection = self._used()
        if connection:
            with contextlib.suppress(_StaleError):
                return await self._carried(connection, message)
        return await self._carried(await Connection.open(self._endpoint), message)

    async def _carried(self, connection: Connection, message: Message) -> str:
        served = connection.served
        try:
            return await connection.deliver(message)
        except DroppedError as error:
            if served and error.stage is Stage.MAIL:
                raise _StaleError from None
            raise
        finally:
            if connection.alive:
                self._idle.append(connection)

    def _used(self) -> Connection | None:
        """The connection that was used last, if it can still be trusted. The oldest rest until they are idle."""
        oldest = asyncio.get_running_loop().time() - IDLE_SECONDS
        while self._idle:
            connection = self._idle.pop()
            if connection.alive and connection.used > oldest:
                return connection
            connection.drop()
        return None


class _StaleError(Exception):
    """A connection had ended before a message was begun on it."""


def open_smtp(mail: Mail, secret: Callable[[str], SecretStr]) -> Smtp:
    """The transport of the settings. Raises `UsageError`, or what `secret` raises."""
    if not mail.host:
        raise UsageError("[mail] has no host.", next='Say where the mail server is: [mail] host = "smtp.example.com"')
    if mail.username and mail.security == "none" and not _is_here(mail.host):
        raise UsageError(
            f'[mail] has a username and security = "none": the password could be read on the way to {mail.host}.',
            next='Set security = "starttls".',
        )
    sender = sender_of(mail)
    password = secret(mail.password) if mail.password else SecretStr("")
    endpoint = Endpoint(mail, sender.mailbox.domain, _tls(mail), password)
    return Smtp(endpoint, sender, open_signer(mail.dkim, secret))


def paces(mail: Mail, address: str) -> Sequence[tuple[str, float]]:
    """The limits of mail: over all, and for the domain of the recipient."""
    return (("mail", mail.rate), (f"mail {domain_of(address)}", mail.domain_rate))


def _tls(mail: Mail) -> ssl.SSLContext | None:
    if mail.security == "none":
        return None
    context = ssl.create_default_context()
    if mail.ca_file:
        try:
            context.load_verify_locations(mail.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"[mail] ca_file {mail.ca_file} cannot be read as certificates ({type(error).__name__}).",
                next="It is a file of certificates in PEM.",
            ) from None
    return context


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _now() -> datetime:
    return datetime.now(UTC)
