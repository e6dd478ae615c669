"""A mail server that says what a test writes down, stage by stage: replies, silence, the end of a connection."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

#: In place of a reply: the connection ends; nothing is ever said; the message is kept, and then it ends or is silent.
DROP, STALL, KEEP_DROP, KEEP_STALL = "drop", "stall", "keep and drop", "keep and stall"


def does(stage: str, word: str) -> "Script":
    """A script with one word at one stage."""
    script = Script()
    words: list[str] = getattr(script, stage)
    words.append(word)
    return script


@dataclass
class Script:
    """What the server does at `mail`, `rcpt`, `data` (before the content) and `content`: each word once, then it is fine.

    `greeting` replaces the first reply of new connections; `most` is how many messages one connection takes.
    """

    greeting: list[str] = field(default_factory=list)
    mail: list[str] = field(default_factory=list)
    rcpt: list[str] = field(default_factory=list)
    content: list[str] = field(default_factory=list)
    most: int = 1000
    utf8: bool = True
    pipelining: bool = False
    tls: ssl.SSLContext | None = None
    password: str = ""
    #: What happened.
    kept: list[Envelope] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    lines: list[asyncio.BaseTransport] = field(default_factory=list)


class Scripted(SMTP):
    """One connection."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.taken = 0
        handler = SimpleNamespace(
            handle_EHLO=self._ehlo, handle_MAIL=self._mail, handle_RCPT=self._rcpt, handle_DATA=self._content
        )
        super().__init__(
            handler,
            hostname="mail.test",
            ident="scripted",
            enable_SMTPUTF8=script.utf8,
            tls_context=script.tls,
            require_starttls=script.tls is not None,
            auth_required=bool(script.password),
            auth_require_tls=script.tls is not None,
            authenticator=self._authenticated,
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, as the script says."""
        self.script.connections += 1
        self.script.lines.append(transport)
        if self.script.greeting and isinstance(transport, asyncio.Transport):
            word = self.script.greeting.pop(0)
            if word == DROP:
                transport.abort()
            elif word != STALL:
                transport.write(f"{word}\r\n".encode())
                transport.close()
            return
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone."""
        if self.session is not None:
            super().connection_lost(error)

    async def _ehlo(
        self, server: Any, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], *(["250-PIPELINING"] if self.script.pipelining else []), responses[-1]]

    async def _mail(self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if self.taken >= self.script.most:
            self._later_close()
            return "421 4.7.0 Too many messages on one connection"
        reply = await self._next(self.script.mail)
        if not reply:
            envelope.mail_from, envelope.mail_options = address, options
        return reply or "250 2.1.0 OK"

    async def _rcpt(self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        reply = await self._next(self.script.rcpt)
        if not reply:
            envelope.rcpt_tos.append(address)
        return reply.replace("ADDRESS", address) or "250 2.1.5 OK"

    async def _content(self, server: Any, session: Session, envelope: Envelope) -> str:
        word = self.script.content[0] if self.script.content else ""
        if word in {"", KEEP_DROP, KEEP_STALL}:
            self.script.kept.append(envelope)
            self.taken += 1
        reply = await self._next(self.script.content)
        return reply or f"250 2.0.0 Queued as CANARY{len(self.script.kept)}"

    async def _next(self, words: list[str]) -> str:
        """The next word of a stage; empty: nothing is in the way."""
        word = words.pop(0) if words else ""
        if word in {DROP, KEEP_DROP}:
            self._line().abort()
            await asyncio.Event().wait()
        if word in {STALL, KEEP_STALL}:
            await asyncio.Event().wait()
        if word.startswith("421"):
            self._later_close()
        return word

    def _later_close(self) -> None:
        asyncio.get_running_loop().call_later(0.01, self._line().close)

    def _line(self) -> asyncio.Transport:
        found: Any = self.transport
        transport: asyncio.Transport = found
        return transport

    def _authenticated(
        self, server: Any, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        return AuthResult(success=data.password.decode() == self.script.password, handled=False)


@asynccontextmanager
async def scripted(
    script: Script,
    protocol: Callable[[Script], asyncio.Protocol] = Scripted,
    *,
    tls: ssl.SSLContext | None = None,
    port: int = 0,
) -> AsyncGenerator[Script]:
    """It listens on loopback, in the test's own loop; with `tls` from the first byte."""
    server = await asyncio.get_running_loop().create_server(lambda: protocol(script), "127.0.0.1", port, ssl=tls)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        server.close()
        for line in script.lines:
            if isinstance(line, asyncio.WriteTransport):
                line.abort()
        # Whoever was cut off says so to its own task first.
        for _ in range(3):
            await asyncio.sleep(0)
