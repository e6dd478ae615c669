"""HTTP/1.1 by uvicorn, with a time for headers: uvicorn waits for them for ever."""

import asyncio
from typing import cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Seconds for the headers of a request, and for the rest of a body that was answered already.
HEADER_SECONDS = 10.0
#: Our half of a connection while an answer is being made.
ANSWERING = (h11.SEND_RESPONSE, h11.SEND_BODY)
#: Bytes of headers.
MOST_HEADERS = 32_768


class Protocol(H11Protocol):
    """Closes a connection whose other end keeps us waiting where no answer is being made."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection: its first request must come soon."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Some of a request, or more than that."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """An answer is out: what is left of its request must come soon."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._stop()
        super().connection_lost(exc)

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
