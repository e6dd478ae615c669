"""One connection to a mail server: opened, secured, signed in, and used for one message after another.

aiosmtplib opens it; the steps of a message are taken here, because what a lost answer means depends on the step: before
the final dot has left us nothing was sent, after it nobody knows (RFC 5321, 4.2.5). To a server that says PIPELINING
(RFC 2920) all that comes before the message is sent at once; the message goes when each of it was answered with a yes.
"""

import asyncio
import base64
import contextlib
import os
import ssl
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Self, cast

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponseException
from pydantic import SecretStr

from activities.transports._line import GarbledError, Line
from activities.transports._replies import BUSY_SECONDS, DroppedError, Stage, refused, shown
from activities.transports._transport import BouncedError, BrokenError, DoubtError, TransportError
from activities.transports.message import Message
from firedoor.mailing import Mail

#: Seconds for a polite end.
GOODBYE_SECONDS = 1.0
GO_ON, DONE = 354, 250
ACCEPTED = frozenset({250, 251})
EXPECTED = {Stage.MAIL: ACCEPTED, Stage.RCPT: ACCEPTED, Stage.DATA: frozenset({GO_ON})}
CRLF = b"\r\n"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the server is, and how we sign in. `tls` is None where the settings want no encryption."""

    mail: Mail
    greeting: str
    tls: ssl.SSLContext | None
    password: SecretStr

    @property
    def place(self) -> str:
        """For a person."""
        return f"{self.mail.host}:{self.mail.port}"


class Connection:
    """An open connection. `served` counts the messages it has carried; `used` is when it last did (loop seconds)."""

    def __init__(self, line: Line, extensions: Container[str], timeout: float) -> None:
        self.served = 0
        self.used = asyncio.get_running_loop().time()
        self._line = line
        self._extensions = extensions
        self._timeout = timeout

    @classmethod
    async def open(cls, endpoint: Endpoint) -> Self:
        """Connect, encrypt, sign in. Raises `BrokenError`; `LaterError` where the server is only busy."""
        mail = endpoint.mail
        client = aiosmtplib.SMTP(
            hostname=mail.host,
            port=mail.port,
            timeout=mail.timeout,
            local_hostname=endpoint.greeting,
            use_tls=mail.security == "tls",
            start_tls=False,
            tls_context=endpoint.tls,
        )
        try:
            await _opened(client, endpoint)
            # It may have ended meanwhile: that shows with the first message.
            line = Line(cast("asyncio.Transport", client.transport))
        except BaseException:
            # TLS would wait for the other end to say goodbye.
            way = client.transport
            client.close()
            if isinstance(way, asyncio.WriteTransport):
                way.abort()
            raise
        return cls(line, frozenset(client.esmtp_extensions), mail.timeout)

    @property
    def alive(self) -> bool:
        """Is it still there, as far as we have been told?"""
        return self._line.open

    async def deliver(self, message: Message) -> str:
        """Send one message to its one recipient; returns what the server says of it, such as its id in the queue.

        Raises `DroppedError` or another `LaterError`, `BouncedError`, `RejectedError`, `BrokenError`, `DoubtError`.
        Whatever it raises, it is ready for the next message, or not `alive`.
        """
        whole = False
        try:
            reply = await self._delivered(message)
            whole = True
        except (DroppedError, DoubtError):
            raise
        except TransportError:
            whole = await self._reset()
            raise
        finally:
            if not whole:
                self.drop()
        self.served += 1
        self.used = asyncio.get_running_loop().time()
        return reply

    async def close(self) -> None:
        """Say goodbye; an answer is not waited for long."""
        with contextlib.suppress(OSError, GarbledError):
            self._line.ask([b"QUIT\r\n"])
            await self._line.reply(GOODBYE_SECONDS)
        self.drop()

    def drop(self) -> None:
        """End it without a word: TLS would wait for the other end to say goodbye."""
        self._line.drop()

    async def _delivered(self, message: Message) -> str:
        address = message.recipient.address
        options = self._options(message)
        sender, recipient = (f"<{one.address}>".encode() for one in (message.sender, message.recipient))
        commands = [
            (Stage.MAIL, b" ".join((b"MAIL FROM:" + sender, *options)) + CRLF),
            (Stage.RCPT, b"RCPT TO:" + recipient + CRLF),
            (Stage.DATA, b"DATA" + CRLF),
        ]
        for together in [commands] if "pipelining" in self._extensions else [[one] for one in commands]:
            await self._asked(together, address)
        return await self._content(message.data, address)

    def _options(self, message: Message) -> list[bytes]:
        """What MAIL says of the message (RFC 1870, 6531). Raises `BouncedError` where the server cannot carry it."""
        options = [b"SIZE=%d" % len(message.data)] if "size" in self._extensions else []
        if message.recipient.international:
            if "smtputf8" not in self._extensions:
                raise BouncedError(
                    "The address is an international one, and the mail server cannot send to those.",
                    changed="Nothing was sent.",
                )
            options += [b"BODY=8BITMIME", b"SMTPUTF8"]
        return options

    async def _asked(self, commands: Sequence[tuple[Stage, bytes]], address: str) -> None:
        """Commands, and a reply to each: what the first refusal says counts, those after it only follow from it."""
        wrong: TransportError | None = None
        try:
            self._line.ask(command for _, command in commands)
        except OSError as error:
            raise _dropped(commands[0][0], error) from None
        for stage, _ in commands:
            try:
                reply = await self._line.reply(self._timeout)
            except (OSError, GarbledError) as error:
                self.drop()
                raise wrong or _dropped(stage, error) from None
            if wrong and reply.code == GO_ON:
                # It waits for a message to nobody, and would take anything else for that.
                self.drop()
            elif not wrong and reply.code not in EXPECTED[stage]:
                wrong = refused(stage, reply.code, reply.text, address)
        if wrong:
            raise wrong

    async def _content(self, data: bytes, address: str) -> str:
        """The message and its final dot. From here on a lost answer is a doubt, unless the dot is still with us."""
        try:
            self._line.ask([_stuffed(data) + b".\r\n"])
        except OSError as error:
            raise _dropped(Stage.DATA, error) from None
        try:
            reply = await self._line.reply(self._timeout)
        except GarbledError as error:
            raise _doubt(f"answered what is no answer ({shown(str(error))})") from None
        except OSError as error:
            if self._line.unsent:
                raise _dropped(Stage.CONTENT, error) from None
            silent = isinstance(error, TimeoutError)
            raise _doubt("did not answer in time" if silent else "closed the connection without an answer") from None
        if reply.code != DONE:
            raise refused(Stage.CONTENT, reply.code, reply.text, address)
        return shown(reply.text, address)

    async def _reset(self) -> bool:
        """Make it ready for the next message after a refusal; whether it is."""
        try:
            self._line.ask([b"RSET\r\n"])
            return (await self._line.reply(self._timeout)).code == DONE
        except (OSError, GarbledError):
            return False


async def _opened(client: aiosmtplib.SMTP, endpoint: Endpoint) -> None:
    """The steps before the first message. Raises `BrokenError`, `LaterError`."""
    stage = Stage.CONNECT
    try:
        await client.connect()
        stage = Stage.EHLO
        await client.ehlo()
        if endpoint.mail.security == "starttls":
            stage = Stage.STARTTLS
            if not client.supports_extension("starttls"):
                raise _unencrypted(endpoint)
            await client.starttls()
            stage = Stage.EHLO
            await client.ehlo()
        if endpoint.mail.username:
            stage = Stage.AUTH
            await client.login(endpoint.mail.username, endpoint.password.get_secret_value())
    except SMTPResponseException as error:
        raise refused(stage, error.code, _without_password(str(error.message), endpoint)) from None
    except (SMTPException, OSError) as error:
        raise _unopened(endpoint, stage, error) from None


def _without_password(text: str, endpoint: Endpoint) -> str:
    """A server may repeat what it was told: the password as it is, or as AUTH PLAIN and LOGIN carry it."""
    password, user = endpoint.password.get_secret_value(), endpoint.mail.username
    if not password:
        return text
    told = (f"\0{user}\0{password}", f"{user}\0{user}\0{password}", password)
    for one in (*(base64.b64encode(each.encode()).decode() for each in told), password):
        text = text.replace(one, "(the password)")
    return text


def _unopened(endpoint: Endpoint, stage: Stage, error: Exception) -> BrokenError:
    """Why there is no connection, in the words of who can do something about it."""
    cause = error.__cause__ if isinstance(error, SMTPException) and error.__cause__ else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return BrokenError(
            f"The mail server {endpoint.place} does not prove who it is: {cause.verify_message}.",
            next="If its authority is your own, name the file with its certificate in [mail] ca_file.",
        )
    if isinstance(cause, ssl.SSLError):
        return BrokenError(
            f"The mail server {endpoint.place} does not speak TLS as [mail] security says ({cause.reason}).",
            next='Port 587 is mostly security = "starttls", port 465 security = "tls".',
        )
    if stage is Stage.AUTH and not isinstance(cause, OSError):
        return BrokenError(
            f"The mail server {endpoint.place} offers no way of signing in that firedoor knows.",
            next="It needs AUTH PLAIN, LOGIN or CRAM-MD5; or take username out of [mail].",
        )
    why = "did not answer in time" if isinstance(error, TimeoutError) else f"cannot be reached ({_named(cause)})"
    where = "" if stage is Stage.CONNECT else f" at {stage.value}"
    return BrokenError(f"The mail server {endpoint.place} {why}{where}.", seconds=BUSY_SECONDS)


def _unencrypted(endpoint: Endpoint) -> BrokenError:
    return BrokenError(
        f"The mail server {endpoint.place} offers no STARTTLS: what is sent to customers could be read on the way.",
        next='Have it switched on there. Where TLS begins with the first byte: [mail] security = "tls", port = 465.',
    )


def _named(error: BaseException) -> str:
    # asyncio's own text names the address once more.
    return os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else type(error).__name__


def _dropped(stage: Stage, error: Exception) -> DroppedError:
    why = "did not answer in time" if isinstance(error, TimeoutError) else "closed the connection"
    return DroppedError(stage, f"The mail server {why} at {stage.value}.")


def _doubt(what: str) -> DoubtError:
    return DoubtError(
        f"The mail server {what} after it had the whole message.",
        changed="It may have been sent: firedoor does not send it again by itself.",
        next="The server's log tells by the Message-ID. `firedoor campaign retry-failed --in-doubt` sends it again.",
    )


def _stuffed(data: bytes) -> bytes:
    """No line of it is a lone dot (RFC 5321, 4.5.2)."""
    return (b"." if data.startswith(b".") else b"") + data.replace(b"\n.", b"\n..")
