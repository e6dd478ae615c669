"""A mail server on loopback for drills and tests: SMTP with STARTTLS and AUTH, a mailbox, faults in its way.

    with MailServer(folder) as server:
        server.faults.bounced.add("gone@example.com")
        …
        server.mailbox.of("ada@example.com")

A thread serves it (aiosmtpd). A client trusts `ca_file`, and signs in as `username` with `password`.
"""

import asyncio
import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Coroutine, Generator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, TypeVar

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from firedoor.drill.certificate import loopback_certificate
from firedoor.drill.fakes._fake import canary
from firedoor.drill.mailbox import Mail, Mailbox

T = TypeVar("T")
HOST = "127.0.0.1"
#: Connections that wait to be accepted.
BACKLOG = 256
#: A message of a drill is small; a larger one is a mistake. Bytes.
SIZE = 1 << 20


@dataclass
class MailFaults:
    """What goes wrong. Addresses are compared without their case.

    `bounced` are refused for good (550 at RCPT); `later` says how often an address is put off first (451 at RCPT).
    Of the next messages, `lost` are taken while the connection is closed without an answer, `refused` are refused for
    good after DATA (554), `deferred` for now (451); `stall` seconds pass before any message is answered. `offline` are
    the next connections that are told to go away (421).
    """

    bounced: set[str] = field(default_factory=set)
    later: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    refused: int = 0
    deferred: int = 0
    stall: float = 0.0
    offline: int = 0
    #: Rejects every log-in.
    locked: bool = False


class MailServer:
    """The server. `refusals` counts its answers to recipients that it did not take, by address."""

    def __init__(self, folder: Path, *, username: str = "firedoor", plain: bool = False) -> None:
        self.mailbox, self.faults = Mailbox(), MailFaults()
        self.refusals: Counter[str] = Counter()
        self.username, self.password = username, canary("")
        self.port = 0
        #: How many clients are connected, and how many were at most.
        self.open = self.most_open = 0
        self.ca_file, context = loopback_certificate(folder)
        self._context = None if plain else context
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="drill-mail")
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen on a free port of loopback."""
        # aiosmtpd warns of what it does itself at each log-in.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        self._thread.start()
        self._do(self._listen())

    def stop(self) -> None:
        """Stop listening, and hang up on everybody."""
        if self._thread.is_alive():
            self._do(self._refuse())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        if not self._loop.is_closed():
            self._loop.close()

    @contextlib.contextmanager
    def down(self) -> Generator[None]:
        """Nobody is there: connections are refused, and open ones are dropped."""
        self._do(self._refuse())
        try:
            yield
        finally:
            self._do(self._listen())

    def settings(self) -> dict[str, Any]:
        """The table `[mail]` that leads here, but for `password`: that is a reference to `self.password`."""
        return {
            "transport": "smtp",
            "host": HOST,
            "port": self.port,
            "security": "starttls" if self._context else "none",
            "username": self.username if self._context else "",
            "ca_file": str(self.ca_file) if self._context else "",
        }

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30.0)

    async def _listen(self) -> None:
        self._server = await self._loop.create_server(
            lambda: _Connection(self, self._context), HOST, self.port, backlog=BACKLOG, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.hang_up()
        # A connection that is cut says so to its own task first.
        await asyncio.sleep(0)

    # --- what connections ask ---

    def joined(self, connection: "_Connection") -> None:
        """Somebody connects."""
        self._connections.add(connection)
        self.open = len(self._connections)
        self.most_open = max(self.most_open, self.open)

    def left(self, connection: "_Connection") -> None:
        """Somebody is gone."""
        self._connections.discard(connection)
        self.open = len(self._connections)

    def authenticate(self, login: str, password: str) -> bool:
        """May somebody send?"""
        return not self.faults.locked and (login, password) == (self.username, self.password)

    def recipient(self, address: str) -> str:
        """The refusal of a recipient; empty: it is taken."""
        known, faults = address.casefold(), self.faults
        if faults.later[known] > 0:
            faults.later[known] -= 1
            return self._refused(known, "451 4.2.1 The mailbox is busy, try again later")
        if known in faults.bounced:
            return self._refused(known, "550 5.1.1 No such user here")
        return ""

    def _refused(self, address: str, answer: str) -> str:
        self.refusals[address] += 1
        return answer

    async def take(self, envelope: Envelope) -> str:
        """The answer after DATA; empty: nothing is said any more."""
        faults = self.faults
        if faults.stall:
            await asyncio.sleep(faults.stall)
        if faults.deferred > 0:
            faults.deferred -= 1
            return "451 4.3.0 Try again later"
        if faults.refused > 0:
            faults.refused -= 1
            return "554 5.7.1 Refused as spam"
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content or "").encode()
        for recipient in envelope.rcpt_tos:
            self.mailbox.put(Mail(envelope.mail_from or "", recipient, content))
        if faults.lost > 0:
            faults.lost -= 1
            return ""
        return f"250 2.0.0 Queued as {len(self.mailbox)}"


class _Connection(SMTP):
    """One client's connection."""

    def __init__(self, server: MailServer, context: Any) -> None:
        self._mail_server = server
        super().__init__(
            SimpleNamespace(handle_RCPT=self._recipient, handle_DATA=self._data),
            hostname="mail.firedoor-drill.example",
            ident="firedoor drill",
            data_size_limit=SIZE,
            enable_SMTPUTF8=True,
            tls_context=context,
            require_starttls=context is not None,
            auth_required=context is not None,
            authenticator=self._signed_in,
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called once more when STARTTLS has been done."""
        faults = self._mail_server.faults
        if faults.offline > 0 and isinstance(transport, asyncio.Transport):
            faults.offline -= 1
            transport.write(b"421 4.3.2 Service not available\r\n")
            transport.close()
            return
        self._mail_server.joined(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone."""
        self._mail_server.left(self)
        if self.session is not None:
            super().connection_lost(error)

    def hang_up(self) -> None:
        """Drop the client without a word."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    async def _recipient(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or refuse it."""
        if refusal := self._mail_server.recipient(address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def _data(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take a message, or refuse it."""
        answer = await self._mail_server.take(envelope)
        if not answer:
            self.hang_up()
        return answer or "421 4.3.0 Closing"

    def _signed_in(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: Any) -> AuthResult:
        known = isinstance(login, LoginPassword) and self._mail_server.authenticate(
            login.login.decode(), login.password.decode()
        )
        return AuthResult(success=known, handled=False)
