"""A mail server that takes everything and keeps only which messages it has accepted, as a process of its own.

`python -m benchmarks.smtp_sink FILE` writes its port into FILE. It costs as little as a server in Python can: what is
measured is whoever sends. `XCOUNT` answers with how many messages it has accepted, how many different ones, and the
time of the last one (monotonic seconds, the same for all processes here).
"""

import asyncio
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import cast

_ID = re.compile(rb"^Message-ID: *<([^>]+)>", re.IGNORECASE | re.MULTILINE)
END = b"\r\n.\r\n"


class Kept:
    """What all connections have accepted."""

    def __init__(self) -> None:
        self.messages = Counter[bytes]()
        self.last = 0.0

    def accept(self, data: bytes) -> int:
        """A message has come; how many that makes."""
        found = _ID.search(data)
        self.messages[found.group(1) if found else b""] += 1
        self.last = time.monotonic()
        return len(self.messages)


class Session(asyncio.Protocol):
    """One connection."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._waiting = b""
        self._in_data = False
        self._answers: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        """Take commands and messages as they come; what came together is answered together (RFC 2920, 3.2)."""
        self._waiting += data
        while self._message() if self._in_data else self._command():
            pass
        if self._answers:
            self._transport.write(b"".join(self._answers))
            self._answers.clear()

    def _message(self) -> bool:
        message, end, rest = self._waiting.partition(END)
        if not end:
            return False
        self._waiting, self._in_data = rest, False
        self._answers.append(b"250 2.0.0 Ok: queued as %X\r\n" % self._kept.accept(message))
        return True

    def _command(self) -> bool:
        line, end, rest = self._waiting.partition(b"\r\n")
        if not end:
            return False
        self._waiting = rest
        verb = line[:4].upper()
        self._in_data = verb == b"DATA"
        self._answers.append(self._answer(verb))
        return True

    def _answer(self, verb: bytes) -> bytes:
        if verb == b"DATA":
            return b"354 go on\r\n"
        if verb == b"EHLO":
            return b"250-sink\r\n250-SIZE 10485760\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
        if verb == b"XCOU":
            counts = self._kept.messages
            return b"250 %d %d %f\r\n" % (counts.total(), len(counts), self._kept.last)
        return b"250 ok\r\n"


async def _serve(file: Path) -> None:
    kept = Kept()
    server = await asyncio.get_running_loop().create_server(lambda: Session(kept), "127.0.0.1", 0)
    part = file.with_suffix(".part")
    part.write_text(str(server.sockets[0].getsockname()[1]))
    part.rename(file)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
