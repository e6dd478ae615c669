"""The line to a mail server that is open already: commands go out, together where the server likes it, replies come in.

aiosmtplib connects, encrypts and signs in; from then on this has the transport. Its own protocol reads one answer at a
time, so the three commands of a message could not go out at once (RFC 2920), and a message over a long way takes four
journeys instead of two.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

#: Bytes of one reply, all its lines together.
LONGEST_REPLY = 32_768


class Reply(NamedTuple):
    """What a server answers (RFC 5321, 4.2): a code, and the texts of its lines."""

    code: int
    text: str


class GarbledError(Exception):
    """What came is no reply; its text is in the error."""


class Line(asyncio.Protocol):
    """Takes a transport over. What comes when nothing was asked is not looked at: an end of it shows at the next."""

    def __init__(self, way: asyncio.Transport) -> None:
        self._way = way
        self._loop = asyncio.get_running_loop()
        self._rest = bytearray()
        self._texts: list[str] = []
        self._replies: deque[Reply | GarbledError] = deque()
        self._owed = 0
        self._waiting: asyncio.Future[None] | None = None
        self._lost = False
        way.set_protocol(self)

    @property
    def open(self) -> bool:
        """Is it still there, as far as we have been told?"""
        return not (self._lost or self._way.is_closing())

    @property
    def unsent(self) -> int:
        """Bytes that have not left us yet."""
        return self._way.get_write_buffer_size()

    def ask(self, commands: Iterable[bytes]) -> None:
        """Send commands, each with its end, in one piece: one reply is owed for each. Raises `ConnectionError`."""
        every = list(commands)
        if not self.open:
            raise ConnectionResetError
        self._owed += len(every)
        self._way.write(b"".join(every))

    async def reply(self, seconds: float) -> Reply:
        """The next reply. Raises `TimeoutError`, `ConnectionError`, `GarbledError`."""
        if not self._replies:
            await self._something(seconds)
        found = self._replies.popleft()
        if isinstance(found, GarbledError):
            raise found
        return found

    def drop(self) -> None:
        """End it without a word."""
        self._way.abort()

    async def _something(self, seconds: float) -> None:
        """Wait until there is a reply."""
        if self._lost:
            raise ConnectionResetError
        self._waiting = self._loop.create_future()
        late = self._loop.call_later(seconds, self._wake, TimeoutError())
        try:
            await self._waiting
        finally:
            late.cancel()
            self._waiting = None

    def _wake(self, error: Exception | None = None) -> None:
        if self._waiting is None or self._waiting.done():
            return
        if error is None:
            self._waiting.set_result(None)
        else:
            self._waiting.set_exception(error)

    # --- asyncio.Protocol ---------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take lines as they come."""
        if not self._owed:
            return
        self._rest += data
        while self._owed and (end := self._rest.find(b"\n")) >= 0:
            line = bytes(self._rest[:end])
            del self._rest[: end + 1]
            self._take(line)
        if len(self._rest) + sum(map(len, self._texts)) > LONGEST_REPLY:
            self._came(GarbledError("a reply without an end"))
        if not self._owed:
            self._rest.clear()

    def eof_received(self) -> None:
        """The server says nothing any more: the transport ends too."""
        self.connection_lost(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The line is dead; replies that have come are still read."""
        self._lost = True
        self._wake(exc if isinstance(exc, OSError) else ConnectionResetError())

    def _take(self, line: bytes) -> None:
        code = line[:3]
        if not (len(code) == 3 and code.isdigit()):
            self._came(GarbledError(line.decode("utf-8", "replace")))
            return
        self._texts.append(line[4:].strip().decode("utf-8", "replace"))
        if line[3:4] != b"-":
            self._came(Reply(int(code), "\n".join(self._texts)))

    def _came(self, reply: Reply | GarbledError) -> None:
        self._texts.clear()
        self._owed = max(0, self._owed - 1)
        self._replies.append(reply)
        self._wake()
