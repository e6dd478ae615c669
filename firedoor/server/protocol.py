"""HTTP/1.1 by uvicorn, with a time for headers, and with room for whoever is quick.

uvicorn waits for headers for ever, and where there are as many connections as may be it turns away whoever comes next:
a stranger who opens them and says little would keep every sender out.
"""

import asyncio
from typing import cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Seconds for the headers of a request, and for the rest of a body that was answered already.
HEADER_SECONDS = 10.0
#: Our half of a connection while an answer is being made.
ANSWERING = (h11.SEND_RESPONSE, h11.SEND_BODY)
#: The other end's half until its request is whole.
ASKING = (h11.IDLE, h11.SEND_BODY)
#: Bytes of headers.
MOST_HEADERS = 32_768


class Protocol(H11Protocol):
    """Closes a connection whose other end keeps us waiting where no answer is being made.

    Of too many connections the one that has owed us the rest of its request for the longest time gives way to
    a new one.
    """

    _waiting: asyncio.TimerHandle | None = None
    #: Since when a request is owed, in the loop's seconds.
    since: float = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection: its first request must come soon."""
        super().connection_made(cast("asyncio.Transport", transport))
        self.since = self.loop.time()
        # From half of what may be on: those that gave way are still being closed, and count until then.
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency // 2:
            self._make_room()
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Some of a request, or more than that."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """An answer is out: what is left of its request must come soon."""
        super().on_response_complete()
        self.since = self.loop.time()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """What comes is no HTTP. An answer that is being made to what came before it reaches nobody any more."""
        # There is none before the first request, whatever its type says.
        for cycle in filter(None, [self.cycle]):
            cycle.disconnected = cycle.disconnected or not cycle.response_complete
            cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._stop()
        super().connection_lost(exc)

    def _make_room(self) -> None:
        others = (one for one in self.connections if isinstance(one, Protocol) and one is not self)
        owing = [one for one in others if one.conn.their_state in ASKING]
        if owing:
            slowest = min(owing, key=lambda one: one.since)
            # It counts until the loop has closed it, which is after this.
            self.connections.discard(slowest)
            slowest.transport.abort()

    def _watch(self) -> None:
        if self.conn.our_state in ANSWERING:
            self._stop()
        elif self._waiting is None and not self.transport.is_closing():
            # Not begun anew with each byte: a byte now and then keeps nothing open.
            self._waiting = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def _stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
