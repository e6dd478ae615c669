"""A server on loopback, and bytes to it as they stand."""

import asyncio
import contextlib
from dataclasses import dataclass

from firedoor.server.site import Site


@dataclass
class Served:
    """A server in this process."""

    port: int
    site: Site
    task: "asyncio.Task[None]"

    async def answer(self, *parts: bytes, pause: float = 0.0) -> bytes:
        """What comes back for bytes that are sent as they stand, until the server closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        heard = asyncio.create_task(_heard(reader))
        for part in parts:
            with contextlib.suppress(ConnectionError):
                writer.write(part)
                await writer.drain()
            await asyncio.sleep(pause)
        async with asyncio.timeout(10):
            answer = await heard
        writer.close()
        return answer


async def _heard(reader: asyncio.StreamReader) -> bytes:
    """All that comes, also where it ends with a reset."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(65_536):
            answer += part
    return answer
